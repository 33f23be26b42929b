package token

import (
	"errors"
	"testing"
)

func TestNothingStagedIsAnError(t *testing.T) {
	g := &Gateway{Dir: t.TempDir()}
	if _, err := g.Activate(); !errors.Is(err, ErrNotStaged) {
		t.Errorf("activate: %v", err)
	}
	if _, err := g.Discard(); !errors.Is(err, ErrNotStaged) {
		t.Errorf("discard: %v", err)
	}
}
