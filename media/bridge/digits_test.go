package bridge

import (
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"tandem/media"
	"tandem/media/dtmf"
)

// typed collects digits from a callback.
type typed struct {
	mu   sync.Mutex
	keys string
}

func (y *typed) press(d dtmf.Digit) {
	y.mu.Lock()
	defer y.mu.Unlock()
	y.keys += string(d.Key)
}

func (y *typed) String() string {
	y.mu.Lock()
	defer y.mu.Unlock()
	return y.keys
}

// read plays the far end's part: what digits do the packets carry?
func read(i media.StreamInfo, packets []media.Packet) string {
	keys := ""
	r := dtmf.Receiver{Clock: i.Event.Clock}
	for _, p := range packets {
		var d dtmf.Digit
		var ok bool
		if p.PayloadType == i.Event.PayloadType {
			d, ok = r.Receive(p.Arrived, &p)
		} else {
			d, ok = r.Tick(p.Arrived)
		}
		if ok {
			keys += string(d.Key)
		}
	}
	return keys
}

func TestDigitsReachTheOtherSide(t *testing.T) {
	odd := stream("PCMU")
	odd.Event.PayloadType = 96
	google := stream("OPUS") // GV-S37: 8000 Hz events beside Opus
	google.Event = media.Event{PayloadType: 101, Clock: 8000}
	for _, test := range []struct {
		name string
		a, b media.StreamInfo
	}{
		{"relay", stream("PCMU"), stream("PCMU")},
		{"relay, another payload type", stream("PCMU"), odd},
		{"relay, another clock", google, stream("OPUS")},
		{"relay, another clock back", stream("OPUS"), google},
		{"by table", stream("PCMU"), stream("PCMA")},
		{"transcoded, 8000 to 48000", stream("PCMU"), stream("OPUS")},
		{"transcoded, 48000 to 8000", stream("OPUS"), odd},
		{"transcoded, mixed clocks", stream("G722"), google},
	} {
		t.Run(test.name, func(t *testing.T) {
			skipWithout(t, test.a.Codec, test.b.Codec)
			synctest.Test(t, func(t *testing.T) {
				sa, sb := session(test.a), session(test.b)
				var fromA typed
				br := Join(sa, sb, Options{FromA: fromA.press})
				defer br.Close()
				k := newTalker(t, sa, quiet)
				wait := func(d time.Duration) { run(d, sa.loop) }
				run(300*time.Millisecond, sa.loop, k)
				for _, key := range []byte{5, 5, 10, 11, 0, 15} {
					k.press(key, wait)
					run(100*time.Millisecond, sa.loop, k)
				}
				run(300*time.Millisecond, sa.loop, k)
				const want = "55*#0D"
				packets := sb.sink.take()
				if got := read(test.b, packets); got != want {
					t.Errorf("the far end reads %q, want %q", got, want)
				}
				if fromA.String() != want {
					t.Errorf("the callback got %q, want %q", &fromA, want)
				}
				checkEvents(t, test.b, packets)
			})
		})
	}
}

// checkEvents holds outgoing events against RFC 4733: one timestamp a digit, a
// marker on its first packet only, durations in the agreed clock.
func checkEvents(t *testing.T, i media.StreamInfo, packets []media.Packet) {
	t.Helper()
	var stamps []uint32
	for _, p := range packets {
		if p.PayloadType != i.Event.PayloadType {
			continue
		}
		first := !slices.Contains(stamps, p.Timestamp)
		if first {
			stamps = append(stamps, p.Timestamp)
		}
		if p.Marker != first {
			t.Errorf("event at %d: marker %t, first %t", p.Timestamp, p.Marker, first)
		}
		if p.Payload[1]&0x80 != 0 {
			duration := int(p.Payload[2])<<8 | int(p.Payload[3])
			if want := i.Event.Clock / 10; duration != want {
				t.Errorf("event at %d lasts %d units, want %d", p.Timestamp, duration, want)
			}
		}
	}
	if len(stamps) != 6 {
		t.Errorf("%d events, want 6", len(stamps))
	}
}

func TestDigitsOfAStallStayApart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sa, sb := session(stream("PCMU")), session(stream("G722"))
		br := Join(sa, sb, Options{})
		defer br.Close()
		k := newTalker(t, sa, quiet)
		run(300*time.Millisecond, sa.loop, k)
		for range 3 { // three digits at once: the network stood still
			k.press(7, func(time.Duration) {})
			k.packet.Timestamp += 800
		}
		run(300*time.Millisecond, sa.loop, k)
		if got := read(stream("G722"), sb.sink.take()); got != "777" {
			t.Errorf("got %q", got)
		}
	})
}

func TestAudioPausesForADigit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sa, sb := session(stream("PCMU")), session(stream("G722"))
		br := Join(sa, sb, Options{})
		defer br.Close()
		k := newTalker(t, sa, sine(1000))
		run(300*time.Millisecond, sa.loop, k)
		sb.sink.take()
		k.press(1, func(d time.Duration) { run(d, sa.loop) })
		for _, p := range sb.sink.take() {
			if p.PayloadType != 101 {
				t.Errorf("audio at %d beside a digit", p.Timestamp)
			}
		}
		run(300*time.Millisecond, sa.loop, k)
		packets := sb.sink.take()
		if len(packets) < 10 || !packets[0].Marker {
			t.Errorf("audio does not go on with a marker: %d packets", len(packets))
		}
	})
}

func TestEventsBecomeTones(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sa, sb := session(stream("PCMU")), session(without(stream("PCMU")))
		br := Join(sa, sb, Options{})
		defer br.Close()
		k := newTalker(t, sa, quiet)
		run(300*time.Millisecond, sa.loop, k)
		for _, key := range []byte{4, 2, 11} {
			k.press(key, func(d time.Duration) { run(d, sa.loop) })
			run(400*time.Millisecond, sa.loop, k)
		}
		packets := sb.sink.take()
		continuous(t, without(stream("PCMU")), packets)
		pcm, rate := hear(t, stream("PCMU"), packets)
		if got := detect(pcm, rate); got != "42#" {
			t.Errorf("the far end hears %q", got)
		}
	})
}

func detect(pcm []int16, rate int) string {
	keys := ""
	d := dtmf.NewDetector(rate)
	for chunk := range slices.Chunk(pcm, rate/50) {
		if digit, ok := d.Detect(chunk); ok {
			keys += string(digit.Key)
		}
	}
	return keys
}

func TestTonesBecomeEvents(t *testing.T) {
	for _, to := range []string{"PCMU", "OPUS"} {
		skipWithout(t, to)
		synctest.Test(t, func(t *testing.T) {
			sa, sb := session(without(stream("PCMU"))), session(stream(to))
			var fromA typed
			br := Join(sa, sb, Options{FromA: fromA.press})
			defer br.Close()
			var g *dtmf.Generator
			k := newTalker(t, sa, func(rate int) func([]int16) {
				g = dtmf.NewGenerator(rate)
				return func(pcm []int16) { g.Fill(pcm) }
			})
			run(300*time.Millisecond, sa.loop, k)
			for _, key := range "19*" {
				if err := g.Send(dtmf.Digit{Key: key, Duration: 120 * time.Millisecond}); err != nil {
					t.Fatal(err)
				}
				run(500*time.Millisecond, sa.loop, k)
			}
			packets := sb.sink.take()
			if got := read(stream(to), packets); got != "19*" || fromA.String() != "19*" {
				t.Errorf("%s: the far end reads %q, the callback %q", to, got, &fromA)
			}
			if pcm, rate := hear(t, stream(to), packets); detect(pcm, rate) != "" {
				t.Errorf("%s: the far end hears %q as well", to, detect(pcm, rate))
			}
		})
	}
}
