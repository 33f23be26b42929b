package bridge

import (
	"slices"
	"time"
)

// keyWay is how a key comes.
type keyWay uint8

const (
	inMedia  keyWay = iota // telephone-events, or tones in the sound
	inSignal               // SIP INFO
)

// twice finds keys that come twice: some telephones send each by telephone-event and by
// INFO. A key counts as the echo of one that came the other way shortly before, once
// for each. It has no clock.
type twice struct {
	alone []aloneKey // without an echo so far, the oldest first
}

type aloneKey struct {
	way keyWay
	key rune
	at  time.Time
}

// echoTime is how much later the other way may be: an event is complete when the key is
// let go, an INFO may be sent again after half a second (RFC 3261 §17.1.2.2).
const echoTime = 1200 * time.Millisecond

// again takes a key and reports whether it has come already.
func (t *twice) again(now time.Time, way keyWay, key rune) bool {
	t.alone = slices.DeleteFunc(t.alone, func(k aloneKey) bool { return now.Sub(k.at) > echoTime })
	i := slices.IndexFunc(t.alone, func(k aloneKey) bool { return k.way != way && k.key == key })
	if i >= 0 {
		t.alone = slices.Delete(t.alone, i, i+1)
		return true
	}
	const most = 32
	if len(t.alone) < most {
		t.alone = append(t.alone, aloneKey{way, key, now})
	}
	return false
}
