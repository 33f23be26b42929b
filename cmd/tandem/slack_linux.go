//go:build cgo

package main

// While goroutines and long C calls take turns, as in every video call, Go's monitor
// thread sleeps for 20 µs at a time, and wakes up some ten thousand times a second to look
// whether a C call has lasted too long. That cost a tenth of a video call. With a slack of
// four milliseconds it looks a few hundred times. The price: where C calls occupy all
// processors, other goroutines wait for one so long; the kernel would not let them run much
// sooner. The media workers, which keep the time of packets, take their own slack back
// (media/transport). Who starts the program with another slack than the usual one, such as
// systemd's TimerSlackNSec, has it that way.

import "C"
