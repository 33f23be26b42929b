package transport

import (
	"bytes"
	"errors"
	"net/netip"
	"time"

	"tandem/media"
	"tandem/media/sdp"
)

// errClosed is returned by everything but Close after Close.
var errClosed = errors.New("the media session is closed")

// Offer makes our offer, the first or a later one. It opens the ports on first use.
func (s *Session) Offer() ([]byte, error) {
	s.ctl.Lock()
	defer s.ctl.Unlock()
	if s.closed {
		return nil, errClosed
	}
	if err := s.open(s.opts.Remote); err != nil {
		return nil, err
	}
	s.pending = sdp.Offer(s.caps, s.transport(s.credits))
	return s.pending.Append(nil), nil
}

// Rollback forgets an Offer that was refused (491, 488); the session stays as it was.
func (s *Session) Rollback() {
	s.ctl.Lock()
	defer s.ctl.Unlock()
	s.pending = nil
}

// SetDirection sets the direction of the next Offer or answer: local hold.
func (s *Session) SetDirection(d media.Direction) {
	s.ctl.Lock()
	defer s.ctl.Unlock()
	s.caps.Direction = d
	s.lastIn = nil // the same offer now gets another answer
}

// SetFull makes the next Offer list every codec again (a transfer, RFC 3725).
func (s *Session) SetFull() {
	s.ctl.Lock()
	defer s.ctl.Unlock()
	s.caps.Full = true
}

// AnswerTo answers the far end's offer, the first or a later one. prefer names the
// codec the other leg speaks, "" when it is not known. An error that the far end
// is to be told is an [*sdp.Error] with the SIP status; the session then stays as
// it was. Identical offers get identical answers (GV-C24).
func (s *Session) AnswerTo(offer []byte, prefer string) ([]byte, error) {
	s.ctl.Lock()
	defer s.ctl.Unlock()
	if s.closed {
		return nil, errClosed
	}
	if s.pending != nil {
		return nil, &sdp.Error{Status: 491, Reason: "an offer of ours is waiting for its answer"}
	}
	if s.lastOut != nil && bytes.Equal(offer, s.lastIn) {
		return s.lastOut, nil
	}
	d, err := sdp.Parse(offer)
	if err != nil {
		return nil, err
	}
	if err := s.open(offeredAddress(d, s.opts.Remote)); err != nil {
		return nil, err
	}
	credits := s.creditsFor(d)
	answer, agreed, err := sdp.Answer(s.caps, s.transport(credits), d, prefer)
	if err != nil {
		return nil, err
	}
	s.credits = credits
	if err := s.apply(agreed, false); err != nil {
		return nil, err
	}
	s.caps.Last, s.caps.Remote, s.caps.Full, s.answered = answer, d, false, nil
	s.lastIn, s.lastOut = bytes.Clone(offer), answer.Append(nil)
	return s.lastOut, nil
}

// SetAnswer takes the far end's answer to our last Offer. The same answer again
// (183, then 200) changes nothing; another one, from another branch of a forked
// INVITE or from a switch that changed its mind, takes the place of the first. The
// error is as AnswerTo's.
func (s *Session) SetAnswer(answer []byte) error {
	s.ctl.Lock()
	defer s.ctl.Unlock()
	switch {
	case s.closed:
		return errClosed
	case s.pending == nil && bytes.Equal(answer, s.lastIn):
		return nil
	case s.pending == nil && s.answered == nil:
		return &sdp.Error{Status: 400, Reason: "an answer came without an offer of ours"}
	}
	d, err := sdp.Parse(answer)
	if err != nil {
		return err
	}
	offer := s.pending
	if offer == nil {
		offer = s.answered
	}
	agreed, err := sdp.Accept(s.caps, s.transport(s.credits), offer, d)
	if err != nil {
		return err
	}
	if err := s.apply(agreed, true); err != nil {
		return err
	}
	s.caps.Last, s.caps.Remote, s.caps.Full = offer, d, false
	s.pending, s.answered = nil, offer
	s.lastIn, s.lastOut = bytes.Clone(answer), nil
	return nil
}

// offeredAddress is where the offer wants its audio; hint when it does not say.
func offeredAddress(d *sdp.Description, hint netip.Addr) netip.Addr {
	for _, m := range d.Media {
		if m.Kind != "audio" || m.Port == 0 {
			continue
		}
		for _, c := range []sdp.Connection{m.Connection, d.Connection} {
			if a := c.IP(); a.IsValid() && !a.IsUnspecified() {
				return a
			}
		}
	}
	return hint
}

// open opens the ports on first use and picks the address our SDP shows.
func (s *Session) open(far netip.Addr) error {
	if s.port != 0 {
		return nil
	}
	e := s.engine
	v4, v6 := e.BindIPv4.IsValid(), e.BindIPv6.IsValid() && !s.opts.IPv4Only
	if !v4 && !v6 {
		return &sdp.Error{Status: 488, Reason: "this leg is limited to IPv4 and the gateway has no IPv4 media address"}
	}
	ice := s.caps.ICE != sdp.ICENone
	first6 := !v4 || v6 && far.IsValid() && !far.Is4()
	if !ice {
		v4, v6 = v4 && !first6, v6 && first6
	}
	pair := s.caps.Mux != sdp.MuxRequire
	got, err := e.openPorts(s, v4, v6, pair)
	if err != nil {
		return err
	}
	s.port = got.number
	s.in.mu.Lock()
	s.ports = got
	s.in.mu.Unlock()
	s.local = e.localIP(!first6, far)
	if !first6 && e.Advertise.Is4() && s.caps.ICE == sdp.ICENone && !near(far) {
		s.local = e.Advertise
	}
	s.prepare(v4, v6, far)
	s.stops = append(s.stops, s.worker.clock.Every(time.Second, s.everySecond))
	return nil
}

// transport is what our descriptions say of the sockets.
func (s *Session) transport(c credentials) sdp.Transport {
	tr := sdp.Transport{Address: s.local, Port: uint16(s.port)}
	if s.openNow().pair {
		tr.RTCPPort = uint16(s.port + 1)
	}
	if s.caps.ICE != sdp.ICENone {
		tr.Ufrag, tr.Password, tr.Candidates = c.ufrag, c.password, c.candidates
	}
	if s.caps.Security == sdp.DTLS || s.caps.Security == sdp.Opportunistic {
		tr.Fingerprints = []sdp.Fingerprint{s.engine.identity.fingerprint}
		if s.assoc != nil {
			tr.Role = s.assoc.role
		}
	}
	if s.caps.Security == sdp.SDES || s.caps.Security == sdp.Opportunistic {
		tr.Crypto = s.crypto
	}
	return tr
}

// apply puts in force what was agreed. offered says that the offer was ours.
func (s *Session) apply(agreed sdp.Agreed, offered bool) error {
	st := agreed.Audio()
	if st == nil {
		s.silence()
		s.agreed = agreed
		s.notify()
		return nil
	}
	first := s.agreed.Audio() == nil
	if err := s.protect(st); err != nil {
		return err
	}
	s.retune(st)
	s.describe(st)
	s.agreed = agreed
	s.startPath(st, offered, first)
	if s.opts.FillSilence && !s.filling {
		s.filling = true
		s.stops = append(s.stops, s.worker.clock.Every(20*time.Millisecond, s.fill))
	}
	s.notify()
	return nil
}

// silence stops the stream after a re-offer that ended it; ports stay open.
func (s *Session) silence() {
	s.in.mu.Lock()
	defer s.in.mu.Unlock()
	s.in.open = false
	s.sink.mu.Lock()
	s.sink.mute = true
	s.sink.mu.Unlock()
}

// protect puts the keys of an SDES stream in force, or takes protection away from
// a plain one. Keys that did not change keep their state.
func (s *Session) protect(st *sdp.Stream) error {
	old := s.agreed.Audio()
	in, k := &s.in, s.sink
	if st.Security == sdp.DTLS {
		in.mu.Lock()
		defer in.mu.Unlock()
		k.mu.Lock()
		defer k.mu.Unlock()
		if !in.secure || old != nil && old.Security != sdp.DTLS {
			in.keys, k.keys = nil, nil
		}
		in.secure, k.secure = true, true
		return nil
	}
	remote, local := in.keys, k.keys // only apply and the handshake change them
	if st.Security == sdp.SDES {
		var err error
		if old == nil || old.Security != sdp.SDES || old.Keys.Suite != st.Keys.Suite || !bytes.Equal(old.Keys.Remote, st.Keys.Remote) {
			if remote, err = sdesContext(st.Keys.Suite, st.Keys.Remote); err != nil {
				return &sdp.Error{Status: 488, Reason: err.Error()}
			}
		}
		if old == nil || old.Security != sdp.SDES || old.Keys.Suite != st.Keys.Suite || !bytes.Equal(old.Keys.Local, st.Keys.Local) {
			if local, err = sdesContext(st.Keys.Suite, st.Keys.Local); err != nil {
				return &sdp.Error{Status: 488, Reason: err.Error()}
			}
		}
	}
	in.mu.Lock()
	defer in.mu.Unlock()
	k.mu.Lock()
	defer k.mu.Unlock()
	in.secure, k.secure = st.Security == sdp.SDES, st.Security == sdp.SDES
	in.keys, k.keys = remote, local
	return nil
}

// retune sets what is accepted and what is sent.
func (s *Session) retune(st *sdp.Stream) {
	in, k := &s.in, s.sink
	in.mu.Lock()
	defer in.mu.Unlock()
	in.open, in.since = true, time.Now()
	in.hold = !st.Direction.Receives()
	in.expect(st)
	if old := s.agreed.Audio(); old == nil || old.Recv.Clock != st.Recv.Clock {
		in.lost += in.reports.Lost()
		in.reports = newReception(st.Recv.Clock)
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.mute = !st.Direction.Sends()
	k.rebase.retune(st.Send.Clock, st.SendPTime)
	s.digits.Clock, s.digits.PayloadType = st.SendEvent.Clock, st.SendEvent.PayloadType
}

// describe publishes what the bridge looks at.
func (s *Session) describe(st *sdp.Stream) {
	src, snk := st.SourceInfo(), st.SinkInfo()
	s.source.info.Store(&src)
	s.sink.info.Store(&snk)
}

// startPath decides how the far end is reached, and goes there.
func (s *Session) startPath(st *sdp.Stream, offered, first bool) {
	s.muxed.Store(st.Mux)
	if st.Mux {
		s.dropRTCPPort()
	}
	ice := st.ICE != nil && s.caps.ICE != sdp.ICENone
	s.in.mu.Lock()
	s.in.useICE = ice
	if !ice {
		s.aimPlain(st)
	}
	s.in.mu.Unlock()
	if ice {
		s.runICE(st, controlling(s.caps.ICE == sdp.ICELite, st.ICE.Lite, offered))
	}
	if st.Security == sdp.DTLS {
		s.runDTLS(st)
	}
	if first && !ice && st.Security != sdp.DTLS {
		s.emit(Event{Kind: Connected})
	}
}

// controlling is our role in ICE (RFC 8445 §6.1.1): a full agent controls a lite
// one, else the offerer controls.
func controlling(weAreLite, theyAreLite, weOffered bool) bool {
	if weAreLite != theyAreLite {
		return theyAreLite
	}
	return weOffered
}

func (s *Session) connectTimeout() time.Duration {
	if s.opts.ConnectTimeout > 0 {
		return s.opts.ConnectTimeout
	}
	return connectDefault
}

// aimPlain directs packets to the SDP's address, unless another one was learnt for
// it. in.mu is held.
func (s *Session) aimPlain(st *sdp.Stream) {
	l := &s.in.latch
	if st.Remote.Addr().IsValid() && st.Remote.Port() != 0 { // not a hold of RFC 2543 (c=0.0.0.0)
		before := l.remote
		if last := s.in.last; !last.IsZero() && time.Since(last) > latchWindow {
			l.sdp = netip.AddrPort{} // long silent: its NAT may have forgotten it
		}
		l.reset(s.opts.Latch, st.Remote, s.opts.Remote)
		if l.remote != before || !before.IsValid() {
			s.aim(l.remote)
		}
	}
	k := s.sink
	k.mu.Lock()
	defer k.mu.Unlock()
	k.rtcpPort = nil
	if p := s.ports.rtcp; !st.Mux && p != nil && st.RTCP.IsValid() && st.RTCP.Addr().Is4() == p.sock.local.Addr().Is4() {
		k.rtcpPort, k.rtcpTo = p, makeAddress(st.RTCP)
	}
}

// dropRTCPPort gives the second port back once one is enough (RFC 5761 §5.1.1).
func (s *Session) dropRTCPPort() {
	s.in.mu.Lock()
	defer s.in.mu.Unlock()
	s.sink.mu.Lock()
	defer s.sink.mu.Unlock()
	if !s.ports.pair {
		return
	}
	s.closePort(s.ports.rtcp)
	s.ports.rtcp, s.ports.pair = nil, false
	s.engine.pool.release(s.port+1, false)
}
