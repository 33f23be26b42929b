package route

import (
	"net/netip"
	"reflect"
	"slices"
	"strings"
	"time"
)

// holdsSometime finds conditions under which a rule takes no call at all.
func (l *linter) holdsSometime(r *linted) {
	l.holdsForDevices(r)
	if len(r.Protocols) > 0 && l.around.Protocols != nil && disjoint(r.Protocols, l.around.Protocols) {
		l.find(r.at, "protocols", Warning, "The rule takes no call: nothing here takes calls by %s.", orList(r.Protocols))
	}
	if places := l.empty(r.Locations); len(r.Locations) > 0 && len(places) == len(r.Locations) {
		l.find(r.at, "locations", Warning, "The rule takes no call: %s has neither networks nor machines, so nobody is ever there.", orList(places))
	}
	if len(r.Networks) > 0 && len(r.From) > 0 && l.all(r.From, func(name string) bool {
		return name == GoogleVoice || slices.Contains(l.around.Accounts, name)
	}) {
		l.find(r.at, "networks", Warning, "The rule takes no call: the address of who calls a Google Voice account is not known.")
	}
	l.timesSometime(r)
}

// holdsForDevices looks at conditions that only devices can meet.
func (l *linter) holdsForDevices(r *linted) {
	field := "registered"
	if len(r.CallerTags) > 0 {
		field = "caller_tags"
		if l.around.Devices != nil && !l.tagged(r.CallerTags, nil) {
			l.find(r.at, field, Warning, "The rule takes no call: no device has the tag %s.", orList(r.CallerTags))
			return
		}
		if l.around.Devices != nil && len(r.From) > 0 && !slices.Contains(r.From, SIP) && !l.tagged(r.CallerTags, r.From) {
			l.find(r.at, field, Warning, "The rule takes no call: none of those in from has the tag %s.", orList(r.CallerTags))
			return
		}
	}
	if !r.Registered && len(r.CallerTags) == 0 || len(r.From) == 0 || l.around.Devices == nil {
		return
	}
	if l.all(r.From, func(name string) bool {
		_, device := l.around.Devices[name]
		return !device && name != SIP
	}) {
		l.find(r.at, field, Warning, "The rule takes no call: only devices register, and from names none.")
	}
}

// tagged reports whether a device, of those named if any are, has one of the tags.
func (l *linter) tagged(tags, names []string) bool {
	for name, tag := range l.around.Devices {
		if tag != "" && slices.Contains(tags, tag) && (len(names) == 0 || slices.Contains(names, name)) {
			return true
		}
	}
	return false
}

func (l *linter) all(names []string, is func(string) bool) bool {
	return !slices.ContainsFunc(names, func(n string) bool { return !is(n) })
}

// empty are those of the locations that nobody can be in.
func (l *linter) empty(names []string) (out []string) {
	for _, p := range l.around.Locations {
		if slices.Contains(names, p.Name) && len(p.Networks)+len(p.Nodes) == 0 {
			out = append(out, p.Name)
		}
	}
	return out
}

func (l *linter) timesSometime(r *linted) {
	t := &r.conditions.times
	switch {
	case !t.any():
	case t.never():
		l.find(r.at, "when", Warning, "The rule takes no call: %s leaves no time of the week.", t)
	case !l.around.Now.IsZero() && t.past(l.around.Now):
		l.find(r.at, "when", Warning, "The rule takes no more calls: all its dates are past (%s).", t)
	case t.contradicts():
		l.find(r.at, "when", Warning, "The rule takes no call: none of its dates is on one of its days (%s).", t)
	}
}

func disjoint(a, b []string) bool {
	return !slices.ContainsFunc(a, func(s string) bool { return slices.Contains(b, s) })
}

// A week has a bit for each of its minutes.
type week [(7*dayEnd + 63) / 64]uint64

// weekOf are the minutes of a week that certainly are in one of the windows: those with
// dates are left out. dated says that there were such.
func weekOf(all []window) (w week, dated bool) {
	for _, one := range all {
		if len(one.dates) > 0 {
			dated = true
			continue
		}
		for d := range 7 {
			m := moment{today: day{weekday: time.Weekday(d)}, yesterday: day{weekday: time.Weekday((d + 6) % 7)}}
			for m.minute = range dayEnd {
				if one.holds(&m) {
					at := d*dayEnd + m.minute
					w[at/64] |= 1 << (at % 64)
				}
			}
		}
	}
	return w, dated
}

// weekly are the minutes in which the rule holds in every week; exact says that it
// holds in no others.
func (t *times) weekly() (w week, exact bool) {
	w, dated := weekOf(t.when)
	if len(t.when) == 0 {
		for i := range w {
			w[i] = ^uint64(0)
		}
		w[len(w)-1] = 1<<(7*dayEnd%64) - 1
	}
	not, datedNot := weekOf(t.except)
	for i := range w {
		w[i] &^= not[i]
	}
	return w, !dated && !datedNot
}

// never reports whether the windows certainly leave no time.
func (t *times) never() bool {
	w, _ := t.weekly()
	_, dated := weekOf(t.when)
	return w == (week{}) && !dated
}

// past reports whether all of when had dates, and they are over.
func (t *times) past(now time.Time) bool {
	today := dateNumber(now.In(t.zone))
	over := func(w window) bool {
		return len(w.dates) > 0 && !slices.ContainsFunc(w.dates, func(s span) bool { return s.to <= yearly || s.to+1 >= today })
	}
	return len(t.when) > 0 && !slices.ContainsFunc(t.when, func(w window) bool { return !over(w) })
}

// contradicts reports whether no date of a window is on one of its days.
func (t *times) contradicts() bool {
	for _, w := range t.when {
		if len(w.dates) == 0 || w.days == everyDay || slices.ContainsFunc(w.dates, w.meetsDay) {
			return false
		}
	}
	return len(t.when) > 0
}

// meetsDay reports whether a span of dates may have one of the window's days.
func (w window) meetsDay(s span) bool {
	if s.to <= yearly {
		return true // in some year
	}
	first := time.Date(s.from/10_000, time.Month(s.from/100%100), s.from%100, 12, 0, 0, 0, time.UTC)
	for i := range 7 {
		d := first.AddDate(0, 0, i)
		if dateNumber(d) <= s.to && w.days&(1<<d.Weekday()) != 0 {
			return true
		}
	}
	return false
}

// cover reports whether the conditions certainly hold for every call for which b's do.
func (c *conditions) cover(b *conditions) bool {
	subset := func(b, a []string) bool {
		return len(a) == 0 || len(b) > 0 && !slices.ContainsFunc(b, func(s string) bool { return !slices.Contains(a, s) })
	}
	inside := func(p netip.Prefix) bool {
		return slices.ContainsFunc(c.networks, func(a netip.Prefix) bool { return a.Bits() <= p.Bits() && a.Contains(p.Addr()) })
	}
	switch {
	case c.registered && !b.registered && len(b.tags) == 0: // only devices have tags
		return false
	case !subset(b.protocols, c.protocols), !subset(b.locations, c.locations), !subset(b.tags, c.tags):
		return false
	case len(c.networks) > 0 && (len(b.networks) == 0 || slices.ContainsFunc(b.networks, func(p netip.Prefix) bool { return !inside(p) })):
		return false
	}
	return c.sent.cover(&b.sent) && c.times.cover(&b.times)
}

func (t *times) cover(b *times) bool {
	if !t.any() || reflect.DeepEqual(t.when, b.when) && reflect.DeepEqual(t.except, b.except) && t.zone.String() == b.zone.String() {
		return true
	}
	if !b.any() || !strings.EqualFold(t.zone.String(), b.zone.String()) {
		return false
	}
	mine, exact := t.weekly()
	theirs, exactly := b.weekly()
	if !exact || !exactly {
		return false
	}
	for i := range mine {
		if theirs[i]&^mine[i] != 0 {
			return false
		}
	}
	return true
}
