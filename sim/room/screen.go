package room

import (
	"image"
	"image/color"
	"slices"
	"time"

	"github.com/pion/rtp"

	"tandem/sim/h264"
	"tandem/sim/picture"
	"tandem/sim/vp8"
)

// decoder makes pictures of payloads.
type decoder interface {
	Decode(frame []byte, into *image.YCbCr) (*image.YCbCr, error)
	Close()
}

// screen shows the stream of one far end. A frame with a missing packet is not shown,
// nor what follows it until a keyframe.
type screen struct {
	counts   bool // pictures without decoding them
	codec    string
	dec      decoder
	ssrc     uint32
	next     uint16
	at       uint32 // timestamp of the frame at hand
	payloads [][]byte
	broken   bool // the frame at hand
	waiting  bool // for a keyframe
	lost     bool // somebody should ask for one
	img      *image.YCbCr
	askedAt  time.Time

	packets, gaps, octets int
	frames, keys, asked   int
	first, last           time.Time // shown pictures
	firstPacket           time.Time
	sizes                 []image.Point
	longest               time.Duration // without a new picture
	pace                  pace
}

func (s *screen) packet(now time.Time, codec string, p *rtp.Packet) {
	if s.codec != codec {
		s.open(codec)
	}
	if s.firstPacket.IsZero() {
		s.firstPacket = now
	}
	s.packets++
	s.octets += len(p.Payload)
	switch {
	case p.SSRC != s.ssrc:
		s.ssrc, s.payloads, s.broken = p.SSRC, nil, false
	case p.SequenceNumber != s.next:
		if int16(p.SequenceNumber-s.next) < 0 {
			return // late or twice
		}
		s.gaps += int(p.SequenceNumber - s.next)
		s.broken = true
	}
	if len(s.payloads) > 0 && p.Timestamp != s.at { // the marker was lost
		s.payloads, s.broken = nil, true
	}
	s.next, s.at = p.SequenceNumber+1, p.Timestamp
	s.payloads = append(s.payloads, p.Payload)
	if p.Marker {
		s.show(now)
		s.payloads, s.broken = nil, false
	}
}

func (s *screen) open(codec string) {
	s.close()
	s.codec, s.waiting = codec, true
	if codec == "VP8" {
		if d, err := vp8.NewDecoder(); err == nil {
			s.dec = d
		}
		return
	}
	if d, err := h264.NewDecoder(); err == nil {
		s.dec = d
	}
}

func (s *screen) close() {
	if s.dec != nil {
		s.dec.Close()
		s.dec = nil
	}
}

// frame puts the payloads at hand together.
func (s *screen) frame() (frame []byte, key bool, err error) {
	if s.codec == "H264" {
		frame, err = h264.Join(s.payloads)
		return frame, err == nil && h264.IsKey(frame), err
	}
	for _, p := range s.payloads {
		_, rest, err := vp8.ParseDescriptor(p)
		if err != nil {
			return nil, false, err
		}
		frame = append(frame, rest...)
	}
	h, ok := vp8.ParseHeader(frame)
	return frame, ok && h.Key, nil
}

func (s *screen) show(now time.Time) {
	frame, key, err := s.frame()
	if s.dec == nil || err != nil || s.broken || s.waiting && !key {
		s.waiting, s.lost = true, true
		return
	}
	if !s.counts {
		img, err := s.dec.Decode(frame, s.img)
		if err != nil {
			s.waiting, s.lost = true, true
			return
		}
		s.img = img
		s.size(img.Bounds().Size())
	}
	s.waiting = false
	s.pace.frame(now, s.at)
	if key {
		s.keys++
	}
	if s.first.IsZero() {
		s.first = now
	} else if d := now.Sub(s.last); d > s.longest {
		s.longest = d
	}
	s.last = now
	s.frames++
}

// size notes how large a picture is.
func (s *screen) size(size image.Point) {
	if len(s.sizes) == 0 || s.sizes[len(s.sizes)-1] != size {
		s.sizes = append(s.sizes, size)
	}
}

func (s *screen) still() *image.YCbCr {
	if s.img == nil {
		return nil
	}
	c := *s.img
	c.Y, c.Cb, c.Cr = slices.Clone(c.Y), slices.Clone(c.Cb), slices.Clone(c.Cr)
	return &c
}

// Report is what a room saw, and what it sent.
type Report struct {
	Codec      string        `json:"codec"` // "" when no video was agreed on
	Sent       int           `json:"sent"`  // pictures
	SentKbps   float64       `json:"sent_kbps"`
	AskedOfUs  int           `json:"asked_of_us"` // keyframes that the far end asked for
	Refreshed  int           `json:"refreshed"`   // of these by INFO
	Limit      int           `json:"limit"`       // bit/s that the far end takes
	Packets    int           `json:"packets"`
	Lost       int           `json:"lost"`
	Frames     int           `json:"frames"` // pictures shown
	Keyframes  int           `json:"keyframes"`
	Asked      int           `json:"asked"` // keyframes that we asked for
	FPS        float64       `json:"fps"`
	Kbps       float64       `json:"kbps"`
	FirstAfter time.Duration `json:"first_after"` // from the first packet to the first picture
	First      time.Time     `json:"first"`       // picture
	Longest    time.Duration `json:"longest"`     // without a new picture
	Sizes      []image.Point `json:"sizes"`       // in the order they came
	Average    color.RGBA    `json:"average"`     // of the last picture
	Common     color.RGBA    `json:"common"`      // its background
}

// Report is what was seen so far.
func (e *Eye) Report() Report {
	e.mu.Lock()
	defer e.mu.Unlock()
	s := &e.screen
	r := Report{
		Codec: e.codec, Sent: e.frames, AskedOfUs: e.askedOfUs, Refreshed: e.refreshed, Limit: e.limit,
		Packets: s.packets, Lost: s.gaps, Frames: s.frames, Keyframes: s.keys, Asked: s.asked, First: s.first,
		Longest: s.longest, Sizes: slices.Clone(s.sizes),
	}
	if e.refused || e.none {
		r.Codec = ""
	}
	if d := time.Since(e.started).Seconds(); d > 0 {
		r.SentKbps = float64(e.octets) * 8 / 1000 / d
	}
	if s.frames == 0 {
		return r
	}
	r.FirstAfter = s.first.Sub(s.firstPacket)
	if d := s.last.Sub(s.first).Seconds(); d > 0 {
		r.FPS, r.Kbps = float64(s.frames-1)/d, float64(s.octets)*8/1000/d
	}
	if s.img != nil {
		r.Average, r.Common = picture.Average(s.img), picture.Common(s.img)
	}
	return r
}
