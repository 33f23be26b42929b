package dtmf

import (
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"tandem/media"
)

const tick = 20 * time.Millisecond

// tx is what one tick of a Sender gave.
type tx struct {
	at     time.Duration
	packet media.Packet
}

// send runs a sender until it has nothing left.
func send(t *testing.T, s *Sender, digits ...Digit) (out []tx) {
	t.Helper()
	for _, d := range digits {
		if err := s.Send(d); err != nil {
			t.Fatal(err)
		}
	}
	var p media.Packet
	for n := 0; s.Pending(); n++ {
		at := time.Duration(n) * tick
		if s.Next(1000+uint32(toUnits(at, max(s.Clock, 8000))), &p) {
			p.Payload = slices.Clone(p.Payload)
			out = append(out, tx{at, p})
		}
		if n > 100000 {
			t.Fatal("it never ends")
		}
	}
	return out
}

// receive gives the packets to a receiver and returns the digits it reports.
func receive(r *Receiver, packets []tx) (got []Digit) {
	start := time.Unix(1, 0)
	last := time.Duration(0)
	note := func(d Digit, ok bool) {
		if ok {
			got = append(got, d)
		}
	}
	for now := time.Duration(0); len(packets) > 0 || now < last+time.Second; now += tick {
		for len(packets) > 0 && packets[0].at <= now {
			note(r.Receive(start.Add(now), &packets[0].packet))
			last, packets = now, packets[1:]
		}
		note(r.Tick(start.Add(now)))
	}
	return got
}

func keys(digits []Digit) string {
	var b strings.Builder
	for _, d := range digits {
		b.WriteRune(d.Key)
	}
	return b.String()
}

func allKeys(d time.Duration) (digits []Digit) {
	for _, k := range Keys {
		digits = append(digits, Digit{k, d})
	}
	return digits
}

// The packets of RFC 4733 §2.5.1: marker on the first, one timestamp, growing
// durations, the end three times.
func TestADigitIsSentAsRFC4733Says(t *testing.T) {
	want := golden(t, "testdata/digit-5-100ms.txt")
	var got []string
	for _, p := range send(t, &Sender{Clock: 8000, PayloadType: 101}, Digit{'5', 100 * time.Millisecond}) {
		got = append(got, fmt.Sprintf("%3d ms  m=%t pt=%d seq=%d ts=%d  %s", p.at.Milliseconds(), p.packet.Marker,
			p.packet.PayloadType, p.packet.Sequence, p.packet.Timestamp, hex.EncodeToString(p.packet.Payload)))
	}
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// golden reads a file without its comments.
func golden(t *testing.T, name string) (lines []string) {
	t.Helper()
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(b)) {
		if line = strings.TrimRight(line, "\n"); !strings.HasPrefix(line, "#") {
			lines = append(lines, line)
		}
	}
	return lines
}

func TestEveryKeyArrivesAtBothClocks(t *testing.T) {
	for _, clock := range []int{8000, 48000} {
		for _, d := range []time.Duration{40, 100, 250, 3000, 9990} {
			d *= time.Millisecond
			want := allKeys(d)
			got := receive(&Receiver{Clock: clock}, send(t, &Sender{Clock: clock}, want...))
			if !slices.Equal(got, want) {
				t.Errorf("%d Hz, %v: got %v", clock, d, got)
			}
		}
	}
}

func TestLostPacketsLoseNoDigit(t *testing.T) {
	whole := send(t, &Sender{Clock: 8000}, Digit{'1', 100 * time.Millisecond}, Digit{'2', 100 * time.Millisecond})
	without := func(gone ...int) (left []tx) {
		for i, p := range whole {
			if !slices.Contains(gone, i) {
				left = append(left, p)
			}
		}
		return left
	}
	for _, c := range []struct {
		name    string
		packets []tx
	}{
		{"nothing", whole},
		{"the start", without(0, 1, 2)},
		{"all but the ends", without(0, 1, 2, 3)},
		{"all ends", without(4, 5, 6, 11, 12, 13)},
		{"all but one in the middle", without(0, 1, 3, 4, 5, 6)},
		{"two of three ends", without(4, 5)},
		{"everything twice", slices.Concat(whole[:7], whole[:7], whole[7:])},
		{"the order of the last ones", []tx{whole[0], whole[1], whole[4], whole[2], whole[3], whole[5], whole[7], whole[6], whole[8], whole[11]}},
	} {
		if got := keys(receive(&Receiver{}, c.packets)); got != "12" {
			t.Errorf("without %s: %q", c.name, got)
		}
	}
}

// Goals R-9: 10,000 digits over 10 % of loss in bursts, none lost or doubled. A
// burst that takes a whole digit (seven packets) cannot be made good by anybody;
// its mean here is two packets.
func TestTenThousandDigitsThroughLossReorderingAndDuplicates(t *testing.T) {
	rnd := rand.New(rand.NewPCG(5, 6))
	s := &Sender{Clock: 8000}
	var want []Digit
	var packets []tx
	offset := time.Duration(0)
	for range 200 { // the queue takes 64
		var some []Digit
		for range 50 {
			some = append(some, Digit{rune(Keys[rnd.IntN(16)]), 100 * time.Millisecond})
		}
		for _, p := range send(t, s, some...) {
			p.at += offset
			p.packet.Timestamp += uint32(toUnits(offset, 8000))
			packets = append(packets, p)
		}
		offset = packets[len(packets)-1].at + 100*time.Millisecond
		want = append(want, some...)
	}
	bad, run := false, 0
	var arrived []tx
	for _, p := range packets {
		if bad {
			bad = rnd.Float64() >= 0.5
		} else {
			bad = rnd.Float64() < 0.065
		}
		if run++; !bad || run > 6 {
			bad, run = false, 0
		}
		if bad {
			continue
		}
		p.at += time.Duration(rnd.IntN(60)) * time.Millisecond
		arrived = append(arrived, p)
		if rnd.Float64() < 0.02 {
			arrived = append(arrived, p)
		}
	}
	slices.SortStableFunc(arrived, func(a, b tx) int { return int(a.at - b.at) })
	got := receive(&Receiver{}, arrived)
	t.Logf("%.1f %% of the packets lost", 100-100*float64(len(arrived))/float64(len(packets)))
	if keys(got) != keys(want) {
		t.Errorf("%d digits of %d, or others", len(got), len(want))
	}
}

func TestTheSameKeyTwiceIsTwoDigits(t *testing.T) {
	d := Digit{'7', 60 * time.Millisecond}
	if got := keys(receive(&Receiver{}, send(t, &Sender{}, d, d, d))); got != "777" {
		t.Errorf("got %q", got)
	}
}

func TestALongEventsLateSegmentIsNoOtherDigit(t *testing.T) {
	want := []Digit{{'3', 2 * time.Second}}
	packets := send(t, &Sender{Clock: 48000}, want...)
	for i := 60; i < 75; i++ { // around the end of the first segment
		late := packets[i]
		late.at = packets[i+4].at
		moved := slices.Insert(slices.Delete(slices.Clone(packets), i, i+1), i+4, late)
		if got := receive(&Receiver{Clock: 48000}, moved); !slices.Equal(got, want) {
			t.Errorf("packet %d late: %v", i, got)
		}
	}
}

func TestAKeyIsSeenWhileItIsDown(t *testing.T) {
	r := &Receiver{}
	packets := send(t, &Sender{}, Digit{'9', 100 * time.Millisecond})
	r.Receive(time.Unix(1, 0), &packets[0].packet)
	if k, down := r.Down(); k != '9' || !down {
		t.Errorf("%q, %t", k, down)
	}
	r.Tick(time.Unix(2, 0))
	if _, down := r.Down(); down {
		t.Error("still down after a second without packets")
	}
}

func TestSendRefusesWhatIsNoKeyAndTooMuch(t *testing.T) {
	s := &Sender{}
	if err := s.Send(Digit{Key: 'x'}); err != ErrKey {
		t.Error(err)
	}
	for range 64 {
		if err := s.Send(Digit{Key: 'a'}); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Send(Digit{Key: '1'}); err != ErrQueueFull {
		t.Error(err)
	}
}

func TestConvertMovesTheDurationToTheOtherClock(t *testing.T) {
	for _, c := range []struct {
		from, to int
		in, want string
	}{
		{8000, 48000, "050a0320", "050a12c0"},
		{48000, 8000, "058a12c0", "058a0320"},
		{8000, 8000, "050a0320", "050a0320"},
		{8000, 48000, "050affff", "050affff"}, // more than 16 bits count
		{8000, 48000, "0501", "0501"},
	} {
		in, _ := hex.DecodeString(c.in)
		if got := hex.EncodeToString(Convert(nil, in, c.from, c.to)); got != c.want {
			t.Errorf("%s from %d to %d: %s, want %s", c.in, c.from, c.to, got, c.want)
		}
	}
}

func TestPacketsDoNotAllocate(t *testing.T) {
	s, r := &Sender{}, &Receiver{}
	var p media.Packet
	now, stamp := time.Unix(1, 0), uint32(0)
	s.Send(Digit{Key: '5'})
	step := func() {
		if !s.Pending() {
			s.Send(Digit{Key: '5'})
		}
		if s.Next(stamp, &p) {
			r.Receive(now, &p)
		}
		r.Tick(now)
		now, stamp = now.Add(tick), stamp+160
	}
	for range 100 {
		step()
	}
	if n := testing.AllocsPerRun(1000, step); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func FuzzReceiver(f *testing.F) {
	f.Add([]byte{5, 10, 3, 32, 0, 0, 0, 20}, uint16(8000))
	f.Fuzz(func(t *testing.T, script []byte, clock uint16) {
		r := &Receiver{Clock: int(clock)}
		now := time.Unix(1, 0)
		for len(script) >= 8 {
			now = now.Add(time.Duration(script[7]) * time.Millisecond)
			p := media.Packet{Timestamp: uint32(script[4])<<16 | uint32(script[5])<<8, SSRC: uint32(script[6] & 1), Payload: script[:script[6]&7]}
			d, ok := r.Receive(now, &p)
			if ok && (!Valid(d.Key) || d.Duration < 0) {
				t.Fatalf("%+v", d)
			}
			r.Tick(now)
			Convert(nil, p.Payload, int(clock), 48000)
			script = script[8:]
		}
	})
}
