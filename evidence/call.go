package evidence

import (
	"math"
	"slices"
	"time"

	"tandem/call"
	"tandem/media"
)

// figures are a leg's when it was sampled last.
type figures struct {
	at    time.Time
	stats media.Stats
}

// sample notes how a leg sounded since the last sample. last says that there will be
// no other one.
func (a *about) sample(now time.Time, l call.LegRecord, side string, last bool) {
	if l.ID == "" || l.Media.PacketsIn == 0 {
		return
	}
	before, known := a.last[l.ID]
	since := now.Sub(before.at)
	if known && since < sampleStep && !(last && since > time.Second) {
		return
	}
	a.last[l.ID] = figures{now, l.Media}
	if !known {
		return // the first look: from here on it counts
	}
	s := between(before.stats, l.Media)
	if s.PacketsIn == 0 && s.Lost == 0 {
		return // on hold, or over
	}
	sum := float64(s.PacketsIn + s.Lost)
	a.timeline = append(a.timeline, Sample{
		At: now.UTC(), Leg: side, MOS: math.Round(s.MOS(l.Codec)*100) / 100, Loss: math.Round(float64(s.Lost)/sum*1e4) / 1e4,
		Jitter: millis(s.Jitter), RoundTrip: millis(s.RoundTrip), Bitrate: math.Round(float64(s.BytesIn) * 8 / since.Seconds()),
	})
	if len(a.timeline) > maxSamples {
		a.thin()
	}
}

// between is what happened from one look to the next.
func between(before, after media.Stats) media.Stats {
	less := func(a, b uint64) uint64 { return a - min(a, b) }
	return media.Stats{
		PacketsIn: less(after.PacketsIn, before.PacketsIn), BytesIn: less(after.BytesIn, before.BytesIn),
		Lost: less(after.Lost, before.Lost), Late: less(after.Late, before.Late), Jitter: after.Jitter, RoundTrip: after.RoundTrip,
	}
}

// thin leaves every second sample of each leg out.
func (a *about) thin() {
	n := make(map[string]int)
	a.timeline = slices.DeleteFunc(a.timeline, func(s Sample) bool { n[s.Leg]++; return n[s.Leg]%2 == 0 })
}

func millis(d time.Duration) float64 { return math.Round(float64(d)/1e4) / 100 }

// snapshot shares nothing that changes with a.
func (a *about) snapshot() *about {
	c := &about{timeline: slices.Clone(a.timeline)}
	for _, m := range a.dialogs {
		c.dialogs = append(c.dialogs, &messages{side: m.side, all: slices.Clone(m.all), dropped: m.dropped})
	}
	return c
}

// evidence is the call for people: in the order of time, without secrets.
func (a *about) evidence() Evidence {
	e := Evidence{Ladder: []Message{}, Timeline: a.timeline}
	if e.Timeline == nil {
		e.Timeline = []Sample{}
	}
	for _, m := range a.dialogs {
		e.Dropped += m.dropped
		for _, one := range m.all {
			e.Ladder = append(e.Ladder, one.shown(m.side))
		}
	}
	slices.SortStableFunc(e.Ladder, func(x, y Message) int { return x.At.Compare(y.At) })
	return e
}

func (m raw) shown(side string) Message {
	direction := "in"
	if m.out {
		direction = "out"
	}
	peer := ""
	if m.way.peer.IsValid() {
		peer = m.way.peer.String()
	}
	if m.said != nil {
		return Message{
			At: m.at.UTC(), Leg: side, Direction: direction, Peer: m.said.peer, Network: m.way.network, Other: true,
			Summary: Printable(Clip(m.said.summary, 120)), Text: Printable(string(m.text)),
		}
	}
	text := Redact(m.text)
	return Message{
		At: m.at.UTC(), Leg: side, Direction: direction, Peer: peer, Network: m.way.network, Local: m.way.local,
		Summary: Summarize(text).Text, Text: Printable(string(normal(text))),
	}
}

// normal ends lines as pages do.
func normal(b []byte) []byte {
	return slices.DeleteFunc(b, func(c byte) bool { return c == '\r' })
}
