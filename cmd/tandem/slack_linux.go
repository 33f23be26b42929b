//go:build cgo

package main

// While goroutines and long C calls take turns, as in every video call, Go's monitor
// thread sleeps for 20 µs at a time, and wakes up some ten thousand times a second to look
// whether a C call has lasted too long. That cost a tenth of a video call. With a slack of
// half a millisecond it looks two thousand times. The media workers, which keep the time
// of packets, take theirs back (media/transport). Who starts the program with another
// slack than the usual one, such as systemd's TimerSlackNSec, has it that way.

import "C"
