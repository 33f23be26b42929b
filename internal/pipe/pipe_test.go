package pipe

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"os"
	"testing"
	"testing/synctest"
	"time"
)

func TestDatagramsComeInOrderAndAreDroppedWhenNobodyReads(t *testing.T) {
	from := netip.MustParseAddrPort("192.0.2.1:5")
	c := New(&net.UDPAddr{}, nil)
	n := 0
	for c.Put([]byte{byte(n)}, from) {
		n++
	}
	if n != maxQueued {
		t.Errorf("%d are kept", n)
	}
	if err := c.Await(t.Context()); err != nil {
		t.Fatal(err)
	}
	b := make([]byte, 10)
	for want := range n {
		if got, at, err := c.ReadFrom(b); err != nil || got != 1 || b[0] != byte(want) || at.String() != from.String() {
			t.Fatalf("%d: %d of %v, %v", want, b[0], at, err)
		}
	}
}

func TestReadsEndByDeadlineAndByClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, b := New(&net.UDPAddr{}, nil), make([]byte, 10)
		began := time.Now()
		_ = c.SetDeadline(began.Add(time.Second))
		if _, _, err := c.ReadFrom(b); !errors.Is(err, os.ErrDeadlineExceeded) || time.Since(began) != time.Second {
			t.Errorf("%v after %v", err, time.Since(began))
		}
		_ = c.SetDeadline(time.Time{})
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if err := c.Await(ctx); !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
		time.AfterFunc(time.Second, func() { _ = c.Close() })
		if _, _, err := c.ReadFrom(b); !errors.Is(err, net.ErrClosed) {
			t.Error(err)
		}
		if _, err := c.WriteTo(b, &net.UDPAddr{}); !errors.Is(err, net.ErrClosed) {
			t.Error(err)
		}
	})
}

func TestWritesGoOutWithPlainAddresses(t *testing.T) {
	var to netip.AddrPort
	c := New(&net.UDPAddr{Port: 7}, func(_ []byte, at netip.AddrPort) { to = at })
	if n, err := c.WriteTo([]byte("abc"), &net.UDPAddr{IP: net.IPv4(192, 0, 2, 1).To16(), Port: 9}); n != 3 || err != nil || to.String() != "192.0.2.1:9" {
		t.Errorf("%d %v to %v", n, err, to)
	}
	if _, err := c.WriteTo(nil, &net.TCPAddr{}); err == nil {
		t.Error("an address of TCP is taken")
	}
	if c.LocalAddr().String() != ":7" {
		t.Error(c.LocalAddr())
	}
}
