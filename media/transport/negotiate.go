package transport

import (
	"bytes"
	"errors"
	"net/netip"
	"slices"

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
	if err := s.audio.open(s.opts.Remote); err != nil {
		return nil, err
	}
	caps := s.effective()
	open := s.openPictures(caps, nil, s.opts.Remote)
	if s.openFloor(caps, nil); caps.Last == nil && !slices.ContainsFunc(open, func(t *stream) bool { return t.kind == media.Content }) {
		s.closeFloor() // there is no port for what it would be about
	}
	s.pending = sdp.Offer(caps, s.transport(open, nil))
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

// SetVideo says whether the next Offer or answer has video, which format the other leg
// speaks (as [sdp.Codec.Format]; "" is no wish), and what it takes. At first video is
// as Options.Capabilities has it.
func (s *Session) SetVideo(on bool, format string, l media.Limits) {
	s.ctl.Lock()
	defer s.ctl.Unlock()
	if s.noVideo == !on && s.caps.PreferVideo == format && s.caps.VideoLimits == l {
		return
	}
	s.noVideo, s.caps.PreferVideo, s.caps.VideoLimits = !on, format, l
	s.lastIn = nil
}

// SetLayers says how many layers of a camera's simulcast the other leg takes; 0, as at
// first, is one picture. It counts for the far end's next offer.
func (s *Session) SetLayers(n int) {
	s.ctl.Lock()
	defer s.ctl.Unlock()
	if s.caps.Layers != n {
		s.caps.Layers, s.lastIn = n, nil
	}
}

// SetScreen says whether the next Offer or answer may have a shared screen beside the
// picture: the other leg takes one. At first it may.
func (s *Session) SetScreen(on bool) {
	s.ctl.Lock()
	defer s.ctl.Unlock()
	if s.noScreen != on {
		return
	}
	s.noScreen, s.lastIn = !on, nil
}

// effective is what the session can do as the other leg is. ctl is held.
func (s *Session) effective() sdp.Capabilities {
	caps := s.caps
	if s.noVideo {
		caps.Video = nil
	}
	if s.noVideo || s.noScreen {
		caps.Content = nil
	}
	return caps
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
	far := offeredAddress(d, s.opts.Remote)
	if err := s.audio.open(far); err != nil {
		return nil, err
	}
	caps := s.effective()
	open := s.openPictures(caps, d, far)
	s.openFloor(caps, d)
	credits := s.creditsFor(d)
	answer, agreed, err := sdp.Answer(caps, s.transport(open, credits), d, prefer)
	if err != nil {
		return nil, err
	}
	for k, c := range credits {
		s.stream(k).credits = c
	}
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
	agreed, err := sdp.Accept(s.caps, s.transport(s.opened(), nil), offer, d)
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

// openPictures opens the ports of the video that an offer of ours, or our answer to
// the far end's, may need. Without a free port the call goes on without a picture.
func (s *Session) openPictures(caps sdp.Capabilities, offer *sdp.Description, far netip.Addr) []*stream {
	for _, k := range []media.Kind{media.Video, media.Content} {
		if len(s.formats(k)) == 0 || !wanted(caps, k, offer) {
			continue
		}
		if err := s.stream(k).open(far); err != nil {
			s.log.Warn("no ports for video", "stream", k.String(), "err", err)
		}
	}
	return s.opened()
}

// wanted reports whether a stream of a kind needs ports. A bundled one has the audio's.
func wanted(caps sdp.Capabilities, k media.Kind, offer *sdp.Description) bool {
	if k == media.Video && len(caps.Video) == 0 || k == media.Content && len(caps.Content) == 0 {
		return false
	}
	if offer == nil {
		return (caps.ICE == sdp.ICENone || caps.Mux == sdp.MuxOff) && caps.Offers(k)
	}
	return offer.Has(k)
}

// opened are the streams with ports.
func (s *Session) opened() []*stream {
	var list []*stream
	for k := range s.streams {
		if t := s.streams[k].Load(); t != nil && t.port != 0 {
			list = append(list, t)
		}
	}
	return list
}

// transport is what our descriptions say of the sockets of the streams.
func (s *Session) transport(open []*stream, credits map[media.Kind]credentials) sdp.Transport {
	var tr sdp.Transport
	for _, t := range open {
		c, ok := credits[t.kind]
		if !ok {
			c = t.credits
		}
		own := t.transport(c)
		switch t.kind {
		case media.Audio: // the first
			tr = own
		case media.Video:
			tr.Video = &own
		case media.Content:
			tr.Content = &own
		}
	}
	s.floor.Load().describe(&tr)
	return tr
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
func (s *stream) open(far netip.Addr) error {
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
	s.tick()
	return nil
}

// transport is what our descriptions say of the stream's sockets.
func (s *stream) transport(c credentials) sdp.Transport {
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
		} else {
			s.in.mu.Lock()
			s.hellos.wanted = true
			s.in.mu.Unlock()
		}
	}
	if s.caps.Security == sdp.SDES || s.caps.Security == sdp.Opportunistic {
		tr.Crypto = s.crypto
	}
	return tr
}
