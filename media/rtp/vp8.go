package rtp

import (
	"encoding/binary"
	"errors"
)

// ErrVP8 says that a payload has no whole VP8 payload descriptor.
var ErrVP8 = errors.New("rtp: the VP8 payload descriptor is cut off")

// VP8Descriptor is what stands before the VP8 octets of a packet (RFC 7741 §4.2).
type VP8Descriptor struct {
	NonReference bool  // N: no later frame needs this one
	Start        bool  // S: a partition begins with this packet
	Partition    uint8 // PID

	HasPicture bool
	Picture    uint16 // 15 or 7 bits
	Long       bool   // of 15 bits

	HasBase bool
	Base    uint8 // TL0PICIDX: which base-layer frame this one follows

	HasTemporal bool
	Temporal    uint8 // TID
	Sync        bool  // Y: needs the base layer only

	HasKey bool
	Key    uint8 // KEYIDX, 5 bits
}

// ParseVP8 reads the descriptor of a payload and returns the VP8 octets after it.
func ParseVP8(payload []byte, d *VP8Descriptor) ([]byte, error) {
	*d = VP8Descriptor{}
	if len(payload) < 1 {
		return nil, ErrVP8
	}
	first, rest := payload[0], payload[1:]
	d.NonReference, d.Start, d.Partition = first&0x20 != 0, first&0x10 != 0, first&7
	if first&0x80 == 0 {
		return rest, nil
	}
	if len(rest) < 1 {
		return nil, ErrVP8
	}
	which, rest := rest[0], rest[1:]
	var ok bool
	if which&0x80 != 0 {
		if rest, ok = d.parsePicture(rest); !ok {
			return nil, ErrVP8
		}
	}
	if which&0x40 != 0 {
		if len(rest) < 1 {
			return nil, ErrVP8
		}
		d.HasBase, d.Base, rest = true, rest[0], rest[1:]
	}
	if which&0x30 != 0 {
		if len(rest) < 1 {
			return nil, ErrVP8
		}
		if d.HasTemporal = which&0x20 != 0; d.HasTemporal {
			d.Temporal, d.Sync = rest[0]>>6, rest[0]&0x20 != 0
		}
		if d.HasKey = which&0x10 != 0; d.HasKey {
			d.Key = rest[0] & 0x1f
		}
		rest = rest[1:]
	}
	return rest, nil
}

func (d *VP8Descriptor) parsePicture(b []byte) ([]byte, bool) {
	if len(b) < 1 {
		return nil, false
	}
	d.HasPicture = true
	if b[0]&0x80 == 0 {
		d.Picture = uint16(b[0])
		return b[1:], true
	}
	if len(b) < 2 {
		return nil, false
	}
	d.Long, d.Picture = true, binary.BigEndian.Uint16(b)&0x7fff
	return b[2:], true
}

// Append writes the descriptor.
func (d *VP8Descriptor) Append(dst []byte) []byte {
	first := d.Partition & 7
	first |= bit(d.NonReference, 0x20) | bit(d.Start, 0x10)
	which := bit(d.HasPicture, 0x80) | bit(d.HasBase, 0x40) | bit(d.HasTemporal, 0x20) | bit(d.HasKey, 0x10)
	if which == 0 {
		return append(dst, first)
	}
	dst = append(dst, first|0x80, which)
	switch {
	case d.HasPicture && d.Long:
		dst = binary.BigEndian.AppendUint16(dst, d.Picture|0x8000)
	case d.HasPicture:
		dst = append(dst, byte(d.Picture&0x7f))
	}
	if d.HasBase {
		dst = append(dst, d.Base)
	}
	if d.HasTemporal || d.HasKey {
		dst = append(dst, d.Temporal<<6|bit(d.Sync, 0x20)|d.Key&0x1f)
	}
	return dst
}

func bit(set bool, value byte) byte {
	if set {
		return value
	}
	return 0
}

// VP8Frame is one coded frame to be sent.
type VP8Frame struct {
	Data         []byte
	Key          bool
	NonReference bool  // no later frame needs this one
	Temporal     uint8 // temporal layer
	Sync         bool  // needs the base layer only
}

// VP8Packetizer makes the payloads of one VP8 stream. It always writes a picture id
// of 15 bits, also when it is 0: a receiver that misses one waits for a keyframe.
type VP8Packetizer struct {
	MTU      int    // octets of a payload; 1200 by default
	Layers   bool   // write TL0PICIDX, TID and KEYIDX, too
	Picture  uint16 // picture id of the next frame; begin anywhere
	base     uint8
	key      uint8
	payloads payloads
}

// Packetize splits a frame into payloads of about one size. The last one's packet
// has the marker. They are lent until the next call.
func (p *VP8Packetizer) Packetize(f VP8Frame) [][]byte {
	if f.Key {
		p.key++
	}
	if f.Temporal == 0 {
		p.base++
	}
	d := VP8Descriptor{
		NonReference: f.NonReference, Start: true, HasPicture: true, Long: true, Picture: p.Picture & 0x7fff,
	}
	if p.Layers {
		d.HasBase, d.Base, d.HasTemporal, d.Temporal, d.Sync = true, p.base, true, f.Temporal, f.Sync
		d.HasKey, d.Key = true, p.key&0x1f
	}
	p.Picture = (p.Picture + 1) & 0x7fff
	const longest = 6
	room := mtu(p.MTU) - longest
	count := max((len(f.Data)+room-1)/room, 1)
	p.payloads.begin(len(f.Data) + count*longest)
	for i := range count {
		p.payloads.open()
		p.payloads.buffer = d.Append(p.payloads.buffer)
		p.payloads.add(f.Data[len(f.Data)*i/count : len(f.Data)*(i+1)/count])
		d.Start = false
	}
	return p.payloads.all()
}

const (
	defaultMTU = 1200
	minMTU     = 100
)

func mtu(n int) int {
	if n == 0 {
		return defaultMTU
	}
	return max(n, minMTU)
}

// payloads collects the payloads of a frame in one buffer that is used again.
type payloads struct {
	buffer []byte
	starts []int
	list   [][]byte
}

// begin empties it and makes room: the buffer must not move until all is called.
func (p *payloads) begin(room int) {
	if cap(p.buffer) < room {
		p.buffer = make([]byte, 0, 2*room)
	}
	p.buffer, p.starts = p.buffer[:0], p.starts[:0]
}

func (p *payloads) open() { p.starts = append(p.starts, len(p.buffer)) }

func (p *payloads) add(b ...[]byte) {
	for _, part := range b {
		p.buffer = append(p.buffer, part...)
	}
}

func (p *payloads) all() [][]byte {
	p.list = p.list[:0]
	for i, start := range p.starts {
		end := len(p.buffer)
		if i+1 < len(p.starts) {
			end = p.starts[i+1]
		}
		p.list = append(p.list, p.buffer[start:end:end])
	}
	return p.list
}
