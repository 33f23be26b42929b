package auth

import (
	"testing"
	"time"
)

func BenchmarkNonceIssued(b *testing.B) {
	var n nonces
	now := time.Now()
	b.ReportAllocs()
	for b.Loop() {
		n.issue(now)
	}
}
