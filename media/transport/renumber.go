package transport

import (
	"time"

	"tandem/media"
)

// A Renumber is the identity of an outgoing RTP stream outside of a [Session]: it
// moves packets of any origin onto one continuous sequence and timeline (see
// [media.Sink]). It has neither clock nor lock.
type Renumber struct{ r rebase }

// NewRenumber returns the identity of a stream with the given SSRC and clock rate
// in Hz; packet is how much one packet carries, for video one picture.
func NewRenumber(ssrc uint32, clock int, packet time.Duration) *Renumber {
	n := &Renumber{newRebase()}
	n.r.ssrc = ssrc
	n.r.retune(clock, packet)
	return n
}

// Move gives p its place; fresh says that the packets before came from elsewhere.
func (n *Renumber) Move(now time.Time, p *media.Packet) (sequence uint16, timestamp uint32, fresh bool) {
	return n.r.move(now, p, false)
}

// Now is the stream's timestamp at an instant, for sender reports.
func (n *Renumber) Now(t time.Time) uint32 { return n.r.now(t) }

// Interrupt tells that packets are held back from now on; what follows is not
// missing any.
func (n *Renumber) Interrupt() { n.r.interrupt() }
