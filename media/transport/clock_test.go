package transport

import (
	"slices"
	"testing"
	"time"
)

func TestTicksOfOneBeatComeAndGo(t *testing.T) {
	var c clock
	start := time.Now()
	c.init(start, func() {})
	var called []string
	stops := map[string]func(){}
	for _, name := range []string{"a", "b", "c", "d"} {
		stops[name] = c.Every(20*time.Millisecond, func(time.Time) {
			called = append(called, name)
			if name == "b" {
				stops["c"]() // of its own beat, and before its turn
			}
		})
	}
	c.while(20*time.Millisecond, func(time.Time) bool { called = append(called, "once"); return false })
	stops["a"]()
	stops["a"]() // a second time does nothing
	at := start.Add(time.Second)
	c.tick(at)
	slices.Sort(called)
	called = slices.Compact(called) // up to five that were missed are made up for
	if want := []string{"b", "d", "once"}; !slices.Equal(called, want) {
		t.Errorf("called %v, want %v", called, want)
	}
	if got := c.timeout(at); got <= 0 || got > 20 {
		t.Errorf("waits %d ms for the next beat, want 1 to 20", got)
	}
	stops["b"]()
	stops["d"]()
	if got := c.timeout(at); got != -1 {
		t.Errorf("waits %d ms without a tick, want -1", got)
	}
}

// A call's ticks cost the same however many calls there are.
func BenchmarkTicksComeAndGo(b *testing.B) {
	var c clock
	c.init(time.Now(), func() {})
	for range 2000 {
		c.Every(time.Second, func(time.Time) {})
	}
	b.ReportAllocs()
	for b.Loop() {
		c.Every(time.Second, func(time.Time) {})()
	}
}
