//go:build !race

package bridge

import "testing"

// TestAPictureAllocatesLittle is P-14 for video: a whole call with eight pictures and
// three layers up, one picture in and out.
func TestAPictureAllocatesLittle(t *testing.T) {
	if testing.Short() {
		t.Skip("it takes a second of CPU")
	}
	call := newFull(t, makeClips(t), nil)
	n := 0
	step := func() { call.step(n); n++ }
	for range 2 * clipFrames { // buffers grow
		step()
	}
	if got := testing.AllocsPerRun(clipFrames, step); got > 2 {
		t.Errorf("%v allocations for one picture, want at most 2", got)
	}
}
