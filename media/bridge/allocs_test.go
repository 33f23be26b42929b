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
	// On a machine that is too busy queues grow for a while, and their buffers with them.
	const tries = 5
	got := 0.0
	for range tries {
		if got = testing.AllocsPerRun(clipFrames, step); got <= 2 {
			return
		}
	}
	t.Errorf("%v allocations for one picture, want at most 2", got)
}
