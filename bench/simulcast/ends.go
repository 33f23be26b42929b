//go:build linux

package main

import (
	"net"
	"sync"
	"time"

	prtp "github.com/pion/rtp"
	"github.com/pion/srtp/v3"

	"tandem/media"
)

// session is the least that a bridge takes for a browser: three layers come, nothing goes
// there.
type session struct {
	sources []*source
	sinks   []media.Sink
}

var _ media.Session = (*session)(nil)

func (s *session) Sources() (list []media.Source) {
	for _, src := range s.sources {
		list = append(list, src)
	}
	return list
}

func (s *session) Sinks() []media.Sink      { return s.sinks }
func (s *session) Changed() <-chan struct{} { return nil }
func (s *session) Loop() media.Loop         { return idle{} }
func (s *session) Stats() media.Stats       { return media.Stats{} }
func (s *session) String() string           { return "bench" }

func (s *session) deliver(p *media.Packet) {
	if n := int(p.SSRC) - 1; n >= 0 && n < len(s.sources) {
		s.sources[n].deliver(p)
	}
}

// idle has nothing to do at a time.
type idle struct{}

func (idle) Every(time.Duration, func(time.Time)) (stop func()) { return func() {} }

type source struct {
	info media.StreamInfo
	mu   sync.Mutex // guards to
	to   media.Receiver
}

func (s *source) Info() media.StreamInfo { return s.info }
func (s *source) RequestKeyframe()       {}

func (s *source) Attach(r media.Receiver) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.to = r
}

func (s *source) deliver(p *media.Packet) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.to != nil {
		s.to.Receive(p)
	}
}

// meeting is a meeting that takes three layers.
type meeting struct{ session }

func (m *meeting) Roster() media.Roster { return media.Roster{Stage: media.Joined} }
func (m *meeting) Show([]media.View)    {}
func (m *meeting) Mute(bool, bool)      {}

// sink encrypts a layer and sends it.
type sink struct {
	info   media.StreamInfo
	to     *net.UDPConn
	keys   *srtp.Context
	header prtp.Header
	buf    []byte
}

func (k *sink) Info() media.StreamInfo   { return k.info }
func (k *sink) OnKeyframeRequest(func()) {}

func (k *sink) Write(p *media.Packet) {
	h := prtp.Header{
		Version: 2, PayloadType: p.PayloadType, Marker: p.Marker, SequenceNumber: p.Sequence, Timestamp: p.Timestamp, SSRC: p.SSRC,
	}
	n, err := h.MarshalTo(k.buf[:cap(k.buf)])
	if err != nil {
		return
	}
	b := append(k.buf[:n], p.Payload...)
	if b, err = k.keys.EncryptRTP(b, b, &k.header); err == nil {
		_, _ = k.to.Write(b)
	}
}

// ends are the two sessions of the bridge.
func ends() (*session, *meeting, error) {
	drain, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)}) // nobody reads it
	if err != nil {
		return nil, nil, err
	}
	out, err := net.DialUDP("udp4", nil, drain.LocalAddr().(*net.UDPAddr))
	if err != nil {
		return nil, nil, err
	}
	room, far := &session{}, &meeting{}
	for layer := range layers {
		keys, err := context()
		if err != nil {
			return nil, nil, err
		}
		info := media.StreamInfo{Kind: media.Video, Codec: "VP8", Clock: 90000, PayloadType: 96, Layer: layer}
		room.sources = append(room.sources, &source{info: info})
		far.sinks = append(far.sinks, &sink{info: info, to: out, keys: keys, buf: make([]byte, 0, 2048)})
	}
	return room, far, nil
}
