package mix

import (
	"fmt"
	"math"
	"slices"
	"testing"
	"time"
)

const rate, size = 16000, 320

// tone is frame n of a sine.
func tone(n int, hertz, amplitude float64) []int16 {
	f := make([]int16, size)
	for s := range f {
		f[s] = int16(amplitude * math.Sin(2*math.Pi*hertz*float64(n*size+s)/rate))
	}
	return f
}

func TestEverybodyHearsTheOthers(t *testing.T) {
	m := New(rate, size)
	a, b, c := m.Add(), m.Add(), m.Add()
	x, y := tone(0, 400, 3000), tone(0, 700, 5000)
	a.Put(x)
	b.Put(y)
	m.Tick()
	both := make([]int16, size)
	for s := range both {
		both[s] = x[s] + y[s]
	}
	if !slices.Equal(a.Out(), y) || !slices.Equal(b.Out(), x) || !slices.Equal(c.Out(), both) {
		t.Error("a mix is not the sum of the others")
	}
	m.Tick()
	for i, in := range []*Input{a, b, c} {
		if !slices.Equal(in.Out(), make([]int16, size)) {
			t.Errorf("input %d hears something in silence", i)
		}
	}
	m.Remove(b)
	b.Put(y)
	a.Put(x[:size/2])
	m.Tick()
	if c.Out()[size/2-1] != x[size/2-1] || c.Out()[size/2] != 0 || m.Len() != 2 {
		t.Error("after one left")
	}
}

func TestManyVoicesAreTurnedDownAndNotCutOff(t *testing.T) {
	m := New(rate, size)
	listener := m.Add()
	var voices []*Input
	for range 6 {
		voices = append(voices, m.Add())
	}
	loudest, jump := 0, 0
	last := int16(0)
	for n := range 50 {
		for i, v := range voices {
			v.Put(tone(n, 200+90*float64(i), 20000))
		}
		m.Tick()
		for _, s := range listener.Out() {
			loudest = max(loudest, int(s), -int(s))
			if n > 0 { // the gain has come down
				jump = max(jump, int(s)-int(last), int(last)-int(s))
			}
			last = s
		}
	}
	if loudest > 32600 || loudest < 20000 {
		t.Errorf("the peak is %d", loudest)
	}
	if jump > 8000 {
		t.Errorf("a step of %d between two samples", jump)
	}
	// One voice alone comes back to its own loudness, and then bit by bit.
	for n := range 100 {
		voices[0].Put(tone(n, 200, 20000))
		m.Tick()
	}
	if !slices.Equal(listener.Out(), tone(99, 200, 20000)) {
		t.Error("the gain did not come back")
	}
}

func TestFullScaleAloneIsNotTouchedMuch(t *testing.T) {
	m := New(rate, size)
	a, b := m.Add(), m.Add()
	for n := range 20 {
		a.Put(tone(n, 300, 32767))
		m.Tick()
	}
	got := Measure(b.Out())
	if got < -5 || got > -3 {
		t.Errorf("%.1f dBov", got)
	}
}

func TestLevelsAreInDBov(t *testing.T) {
	if l := Measure(tone(0, 1000, 32767)); math.Abs(float64(l)+3.01) > 0.1 {
		t.Errorf("a full sine is %.2f dBov", l)
	}
	if Measure(make([]int16, 10)) != Silence || Measure(nil) != Silence {
		t.Error("silence")
	}
}

func TestMixingDoesNotAllocate(t *testing.T) {
	m := New(rate, size)
	in := []*Input{m.Add(), m.Add(), m.Add()}
	f := tone(0, 300, 20000)
	if n := testing.AllocsPerRun(100, func() {
		for _, i := range in {
			i.Put(f)
		}
		m.Tick()
	}); n > 0 {
		t.Errorf("%v allocations a tick", n)
	}
}

// talk is who speaks how loudly for how long.
type talk struct {
	length time.Duration
	levels map[string]Level
}

func TestTheFloorChangesHandsAsPeopleExpect(t *testing.T) {
	const quiet = -75
	for _, c := range []struct {
		name  string
		talks []talk
		want  string // every change, with its time
	}{
		{"the first to speak has it", []talk{{2 * time.Second, map[string]Level{"a": -25}}}, "a 0.3s"},
		{"noise alone does not", []talk{{5 * time.Second, map[string]Level{"a": -60, "b": -58}}}, ""},
		{"a loud fan does not", []talk{{20 * time.Second, map[string]Level{"a": -40}}}, "a 0.3s"},
		{"a cough does not take it", []talk{
			{2 * time.Second, map[string]Level{"a": -25}},
			{120 * time.Millisecond, map[string]Level{"a": -25, "b": -10}},
			{time.Second, map[string]Level{"a": -25}},
		}, "a 0.3s"},
		{"the second to speak gets it after the first", []talk{
			{3 * time.Second, map[string]Level{"a": -25}},
			{3 * time.Second, map[string]Level{"b": -25}},
		}, "a 0.3s, b 3.7s"},
		{"a breath does not lose it", []talk{
			{3 * time.Second, map[string]Level{"a": -25}},
			{400 * time.Millisecond, map[string]Level{"b": -70}},
			{3 * time.Second, map[string]Level{"a": -25}},
		}, "a 0.3s"},
		{"an interruption that is loud and lasts takes it", []talk{
			{3 * time.Second, map[string]Level{"a": -30}},
			{2 * time.Second, map[string]Level{"a": -30, "b": -20}},
		}, "a 0.3s, b 3.7s"},
		{"one that is as loud does not", []talk{
			{3 * time.Second, map[string]Level{"a": -25}},
			{3 * time.Second, map[string]Level{"a": -25, "b": -24}},
		}, "a 0.3s"},
		{"it is kept in silence", []talk{
			{2 * time.Second, map[string]Level{"a": -25}},
			{30 * time.Second, nil},
		}, "a 0.3s"},
	} {
		var s Speakers
		now := time.Time{}
		got := ""
		const tick = 20 * time.Millisecond
		for _, id := range []string{"a", "b"} {
			s.Hear(id, quiet)
		}
		for _, k := range c.talks {
			for end := now.Add(k.length); now.Before(end); {
				now = now.Add(tick)
				for _, id := range []string{"a", "b"} {
					if l, ok := k.levels[id]; ok {
						s.Hear(id, l)
					} else {
						s.Hear(id, quiet)
					}
				}
				if s.Tick(now, tick) {
					if got != "" {
						got += ", "
					}
					got += fmt.Sprintf("%s %.1fs", s.Active(), now.Sub(time.Time{}).Seconds())
				}
			}
		}
		if got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}

func TestWhoLeavesLosesTheFloor(t *testing.T) {
	var s Speakers
	now := time.Time{}
	for range 50 {
		now = now.Add(20 * time.Millisecond)
		s.Hear("a", -80)
		s.Tick(now, 20*time.Millisecond)
	}
	for range 50 {
		now = now.Add(20 * time.Millisecond)
		s.Hear("a", -20)
		s.Tick(now, 20*time.Millisecond)
	}
	if s.Active() != "a" || !s.Speaking("a") || s.Spoke("a") != now {
		t.Fatal("a has not the floor")
	}
	s.Remove("a")
	if s.Active() != "" || !s.Tick(now, 20*time.Millisecond) || s.Tick(now, 20*time.Millisecond) {
		t.Error("the change is said once")
	}
}
