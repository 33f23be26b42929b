package gvoice

import (
	"sync/atomic"
	"testing"
	"time"
)

// A machine that may not hold an account any more, or not yet, sends no REGISTER for it.
func TestWithoutLeaveNothingIsRegistered(t *testing.T) {
	var may atomic.Bool
	inTime(t, oneAccount(), func(f *farEnd) {
		time.Sleep(time.Minute)
		f.mu.Lock()
		sent := len(f.registers)
		f.mu.Unlock()
		if sent != 0 || f.c.Status()[0].State == Registered {
			t.Errorf("%d REGISTERs were sent without leave", sent)
		}
		may.Store(true)
		time.Sleep(time.Minute)
		if got := f.c.Status()[0].State; got != Registered {
			t.Errorf("with leave: %v", got)
		}
	}, func(f *farEnd) {
		f.c.May = func(account string) bool { return account == "home" && may.Load() }
	})
}
