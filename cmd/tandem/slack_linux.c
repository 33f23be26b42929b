//go:build cgo

#include <sys/prctl.h>

// The kernel may let a sleep be later than asked for by a thread's slack, 50 µs unless
// somebody has said otherwise. New threads have that of the thread that makes them, so
// it has to be set before Go's runtime makes its first ones; see slack_linux.go.
enum { usual = 50 * 1000, slack = 4000 * 1000 }; // ns

__attribute__((constructor)) static void coarse_sleeps(void) {
	if (prctl(PR_GET_TIMERSLACK, 0, 0, 0, 0) == usual) prctl(PR_SET_TIMERSLACK, slack, 0, 0, 0);
}
