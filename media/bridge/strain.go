package bridge

import "time"

// strain is how far a room's pictures are reduced so that a busy machine keeps up.
//
//	            too slow for 2 s (each arrow to the right)
//	unstrained --> halfRate --> fewPeople --> onePerson --> soundOnly
//	           <--          <--           <--           <--
//	            easy for 10 s; from soundOnly after a pause
type strain uint8

const (
	unstrained strain = iota
	halfRate          // half the frame rate, both ways
	fewPeople         // besides, no more than four of them
	onePerson         // besides, who speaks alone
	soundOnly         // no pictures, either way
)

func (s strain) String() string {
	return [...]string{"full", "half the frame rate", "fewer people", "one person", "sound only"}[s]
}

// most is how many people are shown; 0 is no limit.
func (s strain) most() int {
	switch s {
	case fewPeople:
		return 4
	case onePerson:
		return 1
	}
	return 0
}

// bounds are times: with more than limit it is too much, with less than easy there is time
// for the strain before.
type bounds struct{ limit, easy time.Duration }

// bounds are those of a picture, and those of all that is done from one to the next, the
// room's own included. d is the time between two pictures at full rate. A few pictures a
// second are better than none, so the last steps are taken late.
func (s strain) bounds(d time.Duration) (picture, all bounds) {
	switch s {
	case unstrained:
		return bounds{limit: d * 9 / 10}, bounds{limit: d * 9 / 10}
	case halfRate:
		return bounds{2 * d * 9 / 10, d * 4 / 10}, bounds{3 * d, d * 7 / 10}
	case fewPeople:
		return bounds{4 * d, d * 8 / 10}, bounds{6 * d, 2 * d}
	}
	return bounds{10 * d, 2 * d}, bounds{12 * d, 4 * d}
}

const (
	strainAfter = 2 * time.Second  // of pictures that take too long
	reliefAfter = 10 * time.Second // of pictures that leave time
	firstPause  = 15 * time.Second // without pictures, before they are tried again
	longPause   = 4 * time.Minute
	// A return that lasts so long was no mistake; the next pause is a short one again.
	goodReturn = time.Minute
)

// slowness goes from one strain to the next. It has no clock.
type slowness struct {
	level strain
	busy  time.Duration // mean time that a picture takes
	load  time.Duration // and that everything takes from one to the next
	since time.Time     // when it began to be too long, or short enough
	over  bool          // it is too long
	pause time.Duration // of the next time without pictures
	back  time.Time     // when pictures came back
}

// period is the time between two pictures whose own is d.
func (s *slowness) period(d time.Duration) time.Duration {
	if s.level >= halfRate {
		return 2 * d
	}
	return d
}

// picture notes that a picture was made, which took a time, and reports whether the
// strain is another now. d is the time between two pictures at full rate, and all what
// has been worked since the picture before.
func (s *slowness) picture(now time.Time, d, took, all time.Duration) bool {
	if s.level == soundOnly {
		return s.returns(now)
	}
	s.busy += (took - s.busy) / 16
	s.load += (all - s.load) / 16
	one, every := s.level.bounds(d)
	over := s.busy > one.limit || s.load > every.limit
	if over != s.over || s.since.IsZero() || !over && (s.busy > one.easy || s.load > every.easy) {
		s.over, s.since = over, now
	}
	switch took := now.Sub(s.since); {
	case over && took > strainAfter:
		s.set(now, s.level+1)
	case !over && s.level > unstrained && took > reliefAfter:
		s.set(now, s.level-1)
	default:
		return false
	}
	return true
}

// set begins a strain. What the pictures took before says little about it.
func (s *slowness) set(now time.Time, level strain) {
	if level == soundOnly {
		switch {
		case s.pause == 0 || now.Sub(s.back) > goodReturn:
			s.pause = firstPause
		default:
			s.pause = min(2*s.pause, longPause)
		}
	}
	s.level, s.since, s.over, s.busy, s.load = level, now, false, 0, 0
}

// returns tries pictures again after a pause.
func (s *slowness) returns(now time.Time) bool {
	if now.Sub(s.since) < s.pause {
		return false
	}
	s.back = now
	s.set(now, onePerson)
	return true
}

// notice is what the person in front of the screen is told when the strain changes.
func (s strain) notice(before strain) string {
	switch {
	case before == soundOnly:
		return "The pictures are back"
	case s == fewPeople && before < s, s == onePerson && before < s:
		return "The gateway is busy: fewer people are shown"
	case s == halfRate && before == fewPeople:
		return "Everybody is shown again"
	}
	return ""
}
