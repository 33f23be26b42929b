package sdp

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"tandem/media"
)

// Answer answers an offer. Every m-line of the offer is answered in its place with
// its profile; one audio stream is accepted, the best protected one the leg's
// policy allows, and beside it at most one camera and one shared screen when caps has
// codecs for them. All others are rejected with port 0; so is video alone when it
// cannot be agreed on. An accepted stream lists one codec (and telephone-event) under
// the offer's payload types, so the far end has nothing to change to later: the one
// named prefer, which the other leg speaks, else the first of caps. The error is an [*Error]: 400 for a broken offer, 488 when
// nothing in it is acceptable.
func Answer(caps Capabilities, tr Transport, offer *Description, prefer string) (*Description, Agreed, error) {
	if offer == nil {
		return nil, Agreed{}, &Error{400, "there is no session description to answer"}
	}
	chosen, err := caps.chooseAll(tr, offer, prefer)
	if err != nil {
		return nil, Agreed{}, err
	}
	d := caps.describe(tr)
	var agreed Agreed
	var mids []string
	lite := false
	for i := range offer.Media {
		s, a := section{offer, &offer.Media[i]}, chosen[i]
		if a == nil {
			d.Media = append(d.Media, s.reject())
			continue
		}
		d.Media = append(d.Media, a.answer(s, a.transport))
		agreed.Streams = append(agreed.Streams, a.Stream)
		if a.Bundled && (a.Kind == media.Audio || a.Shared) {
			mids = append(mids, a.MID)
		}
		lite = lite || a.ICE != nil && caps.ICE == ICELite
	}
	agreed.Floor = caps.answerFloor(tr, offer, d, &agreed)
	d.sessionAttributes(mids, lite)
	d.follow(caps.Last)
	return d, agreed, nil
}

// Answerable says whether [Answer] would find anything to accept; the error is its.
func Answerable(caps Capabilities, tr Transport, offer *Description) error {
	_, err := caps.choose(tr, offer, "")
	return err
}

// chooseAll is what is accepted, by the index of its m-line.
func (caps Capabilities) chooseAll(tr Transport, offer *Description, prefer string) (map[int]*accepted, error) {
	audio, err := caps.choose(tr, offer, prefer)
	if audio == nil || err != nil {
		return nil, err
	}
	chosen := map[int]*accepted{audio.Index: audio}
	kinds := offer.kinds()
	for _, k := range []media.Kind{media.Video, media.Content} {
		if a := caps.chooseVideo(tr, offer, audio, kinds, k); a != nil {
			chosen[a.Index] = a
		}
	}
	return chosen, nil
}

// accepted is a stream we answer, with what its m-line is written from.
type accepted struct {
	Stream
	encoding, eventEncoding string
	rtcpPort                uint16
	transport               Transport // its ports
	bitrate                 int       // that we ask for, bit/s
}

// choose evaluates every m-line and takes the best; nil without an error when a
// re-offer ends all streams.
func (caps Capabilities) choose(tr Transport, offer *Description, prefer string) (*accepted, error) {
	var best *accepted
	var refusal *Error
	offered := false
	for i := range offer.Media {
		if offer.Media[i].Port == 0 {
			continue
		}
		offered = true
		a, err := caps.consider(tr, section{offer, &offer.Media[i]}, i, prefer)
		if err != nil {
			if refusal == nil || offer.Media[i].Kind == "audio" { // what a person would want to know
				refusal = err
			}
			continue
		}
		if best == nil || caps.rank(a) > caps.rank(best) {
			best = a
		}
	}
	if best != nil || !offered && caps.Last != nil {
		return best, nil
	}
	if refusal == nil {
		refusal = &Error{488, "the offer has no media stream in use"}
	}
	return nil, refusal
}

// rank prefers the stream that is already in use, then the better protection.
func (caps Capabilities) rank(a *accepted) int {
	r := [...]int{Plain: 0, SDES: 1, DTLS: 2}[a.Security]
	if l := caps.Last; l != nil && a.Index < len(l.Media) && l.Media[a.Index].Port != 0 {
		r += 10
	}
	return r
}

// consider says how we would answer one m-line, or why not.
func (caps Capabilities) consider(tr Transport, s section, index int, prefer string) (*accepted, *Error) {
	p, ok := parseProfile(s.m.Profile)
	if s.m.Kind != "audio" || !ok {
		return nil, &Error{488, fmt.Sprintf("a stream of %s over %s is not supported here", shorten(s.m.Kind), shorten(s.m.Profile))}
	}
	a := &accepted{Stream: Stream{Kind: media.Audio, Index: index, MID: s.mid(), Feedback: p.feedback}, transport: tr}
	if err := caps.considerPath(s, p, a, tr); err != nil {
		return nil, err
	}
	if err := caps.answerCodec(s, a, prefer); err != nil {
		return nil, err
	}
	return a, nil
}

// considerPath fills in how the stream would travel.
func (caps Capabilities) considerPath(s section, p profile, a *accepted, tr Transport) *Error {
	if err := s.checkAddress(); err != nil {
		return err
	}
	if !s.secureAnswer(caps.Security, p, tr, &a.Stream) {
		return &Error{488, fmt.Sprintf("the offer's protection (%s) does not meet this leg's policy (%s)", shorten(s.m.Profile), caps.Security)}
	}
	_, muxed := s.value("rtcp-mux")
	if a.Mux = muxed && caps.Mux != MuxOff; !a.Mux && caps.Mux == MuxRequire {
		return &Error{488, "the offer does not let RTP and RTCP share a port (rtcp-mux), which this leg needs"}
	}
	caps.answerICE(tr, s, &a.Stream)
	a.Bundled = s.bundled(a.MID)
	theirs := s.direction()
	a.Direction, a.Held = both(theirs, caps.Direction), !theirs.Receives()
	a.rtcpPort = caps.rtcpPort(tr)
	s.destination(&a.Stream)
	return nil
}

func (s section) checkAddress() *Error {
	c := s.connection()
	if c.Address == "" {
		return &Error{400, "the offer has no c= line for its audio stream"}
	}
	if c.IP().IsMulticast() {
		return &Error{488, "media to a multicast address is not supported here"}
	}
	return nil
}

func (caps Capabilities) answerCodec(s section, a *accepted, prefer string) *Error {
	offered := s.m.formats()
	list := common(caps.Audio, offered)
	if len(list) == 0 {
		return &Error{488, "the offer has no audio codec this gateway knows: " + shorten(names(offered))}
	}
	put(list, prefer)
	for _, m := range list {
		c := m.theirs.Codec
		c.Channels = m.ours.Channels
		a.Codecs = append(a.Codecs, c)
	}
	a.Send = a.Codecs[0]
	a.Recv = a.Send
	a.Recv.FMTP = list[0].ours.FMTP
	a.encoding = list[0].theirs.encoding
	if e, ok := eventFor(a.Send.Clock, offered); ok && len(caps.Events) > 0 {
		a.SendEvent, a.RecvEvent, a.eventEncoding = e.event(), e.event(), e.encoding
	}
	a.SendPTime = s.packet(a.Send.Name, caps.ptime())
	a.RecvPTime = a.SendPTime
	return nil
}

func names(list []format) string {
	var s []string
	for _, f := range list {
		s = append(s, f.Name)
	}
	return strings.Join(s, " ")
}

func (caps Capabilities) answerICE(tr Transport, s section, st *Stream) {
	if caps.ICE == ICENone || tr.Ufrag == "" {
		return
	}
	ice := s.ice()
	if ice == nil {
		return
	}
	if st.Mismatch = s.mismatch(ice); !st.Mismatch {
		st.ICE = ice
	}
}

// reject answers an m-line with port 0 (RFC 3264 §6).
func (s section) reject() Media {
	m := Media{Kind: s.m.Kind, Profile: s.m.Profile, Formats: s.m.Formats}
	if len(m.Formats) == 0 {
		m.Formats = []string{"0"}
	}
	if mid := s.mid(); mid != "" {
		m.add("mid", mid)
	}
	return m
}

// answer writes the m-line of an accepted stream.
func (a *accepted) answer(s section, tr Transport) Media {
	m := Media{Kind: s.m.Kind, Port: tr.Port, Profile: s.m.Profile}
	m.addFormat(a.Recv.PayloadType, a.encoding, a.Recv.FMTP)
	if a.RecvEvent.Clock != 0 {
		m.addFormat(a.RecvEvent.PayloadType, a.eventEncoding, events)
	}
	if a.Kind == media.Audio {
		m.add("ptime", milliseconds(a.RecvPTime))
	} else {
		a.answerVideo(s, &m)
	}
	m.add(a.Direction.String(), "")
	if a.MID != "" {
		m.add("mid", a.MID)
	}
	if !a.Mux && a.rtcpPort != tr.Port+1 {
		m.add("rtcp", strconv.Itoa(int(a.rtcpPort)))
	}
	if a.Mux {
		m.add("rtcp-mux", "")
	}
	if a.ICE != nil && !a.Mux {
		// ICE has one path of ours, RTP's. RFC 3556 §2 says that there is no RTCP.
		m.Bandwidth = append(m.Bandwidth, "RS:0", "RR:0")
	}
	a.protect(&m, tr)
	return m
}

func (a *accepted) protect(m *Media, tr Transport) {
	switch {
	case a.ICE != nil:
		m.addICE(tr)
	case a.Mismatch:
		m.add("ice-mismatch", "")
	}
	switch a.Security {
	case DTLS:
		m.addDTLS(tr, a.DTLS.Role)
	case SDES:
		m.add("crypto", Crypto{a.Keys.Tag, a.Keys.Suite, a.Keys.Local}.value())
	}
}

func (m *Media) addICE(tr Transport) {
	m.add("ice-ufrag", tr.Ufrag)
	m.add("ice-pwd", tr.Password)
	for _, c := range tr.Candidates {
		m.add("candidate", c.String())
	}
}

func (m *Media) addDTLS(tr Transport, role Role) {
	for _, f := range tr.Fingerprints {
		m.add("fingerprint", f.Hash+" "+f.Value)
	}
	m.add("setup", role.String())
}

func milliseconds(d time.Duration) string {
	return strconv.FormatInt(d.Milliseconds(), 10)
}

// describe is a description of ours without media.
func (caps Capabilities) describe(tr Transport) *Description {
	o := caps.Origin
	o.Version = or(o.Version, "1")
	o.Session = or(o.Session, o.Version)
	if o.Address == "" && tr.Address.IsValid() {
		o.Address = tr.Address.String()
	}
	d := &Description{Origin: o, Name: caps.Name, Connection: Connection{"0.0.0.0"}}
	if tr.Address.IsValid() {
		d.Connection.Address = tr.Address.Unmap().String()
	}
	return d
}

func (d *Description) sessionAttributes(bundle []string, lite bool) {
	if len(bundle) > 0 {
		d.Attributes = append(d.Attributes, Attribute{"group", "BUNDLE " + strings.Join(bundle, " ")})
	}
	if lite {
		d.Attributes = append(d.Attributes, Attribute{"ice-lite", ""})
	}
}

func (caps Capabilities) ptime() time.Duration {
	if caps.PTime <= 0 {
		return 20 * time.Millisecond
	}
	return caps.PTime
}

func (caps Capabilities) rtcpPort(tr Transport) uint16 {
	switch {
	case tr.RTCPPort != 0:
		return tr.RTCPPort
	case caps.Mux == MuxRequire:
		return tr.Port
	}
	return tr.Port + 1
}
