package stack

import (
	"sync"
	"testing"
)

//go:noinline
func deep(n int) int {
	var b [256]byte
	if n == 0 {
		return 0
	}
	return deep(n-1) + int(b[n%len(b)])
}

func BenchmarkGoroutine(b *testing.B) {
	for name, first := range map[string]func() byte{"grown": Grow, "growing": func() byte { return 0 }} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				var wg sync.WaitGroup
				wg.Go(func() {
					first()
					deep(30)
				})
				wg.Wait()
			}
		})
	}
}
