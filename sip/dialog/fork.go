package dialog

import (
	"slices"

	"tandem/sip"
)

// maxForks bounds the early dialogs of one INVITE.
const maxForks = 16

// progressed takes a provisional response.
func (s *Session) progressed(k *call, m *sip.Message) {
	if s.phase != calling {
		return
	}
	tag := tagOf(m, "To")
	if m.Status == 100 || tag == "" {
		s.emit(Provisional{Status: m.Status, SDP: sdpOf(m), Message: m})
		return
	}
	d := s.fork(tag)
	if d == nil {
		if d = s.newFork(k, m); d == nil {
			return
		}
	}
	d.learn(m)
	if m.Option("Require", "100rel") {
		s.reliable(k, d, m)
		return
	}
	s.d = d
	sdp := sdpOf(m)
	if sdp != nil && d.oa.turn == ours {
		d.preview = sdp
	}
	if m.Status == 199 { // early dialog terminated (RFC 6228)
		s.forget(d)
	}
	s.emit(Provisional{Status: m.Status, Tag: tag, SDP: sdp, Message: m})
}

// newFork begins the dialog that a response makes, within the bound.
func (s *Session) newFork(k *call, m *sip.Message) *dialog {
	if len(s.dialogs)+len(s.lost) >= maxForks {
		s.core.stats.forks.Add(1)
		return nil
	}
	d := &dialog{state: callerState(k.req, m)}
	if k.offer != nil {
		d.oa, _ = d.oa.begin(ours, k.offer)
	}
	s.dialogs = append(s.dialogs, d)
	return d
}

// forget drops an early dialog; there may be others.
func (s *Session) forget(d *dialog) {
	s.dialogs = slices.DeleteFunc(s.dialogs, func(o *dialog) bool { return o == d })
	s.lost = append(s.lost, d)
	s.withdraw(d)
	if s.d != d {
		return
	}
	s.d = nil
	if n := len(s.dialogs); n > 0 {
		s.d = s.dialogs[n-1]
	}
}

// lostFork returns what is known of a fork that did not win: its BYE must count
// on from its PRACKs.
func (s *Session) lostFork(k *call, m *sip.Message) *dialog {
	for _, d := range s.lost {
		if d.remoteTag == tagOf(m, "To") {
			return d
		}
	}
	d := &dialog{state: callerState(k.req, m)}
	d.localSeq = max(d.localSeq, s.counted[d.remoteTag])
	return d
}
