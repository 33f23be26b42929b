//go:build linux && cgo

// Package cmem tells how much memory C code holds, for tests that look for leaks.
package cmem

/*
#include <malloc.h>

static size_t tandem_in_use(void) {
#if defined(__GLIBC__) && (__GLIBC__ > 2 || __GLIBC_MINOR__ >= 33)
	struct mallinfo2 m = mallinfo2();
	return m.uordblks + m.hblkhd;
#else
	return 0;
#endif
}
*/
import "C"

// InUse is the octets that malloc has given out and not got back, or 0 where the C
// library does not say.
func InUse() int { return int(C.tandem_in_use()) }
