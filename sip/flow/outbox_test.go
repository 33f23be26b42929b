package flow

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"tandem/sip"
)

func TestSlowReaderNeverBlocksSend(t *testing.T) {
	server, client := certificate()
	for _, network := range Networks()[1:] {
		t.Run(network, func(t *testing.T) {
			a, _ := newTransport(t)
			a.Limits.Queue = 64 << 10
			b := &Transport{Trusted: loopback}
			hold := make(chan struct{})
			b.Handler = func(*Flow, *sip.Message) { <-hold } // reads nothing more
			t.Cleanup(func() { b.Close() })
			t.Cleanup(func() { close(hold) })
			at := listen(t, b, Listen{Network: network, TLS: server})
			f := dial(t, a, Target{Network: network, Addr: at, TLS: client})
			m := options("1")
			m.Body = bytes.Repeat([]byte("x"), 16<<10)
			var err error
			for range 10_000 { // 160 MB: more than the system buffers
				if err = f.Send(m); err != nil {
					break
				}
			}
			if !errors.Is(err, ErrQueueFull) || !errors.Is(f.Err(), ErrQueueFull) {
				t.Errorf("Send: %v, Err: %v", err, f.Err())
			}
			if n := a.Stats().QueueFull; n != 1 {
				t.Errorf("counted %d", n)
			}
		})
	}
}

func TestWhatWasSentBeforeCloseArrives(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tr := &Transport{}
		defer tr.Close()
		f, far := adopt(t, tr, "tcp")
		m := options("bye")
		f.Send(m)
		f.Close(nil)
		got, err := io.ReadAll(far)
		if string(got) != wire(m) || err != nil {
			t.Errorf("got %d of %d bytes, %v", len(got), len(wire(m)), err)
		}
	})
}

func TestCloseWaitsTwoSecondsForASlowReader(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tr := &Transport{}
		f, far := adopt(t, tr, "tcp")
		defer far.Close()
		f.Send(options("bye"))
		start := time.Now()
		tr.Close()
		if took := time.Since(start); took != lingerTimeout {
			t.Errorf("took %v", took)
		}
	})
}

func TestStalledReaderEndsTheFlow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tr := &Transport{}
		defer tr.Close()
		f, far := adopt(t, tr, "tcp")
		defer far.Close()
		start := time.Now()
		f.Send(options("1"))
		<-f.Done()
		if took := time.Since(start); took != stallTimeout {
			t.Errorf("took %v: %v", took, f.Err())
		}
	})
}

func TestQueueKeepsTheOrder(t *testing.T) {
	near, far := net.Pipe()
	tr := &Transport{}
	f, err := tr.Adopt(near, "tcp")
	if err != nil {
		t.Fatal(err)
	}
	var want bytes.Buffer
	for i := range 200 {
		m := options(callID(i))
		want.Write(m.Append(nil))
		f.Send(m)
	}
	f.Close(nil)
	got, _ := io.ReadAll(far)
	if !bytes.Equal(got, want.Bytes()) {
		t.Errorf("got %d bytes, want %d", len(got), want.Len())
	}
	tr.Close()
}

func TestDialGivesUpWithItsContext(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0") // accepts in the backlog only
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	for _, network := range []string{"tls", "ws"} {
		a, _ := newTransport(t)
		ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
		defer cancel()
		if _, err := a.Dial(ctx, Target{Network: network, Addr: addrPort(ln.Addr())}); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%s: %v", network, err)
		}
	}
}
