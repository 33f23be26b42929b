package rtp

import (
	"bytes"
	"encoding/hex"
	"errors"
	"os"
	"strings"
	"testing"
)

// golden reads the hex of a testdata file; lines with # are comments.
func golden(t testing.TB, name string) []byte {
	t.Helper()
	b, err := os.ReadFile("testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	var digits strings.Builder
	for line := range strings.Lines(string(b)) {
		line, _, _ = strings.Cut(line, "#")
		digits.WriteString(strings.Join(strings.Fields(line), ""))
	}
	out, err := hex.DecodeString(digits.String())
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return out
}

func TestParseReadsEveryPartOfAHeader(t *testing.T) {
	b := golden(t, "rtp-everything.hex")
	var h Header
	payload, err := Parse(b, &h)
	if err != nil {
		t.Fatal(err)
	}
	if !h.Marker || h.PayloadType != 111 || h.Sequence != 0x1234 || h.Timestamp != 0xdecafbad || h.SSRC != 0xcafebabe {
		t.Errorf("%+v", h)
	}
	if !bytes.Equal(h.CSRC, []byte{0, 0, 0, 1, 0, 0, 0, 2}) || h.Profile != 0xbede || len(h.Extension) != 4 {
		t.Errorf("CSRC % x, profile %#x, extension % x", h.CSRC, h.Profile, h.Extension)
	}
	if string(payload) != "voice" {
		t.Errorf("payload %q", payload)
	}
	again := append(h.Append(nil), payload...)
	again[0] |= 0x20
	if again = append(again, 0, 0, 3); !bytes.Equal(again, b) {
		t.Errorf("written again\n% x, read\n% x", again, b)
	}
}

func TestBrokenHeadersAreRefused(t *testing.T) {
	fixed := "8000000100000002 00000003"
	for _, c := range []struct {
		name, packet string
		want         error
	}{
		{"nothing", "", ErrShort},
		{"11 octets", "80000001000000020000", ErrShort},
		{"version 1", "4000000100000002 00000003", ErrVersion},
		{"version 3", "c000000100000002 00000003", ErrVersion},
		{"15 CSRCs and 4 octets", "8f00000100000002 00000003 00000004", ErrShort},
		{"extension without a length", "9000000100000002 00000003 bede", ErrExtension},
		{"extension too long", "9000000100000002 00000003 bedeffff 00000000", ErrExtension},
		{"padding of 0", "a000000100000002 00000003 aabb00", ErrPadding},
		{"padding longer than the payload", "a000000100000002 00000003 aabb04", ErrPadding},
		{"padding without a payload", "a000000100000002 00000003", ErrPadding},
		{"no payload", fixed, nil},
		{"all padding", "a000000100000002 00000003 00000004", nil},
	} {
		b, err := hex.DecodeString(strings.ReplaceAll(c.packet, " ", ""))
		if err != nil {
			t.Fatal(err)
		}
		var h Header
		if _, err := Parse(b, &h); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", c.name, err, c.want)
		}
	}
}

func TestRTCPIsToldFromRTP(t *testing.T) {
	for _, c := range []struct {
		second byte
		want   bool
	}{{0, false}, {111, false}, {128 + 111, false}, {191, false}, {192, true}, {200, true}, {207, true}, {223, true}, {224, false}} {
		if got := IsRTCP([]byte{0x80, c.second}); got != c.want {
			t.Errorf("%d: %t", c.second, got)
		}
	}
	if IsRTCP([]byte{0x80}) {
		t.Error("one octet")
	}
}

func TestUnwrapFollowsWrapAroundAndReordering(t *testing.T) {
	var s Sequence
	for _, c := range []struct {
		in   uint16
		want int64
	}{{65534, 65534}, {65535, 65535}, {0, 65536}, {65533, 65533}, {2, 65538}, {1, 65537}, {32000, 65536 + 32000}} {
		if got := s.Unwrap(c.in); got != c.want {
			t.Errorf("sequence %d: %d, want %d", c.in, got, c.want)
		}
	}
	var l Timeline
	for _, c := range []struct {
		in   uint32
		want int64
	}{{0xffffff00, 0xffffff00}, {0x100, 0x100000100}, {0xffffffff, 0xffffffff}, {0x200, 0x100000200}} {
		if got := l.Unwrap(c.in); got != c.want {
			t.Errorf("timestamp %#x: %#x, want %#x", c.in, got, c.want)
		}
	}
}

func TestDuplicatesAreSeen(t *testing.T) {
	var d Duplicates
	for i, c := range []struct {
		ssrc uint32
		seq  uint16
		want bool
	}{
		{1, 65535, false},
		{1, 65535, true},
		{1, 0, false},
		{1, 65535, true},
		{1, 3, false},
		{1, 2, false},
		{1, 2, true},
		{1, 70, false},
		{1, 3, true}, // older than the window
		{1, 69, false},
		{2, 70, false}, // another stream
		{2, 70, true},
		{2, 20000, false}, // it starts afresh
		{2, 70, false},
		{2, 71, false},
	} {
		if got := d.Seen(c.ssrc, c.seq); got != c.want {
			t.Errorf("step %d, %d of %d: %t", i, c.seq, c.ssrc, got)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add(golden(f, "rtp-everything.hex"))
	f.Add(make([]byte, 12))
	f.Fuzz(func(t *testing.T, b []byte) {
		var h Header
		payload, err := Parse(b, &h)
		if err != nil {
			return
		}
		again := append(h.Append(nil), payload...)
		var h2 Header
		payload2, err := Parse(again, &h2)
		if err != nil || !bytes.Equal(payload, payload2) || h.Sequence != h2.Sequence || !bytes.Equal(h.Extension, h2.Extension) || !bytes.Equal(h.CSRC, h2.CSRC) {
			t.Errorf("% x became % x, %v", b, again, err)
		}
	})
}

func TestHeadersDoNotAllocate(t *testing.T) {
	b := golden(t, "rtp-everything.hex")
	out := make([]byte, 0, 100)
	var h Header
	if n := testing.AllocsPerRun(100, func() { Parse(b, &h); h.Append(out) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkHeader(b *testing.B) {
	packet := make([]byte, 172)
	packet[0] = 0x80
	out := make([]byte, 0, 172)
	var h Header
	for b.Loop() {
		payload, _ := Parse(packet, &h)
		_ = append(h.Append(out), payload...)
	}
}
