package bridge

import "time"

// beat is when a room's pictures are due: once in each interval, at the room's own place
// in it. The rooms of a node have different places, so that their pictures are not all made
// at one moment, and so that who borrows another's pictures (Commons) looks for them at a
// time when none is just being made. The zero value is no beat.
type beat struct {
	since time.Time // when an interval began
	place int       // of beatPlaces
	held  bool
}

// beatPlaces are 2 ms apart at 30 pictures a second.
const beatPlaces = 16

// near returns the time of the beat that is nearest to t; d is the interval.
func (b beat) near(t time.Time, d time.Duration) time.Time {
	if !b.held || d <= 0 {
		return t
	}
	off := (t.Sub(b.since) - d*time.Duration(b.place)/beatPlaces) % d
	if off < 0 {
		off += d
	}
	if off > d/2 {
		off -= d
	}
	return t.Add(-off)
}

// secondLook says when to look again after a beat at which nobody's picture had come, though
// there was one at the beat before: cameras have beats, too, and where those are at the
// same moment, a picture that comes a little later than the last one would be passed over
// for the next. The zero value is ready.
type secondLook struct {
	moving bool // there was a new picture last time
	looks  int
}

const (
	lookEvery = 5 * time.Millisecond
	mostLooks = 3
)

// due is when to look for pictures, where the beat is at next.
func (a secondLook) due(next time.Time) time.Time {
	return next.Add(time.Duration(a.looks) * lookEvery)
}

// look notes what a look has found, and reports whether there is to be another one before
// the next beat.
func (a *secondLook) look(moved bool) bool {
	if moved || !a.moving || a.looks == mostLooks {
		a.moving, a.looks = moved, 0
		return false
	}
	a.looks++
	return true
}

// beats are the places that are taken. They are part of Commons.
type beats struct {
	since time.Time
	taken [beatPlaces]int
}

// beat gives a room the place that is furthest from those of others, to be given back by
// release.
func (s *Commons) beat(now time.Time) beat {
	if s == nil {
		return beat{}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.beats.since.IsZero() {
		s.beats.since = now
	}
	// The order in which each place halves the widest gap.
	best := 0
	for _, place := range [beatPlaces]int{0, 8, 4, 12, 2, 10, 6, 14, 1, 9, 5, 13, 3, 11, 7, 15} {
		if s.beats.taken[place] < s.beats.taken[best] {
			best = place
		}
	}
	s.beats.taken[best]++
	return beat{since: s.beats.since, place: best, held: true}
}

func (s *Commons) release(b beat) {
	if s == nil || !b.held {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.beats.taken[b.place]--
}
