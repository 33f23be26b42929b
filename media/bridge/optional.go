package bridge

import (
	"time"

	"tandem/media"
)

// What sessions may be able to do besides, and a conference makes use of.
type (
	// A clocked source knows where its stream stands on its sender's wall clock, from
	// RTCP sender reports (RFC 3550 §6.4.1): the NTP time of an RTP timestamp. Voices
	// and pictures of one person share that clock.
	clocked interface {
		SenderClock() (ntp uint64, timestamp uint32, ok bool)
	}
	// A meeting with a bandwidth knows what our pictures may take together, in bit/s;
	// 0 when it does not know yet.
	narrow interface{ Bandwidth() int }
	// A meeting that began without pictures can be asked for them when the room has got a
	// camera; new streams are told by Changed. Pictures never waits.
	growing interface{ Pictures() }
	// A meeting to which keys are typed while its stage is Typing; Type never waits.
	typist interface{ Type(key rune) }
	// A sink with a level tells the far end how loud our voice is, in -dBov (RFC 6464).
	leveled interface{ SetLevel(level uint8) }
	// A room with floor control asks before it shares its screen; it is told who else
	// shares one, "" for nobody, and gives way.
	floored interface{ Present(name string) }
	// A source with a limit asks its far end to send no more, in bit/s (TMMBR, REMB).
	limited interface{ Limit(bitrate int) }
)

// captured is when the sample with an RTP timestamp was taken, on its sender's clock;
// false when that is not known.
func captured(src media.Source, clock int, stamp uint32) (time.Time, bool) {
	c, ok := src.(clocked)
	if !ok || clock <= 0 {
		return time.Time{}, false
	}
	ntp, at, ok := c.SenderClock()
	if !ok {
		return time.Time{}, false
	}
	const since1900 = 2208988800 // seconds from 1900 to 1970
	fraction := time.Duration(ntp&0xffffffff) * time.Second >> 32
	later := time.Duration(int32(stamp-at)) * time.Second / time.Duration(clock)
	return time.Unix(int64(ntp>>32)-since1900, 0).Add(fraction + later), true
}
