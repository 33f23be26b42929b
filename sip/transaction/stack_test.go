package transaction

import (
	"context"
	"fmt"
	"net/netip"
	"runtime"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"tandem/sip"
	"tandem/sip/flow"
)

var loopback = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}

// stack is a layer on sockets.
func stack(t *testing.T, l *Layer) *flow.Transport {
	t.Helper()
	tr := &flow.Transport{Handler: l.Receive, Malformed: l.Malformed, Trusted: loopback}
	t.Cleanup(func() { l.Close(); tr.Close() })
	return tr
}

func TestBurstsStayInOrderOnSockets(t *testing.T) {
	for _, network := range []string{"udp", "tcp", "ws"} {
		t.Run(network, func(t *testing.T) {
			far := &Layer{OnRequest: func(s *Server) {
				for _, status := range []int{100, 180, 183, 200} {
					s.Respond(response(s.Request(), status))
				}
			}}
			at, err := stack(t, far).Listen(flow.Listen{Network: network, Addr: "127.0.0.1:0"})
			if err != nil {
				t.Fatal(err)
			}
			near := &Layer{}
			tr := stack(t, near)
			if network == "udp" {
				tr.Listen(flow.Listen{Network: "udp", Addr: "127.0.0.1:0"})
			}
			f, err := tr.Dial(context.Background(), flow.Target{Network: network, Addr: at})
			if err != nil {
				t.Fatal(err)
			}
			callAll(t, near, f)
		})
	}
}

// callAll makes 1000 calls from four goroutines and checks each one's responses.
func callAll(t *testing.T, l *Layer, f *flow.Flow) {
	t.Helper()
	var callers sync.WaitGroup
	for g := range 4 {
		callers.Go(func() {
			for i := range 250 {
				got := make(chan int, 8)
				req := outgoing("INVITE")
				req.Set("Call-ID", fmt.Sprint(g, "-", i))
				l.Request(f, req, func(e Event) {
					if e.Err != nil {
						t.Error(e.Err)
						close(got)
						return
					}
					got <- e.Response.Status
				})
				var statuses []int
				for s := range got {
					if statuses = append(statuses, s); s >= 200 {
						break
					}
				}
				if !slices.Equal(statuses, []int{100, 180, 183, 200}) {
					t.Errorf("call %d-%d got %v", g, i, statuses)
				}
			}
		})
	}
	callers.Wait()
}

func TestUnacknowledgedFloodOfOneStrangerIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &Layer{OnRequest: func(s *Server) { s.Respond(response(s.Request(), 401)) }, Limits: Limits{PerStranger: 100}}
		l.init()
		for i := range 200 {
			if ok := l.strangers.take(netip.MustParseAddr("192.0.2.1")); ok != (i < 100) {
				t.Fatalf("transaction %d: %v", i, ok)
			}
		}
		if !l.strangers.take(netip.MustParseAddr("192.0.2.2")) {
			t.Error("another source is refused")
		}
	})
}

func TestFinishedTransactionsAreSmall(t *testing.T) {
	onBench(t, "udp", func(b *bench) {
		b.on = func(s *Server) { s.Respond(sip.NewResponse(s.Request(), 200, "")) }
		const n = 5000
		before := heap()
		b.mu.Lock()
		b.layer.OnRequest = func(s *Server) { s.Respond(sip.NewResponse(s.Request(), 200, "")) }
		b.mu.Unlock()
		for i := range n {
			b.layer.Receive(b.flow, incoming("OPTIONS", fmt.Sprint(b1, "-", i)))
			if i%100 == 99 {
				synctest.Wait()
			}
		}
		synctest.Wait()
		b.mu.Lock()
		b.sent = nil
		b.mu.Unlock()
		if live := b.layer.Stats().Live; live != n {
			t.Fatalf("%d live", live)
		}
		if each := (heap() - before) / n; each > 1536 {
			t.Errorf("%d bytes each", each)
		} else {
			t.Logf("%d bytes each", each)
		}
		b.wait(32 * time.Second)
	})
}

func heap() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// FuzzReceive feeds a layer whatever parses.
func FuzzReceive(f *testing.F) {
	for _, method := range []string{"INVITE", "ACK", "CANCEL", "OPTIONS", "BYE"} {
		f.Add(incoming(method, b1).Append(nil), incoming("CANCEL", b1).Append(nil))
		f.Add(incoming(method, "1").Append(nil), response(incoming(method, b2), 200).Append(nil))
	}
	tr := &flow.Transport{Trusted: loopback}
	if _, err := tr.Listen(flow.Listen{Network: "udp", Addr: "127.0.0.1:0"}); err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { tr.Close() })
	fl, err := tr.Dial(context.Background(), flow.Target{Network: "udp", Addr: netip.MustParseAddrPort("127.0.0.1:9")})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, one, two []byte) {
		l := &Layer{OnRequest: func(s *Server) { s.Respond(reply(s.Request(), 486)) }}
		for _, b := range [][]byte{one, two, one} {
			m, err := sip.Parse(b)
			if m == nil {
				continue
			}
			fault, _ := err.(*sip.ParseError)
			if fault == nil {
				fault = sip.Check(m)
			}
			if fault != nil {
				l.Malformed(fl, m, fault)
				continue
			}
			l.Receive(fl, m)
		}
		l.Close()
		if n := l.Stats().Live; n != 0 {
			t.Errorf("%d live after Close", n)
		}
	})
}
