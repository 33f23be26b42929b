package audio

import (
	"math"
	"testing"
	"time"

	"github.com/pion/rtp"
)

func TestG711RoundTripIsWithinItsQuantisation(t *testing.T) {
	for _, law := range []Law{ULaw, ALaw} {
		for s := -32000; s <= 32000; s += 7 {
			got := int(law.Decode(law.Encode(int16(s))))
			if limit := math.Abs(float64(s))/16 + 20; math.Abs(float64(got-s)) > limit {
				t.Fatalf("law %d: %d came back as %d", law, s, got)
			}
		}
		for b := range 256 {
			if got := law.Encode(law.Decode(byte(b))); got != byte(b) && !(law == ULaw && b == 0x7f) {
				t.Errorf("law %d: code %#x came back as %#x", law, b, got)
			}
		}
	}
	if got := ULaw.Silence(); got != 0xff {
		t.Errorf("silence in PCMU is %#x, want 0xff", got)
	}
	if got := ALaw.Silence(); got != 0xd5 {
		t.Errorf("silence in PCMA is %#x, want 0xd5", got)
	}
}

func TestAToneIsFoundThroughG711(t *testing.T) {
	frequencies := []float64{300, 440, 1000, 1004, 2600, 3300}
	for f := 941.0; f < 970; f += 3.7 { // nothing may fall between two steps of the search
		frequencies = append(frequencies, f)
	}
	for _, f := range frequencies {
		s, r := &Sender{Tone: Tone{Frequency: f}}, &Receiver{}
		now := time.Unix(0, 0)
		for range 50 {
			var p rtp.Packet
			s.Next(&p, nil)
			r.Packet(now, &p)
			now = now.Add(20 * time.Millisecond)
		}
		got := r.Report()
		if math.Abs(got.Tone-f) > 3 || math.Abs(got.Level+15) > 1 {
			t.Errorf("sent %v Hz at -15 dBFS, heard %v Hz at %v dBFS: %+v", f, got.Tone, got.Level, got.Heard)
		}
		if got.Lost != 0 || got.JitterMS > 0.01 || got.Gaps != 0 || got.Packets != 50 {
			t.Errorf("clean stream measured as %+v", got)
		}
	}
}

func TestLossLateAndDuplicatePacketsAreCounted(t *testing.T) {
	s, r := &Sender{}, &Receiver{}
	var packets []rtp.Packet
	for range 20 {
		var p rtp.Packet
		s.Next(&p, nil)
		p.Payload = append([]byte(nil), p.Payload...)
		packets = append(packets, p)
	}
	now := time.Unix(0, 0)
	for i, n := range []int{0, 1, 2, 5, 4, 6, 6, 7, 10} { // 3, 8, 9 lost; 4 late; 6 twice
		if i == 8 {
			now = now.Add(100 * time.Millisecond)
		}
		r.Packet(now, &packets[n])
		now = now.Add(20 * time.Millisecond)
	}
	got := r.Report()
	if got.Lost != 3 || got.Late != 1 || got.Duplicates != 1 || got.Gaps != 1 || got.MaxGapMS != 120 {
		t.Errorf("got %+v", got)
	}
}

func TestKeysArriveOnceEach(t *testing.T) {
	s, r := &Sender{Event: 101}, &Receiver{Event: 101}
	s.Dial("12#x*D")
	now := time.Unix(0, 0)
	for range 80 {
		var p rtp.Packet
		s.Next(&p, nil)
		r.Packet(now, &p)
		now = now.Add(20 * time.Millisecond)
	}
	if got := r.Report(); got.DTMF != "12#*D" {
		t.Errorf("keys heard: %q", got.DTMF)
	}
}

func TestTheMeterTellsToneSilenceAndToneApart(t *testing.T) {
	var m Meter
	pcm := make([]int16, Rate)
	for _, f := range []float64{440, 0, 880} {
		(&Tone{Frequency: f}).Read(pcm)
		m.Write(pcm)
	}
	got := m.Segments()
	if len(got) != 3 || math.Abs(got[0].Frequency-440) > 2 || got[1].Frequency != 0 || math.Abs(got[2].Frequency-880) > 2 {
		t.Fatalf("heard %+v", got)
	}
	if got[1].From != time.Second || got[1].To != 2*time.Second {
		t.Errorf("silence from %v to %v", got[1].From, got[1].To)
	}
	if d := Heard(got, 880); d != time.Second {
		t.Errorf("880 Hz heard for %v", d)
	}
}

func BenchmarkMeterOfASteadyTone(b *testing.B) {
	var m Meter
	pcm := make([]int16, FrameSamples)
	tone := Tone{Frequency: 1000}
	b.ReportAllocs()
	for b.Loop() {
		tone.Read(pcm)
		m.Write(pcm)
	}
}
