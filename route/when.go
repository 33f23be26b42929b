package route

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
	_ "time/tzdata" // small machines and containers have no zones of their own
)

// A Window is a time that a rule is for. What is left out does not matter.
type Window struct {
	Days  []string `yaml:"days,omitempty"`  // mon, tue, …, or mon-fri
	Hours []string `yaml:"hours,omitempty"` // "08:00-18:00"; one that ends before it begins lasts into the next day
	Dates []string `yaml:"dates,omitempty"` // "2026-12-24" or "2026-12-24..2027-01-06"; without a year every year: "12-25"
}

// window is a Window that was read.
type window struct {
	days  uint8 // a bit for each time.Weekday
	hours []span
	dates []span // yyyymmdd, or mmdd of every year
	text  string
}

// span is from one number to another; of hours the last does not count.
type span struct{ from, to int }

const (
	everyDay = 1<<7 - 1
	dayEnd   = 24 * 60
	yearly   = 9999 // the last mmdd
)

var weekdays = [...]string{"sun", "mon", "tue", "wed", "thu", "fri", "sat"}

func (w Window) compile() (c window, err error) {
	c.days = everyDay
	if len(w.Days) > 0 {
		c.days = 0
	}
	for i, text := range w.Days {
		days, err := parseDays(text)
		if err != nil {
			return c, wrong(err, "days[%d]", i)
		}
		c.days |= days
	}
	for i, text := range w.Hours {
		h, err := parseHours(text)
		if err != nil {
			return c, wrong(err, "hours[%d]", i)
		}
		c.hours = append(c.hours, h)
	}
	if len(c.hours) == 0 {
		c.hours = []span{{0, dayEnd}}
	}
	for i, text := range w.Dates {
		d, err := parseDates(text)
		if err != nil {
			return c, wrong(err, "dates[%d]", i)
		}
		c.dates = append(c.dates, d)
	}
	if len(w.Days)+len(w.Hours)+len(w.Dates) == 0 {
		return c, errors.New("a time names days, hours or dates")
	}
	c.text = w.String()
	return c, nil
}

// String is the window as the trace shows it: "Mon-Fri 08:00-18:00".
func (w Window) String() string {
	var days []string
	for _, d := range w.Days {
		parts := strings.Split(strings.ToLower(d), "-")
		for i, p := range parts {
			if p != "" {
				parts[i] = strings.ToUpper(p[:1]) + p[1:]
			}
		}
		days = append(days, strings.Join(parts, "-"))
	}
	var all []string
	for _, part := range [][]string{w.Dates, days, w.Hours} {
		if len(part) > 0 {
			all = append(all, strings.Join(part, ","))
		}
	}
	return strings.Join(all, " ")
}

func parseDays(text string) (uint8, error) {
	first, last, many := strings.Cut(strings.ToLower(text), "-")
	a, b := slices.Index(weekdays[:], first), slices.Index(weekdays[:], last)
	if !many {
		b = a
	}
	if a < 0 || b < 0 {
		return 0, fmt.Errorf("%q is no day of the week; write mon, tue, wed, thu, fri, sat, sun, or mon-fri", text)
	}
	var days uint8
	for d := a; ; d = (d + 1) % 7 {
		days |= 1 << d
		if d == b {
			return days, nil
		}
	}
}

func parseHours(text string) (span, error) {
	from, to, ok := strings.Cut(text, "-")
	a, errA := minuteOf(from)
	b, errB := minuteOf(to)
	if !ok || errA != nil || errB != nil || a == dayEnd || a == b {
		return span{}, fmt.Errorf("%q are no hours; write 08:00-18:00, or 22:00-06:00 for a night", text)
	}
	return span{a, b}, nil
}

func minuteOf(text string) (int, error) {
	h, m, ok := strings.Cut(text, ":")
	hour, errH := strconv.ParseUint(h, 10, 8)
	minute, errM := strconv.ParseUint(m, 10, 8)
	if n := int(hour)*60 + int(minute); ok && errH == nil && errM == nil && len(m) == 2 && minute < 60 && n <= dayEnd {
		return n, nil
	}
	return 0, errors.New("no time of day")
}

func parseDates(text string) (span, error) {
	from, to, many := strings.Cut(text, "..")
	if !many {
		to = from
	}
	a, errA := dateOf(from)
	b, errB := dateOf(to)
	switch {
	case errA != nil || errB != nil || (a <= yearly) != (b <= yearly):
		return span{}, fmt.Errorf("%q is no date; write 2026-12-24, 2026-12-24..2027-01-06, or 12-25 for every year", text)
	case a > yearly && b < a:
		return span{}, fmt.Errorf("%q ends before it begins", text)
	}
	return span{a, b}, nil
}

// dateOf reads yyyy-mm-dd or mm-dd as a number.
func dateOf(text string) (int, error) {
	if t, err := time.Parse(time.DateOnly, text); err == nil && t.Year() >= 1000 {
		return dateNumber(t), nil
	}
	t, err := time.Parse("2006-01-02", "2024-"+text) // a year that has every day
	return dateNumber(t) % 10_000, err
}

func dateNumber(t time.Time) int { return t.Year()*10_000 + int(t.Month())*100 + t.Day() }

// A moment is a time as a calendar and a clock on the wall show it.
type moment struct {
	zone             *time.Location
	minute           int
	today, yesterday day
}

type day struct {
	weekday time.Weekday
	date    int
}

func momentAt(t time.Time, zone *time.Location) moment {
	t = t.In(zone)
	y, mo, d := t.Date()
	before := time.Date(y, mo, d-1, 12, 0, 0, 0, time.UTC)
	return moment{
		zone: zone, minute: t.Hour()*60 + t.Minute(),
		today: day{t.Weekday(), y*10_000 + int(mo)*100 + d}, yesterday: day{before.Weekday(), dateNumber(before)},
	}
}

func (w *window) holds(m *moment) bool {
	for _, h := range w.hours {
		if h.from < h.to {
			if m.minute >= h.from && m.minute < h.to && w.on(m.today) {
				return true
			}
			continue
		}
		if m.minute >= h.from && w.on(m.today) || m.minute < h.to && w.on(m.yesterday) {
			return true
		}
	}
	return false
}

// on reports whether the window has a part that begins on this day.
func (w *window) on(d day) bool {
	if w.days&(1<<d.weekday) == 0 {
		return false
	}
	return len(w.dates) == 0 || slices.ContainsFunc(w.dates, func(s span) bool { return s.has(d.date) })
}

func (s span) has(date int) bool {
	if s.to <= yearly {
		date %= 10_000
		if s.to < s.from { // over the turn of the year
			return date >= s.from || date <= s.to
		}
	}
	return date >= s.from && date <= s.to
}

// times are the windows a rule is for, and those it is not for, in a time zone.
type times struct {
	when, except []window
	zone         *time.Location
}

func (t *times) any() bool { return len(t.when)+len(t.except) > 0 }

func (t *times) holds(m *moment) bool {
	in := func(w window) bool { return w.holds(m) }
	return (len(t.when) == 0 || slices.ContainsFunc(t.when, in)) && !slices.ContainsFunc(t.except, in)
}

// String is "only Mon-Fri 08:00-18:00, not 12-25 Europe/Berlin".
func (t *times) String() string {
	var all []string
	for _, part := range []struct {
		word    string
		windows []window
	}{{"only ", t.when}, {"not ", t.except}} {
		var texts []string
		for _, w := range part.windows {
			texts = append(texts, w.text)
		}
		if len(texts) > 0 {
			all = append(all, part.word+strings.Join(texts, " or "))
		}
	}
	return strings.Join(all, ", ") + " " + t.zone.String()
}

// compileTimes reads a rule's windows. plan is the zone of the whole plan.
func (rc RuleConfig) compileTimes(plan string, bad func(error, string)) (t times) {
	for _, part := range []struct {
		field string
		from  []Window
		to    *[]window
	}{{"when", rc.When, &t.when}, {"except", rc.Except, &t.except}} {
		for i, w := range part.from {
			c, err := w.compile()
			var field *FieldError
			switch at := fmt.Sprintf("%s[%d]", part.field, i); {
			case errors.As(err, &field):
				bad(field.Err, at+"."+field.Field)
			case err != nil:
				bad(err, at)
			}
			*part.to = append(*part.to, c)
		}
	}
	name := rc.Zone
	if name == "" {
		name = plan
	}
	switch zone, err := loadZone(name); {
	case err != nil && rc.Zone != "":
		bad(err, "zone")
	case name == "" && t.any():
		bad(errors.New("whose time is it? Name a time zone such as Europe/Berlin, here or as dial_plan.zone"), "zone")
	default:
		t.zone = zone // of the plan: New tells what is wrong with it
	}
	if t.zone == nil {
		t.zone = time.UTC
	}
	return t
}

// loadZone finds a time zone; nil without a name.
func loadZone(name string) (*time.Location, error) {
	if name == "" {
		return nil, nil
	}
	zone, err := time.LoadLocation(name)
	if err != nil || name == "Local" {
		return nil, fmt.Errorf("there is no time zone %q; write one such as Europe/Berlin, America/New_York or UTC", name)
	}
	return zone, nil
}
