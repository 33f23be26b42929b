package flow

import (
	"errors"
	"net"
	"net/netip"
	"testing"
	"time"
)

func TestADatagramReachesBothFamilies(t *testing.T) {
	for _, row := range []struct {
		from, to string
		fails    bool
	}{
		{"127.0.0.1:0", "127.0.0.1:0", false},
		{"[::1]:0", "[::1]:0", false},
		{"[::]:0", "[::1]:0", false},
		{"[::]:0", "127.0.0.1:0", false}, // an address of IPv4 on a socket of both
		{"127.0.0.1:0", "[::1]:0", true},
	} {
		out, in := udpConn(t, row.from), udpConn(t, row.to)
		w, err := newDatagramWriter(out)
		if err != nil {
			t.Fatal(err)
		}
		err = w.write([]byte("hello"), addrPort(in.LocalAddr()))
		if row.fails {
			if err == nil {
				t.Errorf("%s to %s: no error", row.from, row.to)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s to %s: %v", row.from, row.to, err)
			continue
		}
		b := make([]byte, 100)
		in.SetReadDeadline(time.Now().Add(20 * time.Second))
		n, from, err := in.ReadFromUDPAddrPort(b)
		if err != nil || string(b[:n]) != "hello" || from.Port() != addrPort(out.LocalAddr()).Port() {
			t.Errorf("%s to %s: %q from %v, %v", row.from, row.to, b[:n], from, err)
		}
	}
}

func TestAClosedSocketSendsNothing(t *testing.T) {
	out, in := udpConn(t, "127.0.0.1:0"), udpConn(t, "127.0.0.1:0")
	w, err := newDatagramWriter(out)
	if err != nil {
		t.Fatal(err)
	}
	out.Close()
	if err := w.write([]byte("hello"), addrPort(in.LocalAddr())); !errors.Is(err, net.ErrClosed) {
		t.Errorf("got %v", err)
	}
}

func TestADatagramThatIsTooLongIsAnError(t *testing.T) {
	out, in := udpConn(t, "127.0.0.1:0"), udpConn(t, "127.0.0.1:0")
	w, err := newDatagramWriter(out)
	if err != nil {
		t.Fatal(err)
	}
	if err := w.write(make([]byte, 1<<16), addrPort(in.LocalAddr())); err == nil {
		t.Error("64 KiB were sent")
	}
}

func TestWritingADatagramAllocatesNothing(t *testing.T) {
	out, in := udpConn(t, "127.0.0.1:0"), udpConn(t, "127.0.0.1:0")
	w, err := newDatagramWriter(out)
	if err != nil {
		t.Fatal(err)
	}
	b, to := []byte("hello"), addrPort(in.LocalAddr())
	if n := testing.AllocsPerRun(1000, func() { _ = w.write(b, to) }); n >= 1 { // less than one: the race detector empties pools
		t.Errorf("%v allocations", n)
	}
}

func udpConn(t *testing.T, addr string) *net.UDPConn {
	t.Helper()
	c, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.MustParseAddrPort(addr)))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}
