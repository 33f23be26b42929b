package transport

import (
	"net/netip"
	"time"

	"tandem/media/rtp"
)

// Tapped is an RTP or RTCP packet as it passed, in the clear: after a session has
// opened it, or before it is sealed.
type Tapped struct {
	At            time.Time
	Out           bool // to the far end
	RTCP          bool
	Local, Remote netip.AddrPort
	Head          int    // octets of Data before the payload; all of RTCP
	Data          []byte // lent until the function returns
}

// A tap is who listens to a session's packets.
type tap struct {
	f    func(Tapped)
	host netip.Addr // ours, as the SDP shows it; invalid before that
}

// Tap shows every packet of the sessions with that name to f, instead of to who was
// shown them before; nil ends it. f runs where packets move: it must not block. Tap
// returns how many sessions there are. For those that are made later it is to be
// called again.
func (e *Engine) Tap(name string, f func(Tapped)) (n int) {
	for _, s := range e.named(name) {
		n++
		if f == nil {
			s.tap.Store(nil)
			continue
		}
		s.ctl.Lock()
		host := s.audio.local
		s.ctl.Unlock()
		s.tap.Store(&tap{f, host})
	}
	return n
}

func (e *Engine) named(name string) (found []*Session) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for s := range e.sessions {
		if s.opts.Name == name {
			found = append(found, s)
		}
	}
	return found
}

// show gives a packet to who listens, if anybody does. sock is ours; it may be nil.
func (s *stream) show(out, rtcp bool, now time.Time, sock *socket, remote netip.AddrPort, b []byte) {
	t := s.session.tap.Load()
	if t == nil {
		return
	}
	var local netip.AddrPort
	if sock != nil {
		local = sock.local
		if local.Addr().IsUnspecified() && t.host.IsValid() {
			local = netip.AddrPortFrom(t.host, local.Port())
		}
	}
	head := len(b)
	if !rtcp {
		head = rtpHead(b)
	}
	t.f(Tapped{At: now, Out: out, RTCP: rtcp, Local: local, Remote: remote, Head: head, Data: b})
}

// rtpHead is how long the header of an RTP packet is.
func rtpHead(b []byte) int {
	var h rtp.Header
	payload, err := rtp.Parse(b, &h)
	if err != nil {
		return min(len(b), 12)
	}
	return cap(b) - cap(payload) // the payload is a part of b
}
