package hostile

import (
	"io"
	"os"
	"runtime"
	"slices"
	"sync"
	"testing"
	"time"

	"tandem/internal/stage"
	"tandem/sim/phone"
)

// talk sets up a call between two phones, with tones both ways.
func (r *rig) talk(t *testing.T) (caller, callee *phone.Call) {
	t.Helper()
	ctx := within(t, patience)
	kitchen, err := r.Phone(ctx, stage.Kitchen, func(c *phone.Config) { c.Tone = 440 })
	if err != nil {
		t.Fatal(err)
	}
	study, err := r.Phone(ctx, stage.Study, func(c *phone.Config) { c.Tone = 620 })
	if err != nil {
		t.Fatal(err)
	}
	if caller, err = kitchen.Call(ctx, stage.Study); err != nil {
		t.Fatal(err)
	}
	if callee, err = study.NextCall(ctx); err != nil {
		t.Fatal(err)
	}
	for _, c := range []*phone.Call{caller, callee} {
		if err := c.WaitAnswered(ctx); err != nil {
			t.Fatal(err)
		}
	}
	if err := caller.WaitTone(ctx, 620, 300*time.Millisecond); err != nil {
		t.Fatal(err)
	}
	if err := callee.WaitTone(ctx, 440, 300*time.Millisecond); err != nil {
		t.Fatal(err)
	}
	return caller, callee
}

// unharmed demands that the call goes on and has lost no media.
func unharmed(t *testing.T, calls ...*phone.Call) {
	t.Helper()
	for _, c := range calls {
		select {
		case <-c.Done():
			t.Errorf("the call of %s was ended: %+v", c.CallID(), c.Report().Reason)
			continue
		default:
		}
		before := c.Heard()
		ctx := within(t, patience)
		for c.Heard().Packets < before.Packets+10 {
			select {
			case <-ctx.Done():
				t.Fatal("no media comes any more")
			case <-time.After(10 * time.Millisecond):
			}
		}
		if h := c.Heard(); h.Lost > 0 || h.Duplicates > 0 {
			t.Errorf("of %d packets %d were lost and %d doubled", h.Packets, h.Lost, h.Duplicates)
		}
	}
}

// footprint is what must not grow.
type footprint struct {
	goroutines, files int
	heap              uint64
}

func measure() footprint {
	for range 3 {
		runtime.GC()
	}
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	fds, _ := os.ReadDir("/proc/self/fd")
	return footprint{runtime.NumGoroutine(), len(fds), m.HeapAlloc}
}

// settles waits until the process is back at what it was: goroutines and files
// but for a few of the runtime's, the heap within a tenth, or 4 MiB of a small one. within
// is for a quick machine.
func settles(t *testing.T, was footprint, within time.Duration) {
	t.Helper()
	var now footprint
	for end := time.Now().Add(within + patience); time.Now().Before(end); {
		now = measure()
		if now.goroutines <= was.goroutines+4 && now.files <= was.files+2 && now.heap <= was.heap+max(was.heap/10, 4<<20) {
			t.Logf("before %+v, after %+v", was, now)
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
	t.Errorf("left behind: before %+v, after %+v", was, now)
	if now.goroutines > was.goroutines+4 {
		b := make([]byte, 1<<20)
		t.Logf("%s", b[:runtime.Stack(b, true)])
	}
}

// prober asks OPTIONS again and again, and keeps how long the answers took.
type prober struct {
	stop chan struct{}
	done sync.WaitGroup
	took []time.Duration
	lost int
}

func (r *rig) probe(t *testing.T) *prober {
	t.Helper()
	p := &prober{stop: make(chan struct{})}
	c := r.dial(t, "udp")
	p.done.Go(func() {
		for {
			select {
			case <-p.stop:
				return
			case <-time.After(20 * time.Millisecond):
			}
			began := time.Now()
			if _, err := io.WriteString(c, request("OPTIONS", "sip:tandem.example", "udp")); err != nil {
				p.lost++
				continue
			}
			if a, err := final(c, "udp", time.Second); err != nil || a.status != 200 {
				p.lost++
				continue
			}
			p.took = append(p.took, time.Since(began))
		}
	})
	return p
}

// verdict ends the probing: in a run that is timed hardly any answer may be
// missing or late.
func (p *prober) verdict(t *testing.T, limit time.Duration) {
	t.Helper()
	close(p.stop)
	p.done.Wait()
	if len(p.took) == 0 {
		if timed(t) {
			t.Error("no OPTIONS was answered")
		}
		return
	}
	slices.Sort(p.took)
	n := len(p.took)
	t.Logf("OPTIONS: %d answered, %d lost, median %v, 99 %% %v, most %v", n, p.lost, p.took[n/2], p.took[n*99/100], p.took[n-1])
	if !timed(t) {
		return
	}
	if p.lost > 1+n/20 {
		t.Errorf("%d of %d OPTIONS were not answered", p.lost, n+p.lost)
	}
	if p.took[n*9/10] > limit {
		t.Errorf("a tenth of the OPTIONS took more than %v", p.took[n*9/10])
	}
}
