// Package stack spares goroutines that do deep work the growth of their stacks.
package stack

// frame is what the goroutines of a call need: parsing and writing SIP and SDP.
const frame = 12 << 10 // octets

// Grow gives the calling goroutine a stack for deep work at once. A goroutine begins
// with 2 to 4 kB and each doubling copies all of it, with its pointers; done first
// there is nothing to copy, and one step instead of three. It pays for goroutines
// that live for one call and are made a thousand times a second; the collector
// halves the stacks of those that live on and do not use them.
//
//go:noinline
func Grow() byte {
	var room [frame]byte
	return room[at(len(room))]
}

// at keeps the compiler from seeing that nothing of the room is used.
//
//go:noinline
func at(n int) int { return n / 2 }
