package bridge

import (
	"testing"

	"tandem/media"
)

// sharer is a room with floor control.
type sharer struct {
	media.Session
	holds bool
	told  []string
}

func (s *sharer) HoldsFloor() bool { return s.holds }

func (s *sharer) Present(name string) {
	s.told = append(s.told, name)
	if name != "" {
		s.holds = false
	}
}

func (s *sharer) was(t *testing.T, what string, want ...string) {
	t.Helper()
	if len(s.told) != len(want) || len(want) > 0 && s.told[0] != want[0] {
		t.Errorf("%s: told %q, want %q", what, s.told, want)
	}
	s.told = nil
}

func TestTheFloorIsTheirsInTurn(t *testing.T) {
	a, b := &sharer{}, &sharer{}
	var f floors
	f.arrange(a, b)
	a.was(t, "nobody shares, a")
	b.was(t, "nobody shares, b")
	a.holds = true
	f.arrange(a, b)
	f.arrange(a, b)
	a.was(t, "a shares, a")
	b.was(t, "a shares, b", otherSide)
	b.holds = true // asks, and takes it
	f.arrange(a, b)
	a.was(t, "b takes over, a", otherSide)
	b.was(t, "b takes over, b", "")
	if a.holds || !b.holds {
		t.Error("both share")
	}
	a.holds, b.holds = true, true
	f.arrange(a, b)
	if !a.holds || b.holds {
		t.Error("who asked last has not got it")
	}
	a.holds = false
	f.arrange(a, b)
	b.told = b.told[len(b.told)-1:]
	b.was(t, "nobody shares any more, b", "")
	var single floors
	single.arrange(nil, a)
}
