package rtp

import (
	"bytes"
	"encoding/hex"
	"errors"
	"slices"
	"testing"
	"time"
)

func TestCompoundIsReadWhole(t *testing.T) {
	var c Compound
	if err := c.Parse(golden(t, "rtcp-compound.hex")); err != nil {
		t.Fatal(err)
	}
	sender := SenderInfo{SSRC: 0x11223344, NTP: 0xe9a1b2c380000000, RTP: 0x12345, Packets: 100, Octets: 16000}
	block := ReportBlock{SSRC: 0x55667788, Fraction: 64, Lost: -2, Highest: 0x10203, Jitter: 24, LastSR: 0xb2c38000, SinceLast: 0x8000}
	if c.SSRC != sender.SSRC || !c.HasSender || c.Sender != sender || !slices.Equal(c.Reports, []ReportBlock{block}) {
		t.Errorf("%+v", c)
	}
	if string(c.CNAME) != "a@gate.x" || !c.Keyframe || !c.Bye || string(c.Reason) != "hangu" {
		t.Errorf("CNAME %q, keyframe %t, BYE %t %q", c.CNAME, c.Keyframe, c.Bye, c.Reason)
	}
	own := AppendSenderReport(nil, sender, block)
	own = AppendDescription(own, sender.SSRC, "a@gate.x")
	own = append(own, 0x81, 0xce, 0, 2, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88)
	own = AppendBye(own, sender.SSRC, "hangu")
	if want := golden(t, "rtcp-compound.hex"); !bytes.Equal(own, want) {
		t.Errorf("built\n% x, want\n% x", own, want)
	}
}

func TestWhatWeBuildIsReadAgain(t *testing.T) {
	for n := range 6 { // every length of padding
		name, reason := "conference"[:n], "goodbye"[:n]
		b := AppendReceiverReport(nil, 7)
		b = AppendDescription(b, 7, name)
		b = AppendBye(b, 7, reason)
		var c Compound
		if err := c.Parse(b); err != nil || string(c.CNAME) != name || string(c.Reason) != reason || !c.Bye || c.HasSender || c.SSRC != 7 {
			t.Errorf("%d: %+v, %v", n, c, err)
		}
	}
	many := make([]ReportBlock, 40)
	var c Compound
	if err := c.Parse(AppendReceiverReport(nil, 7, many...)); err != nil || len(c.Reports) != 31 {
		t.Errorf("%d reports, %v", len(c.Reports), err)
	}
}

func TestBrokenCompoundsAreRefused(t *testing.T) {
	for _, c := range []struct {
		name, packet string
		want         error
	}{
		{"nothing", "", ErrControlShort},
		{"three octets", "80c900", ErrControlShort},
		{"longer than the datagram", "80c9000200000001", ErrControlShort},
		{"version 1", "40c9000100000001", ErrControlVersion},
		{"a report that is not there", "81c9000100000001", ErrControlCount},
		{"an SR without its body", "80c8000100000001", ErrControlCount},
		{"an empty RR", "80c90000", ErrControlCount},
		{"a BYE of 31 sources", "9fcb000100000001", ErrControlCount},
		{"padding of 255", "a0c90001000000ff", ErrControlPadding},
		{"trailing octets", "80c9000100000001 0000", ErrControlShort},
		{"an unknown type", "80c9000100000001 80cc000100000001", nil},
		{"an SDES whose item is too long", "80c9000100000001 81ca00020000000101ff6161", nil},
		{"a BYE whose reason is too long", "81cb000200000001ff616161", nil},
	} {
		b, err := hex.DecodeString(string(bytes.ReplaceAll([]byte(c.packet), []byte(" "), nil)))
		if err != nil {
			t.Fatal(err)
		}
		var got Compound
		if err := got.Parse(b); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", c.name, err, c.want)
		}
	}
}

func TestRoundTripIsWhatIsLeft(t *testing.T) {
	sent := time.Date(2026, 1, 2, 3, 4, 5, 600_000_000, time.UTC)
	b := ReportBlock{LastSR: uint32(NTP(sent) >> 16), SinceLast: 65536 / 2}
	d, ok := b.RoundTrip(sent.Add(580 * time.Millisecond))
	if !ok || d < 79*time.Millisecond || d > 81*time.Millisecond {
		t.Errorf("%v, %t", d, ok)
	}
	if d, ok := b.RoundTrip(sent.Add(400 * time.Millisecond)); ok {
		t.Errorf("a round trip before the answer: %v", d)
	}
	if _, ok := (ReportBlock{}).RoundTrip(sent); ok {
		t.Error("a round trip without a report")
	}
}

func TestReceptionCountsLossAndJitter(t *testing.T) {
	r := NewReception(8000)
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	if _, ok := r.Report(now); ok {
		t.Error("a report about nothing")
	}
	for n := range 100 { // every tenth is lost, every other comes 5 ms late
		if n%10 != 9 {
			late := time.Duration(n%2) * 5 * time.Millisecond
			r.Receive(now.Add(time.Duration(n)*20*time.Millisecond+late), 7, uint16(65500+n), uint32(n*160))
		}
	}
	r.SenderReport(now.Add(2*time.Second), SenderInfo{NTP: 0x1234567890abcdef})
	b, ok := r.Report(now.Add(2500 * time.Millisecond))
	if !ok || b.SSRC != 7 || b.Lost != 9 || b.Fraction != 9*256/99 || b.Highest != 65500+98 {
		t.Errorf("%+v", b)
	}
	if b.LastSR != 0x567890ab || b.SinceLast != 32768 {
		t.Errorf("last SR %#x, %d since", b.LastSR, b.SinceLast)
	}
	if j := r.Jitter(); j < 4*time.Millisecond || j > 6*time.Millisecond {
		t.Errorf("jitter %v", j)
	}
	if b, _ := r.Report(now.Add(3 * time.Second)); b.Fraction != 0 || b.Lost != 9 {
		t.Errorf("the second interval: %+v", b)
	}
	r.Receive(now.Add(4*time.Second), 8, 1, 0) // another stream
	r.Receive(now.Add(4*time.Second), 8, 3, 320)
	if b, _ := r.Report(now.Add(5 * time.Second)); b.SSRC != 8 || b.Lost != 1 || r.Lost() != 10 {
		t.Errorf("after the SSRC changed: %+v, %d lost", b, r.Lost())
	}
}

func TestReportsDoNotAllocate(t *testing.T) {
	b := golden(t, "rtcp-compound.hex")
	var c Compound
	r := NewReception(8000)
	now := time.Unix(1, 0)
	out := make([]byte, 0, 500)
	n := testing.AllocsPerRun(100, func() {
		c.Parse(b)
		r.Receive(now, 7, 1, 2)
		block, _ := r.Report(now)
		AppendDescription(AppendSenderReport(out, c.Sender, block), 7, "name")
	})
	if n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func FuzzCompound(f *testing.F) {
	f.Add(golden(f, "rtcp-compound.hex"))
	f.Add(AppendReceiverReport(nil, 7))
	f.Fuzz(func(t *testing.T, b []byte) {
		var c Compound
		if err := c.Parse(b); err == nil && (len(c.Reports) > maxBlocks || len(c.CNAME) > maxText) {
			t.Errorf("%d reports, a name of %d", len(c.Reports), len(c.CNAME))
		}
	})
}
