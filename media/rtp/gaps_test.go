package rtp

import (
	"slices"
	"testing"
	"time"
)

func TestGapsAsksForWhatDidNotCome(t *testing.T) {
	now := time.Unix(1000, 0)
	var g Gaps
	for _, s := range []uint16{65533, 65534, 1, 2} {
		if !g.Receive(now, s) {
			t.Errorf("%d is taken for a duplicate", s)
		}
	}
	if got := g.Missing(now, 50*time.Millisecond); len(got) != 0 {
		t.Errorf("asks for %v before a reordered packet could have come", got)
	}
	if got := g.Missing(now.Add(20*time.Millisecond), 50*time.Millisecond); !slices.Equal(got, []uint16{65535, 0}) {
		t.Errorf("asks for %v, want 65535 and 0", got)
	}
	if !g.Receive(now, 0) || g.Receive(now, 0) || g.Receive(now, 2) {
		t.Error("a packet that came again counts once")
	}
	if got := g.Missing(now.Add(time.Second), 50*time.Millisecond); !slices.Equal(got, []uint16{65535}) {
		t.Errorf("asks for %v, want 65535", got)
	}
	if !g.Receive(now, 40000) {
		t.Error("a jump is a new beginning")
	}
	if got := g.Missing(now.Add(time.Second), 0); len(got) != 0 {
		t.Errorf("asks for %v after a jump", got)
	}
}
