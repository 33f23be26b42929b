package rtp

import (
	"encoding/binary"
	"time"

	"tandem/media"
	"tandem/media/video"
)

const (
	pictureSlot  = 250 * time.Millisecond
	pictureSlots = 9 // two seconds, and the slot that fills
)

// Pictures tells from the packets of one video stream what its pictures are like,
// without decoding one. The zero value is ready; it has no lock.
type Pictures struct {
	width, height int
	slots         [pictureSlots]struct{ frames, octets int }
	at            int64 // the slot that fills, counted since the epoch
	since         int64 // the first slot there was
	timestamp     uint32
	began         bool
}

// Packet takes the packets in the order in which they pass. codec is "VP8" or "H264";
// of other formats the size is not found out.
func (p *Pictures) Packet(now time.Time, codec string, timestamp uint32, payload []byte) {
	p.turn(now)
	s := &p.slots[p.at%pictureSlots]
	s.octets += len(payload)
	if !p.began || timestamp != p.timestamp { // layers and fields of one picture share a timestamp
		s.frames++
	}
	p.began, p.timestamp = true, timestamp
	switch codec {
	case "VP8":
		p.vp8(payload)
	case "H264":
		p.h264(payload)
	}
}

// Figures adds what is known of the pictures.
func (p *Pictures) Figures(now time.Time, f *media.Figures) {
	if !p.began {
		return
	}
	p.turn(now)
	f.Width, f.Height = p.width, p.height
	frames, octets := 0, 0
	for i := range p.slots {
		if int64(i) != p.at%pictureSlots {
			frames += p.slots[i].frames
			octets += p.slots[i].octets
		}
	}
	full := min(p.at-p.since, pictureSlots-1)
	if full < 1 {
		return
	}
	seconds := (time.Duration(full) * pictureSlot).Seconds()
	f.FrameRate, f.Bitrate = float64(frames)/seconds, int(float64(octets)*8/seconds)
}

// turn empties the slots that have begun since the last look.
func (p *Pictures) turn(now time.Time) {
	at := now.UnixNano() / int64(pictureSlot)
	if p.at == 0 {
		p.at, p.since = at, at
	}
	for n := 0; p.at < at && n < pictureSlots; n++ {
		p.at++
		p.slots[p.at%pictureSlots] = struct{ frames, octets int }{}
	}
	p.at = max(p.at, at)
}

// vp8 looks for the header of a key frame (RFC 6386 §9.1).
func (p *Pictures) vp8(payload []byte) {
	var d VP8Descriptor
	b, err := ParseVP8(payload, &d)
	if err != nil || !d.Start || d.Partition != 0 || len(b) < 10 || b[0]&1 != 0 || b[3] != 0x9d || b[4] != 0x01 || b[5] != 0x2a {
		return
	}
	p.size(int(binary.LittleEndian.Uint16(b[6:])&0x3fff), int(binary.LittleEndian.Uint16(b[8:])&0x3fff))
}

// h264 looks for a sequence parameter set, alone or in an aggregate (RFC 6184 §5.7.1).
func (p *Pictures) h264(payload []byte) {
	if len(payload) == 0 {
		return
	}
	switch payload[0] & 0x1f {
	case nalSPS:
		p.parameters(payload)
	case packetSTAPA:
		for b := payload[1:]; len(b) > 2; {
			n := int(binary.BigEndian.Uint16(b))
			if n == 0 || n > len(b)-2 {
				return
			}
			if unit := b[2 : 2+n]; unit[0]&0x1f == nalSPS {
				p.parameters(unit)
			}
			b = b[2+n:]
		}
	}
}

func (p *Pictures) parameters(nal []byte) {
	if s, err := video.ParseSPS(nal); err == nil {
		p.size(s.Width, s.Height)
	}
}

func (p *Pictures) size(width, height int) {
	if width > 0 && height > 0 && width <= 1<<14 && height <= 1<<14 {
		p.width, p.height = width, height
	}
}
