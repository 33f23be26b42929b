package flow

import (
	"bufio"
	"errors"
	"io"
	"net"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"tandem/sip"
)

// adopt returns a flow on one end of a pipe, and the other end.
func adopt(t *testing.T, tr *Transport, network string) (*Flow, net.Conn) {
	t.Helper()
	near, far := net.Pipe()
	f, err := tr.Adopt(near, network)
	if err != nil {
		t.Fatal(err)
	}
	return f, far
}

func TestMissingPongEndsTheFlowTenSecondsAfterThePing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tr := &Transport{}
		defer tr.Close()
		f, far := adopt(t, tr, "tls")
		start := time.Now()
		f.KeepAlive(KeepAlive{Every: 90 * time.Second})
		go func() {
			b := make([]byte, 4)
			io.ReadFull(far, b)
			if string(b) != ping {
				t.Errorf("ping is %q", b)
			}
			far.Write([]byte(pong)) // the first is answered
			io.Copy(io.Discard, far)
		}()
		<-f.Done()
		if took := time.Since(start); took != 190*time.Second || !errors.Is(f.Err(), ErrNoPong) {
			t.Errorf("took %v: %v", took, f.Err())
		}
	})
}

func TestKeepAliveWaitsAreSpread(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tr := &Transport{}
		defer tr.Close()
		f, far := adopt(t, tr, "tcp")
		f.KeepAlive(KeepAlive{Every: 120 * time.Second, Spread: 25 * time.Second})
		r := bufio.NewReader(far)
		for range 20 {
			start := time.Now()
			if _, err := r.Discard(4); err != nil {
				t.Fatal(err)
			}
			if d := time.Since(start); d < 95*time.Second || d > 120*time.Second {
				t.Errorf("waited %v", d)
			}
			far.Write([]byte(pong))
			synctest.Wait()
		}
		f.KeepAlive(KeepAlive{})
		time.Sleep(time.Hour)
		if f.Err() != nil {
			t.Errorf("ended after the pings were stopped: %v", f.Err())
		}
	})
}

func TestPingsAreAnswered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tr := &Transport{}
		defer tr.Close()
		_, far := adopt(t, tr, "tcp")
		go far.Write([]byte(ping))
		b := make([]byte, 2)
		if _, err := io.ReadFull(far, b); err != nil || string(b) != pong {
			t.Errorf("got %q, %v", b, err)
		}
	})
}

func TestSilentConnectionsAreClosed(t *testing.T) {
	whole := wire(options("1"))
	for _, row := range []struct {
		name  string
		send  []string
		every time.Duration // between the sends
		took  time.Duration
	}{
		{"nothing at all", nil, 0, 30 * time.Second},
		{"half a message", []string{whole[:50]}, 0, 30 * time.Second},
		{"a byte now and then", []string{"O", "P", "T", "I", "O", "N", "S"}, 9 * time.Second, 30 * time.Second},
		{"only pings", []string{ping, ping, ping, ping, ping}, 9 * time.Second, 30 * time.Second},
		{"one message", []string{whole}, 0, 10 * time.Minute},
		{"a message, then half of one", []string{whole, whole[:50]}, time.Minute, 90 * time.Second},
	} {
		t.Run(row.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				tr := &Transport{}
				defer tr.Close()
				tr.init()
				near, far := net.Pipe()
				defer far.Close()
				go io.Copy(io.Discard, far)
				f := acceptPipe(tr, near)
				start := time.Now()
				var sender sync.WaitGroup
				defer sender.Wait()
				sender.Go(func() {
					for _, s := range row.send {
						far.Write([]byte(s))
						time.Sleep(row.every)
					}
				})
				<-f.Done()
				if took := time.Since(start); took != row.took || !errors.Is(f.Err(), ErrIdle) {
					t.Errorf("took %v: %v", took, f.Err())
				}
			})
		})
	}
}

// acceptPipe makes a flow of an accepted connection's kind.
func acceptPipe(tr *Transport, c net.Conn) *Flow {
	f := newFlow(tr, tcp, adoptedAddr(c.LocalAddr()), adoptedAddr(c.RemoteAddr()))
	tr.launch(f, tr.adoptStream(f, c))
	return f
}

func TestFlowsInUseMayBeSilent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tr := &Transport{}
		tr.init()
		defer tr.Close()
		near, far := net.Pipe()
		defer far.Close()
		f := acceptPipe(tr, near)
		far.Write([]byte(wire(options("1"))))
		var call Link
		f.Attach(&call, watch(func(error) {}))
		time.Sleep(24 * time.Hour)
		if f.Err() != nil {
			t.Fatalf("ended during the call: %v", f.Err())
		}
		start := time.Now()
		f.Detach(&call)
		<-f.Done()
		if took := time.Since(start); took > 10*time.Minute {
			t.Errorf("took %v after the call", took)
		}
	})
}

func TestTrustedFlowsMayBeSilent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tr := &Transport{}
		tr.init()
		defer tr.Close()
		near, far := net.Pipe()
		defer far.Close()
		f := acceptPipe(tr, near)
		tr.Handler = func(f *Flow, _ *sip.Message) { f.Trust() }
		far.Write([]byte(wire(options("1"))))
		time.Sleep(24 * time.Hour)
		if f.Err() != nil {
			t.Errorf("ended: %v", f.Err())
		}
	})
}
