package transport

import (
	"net/netip"
	"time"
)

const (
	latchWindow  = 5 * time.Second        // after the first packet of a stranger the question is decided
	latchProof   = 500 * time.Millisecond // how long another source must be steady and the SDP's silent
	latchPackets = 10                     // and how many packets it must send in that time
	latchGap     = 200 * time.Millisecond // a pause that starts the proof again
)

// verdict is what becomes of a packet.
type verdict uint8

const (
	drop   verdict = iota
	accept         // from the source that counts
	moved          // accepted, and the source that counts has just changed
)

// latch decides from where plain RTP is accepted and to where it is sent: the
// address of the SDP, or, at most once per offer/answer, another one that shows
// that a NAT stands before the far end. It is pure; time is an argument.
//
//	          packet from the SDP's address
//	open ────────────────────────────────────────────► settled (SDP)
//	 │  another source, proven                            ▲
//	 ▼                                                    │ SDP's address sends
//	latched ──────────────────────────────────────────────┘ within latchWindow
//	 │ latchWindow over
//	 ▼
//	settled (other)
type latch struct {
	policy    LatchPolicy
	sdp       netip.AddrPort // as signalled
	signal    netip.Addr     // where the signalling comes from; may be invalid
	remote    netip.AddrPort // the source that counts, and where we send
	settled   bool           // remote does not change until the next offer/answer
	latchedAt time.Time

	firstStranger time.Time
	candidate     netip.AddrPort
	ssrc          uint32
	since, last   time.Time
	count         int
}

// reset begins with a new offer/answer. An address that was learnt for the same
// SDP address stays.
func (l *latch) reset(policy LatchPolicy, sdp netip.AddrPort, signal netip.Addr) {
	if l.sdp == sdp && l.policy == policy {
		return
	}
	*l = latch{policy: policy, sdp: sdp, signal: signal, remote: sdp}
}

// packet judges an RTP packet that is valid otherwise.
func (l *latch) packet(now time.Time, from netip.AddrPort, ssrc uint32) verdict {
	if from == l.remote {
		if from == l.sdp || now.Sub(l.latchedAt) >= latchWindow {
			l.settled = true
		}
		return accept
	}
	if l.settled || !l.sdp.IsValid() {
		return drop
	}
	if from == l.sdp {
		return l.home(now)
	}
	if l.remote != l.sdp || l.policy == LatchNever {
		return drop // one move has been made
	}
	return l.stranger(now, from, ssrc)
}

// home is a packet from the SDP's address after another source was learnt.
func (l *latch) home(now time.Time) verdict {
	l.settled = true
	if now.Sub(l.latchedAt) >= latchWindow {
		return drop
	}
	l.remote = l.sdp
	return moved
}

func (l *latch) stranger(now time.Time, from netip.AddrPort, ssrc uint32) verdict {
	if l.signal.IsValid() && l.signal == l.sdp.Addr() && from.Addr() != l.signal {
		return drop // no NAT: the far end knows its address
	}
	if l.firstStranger.IsZero() {
		l.firstStranger = now
	}
	if now.Sub(l.firstStranger) >= latchWindow {
		l.settled = true
		return drop
	}
	// A NAT, seen in the signalling: the same host sends from here.
	if l.signal.IsValid() && from.Addr() == l.signal && l.sdp.Addr() != l.signal {
		return l.move(now, from)
	}
	if from != l.candidate || ssrc != l.ssrc || now.Sub(l.last) > latchGap {
		if l.candidate.IsValid() && now.Sub(l.last) <= latchGap {
			return drop // two at once: the first one is on trial
		}
		l.candidate, l.ssrc, l.since, l.count = from, ssrc, now, 0
	}
	l.last = now
	l.count++
	if l.count < latchPackets || now.Sub(l.since) < latchProof {
		return drop
	}
	return l.move(now, from)
}

func (l *latch) move(now time.Time, to netip.AddrPort) verdict {
	l.remote, l.latchedAt = to, now
	return moved
}
