package bridge

import "tandem/media"

// Key is a key of a leg that came outside of its audio (SIP INFO). It reports whether
// the bridge acts on it: in a meeting *6 mutes, *8 changes the layout, *4 takes the
// presentation out of the picture; at a reception every key is typed. Other keys are
// for the other leg.
func (br *Bridge) Key(fromB bool, key rune) bool {
	if br.conference == nil || fromB != br.meetingIsA {
		return false
	}
	return br.conference.press(key, inSignal)
}

// confer makes a conference when exactly one side is a meeting.
func (br *Bridge) confer(o Options) bool {
	a, isA := br.a.(media.Meeting)
	b, isB := br.b.(media.Meeting)
	switch {
	case isA == isB:
		return false
	case isA:
		br.meetingIsA = true
		br.conference = newConference(br.b, a, o, o.FromB, br.stop)
	default:
		br.conference = newConference(br.a, b, o, o.FromA, br.stop)
	}
	go br.conference.run()
	return true
}
