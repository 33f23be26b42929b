package crew_test

import (
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"tandem/internal/crew"
)

func TestEverythingRunsAndNobodyStays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // the bubble fails when a goroutine is left
		c := crew.Crew{Idle: 3}
		var ran atomic.Int32
		for i := range 100 {
			c.Go(func() {
				time.Sleep(time.Duration(i%7) * time.Millisecond)
				ran.Add(1)
				if i%10 == 0 {
					c.Go(func() { ran.Add(1) })
				}
			})
			if i%5 == 0 {
				time.Sleep(time.Millisecond)
			}
		}
		c.Wait()
		if n := ran.Load(); n != 110 {
			t.Errorf("%d functions ran, want 110", n)
		}
	})
}

func TestAGoroutineIsUsedAgainWhileOthersWork(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var c crew.Crew
		end := make(chan struct{})
		c.Go(func() { <-end })
		before := runtime.NumGoroutine()
		for range 10 {
			var done sync.WaitGroup
			done.Add(1)
			c.Go(done.Done)
			done.Wait()
			synctest.Wait()
		}
		if n := runtime.NumGoroutine() - before; n != 1 {
			t.Errorf("%d goroutines wait, want the one that did all", n)
		}
		close(end)
		c.Wait()
	})
}

func BenchmarkCrew(b *testing.B) {
	var c crew.Crew
	end := make(chan struct{})
	c.Go(func() { <-end })
	for b.Loop() {
		var done sync.WaitGroup
		done.Add(1)
		c.Go(func() { deep(20); done.Done() })
		done.Wait()
	}
	close(end)
	c.Wait()
}

func BenchmarkGoroutine(b *testing.B) {
	for b.Loop() {
		var done sync.WaitGroup
		done.Go(func() { deep(20) })
		done.Wait()
	}
}

func deep(n int) byte {
	var room [256]byte
	room[n] = byte(n)
	if n == 0 {
		return room[0]
	}
	return deep(n-1) + room[n]
}
