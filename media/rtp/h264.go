package rtp

import (
	"bytes"
	"encoding/binary"
	"errors"
)

// NAL unit types (ITU-T H.264 table 7-1) and packet types (RFC 6184 §5.2).
const (
	nalSlice     = 1
	nalIDR       = 5
	nalSEI       = 6
	nalSPS       = 7
	nalPPS       = 8
	nalDelimiter = 9
	packetSTAPA  = 24
	packetFUA    = 28
)

// What is wrong with an H.264 payload.
var (
	ErrH264     = errors.New("rtp: the H.264 payload is broken")
	ErrH264Mode = errors.New("rtp: the H.264 payload is of the interleaved mode, which was not agreed")
)

// H264Packetizer makes the payloads of one H.264 stream (RFC 6184).
type H264Packetizer struct {
	MTU int // octets of a payload; 1200 by default
	// Single is packetization mode 0: a NAL unit in each packet, and nothing else. A
	// unit that is larger than MTU then goes as it is and is left to IP to fragment.
	// Otherwise it is mode 1, with STAP-A for small units and FU-A for large ones.
	Single   bool
	payloads payloads
	units    [][]byte
}

// Packetize splits an access unit with start codes (Annex B) into payloads. The last
// one's packet has the marker. They are lent until the next call.
func (p *H264Packetizer) Packetize(unit []byte) [][]byte {
	p.units = p.units[:0]
	for b := range NALUnits(unit) {
		if b[0]&0x1f != nalDelimiter { // says nothing that the RTP timestamp does not
			p.units = append(p.units, b)
		}
	}
	room := mtu(p.MTU)
	p.payloads.begin(len(unit) + 3*len(p.units) + 2*(len(unit)/(room-2)+1) + 3)
	for i := 0; i < len(p.units); {
		switch n := p.small(i, room); {
		case !p.Single && n > 1:
			p.aggregate(p.units[i : i+n])
			i += n
		case !p.Single && len(p.units[i]) > room:
			p.fragment(p.units[i], room)
			i++
		default:
			p.payloads.open()
			p.payloads.add(p.units[i])
			i++
		}
	}
	return p.payloads.all()
}

// small is how many units from i on fit into one packet together.
func (p *H264Packetizer) small(i, room int) int {
	size := 1
	for n, b := range p.units[i:] {
		if size += 2 + len(b); size > room {
			return n
		}
	}
	return len(p.units) - i
}

// aggregate writes a STAP-A (§5.7.1). Its header has the most important unit's NRI.
func (p *H264Packetizer) aggregate(units [][]byte) {
	p.payloads.open()
	header := byte(0)
	for _, b := range units {
		header = max(header, b[0]&0x60)
	}
	p.payloads.buffer = append(p.payloads.buffer, header|packetSTAPA)
	for _, b := range units {
		p.payloads.buffer = binary.BigEndian.AppendUint16(p.payloads.buffer, uint16(len(b)))
		p.payloads.add(b)
	}
}

// fragment writes FU-A packets of about one size (§5.8).
func (p *H264Packetizer) fragment(b []byte, room int) {
	body := b[1:]
	count := (len(body) + room - 3) / (room - 2)
	for i := range count {
		p.payloads.open()
		mark := b[0]&0x1f | bit(i == 0, 0x80) | bit(i == count-1, 0x40)
		p.payloads.buffer = append(p.payloads.buffer, b[0]&0x60|packetFUA, mark)
		p.payloads.add(body[len(body)*i/count : len(body)*(i+1)/count])
	}
}

// NALUnits yields the NAL units between start codes (Annex B), without empty ones
// and without the zeros that may follow one.
func NALUnits(b []byte) func(yield func([]byte) bool) {
	return func(yield func([]byte) bool) {
		code := [3]byte{0, 0, 1}
		start := bytes.Index(b, code[:])
		for start >= 0 {
			b = b[start+len(code):]
			start = bytes.Index(b, code[:])
			nal := b
			if start >= 0 {
				nal = b[:start]
			}
			for len(nal) > 0 && nal[len(nal)-1] == 0 {
				nal = nal[:len(nal)-1]
			}
			if len(nal) > 0 && !yield(nal) {
				return
			}
		}
	}
}

// ParameterSets are the sequence and picture parameter sets in an access unit, for
// sprop-parameter-sets (RFC 6184 §8.1). They share its memory.
func ParameterSets(unit []byte) [][]byte {
	var sets [][]byte
	for b := range NALUnits(unit) {
		if t := b[0] & 0x1f; t == nalSPS || t == nalPPS {
			sets = append(sets, b)
		}
	}
	return sets
}

// h264Joiner puts the NAL units of one access unit together from its payloads.
type h264Joiner struct {
	fragment bool // a fragmented unit is open
	key      bool // an IDR slice was seen
	sets     bool // a sequence parameter set was seen
}

// join appends what a payload carries to dst, with start codes. On an error dst is
// without it, and the access unit is damaged.
func (j *h264Joiner) join(dst, payload []byte) ([]byte, error) {
	if len(payload) < 2 {
		j.fragment = false
		return dst, ErrH264
	}
	switch kind := payload[0] & 0x1f; {
	case kind >= 1 && kind < packetSTAPA:
		j.fragment = false
		return j.unit(dst, payload), nil
	case kind == packetSTAPA:
		j.fragment = false
		return j.aggregate(dst, payload[1:])
	case kind == packetFUA:
		return j.part(dst, payload)
	case kind == 0 || kind > 29:
		return dst, ErrH264
	}
	return dst, ErrH264Mode
}

func (j *h264Joiner) unit(dst, nal []byte) []byte {
	j.note(nal[0])
	dst = append(dst, 0, 0, 0, 1)
	return append(dst, nal...)
}

func (j *h264Joiner) note(header byte) {
	switch header & 0x1f {
	case nalIDR:
		j.key = true
	case nalSPS:
		j.sets = true
	}
}

func (j *h264Joiner) aggregate(dst, b []byte) ([]byte, error) {
	for len(b) > 0 {
		if len(b) < 2 {
			return dst, ErrH264
		}
		size := int(binary.BigEndian.Uint16(b))
		if b = b[2:]; size > len(b) {
			return dst, ErrH264
		}
		if size > 0 {
			dst = j.unit(dst, b[:size])
		}
		b = b[size:]
	}
	return dst, nil
}

func (j *h264Joiner) part(dst, payload []byte) ([]byte, error) {
	if len(payload) < 3 {
		return dst, ErrH264
	}
	mark := payload[1]
	if mark&0x80 != 0 {
		header := payload[0]&0x60 | mark&0x1f
		j.note(header)
		dst = append(dst, 0, 0, 0, 1, header)
	} else if !j.fragment {
		return dst, ErrH264 // its beginning is lost
	}
	j.fragment = mark&0x40 == 0
	return append(dst, payload[2:]...), nil
}

// h264Starts is the kind of the first NAL unit of a payload, and whether an access unit
// may begin with it: with a parameter set, a delimiter, an SEI, or a slice of the first
// macroblock, whose number is coded as a single one bit (first_mb_in_slice, ue(v)).
func h264Starts(payload []byte) (kind byte, starts bool) {
	if len(payload) < 2 {
		return 0, false
	}
	kind, rest := payload[0]&0x1f, payload[1:]
	switch kind {
	case packetSTAPA:
		if len(rest) < 4 {
			return 0, false
		}
		kind, rest = rest[2]&0x1f, rest[3:]
	case packetFUA:
		if len(rest) < 2 || rest[0]&0x80 == 0 {
			return 0, false
		}
		kind, rest = rest[0]&0x1f, rest[1:]
	}
	switch kind {
	case nalSlice, nalIDR:
		return kind, rest[0]&0x80 != 0
	case nalSEI, nalSPS, nalPPS, nalDelimiter:
		return kind, true
	}
	return kind, false
}
