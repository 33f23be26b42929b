package transport

import (
	"bytes"
	"net/netip"
	"time"

	"tandem/media"
	"tandem/media/sdp"
)

// apply puts in force what was agreed. offered says that the offer was ours. ctl is
// held.
func (s *Session) apply(agreed sdp.Agreed, offered bool) error {
	active := []*stream{s.audio}
	for i := range s.streams { // the audio first
		k := media.Kind(i)
		st := agreed.Of(k)
		if st == nil && s.streams[k].Load() == nil {
			continue
		}
		t := s.stream(k)
		err := t.apply(st, offered)
		if err != nil && t.kind == media.Audio {
			return err
		}
		if t.kind != media.Audio && t.agreed != nil {
			active = append(active, t)
		}
	}
	s.agreed = agreed
	s.agreeFloor(agreed.Floor)
	s.use(active)
	s.notify()
	return nil
}

// apply puts in force what was agreed for one stream; nil: it was refused or has ended.
func (s *stream) apply(st *sdp.Stream, offered bool) error {
	if st != nil && !st.Shared && s.port == 0 {
		st = nil // offered bundled, and answered by somebody who does not know that
	}
	if st == nil {
		s.silence()
		return nil
	}
	first := s.agreed == nil
	if err := s.protect(st); err != nil {
		return err
	}
	s.retune(st)
	s.describe(st)
	s.agreed = st
	if st.Shared {
		s.ride()
	} else {
		s.unbundle()
		s.startPath(st, offered, first)
	}
	if s.opts.FillSilence && s.kind == media.Audio && !s.filling {
		s.filling = true
		s.stops = append(s.stops, s.worker.clock.Every(20*time.Millisecond, s.fill))
	}
	if s.picture != nil {
		s.watchPicture(st)
	}
	if s.kind == media.Video && s.rid == "" {
		return s.useLayers(st, offered)
	}
	return nil
}

// silence stops the stream after an offer/answer that refused or ended it. The ports
// of the audio stay open.
func (s *stream) silence() {
	s.in.mu.Lock()
	s.in.open = false
	s.sink.mu.Lock()
	s.sink.mute = true
	s.sink.mu.Unlock()
	s.in.mu.Unlock()
	s.agreed = nil
	s.describe(&sdp.Stream{Kind: s.kind, Direction: media.Inactive})
	if s.kind != media.Audio {
		s.shut()
	}
}

// protect puts the keys of an SDES stream in force, or takes protection away from
// a plain one. Keys that did not change keep their state; those of DTLS come with
// the handshake.
func (s *stream) protect(st *sdp.Stream) error {
	in, k := &s.in, s.sink
	in.mu.Lock()
	defer in.mu.Unlock()
	k.mu.Lock()
	defer k.mu.Unlock()
	old := s.agreed
	if old == nil || old.Security != st.Security {
		old, in.keys, k.keys = &sdp.Stream{}, nil, nil
	}
	in.secure, k.secure = st.Security != sdp.Plain, st.Security != sdp.Plain
	if st.Security != sdp.SDES {
		return nil
	}
	fresh := old.Keys.Suite != st.Keys.Suite
	var err error
	if fresh || !bytes.Equal(old.Keys.Remote, st.Keys.Remote) {
		in.keys, err = sdesContext(st.Keys.Suite, st.Keys.Remote)
	}
	if err == nil && (fresh || !bytes.Equal(old.Keys.Local, st.Keys.Local)) {
		k.keys, err = sdesContext(st.Keys.Suite, st.Keys.Local)
	}
	if err != nil {
		return &sdp.Error{Status: 488, Reason: err.Error()}
	}
	return nil
}

// retune sets what is accepted and what is sent.
func (s *stream) retune(st *sdp.Stream) {
	in, k := &s.in, s.sink
	in.mu.Lock()
	defer in.mu.Unlock()
	in.open, in.since = true, time.Now()
	in.hold = !st.Direction.Receives()
	in.held = st.Direction != media.SendRecv
	in.expect(st)
	if old := s.agreed; old == nil || old.Recv.Clock != st.Recv.Clock {
		in.lost += in.reports.Lost()
		in.reports = newReception(st.Recv.Clock)
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.mute = !st.Direction.Sends(); k.mute {
		k.rebase.interrupt()
	}
	k.rebase.retune(st.Send.Clock, st.SendPTime)
	s.digits.Clock, s.digits.PayloadType = st.SendEvent.Clock, st.SendEvent.PayloadType
}

// describe publishes what the bridge looks at.
func (s *stream) describe(st *sdp.Stream) {
	src, snk := st.SourceInfo(), st.SinkInfo()
	s.source.info.Store(&src)
	s.sink.info.Store(&snk)
}

// startPath decides how the far end is reached, and goes there.
func (s *stream) startPath(st *sdp.Stream, offered, first bool) {
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
	} else {
		s.in.mu.Lock()
		s.hellos = hellos{}
		s.in.mu.Unlock()
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

func (s *stream) connectTimeout() time.Duration {
	if s.opts.ConnectTimeout > 0 {
		return s.opts.ConnectTimeout
	}
	return connectDefault
}

// aimPlain directs packets to the SDP's address, unless another one was learnt for
// it. in.mu is held.
func (s *stream) aimPlain(st *sdp.Stream) {
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
func (s *stream) dropRTCPPort() {
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
