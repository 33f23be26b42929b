package bfcp

import (
	"encoding/binary"
	"path/filepath"
	"slices"
	"testing"
	"time"
)

// cut makes fragments of a message, of at most n units of four octets each.
func cut(b []byte, n int) (parts [][]byte) {
	for at := 0; at < (len(b)-headerSize)/4; at += n {
		units := min(n, (len(b)-headerSize)/4-at)
		p := slices.Clone(b[:headerSize])
		p[0] |= fragmentFlag
		p = binary.BigEndian.AppendUint16(p, uint16(at))
		p = binary.BigEndian.AppendUint16(p, uint16(units))
		parts = append(parts, append(p, b[headerSize+4*at:headerSize+4*(at+units)]...))
	}
	return parts
}

// long is a floor request with more attributes than one unit.
func long(transaction uint16) []byte {
	b := ask(FloorRequest, transaction).Append(nil)
	b = appendAttribute(b, 8, []byte("Slides of the board meeting")...) // PARTICIPANT-PROVIDED-INFO
	binary.BigEndian.PutUint16(b[2:], uint16((len(b)-headerSize)/4))
	return b
}

func TestAMessageInFragmentsIsServedAsOne(t *testing.T) {
	parts := cut(long(7), 2)
	if len(parts) < 4 {
		t.Fatalf("%d fragments", len(parts))
	}
	for name, order := range map[string]func([][]byte){
		"in order":  func([][]byte) {},
		"backwards": slices.Reverse[[][]byte],
	} {
		s := newServer()
		list := slices.Clone(parts)
		order(list)
		var out [][]byte
		for i, p := range append(list[:1:1], list...) { // the first one comes twice
			if out = s.Receive(start, p); len(out) > 0 && i < len(list) {
				t.Fatalf("%s: an answer after %d of %d", name, i, len(list))
			}
		}
		if len(out) != 2 || !s.Holds() {
			t.Fatalf("%s: %d messages, holds %v", name, len(out), s.Holds())
		}
		if m := parse(t, out[0]); m.Primitive != FloorRequestStatus || m.Status != Granted || m.Transaction != 7 {
			t.Errorf("%s: %+v", name, m)
		}
	}
	golden(t, "fragments", parts)
}

func TestFragmentsThatDoNotFitTogether(t *testing.T) {
	one, other := cut(long(7), 2), cut(long(8), 2)
	change := func(at int, v uint16) []byte {
		b := slices.Clone(one[0])
		binary.BigEndian.PutUint16(b[at:], v)
		return b
	}
	for name, list := range map[string][][]byte{
		"one is missing":          one[:len(one)-1],
		"of two messages":         append(slices.Clone(one[:len(one)-1]), other[len(other)-1]),
		"more than there is":      {change(12, 0x7fff)},
		"longer than the message": {change(14, 0x0fff)},
		"a message too long":      {change(2, 0xffff)},
		"nothing in it":           {change(14, 0)},
		"cut off":                 {one[0][:fragmentHeader-1]},
	} {
		s := newServer()
		for _, b := range list {
			if out := s.Receive(start, b); out != nil {
				t.Errorf("%s: %d answers", name, len(out))
			}
		}
	}
	s := newServer()
	for i, b := range one {
		now := start
		if i == len(one)-1 {
			now = now.Add(assembleWithin + time.Second)
		}
		if out := s.Receive(now, b); out != nil {
			t.Error("an old beginning is part of a message")
		}
	}
	s.Reliable = true
	for _, b := range one {
		if out := s.Receive(start, b); out != nil {
			t.Error("a fragment over TCP")
		}
	}
}

func FuzzFragments(f *testing.F) {
	for _, b := range readHex(f, filepath.Join("testdata", "fragments.hex")) {
		f.Add(b, b)
	}
	f.Fuzz(func(t *testing.T, a, b []byte) {
		var all fragments
		for _, p := range [][]byte{a, b, a} {
			if !fragmented(p) {
				continue
			}
			if whole := all.add(start, p); whole != nil && (len(whole) > MaxSize || Size(whole) != len(whole) || fragmented(whole)) {
				t.Fatalf("%x", whole)
			}
		}
	})
}
