package mix

import (
	"slices"
	"time"
)

// Speakers finds out who has the floor from how loud everybody is. A cough does not
// take it, nor does a breath between two sentences lose it. It has no clock and no
// lock; the zero value is ready.
type Speakers struct {
	list    []*speaker
	active  string
	since   time.Time // when active got the floor
	changed bool
}

type speaker struct {
	id       string
	level    Level // smoothed
	floor    Level // the noise where it sits
	loudFor  time.Duration
	quietFor time.Duration
	spoke    time.Time // last time with a voice
	heard    bool      // since the last Tick
}

const (
	voiceLevel  Level = -50 // nobody speaks more softly than this
	aboveNoise  Level = 9   // dB that a voice stands out of the noise
	louder      Level = 3   // dB that a second voice must have more, to interrupt
	takeFloor         = 250 * time.Millisecond
	interrupt         = 700 * time.Millisecond
	yieldFloor        = 600 * time.Millisecond // a pause this long lets others in
	keepFloor         = time.Second            // at least
	smoothUp          = 0.5
	smoothDown        = 0.12
	floorUp     Level = 0.02 // dB a Tick
	missedDecay Level = 6    // dB a Tick without a word
)

// Hear notes how loud somebody is, once for each Tick. Who is not heard is silent.
func (s *Speakers) Hear(id string, level Level) {
	p := s.find(id)
	if p == nil {
		p = &speaker{id: id, level: Silence, floor: level}
		s.list = append(s.list, p)
	}
	p.heard = true
	k := Level(smoothDown)
	if level > p.level {
		k = smoothUp
	}
	p.level += k * (level - p.level)
	p.floor = min(p.floor+floorUp, max(level, -90))
}

func (s *Speakers) find(id string) *speaker {
	for _, p := range s.list {
		if p.id == id {
			return p
		}
	}
	return nil
}

// Remove forgets somebody who left or was muted by the host.
func (s *Speakers) Remove(id string) {
	s.list = slices.DeleteFunc(s.list, func(p *speaker) bool { return p.id == id })
	if s.active == id {
		s.active = ""
		s.changed = true
	}
}

// Active is who has the floor: the last one to speak, also in silence; "" when nobody
// has spoken.
func (s *Speakers) Active() string { return s.active }

// Speaking says whether somebody's voice is heard right now.
func (s *Speakers) Speaking(id string) bool {
	p := s.find(id)
	return p != nil && p.loudFor > 0
}

// Spoke is when somebody's voice was heard last; zero when never.
func (s *Speakers) Spoke(id string) time.Time {
	if p := s.find(id); p != nil {
		return p.spoke
	}
	return time.Time{}
}

// Tick judges what was heard since the last one, elapsed ago, and says whether the
// floor has changed hands.
func (s *Speakers) Tick(now time.Time, elapsed time.Duration) bool {
	var best *speaker
	for _, p := range s.list {
		p.tick(now, elapsed)
		if p.loudFor >= takeFloor && p.id != s.active && (best == nil || p.level > best.level) {
			best = p
		}
	}
	if best != nil && s.mayTake(now, best) {
		s.active, s.since, s.changed = best.id, now, true
	}
	changed := s.changed
	s.changed = false
	return changed
}

func (p *speaker) tick(now time.Time, elapsed time.Duration) {
	if !p.heard {
		p.level = max(p.level-missedDecay, Silence)
	}
	p.heard = false
	if p.level > voiceLevel && p.level > p.floor+aboveNoise {
		p.loudFor += elapsed
		p.quietFor = 0
		p.spoke = now
		return
	}
	if p.quietFor += elapsed; p.quietFor > 150*time.Millisecond { // not between two syllables
		p.loudFor = 0
	}
}

// mayTake is the hysteresis: a silent floor is free, one that is spoken on must be
// overcome.
func (s *Speakers) mayTake(now time.Time, p *speaker) bool {
	current := s.find(s.active)
	switch {
	case current == nil:
		return true
	case now.Sub(s.since) < keepFloor:
		return false
	case current.quietFor >= yieldFloor:
		return true
	}
	return p.loudFor >= interrupt && p.level > current.level+louder
}
