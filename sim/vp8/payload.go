package vp8

import "errors"

// Header is the beginning of a frame (RFC 6386 section 9.1).
type Header struct {
	Key           bool
	Width, Height int // of keyframes
}

// ParseHeader reads the frame tag; false means that it is none.
func ParseHeader(frame []byte) (Header, bool) {
	if len(frame) < 3 {
		return Header{}, false
	}
	if frame[0]&1 != 0 {
		return Header{}, true
	}
	if len(frame) < 10 || frame[3] != 0x9d || frame[4] != 0x01 || frame[5] != 0x2a {
		return Header{}, false
	}
	w := int(frame[6]) | int(frame[7]&0x3f)<<8
	h := int(frame[8]) | int(frame[9]&0x3f)<<8
	return Header{Key: true, Width: w, Height: h}, w > 0 && h > 0
}

// Descriptor is the VP8 payload descriptor (RFC 7741 section 4.2).
type Descriptor struct {
	Start     bool // S
	Partition uint8
	Droppable bool // N: nothing refers to this frame
	PictureID int  // -1: none
	Wide      bool // the picture id has 15 bits
	TL0PicIdx int  // -1: none
	TID       int  // -1: none
	Sync      bool // Y: refers to base frames only
	KeyIdx    int  // -1: none
}

// maxDescriptor is the longest descriptor this package writes.
const maxDescriptor = 6

var errDescriptor = errors.New("the VP8 payload descriptor is cut off")

// ParseDescriptor reads the descriptor of a packet's payload and returns the
// rest.
func ParseDescriptor(b []byte) (Descriptor, []byte, error) {
	d := Descriptor{PictureID: -1, TL0PicIdx: -1, TID: -1, KeyIdx: -1}
	if len(b) < 1 {
		return d, nil, errDescriptor
	}
	first := b[0]
	d.Start, d.Partition, d.Droppable = first&0x10 != 0, first&0x07, first&0x20 != 0
	b = b[1:]
	if first&0x80 == 0 {
		return d, b, nil
	}
	if len(b) < 1 {
		return d, nil, errDescriptor
	}
	ext := b[0]
	b = b[1:]
	if ext&0x80 != 0 {
		var err error
		if b, err = d.pictureID(b); err != nil {
			return d, nil, err
		}
	}
	if ext&0x40 != 0 {
		if len(b) < 1 {
			return d, nil, errDescriptor
		}
		d.TL0PicIdx, b = int(b[0]), b[1:]
	}
	if ext&0x30 == 0 {
		return d, b, nil
	}
	if len(b) < 1 {
		return d, nil, errDescriptor
	}
	if ext&0x20 != 0 {
		d.TID, d.Sync = int(b[0]>>6), b[0]&0x20 != 0
	}
	if ext&0x10 != 0 {
		d.KeyIdx = int(b[0] & 0x1f)
	}
	return d, b[1:], nil
}

func (d *Descriptor) pictureID(b []byte) ([]byte, error) {
	if len(b) < 1 {
		return nil, errDescriptor
	}
	if b[0]&0x80 == 0 {
		d.PictureID = int(b[0])
		return b[1:], nil
	}
	if len(b) < 2 {
		return nil, errDescriptor
	}
	d.PictureID, d.Wide = int(b[0]&0x7f)<<8|int(b[1]), true
	return b[2:], nil
}

// Append writes the descriptor: always with a picture id of 15 bits, with
// TL0PICIDX and TID when d has them.
func (d Descriptor) Append(b []byte) []byte {
	first := byte(0x80) | d.Partition&0x07
	if d.Start {
		first |= 0x10
	}
	if d.Droppable {
		first |= 0x20
	}
	layers := d.TID >= 0
	ext := byte(0x80)
	if layers {
		ext |= 0x60
	}
	b = append(b, first, ext, 0x80|byte(d.PictureID>>8), byte(d.PictureID))
	if !layers {
		return b
	}
	last := byte(d.TID) << 6
	if d.Sync {
		last |= 0x20
	}
	return append(b, byte(d.TL0PicIdx), last)
}

// Split cuts a frame into payloads of at most size octets each, with d as the
// descriptor of all (Start is set on the first only).
func Split(frame []byte, d Descriptor, size int) [][]byte {
	room := size - maxDescriptor
	count := (len(frame) + room - 1) / room
	out := make([][]byte, 0, count)
	for i := range count {
		// Equal parts: a tiny last packet costs as much as a full one.
		part := frame[len(frame)*i/count : len(frame)*(i+1)/count]
		d.Start = i == 0
		out = append(out, append(d.Append(make([]byte, 0, maxDescriptor+len(part))), part...))
	}
	return out
}
