package bfcp

import (
	"bytes"
	"encoding/binary"
	"time"
)

const (
	fragmentFlag   = 0x08
	fragmentHeader = headerSize + 4 // with offset and length of the fragment (RFC 8855 §5.1)
	// A message whose rest does not come within this is forgotten: whoever sends it gives
	// up, too (RFC 8855 §8.3.1).
	assembleWithin = 8 * time.Second
)

// fragments puts one message together that came in several datagrams (RFC 8855 §6.2.4), in
// any order and as often as they like. A fragment of another message ends it: a participant
// has one request under way.
type fragments struct {
	began   time.Time
	header  [headerSize]byte
	payload []byte
	have    []bool // of the payload's units of four octets
	missing int
}

// fragmented reports whether b is a part of a message.
func fragmented(b []byte) bool { return len(b) > 0 && b[0]&fragmentFlag != 0 }

// add takes a fragment and returns the message when it is whole.
func (f *fragments) add(now time.Time, b []byte) []byte {
	if len(b) < fragmentHeader {
		return nil
	}
	var header [headerSize]byte
	copy(header[:], b)
	header[0] &^= fragmentFlag
	total := int(binary.BigEndian.Uint16(b[2:]))
	offset, n := int(binary.BigEndian.Uint16(b[12:])), int(binary.BigEndian.Uint16(b[14:]))
	if n == 0 || offset+n > total || headerSize+4*total > MaxSize || len(b) != fragmentHeader+4*n {
		return nil
	}
	if header != f.header || f.payload == nil || now.Sub(f.began) > assembleWithin {
		*f = fragments{began: now, header: header, payload: make([]byte, 4*total), have: make([]bool, total), missing: total}
	}
	copy(f.payload[4*offset:], b[fragmentHeader:])
	for i := offset; i < offset+n; i++ {
		if !f.have[i] {
			f.have[i] = true
			f.missing--
		}
	}
	if f.missing > 0 {
		return nil
	}
	whole := bytes.Join([][]byte{f.header[:], f.payload}, nil)
	*f = fragments{}
	return whole
}
