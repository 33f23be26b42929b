package meet

import (
	"slices"
	"time"
)

// The service refuses a device that has knocked three times in vain within a minute
// (contract, 2.6, TOO_MANY_KNOCKS).
const (
	knockSpan = 60 * time.Second
	maxKnocks = 3
	knockSlip = time.Second // their clock starts and ends later than ours
	// A knock shorter than this is not worth making.
	minKnock = 2 * time.Second
)

// knocks paces the knocks of one caller: a meeting service whose own limit in the
// lobby is shorter than the caller's is asked again, but never more often than it
// allows, and those knocks are spread over the time that is left, so that somebody who
// comes late is still asked.
type knocks struct {
	vain []time.Time   // when the last ones ended, the oldest first
	each time.Duration // how long the service lets somebody wait; 0 for not told
}

// ended notes a knock that nobody answered, which took as long as the service lets
// somebody wait.
func (k *knocks) ended(now time.Time, took time.Duration) {
	k.each = max(took, 0)
	k.vain = append(k.vain, now)
	k.vain = k.vain[max(len(k.vain)-maxKnocks, 0):]
}

// next is when to knock again; false when that is too late for a caller whose time is
// over at until.
func (k *knocks) next(now, until time.Time) (time.Time, bool) {
	recent := slices.Clone(k.vain)
	recent = slices.DeleteFunc(recent, func(t time.Time) bool { return now.Sub(t) > knockSpan+knockSlip })
	left := maxKnocks - len(recent)
	var at time.Time
	switch rest := until.Sub(now); {
	case left == 0:
		at = recent[0].Add(knockSpan + knockSlip)
	case rest < knockSpan:
		// All that are left fit, the last one until the very end.
		at = now.Add(max(rest-time.Duration(left)*k.each, 0) / time.Duration(left))
	default:
		at = now.Add(max(knockSpan+knockSlip-maxKnocks*k.each, 0) / maxKnocks)
	}
	return at, until.Sub(at) >= min(max(k.each, time.Millisecond), minKnock)
}
