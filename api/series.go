package api

import (
	"sync"
	"time"
)

// seriesLength is how many minutes a Series shows.
const seriesLength = 60

// A Series is calls by the minute. The last value is the minute that runs.
type Series struct {
	Step   int       `json:"step_s"`
	End    time.Time `json:"end" doc:"When the last minute began."`
	Begun  []int     `json:"begun"`
	Failed []int     `json:"failed"`
	Active []int     `json:"active" doc:"The most at once in the minute."`
}

// A Pulse counts calls by the minute. The zero value is ready; its time is an
// argument.
type Pulse struct {
	mu      sync.Mutex // guards what follows
	minutes [seriesLength]minute
	last    int64 // number of the newest minute since 1970
	active  int
}

type minute struct{ begun, failed, active int }

// Began counts a call that begins.
func (p *Pulse) Began(now time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	m := p.atLocked(now)
	m.begun++
	p.active++
	m.active = max(m.active, p.active)
}

// Ended counts a call that ends; failed says that nobody talked.
func (p *Pulse) Ended(now time.Time, failed bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	m := p.atLocked(now)
	p.active = max(0, p.active-1)
	if failed {
		m.failed++
	}
}

// atLocked is the minute of now, with those that have passed since cleared.
func (p *Pulse) atLocked(now time.Time) *minute {
	n := now.Unix() / 60
	if n-p.last > seriesLength {
		p.last = n - seriesLength
	}
	for p.last < n {
		p.last++
		p.minutes[p.last%seriesLength] = minute{active: p.active}
	}
	return &p.minutes[p.last%seriesLength]
}

// Series is the last hour.
func (p *Pulse) Series(now time.Time) Series {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.atLocked(now)
	s := Series{Step: 60, End: time.Unix(p.last*60, 0).UTC()}
	for n := p.last - seriesLength + 1; n <= p.last; n++ {
		m := p.minutes[((n%seriesLength)+seriesLength)%seriesLength]
		s.Begun, s.Failed, s.Active = append(s.Begun, m.begun), append(s.Failed, m.failed), append(s.Active, m.active)
	}
	return s
}
