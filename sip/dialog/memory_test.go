package dialog

import (
	"net/netip"
	"runtime"
	"strings"
	"testing"
	"time"

	"tandem/sip"
	"tandem/sip/flow"
	"tandem/sip/transaction"
)

// agent is a core of its own on a UDP socket.
type agent struct {
	core *Core
	net  *flow.Transport
	at   netip.AddrPort
}

func newAgent(tb testing.TB, on func(*Session)) *agent {
	tb.Helper()
	layer := &transaction.Layer{Log: quiet}
	a := &agent{net: &flow.Transport{
		Handler: layer.Receive, Malformed: layer.Malformed, Log: quiet, Trusted: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")},
	}}
	a.core = &Core{Transactions: layer, Log: quiet, OnInvite: on, UserAgent: "Tandem", Contact: func(*flow.Flow) sip.URI {
		return sip.URI{Scheme: "sip", User: "me", Host: "192.0.2.9"}
	}}
	layer.OnRequest, layer.OnStray = a.core.HandleRequest, a.core.HandleStray
	var err error
	if a.at, err = a.net.Listen(flow.Listen{Network: "udp", Addr: "127.0.0.1:0"}); err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { a.core.Close(); layer.Close(); a.net.Close() })
	return a
}

// callOnce calls, is answered, holds if it is to, hangs up, and waits until both ends
// have ended.
func callOnce(tb testing.TB, caller *agent, f *flow.Flow, theirEnd <-chan struct{}, hold bool) {
	tb.Helper()
	up, held, ended := make(chan struct{}), make(chan struct{}), make(chan struct{})
	req := sip.NewRequest("INVITE", sip.URI{Scheme: "sip", User: "bob", Host: "example.com"})
	req.Add("From", `"Alice" <sip:alice@example.com>`)
	req.Add("To", "<sip:bob@example.com>")
	req.Add("X-Long", strings.Repeat("x", 200))
	s, err := caller.core.Invite(Invite{Flow: f, Request: req, SDP: []byte(offerSDP), On: func(ev Event) {
		switch ev.(type) {
		case Answered:
			close(up)
		case OfferAnswered:
			close(held)
		case Ended:
			close(ended)
		}
	}})
	if err != nil {
		tb.Fatal(err)
	}
	limit := time.After(time.Minute)
	for _, c := range []<-chan struct{}{up, held, ended, theirEnd} {
		switch {
		case c == held && !hold:
			continue
		case c == held:
			s.Reinvite([]byte(holdSDP))
		case c == ended:
			s.Bye()
		}
		select {
		case <-c:
		case <-limit:
			tb.Fatal("the call did not get on")
		}
	}
}

// A transaction lives on for 32 s after its call, so 1,000 calls/s are 32,000 calls
// that have ended (goals R-6). What they keep must fit beside what runs.
func TestAnEndedCallKeepsLittle(t *testing.T) {
	t.Run("a call", func(t *testing.T) { keepsLittle(t, false, 4800) })
	t.Run("a call with a re-INVITE", func(t *testing.T) { keepsLittle(t, true, 6400) })
}

func keepsLittle(t *testing.T, hold bool, most int64) {
	ended := make(chan struct{}, 1)
	called := newAgent(t, func(s *Session) {
		s.On(func(ev Event) {
			switch ev.(type) {
			case Offer:
				s.AnswerOffer([]byte(heldSDP))
			case Ended:
				ended <- struct{}{}
			}
		})
		s.Accept([]byte(answerSDP))
	})
	caller := newAgent(t, nil)
	f, err := caller.net.Dial(t.Context(), flow.Target{Network: "udp", Addr: called.at})
	if err != nil {
		t.Fatal(err)
	}
	const n = 1000
	callOnce(t, caller, f, ended, hold) // what the first one makes stays
	before := heapInUse()
	for range n {
		callOnce(t, caller, f, ended, hold)
	}
	each := (heapInUse() - before) / n
	t.Logf("%d bytes for both ends of a call", each)
	if each > most {
		t.Errorf("both ends of a call that has ended keep %d bytes, want %d at most", each, most)
	}
	runtime.KeepAlive(caller)
}

func heapInUse() int64 {
	runtime.GC()
	runtime.GC() // what pools hold goes with the second one
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}
