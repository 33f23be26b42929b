package flow

import (
	"bytes"
	"crypto/tls"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"net/netip"
	"os"
	"runtime"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"tandem/sip"
)

// mutant is a message with some bytes changed, cut or doubled; or just noise.
func mutant(r *rand.Rand) []byte {
	b := options(callID(r.IntN(1000))).Append(nil)
	switch r.IntN(4) {
	case 0:
		b = make([]byte, r.IntN(1400))
		for i := range b {
			b[i] = byte(r.Uint32())
		}
	case 1:
		b = b[:r.IntN(len(b))]
	case 2:
		at := r.IntN(len(b))
		b = append(b[:at:at], append(bytes.Repeat(b[at:at+1], r.IntN(400)), b[at:]...)...)
	}
	for range r.IntN(8) {
		if len(b) > 0 {
			b[r.IntN(len(b))] = byte(r.Uint32())
		}
	}
	return b
}

// stillServes asks for an answer on a new flow and waits for it.
func stillServes(t *testing.T, at netip.AddrPort, network string, conf *tls.Config) {
	t.Helper()
	a, in := newTransport(t)
	defer a.Close()
	if network == "udp" {
		listen(t, a, Listen{Network: "udp"})
	}
	f := dial(t, a, Target{Network: network, Addr: at, TLS: conf})
	f.Send(options("good"))
	again := time.NewTicker(200 * time.Millisecond) // the system drops datagrams that nobody has read yet
	defer again.Stop()
	limit := time.After(time.Minute)
	for {
		select {
		case got := <-in:
			if got.m.Status != 200 {
				t.Errorf("answer is %d", got.m.Status)
			}
			return
		case <-again.C:
			if network == "udp" {
				f.Send(options("good"))
			}
		case <-limit:
			t.Fatal("no answer")
		}
	}
}

func answerer() *Transport {
	return &Transport{
		Trusted: loopback,
		Handler: func(f *Flow, m *sip.Message) {
			if m.IsRequest() {
				f.Send(sip.NewResponse(m, 200, ""))
			}
		},
		Malformed: func(f *Flow, m *sip.Message, e *sip.ParseError) {
			if m.IsRequest() && e.Status != 0 {
				f.Send(sip.NewResponse(m, e.Status, ""))
			}
		},
	}
}

func TestTenThousandMutantsOnUDP(t *testing.T) {
	b := answerer()
	defer b.Close()
	at := listen(t, b, Listen{Network: "udp"})
	before := runtime.NumGoroutine()
	c, err := net.Dial("udp", at.String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	r := rand.New(rand.NewPCG(1, 2))
	for i := range 10_000 {
		c.Write(mutant(r))
		if i%2000 == 1999 {
			stillServes(t, at, "udp", nil)
		}
	}
	within(t, "no more goroutines than before", func() bool { return runtime.NumGoroutine() <= before+1 })
	if s := b.Stats(); s.Malformed == 0 || s.Junk == 0 {
		t.Errorf("not counted: %+v", s)
	}
}

func TestGarbageOnConnections(t *testing.T) {
	server, client := certificate()
	for _, network := range Networks()[1:] {
		t.Run(network, func(t *testing.T) {
			b := answerer()
			defer b.Close()
			at := listen(t, b, Listen{Network: network, TLS: server})
			before := runtime.NumGoroutine()
			r := rand.New(rand.NewPCG(3, 4))
			for i := range 60 {
				garble(t, at, network, client, r, i%2 == 0)
			}
			stillServes(t, at, network, client)
			within(t, "all connections gone", func() bool { return b.Stats().Open == 0 && runtime.NumGoroutine() <= before+1 })
		})
	}
}

// garble sends mutants on one connection, raw or after the handshakes.
func garble(t *testing.T, at netip.AddrPort, network string, conf *tls.Config, r *rand.Rand, raw bool) {
	t.Helper()
	if raw {
		c := rawDial(t, at)
		go io.Copy(io.Discard, c)
		for range 20 {
			if _, err := c.Write(mutant(r)); err != nil {
				break
			}
		}
		c.Close()
		return
	}
	a := &Transport{}
	defer a.Close()
	f := dial(t, a, Target{Network: network, Addr: at, TLS: conf})
	for range 20 {
		if f.SendBytes(mutant(r)) != nil {
			return
		}
	}
}

func TestStrangersFloodIsDroppedUnparsedAndGoodOnesGetThrough(t *testing.T) {
	synctest.Test(t, strangersFlood) // no time passes that is not slept
}

func strangersFlood(t *testing.T) {
	a := newAdmission(Limits{}.withDefaults().Budgets, nil)
	flood, admitted := netip.MustParseAddr("192.0.2.1"), 0
	for range 60_000 {
		if a.admit(flood) {
			admitted++
		}
	}
	if admitted > 5000 {
		t.Errorf("%d of 60,000 admitted", admitted)
	}
	for range 60_000 { // uses the surplus up
		a.admit(netip.AddrFrom4([4]byte{198, 51, 100, byte(rand.Uint32())}))
	}
	time.Sleep(100 * time.Millisecond) // a tenth of a second after the worst of it
	good := netip.MustParseAddr("203.0.113.7")
	for i := range 10 {
		if !a.admit(good) {
			t.Fatalf("message %d of a newcomer was dropped", i)
		}
	}
	a.trust(flood)
	for i := range 20_000 {
		if !a.admit(flood) {
			t.Fatalf("message %d of a trusted source was dropped", i)
		}
	}
}

func TestForgedSourcesDoNotGrowMemory(t *testing.T) {
	b := Limits{}.withDefaults().Budgets
	b.Sources = Budget{1_000_000_000, 1_000_000_000}
	a := newAdmission(b, nil)
	for i := range 300_000 {
		a.admit(netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)}))
	}
	if n := a.strangers.len(); n > sourceTable {
		t.Errorf("%d sources are remembered", n)
	}
}

func TestGenerationsStayBoundedWhateverIsKept(t *testing.T) {
	g := newGenerations[int, int](1000)
	turns := 0
	g.keep = func(v int) bool { return true }
	g.forgotten = func(int) { turns++ }
	for i := range 100_000 {
		g.put(i, i)
		if g.len() > 1000 {
			t.Fatalf("%d entries", g.len())
		}
	}
	if turns > 500 {
		t.Errorf("%d turns", turns)
	}
}

func TestSilentConnectionsGiveWay(t *testing.T) {
	b := answerer()
	b.Limits.Connections, b.Limits.ConnectionsPerAddress = 50, 40
	defer b.Close()
	at := listen(t, b, Listen{Network: "tcp"})
	a, in := newTransport(t)
	good := dial(t, a, Target{Network: "tcp", Addr: at})
	good.Send(options("first"))
	in.next(t)
	for range 200 {
		rawDial(t, at)
	}
	stillServes(t, at, "tcp", nil)
	good.Send(options("again"))
	if got := in.next(t); got.m.CallID() != "again" {
		t.Errorf("got %s", got.m.CallID())
	}
	within(t, "those that had to go are gone", func() bool { s := b.Stats(); return s.Evicted >= 150 && s.Open <= 40 })
}

func TestOldestSilentConnectionGivesWayFirst(t *testing.T) {
	p := newPlaces(10, 10)
	addr := netip.MustParseAddr("192.0.2.1")
	var closed []int
	for i := range 3 {
		x, _ := p.take(addr, func() { closed = append(closed, i) })
		if i == 0 {
			x.prove()
		}
	}
	for range 3 {
		p.evictOldest()
	}
	if !slices.Equal(closed, []int{1, 2}) || p.taken != 1 {
		t.Errorf("closed %v, %d left", closed, p.taken)
	}
}

func TestUsefulConnectionsAreNotEvicted(t *testing.T) {
	p := newPlaces(2, 2)
	addr := netip.MustParseAddr("192.0.2.1")
	for range 2 {
		x, _ := p.take(addr, nil)
		x.prove()
	}
	if x, evicted := p.take(addr, nil); x != nil || evicted != nil {
		t.Error("a useful connection gave way")
	}
}

func TestHalfOpenHandshakesEnd(t *testing.T) {
	server, _ := certificate()
	for _, network := range []string{"tls", "ws", "wss"} {
		t.Run(network, func(t *testing.T) {
			b, _ := newTransport(t)
			b.Limits.Handshake = 50 * time.Millisecond
			at := listen(t, b, Listen{Network: network, TLS: server})
			c := rawDial(t, at)
			c.Write([]byte{0x16, 3, 1}) // the beginning of a ClientHello, or of no request line at all
			c.SetReadDeadline(time.Now().Add(time.Minute))
			if _, err := io.ReadAll(c); errors.Is(err, os.ErrDeadlineExceeded) {
				t.Error("still open after 10 s")
			}
		})
	}
}

func TestUDPFlowsAreForgottenWhenThereAreTooMany(t *testing.T) {
	b, in := newTransport(t)
	b.Limits.UDPFlows = 8
	at := listen(t, b, Listen{Network: "udp"})
	pinned := dial(t, b, Target{Network: "udp", Host: "127.0.0.1", Port: 5999})
	pinned.KeepAlive(KeepAlive{Every: time.Hour})
	for i := range 50 {
		c, err := net.Dial("udp", at.String())
		if err != nil {
			t.Fatal(err)
		}
		c.Write(options(callID(i)).Append(nil))
		in.next(t)
		c.Close()
	}
	if n := b.Stats().FlowsForgotten; n < 30 {
		t.Errorf("%d forgotten", n)
	}
	if f := dial(t, b, Target{Network: "udp", Host: "127.0.0.1", Port: 5999}); f != pinned {
		t.Error("a flow with a keep-alive was forgotten")
	}
}
