package capture

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net/netip"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"tandem/evidence"
	"tandem/media/transport"
	"tandem/store"
)

// blocks splits a file; every block says its length at both ends.
func blocks(t *testing.T, file []byte) (kinds []uint32, bodies [][]byte) {
	t.Helper()
	for len(file) > 0 {
		size := binary.LittleEndian.Uint32(file[4:])
		if size%4 != 0 || int(size) > len(file) || binary.LittleEndian.Uint32(file[size-4:]) != size {
			t.Fatalf("a block of %d octets, %d are left", size, len(file))
		}
		kinds, bodies = append(kinds, binary.LittleEndian.Uint32(file)), append(bodies, file[8:size-4])
		file = file[size:]
	}
	return kinds, bodies
}

func tapped(at time.Time, out bool, payload string) transport.Tapped {
	data := append([]byte{0x80, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3}, payload...)
	return transport.Tapped{
		At: at, Out: out, Local: netip.MustParseAddrPort("192.0.2.1:16384"), Remote: netip.MustParseAddrPort("198.51.100.7:4000"),
		Head: 12, Data: data,
	}
}

func TestPacketsAndMessagesComeInTheirOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		var ladder []evidence.Message
		on := true
		c := &Capture{By: "test", Messages: func() ([]evidence.Message, bool) { return ladder, on }}
		var file bytes.Buffer
		done := make(chan error, 1)
		go func() { done <- c.Run(t.Context(), &file, func() {}) }()
		time.Sleep(time.Millisecond)
		c.Packet(tapped(began.Add(20*time.Millisecond), true, "canary"))
		c.Packet(tapped(began.Add(10*time.Millisecond), false, "canary"))
		synctest.Wait()
		ladder = append(ladder, evidence.Message{
			At: began.Add(15 * time.Millisecond), Leg: "a", Direction: "in", Peer: "192.0.2.9:5060", Network: "udp", Summary: "INVITE",
			Text: "INVITE sip:x SIP/2.0\nContent-Length: 99\n\na=crypto:1 X inline: [redacted]\n", Local: netip.MustParseAddrPort("192.0.2.1:5060"),
		})
		time.Sleep(3 * time.Second)
		synctest.Wait()
		on = false
		if err := <-done; err != nil {
			t.Fatal(err)
		}
		kinds, bodies := blocks(t, file.Bytes())
		if len(kinds) != 5 || kinds[0] != sectionHeader || kinds[1] != interfaceBlock {
			t.Fatalf("got blocks %x", kinds)
		}
		var last uint64
		for i, b := range bodies[2:] {
			at := uint64(binary.LittleEndian.Uint32(b[4:]))<<32 | uint64(binary.LittleEndian.Uint32(b[8:]))
			if at < last {
				t.Errorf("packet %d comes before the one ahead of it", i)
			}
			last = at
		}
		if bytes.Contains(file.Bytes(), []byte("canary")) {
			t.Error("what was said is in it")
		}
		if !bytes.Contains(bodies[3], []byte("INVITE sip:x SIP/2.0\r\nContent-Length: 62\r\n\r\na=crypto:1 X inline:REDACTED")) {
			t.Errorf("got %q", bodies[3])
		}
		in := bodies[2]
		if kept, size := binary.LittleEndian.Uint32(in[12:]), binary.LittleEndian.Uint32(in[16:]); kept != 40 || size != 46 {
			t.Errorf("%d of %d octets are kept", kept, size)
		}
		if from, to := in[20+12:20+16], in[20+16:20+20]; !bytes.Equal(from, []byte{198, 51, 100, 7}) || !bytes.Equal(to, []byte{192, 0, 2, 1}) {
			t.Errorf("from %v to %v", from, to)
		}
	})
}

func TestACaptureIsBounded(t *testing.T) {
	c := &Capture{Messages: func() ([]evidence.Message, bool) { return nil, true }}
	for range maxWaiting + 5 {
		c.Packet(tapped(time.Now(), true, "x"))
	}
	if c.Dropped() != 5 || len(c.waiting) != maxWaiting {
		t.Errorf("%d are left out, %d wait", c.Dropped(), len(c.waiting))
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := c.Run(ctx, io.Discard, func() {}); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	w := newWriter(io.Discard, "")
	w.n = MaxSize
	if left := write(w, make([]frame, 3), time.Now(), true); len(left) != 3 {
		t.Error("a full file was written to")
	}
	if err := c.Run(t.Context(), failing{}, func() {}); !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("a reader that went away: %v", err)
	}
}

type failing struct{}

func (failing) Write([]byte) (int, error) { return 0, io.ErrClosedPipe }

func TestFramesOfBothFamiliesAreWhole(t *testing.T) {
	for _, c := range []struct {
		from, to string
		size     int
		want     int // octets kept
	}{
		{"192.0.2.1:1", "192.0.2.2:2", 10, 38},
		{"[::ffff:192.0.2.1]:1", "192.0.2.2:2", 10, 38},
		{"[2001:db8::1]:1", "[2001:db8::2]:2", 10, 58},
		{"192.0.2.1:1", "[2001:db8::2]:2", 10, 58},
		{"192.0.2.1:1", "192.0.2.2:2", 1 << 20, 65535},
	} {
		f := frame{from: netip.MustParseAddrPort(c.from), to: netip.MustParseAddrPort(c.to), payload: make([]byte, c.size), size: c.size}
		data, size := datagram(f)
		if len(data) != c.want || size != c.want {
			t.Errorf("%s to %s: %d of %d octets, want %d", c.from, c.to, len(data), size, c.want)
		}
	}
}

func TestATicketIsGoodOnceAndNotLong(t *testing.T) {
	db, err := store.Open(t.Context(), filepath.Join(t.TempDir(), "t.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	secret, err := Issue(t.Context(), db, Ticket{Call: "a", For: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	got, err := Redeem(t.Context(), db, secret)
	if err != nil || got.Call != "a" || got.For != MaxTime {
		t.Errorf("got %+v, %v", got, err)
	}
	for _, bad := range []string{secret, "", strings.Repeat("x", 1000), strings.Repeat("x", 26)} {
		if _, err := Redeem(t.Context(), db, bad); !errors.Is(err, ErrTicket) {
			t.Errorf("%.30q: %v", bad, err)
		}
	}
}
