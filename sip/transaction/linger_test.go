package transaction

import (
	"testing"
	"testing/synctest"
	"time"
)

// a fakeLingerer notes when it ends.
type fakeLingerer struct {
	began time.Time
	took  time.Duration
}

func (f *fakeLingerer) expire() { f.took += time.Since(f.began) }

func TestThoseThatLingerEndOnceAndInTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &Layer{}
		l.init()
		all := make([]*fakeLingerer, 300)
		for i := range all {
			all[i] = &fakeLingerer{began: time.Now()}
			l.short.add(all[i])
			time.Sleep(time.Millisecond)
		}
		time.Sleep(l.t4 + time.Second)
		synctest.Wait()
		for i, f := range all {
			if late := f.took - l.t4; late < 0 || late > lingerTick {
				t.Errorf("number %d lingered for %v, want %v and at most %v more", i, f.took, l.t4, lingerTick)
			}
		}
		if l.short.queue != nil || l.short.set {
			t.Errorf("%d are left, the timer runs: %v", len(l.short.queue), l.short.set)
		}
	})
}

func TestNoTimerIsLeftWhenTheLayerCloses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &Layer{}
		l.init()
		f := &fakeLingerer{began: time.Now()}
		l.long.add(f)
		l.Close()
		l.long.add(f)
		time.Sleep(time.Minute)
		synctest.Wait()
		if f.took != 0 {
			t.Error("a closed layer's queue ended something; Close does that itself")
		}
	})
}
