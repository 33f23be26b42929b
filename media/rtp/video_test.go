package rtp

import (
	"bytes"
	"testing"
	"time"

	"github.com/pion/rtp/codecs"
)

var start = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

func TestTheLongestDescriptorIsReadAndWritten(t *testing.T) {
	b := golden(t, "vp8-descriptor.hex")
	var d VP8Descriptor
	rest, err := ParseVP8(b, &d)
	want := VP8Descriptor{
		NonReference: true, Start: true, HasPicture: true, Long: true, HasBase: true, Base: 255,
		HasTemporal: true, Temporal: 1, Sync: true, HasKey: true, Key: 5,
	}
	if err != nil || d != want || len(rest) != 3 {
		t.Errorf("%+v, %v, %d octets", d, err, len(rest))
	}
	if got := append(d.Append(nil), rest...); !bytes.Equal(got, b) {
		t.Errorf("% x", got)
	}
	for n := range len(b) - len(rest) {
		if _, err := ParseVP8(b[:n], &d); err == nil {
			t.Errorf("%d octets are enough", n)
		}
	}
}

func TestAnotherStackReadsOurVP8(t *testing.T) {
	p := VP8Packetizer{MTU: 300, Layers: true, Picture: 0x7fff}
	for n := range 3 {
		frame := bytes.Repeat([]byte{byte(n)}, 1000)
		payloads := p.Packetize(VP8Frame{Data: frame, Key: n == 0, Temporal: uint8(n % 2), Sync: n == 1})
		var joined []byte
		for i, payload := range payloads {
			if len(payload) > 300 {
				t.Errorf("%d octets", len(payload))
			}
			var v codecs.VP8Packet
			rest, err := v.Unmarshal(payload)
			if err != nil {
				t.Fatal(err)
			}
			joined = append(joined, rest...)
			if want := uint16(0x7fff+n) & 0x7fff; v.PictureID != want || v.X != 1 || v.TID != uint8(n%2) || (v.S == 1) != (i == 0) {
				t.Errorf("frame %d: %+v", n, v)
			}
		}
		if !bytes.Equal(joined, frame) {
			t.Error("another frame")
		}
	}
}

// accessUnit is one with parameter sets, a small unit and a slice of n octets.
func accessUnit(n int, key bool) []byte {
	slice := byte(0x41)
	var b []byte
	if key {
		slice = 0x65
		b = append(b, 0, 0, 0, 1, 0x67, 0x42, 0xc0, 0x1f, 0x8c, 0, 0, 0, 1, 0x68, 0xce, 0x3c, 0x80)
	}
	b = append(b, 0, 0, 0, 1, 0x06, 5, 1, 0xff, 0x80, 0, 0, 0, 1, slice, 0x88)
	for i := range n {
		b = append(b, byte(i%250)+1)
	}
	return b
}

func TestAnotherStackReadsOurH264(t *testing.T) {
	for _, size := range []int{10, 1000, 1197, 1198, 1199, 1200, 5000} {
		unit := accessUnit(size, true)
		p := H264Packetizer{}
		var v codecs.H264Packet
		var joined []byte
		for _, payload := range p.Packetize(unit) {
			if len(payload) > defaultMTU {
				t.Errorf("%d octets", len(payload))
			}
			b, err := v.Unmarshal(payload)
			if err != nil {
				t.Fatal(err)
			}
			joined = append(joined, b...)
		}
		if !bytes.Equal(joined, unit) {
			t.Errorf("size %d: another access unit", size)
		}
	}
}

func TestModeZeroHasOneUnitInEachPacket(t *testing.T) {
	p := H264Packetizer{Single: true}
	var kinds []byte
	for _, payload := range p.Packetize(accessUnit(2000, true)) {
		kinds = append(kinds, payload[0]&0x1f)
	}
	if !bytes.Equal(kinds, []byte{7, 8, 6, 5}) {
		t.Errorf("%v", kinds)
	}
}

func TestGoldenH264PayloadsAreRead(t *testing.T) {
	var j h264Joiner
	got, err := j.join(nil, golden(t, "h264-stap-a.hex"))
	if want := "\x00\x00\x00\x01\x67\x42\xc0\x1f\x8c\x8d\x40\x50\x00\x00\x00\x01\x68\xce\x3c\x80"; err != nil || string(got) != want {
		t.Errorf("% x, %v", got, err)
	}
	got, err = j.join(nil, golden(t, "h264-fu-a.hex"))
	if want := "\x00\x00\x00\x01\x65\x88\x84\x00\x10"; err != nil || string(got) != want || !j.key || !j.fragment {
		t.Errorf("% x, %v", got, err)
	}
	for name, want := range map[string]byte{"h264-stap-a.hex": nalSPS, "h264-fu-a.hex": nalIDR} {
		if kind, starts := h264Starts(golden(t, name)); kind != want || !starts {
			t.Errorf("%s begins with %d, %v", name, kind, starts)
		}
	}
}
