package dialog

import (
	"errors"
	"net"
	"net/netip"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"tandem/sip"
	"tandem/sip/flow"
)

var errCut = errors.New("the wire was cut")

func TestADeadFlowEndsItsSessions(t *testing.T) {
	for _, c := range []struct {
		name  string
		until func(e *end, p *peer, s *Session)
	}{
		{"while calling", func(e *end, p *peer, _ *Session) { p.expect("INVITE") }},
		{"while ringing", func(e *end, p *peer, _ *Session) {
			p.reply(p.expect("INVITE"), 180, "bob", "")
			next[Provisional](e)
		}},
		{"in the call", func(e *end, p *peer, _ *Session) {
			p.reply(p.expect("INVITE"), 200, "bob", answerSDP)
			p.expect("ACK")
			next[Answered](e)
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			scripted(t, "tcp", func(t *testing.T, e *end, p *peer) {
				s := e.invite()
				c.until(e, p, s)
				e.flow.Close(errCut)
				if got := ended(e, FlowGone); got.Err == nil {
					t.Error("no reason")
				}
			})
		})
	}
}

func TestADeadFlowWhileWeHangUpEndsTheSessionAtOnce(t *testing.T) {
	scripted(t, "tcp", func(t *testing.T, e *end, p *peer) {
		s, _ := answeredByPeer(e, p)
		s.Bye()
		p.expect("BYE")
		start := time.Now()
		e.flow.Close(errCut)
		ended(e, LocalBye)
		if time.Since(start) > 0 {
			t.Errorf("took %v", time.Since(start))
		}
	})
}

func TestASessionSurvivesItsFlowForAWhile(t *testing.T) {
	scripted(t, "tcp", func(t *testing.T, e *end, p *peer) {
		s, _ := answeredByPeer(e, p, func(i *Invite) { i.SurviveFlow = time.Minute })
		start := time.Now()
		e.flow.Close(errCut)
		if got := next[FlowLost](e); !got.Until.Equal(start.Add(time.Minute)) || got.Err == nil {
			t.Errorf("%+v", got)
		}
		if e.core.Stats().Sessions != 1 || s.Flow() != e.flow {
			t.Error("the session is gone")
		}
		ended(e, FlowGone)
		if took := time.Since(start); took != time.Minute {
			t.Errorf("took %v", took)
		}
	})
}

func TestASurvivingSessionThatIsHungUpEndsAtOnce(t *testing.T) {
	scripted(t, "tcp", func(t *testing.T, e *end, p *peer) {
		s, _ := answeredByPeer(e, p, func(i *Invite) { i.SurviveFlow = time.Minute })
		e.flow.Close(errCut)
		next[FlowLost](e)
		s.Bye()
		ended(e, LocalBye)
	})
}

func TestASurvivingSessionGoesOnOnAnotherFlow(t *testing.T) {
	scripted(t, "tcp", func(t *testing.T, e *end, p *peer) {
		s, _ := answeredByPeer(e, p, func(i *Invite) { i.SurviveFlow = time.Minute })
		e.flow.Close(errCut)
		next[FlowLost](e)
		s.Info("text/plain", []byte("waits"))
		e.silent()

		p2 := e.secondFlow()
		defer p2.conn.Close()
		s.SetFlow(e.flow)
		p2.reply(p2.expect("INFO"), 200, "", "")
		next[RequestAnswered](e)
		time.Sleep(2 * time.Minute)
		e.silent()
		s.Bye()
		p2.reply(p2.expect("BYE"), 200, "", "")
		ended(e, LocalBye)
	})
}

func TestTheFarEndComesBackOnAnotherFlow(t *testing.T) {
	scripted(t, "tcp", func(t *testing.T, e *end, p *peer) {
		s, _ := answeredByPeer(e, p, func(i *Invite) { i.SurviveFlow = time.Minute })
		e.flow.Close(errCut)
		next[FlowLost](e)
		p2 := e.secondFlow()
		defer p2.conn.Close()
		p2.send(p2.request("UPDATE", 1, e.lastInvite(s), ""))
		p2.expect("200")
		synctest.Wait()
		if s.Flow() != e.flow {
			t.Error("the session stays on the dead flow")
		}
		p2.send(p2.request("BYE", 2, e.lastInvite(s), ""))
		p2.expect("200")
		ended(e, RemoteBye)
	})
}

// secondFlow gives the end another flow, with a peer behind it.
func (e *end) secondFlow() *peer {
	e.t.Helper()
	left, right := net.Pipe()
	f, err := e.tr.Adopt(left, "tcp")
	if err != nil {
		e.t.Fatal(err)
	}
	e.flow = f
	p := &peer{t: e.t, conn: right, in: make(chan *sip.Message, 64)}
	go p.read()
	return p
}

func TestACallOverUDPSockets(t *testing.T) {
	ends := make([]*end, 2)
	addrs := make([]netip.AddrPort, 2)
	for i := range ends {
		conn, other := net.Pipe()
		defer other.Close()
		ends[i] = newEnd(t, conn, "tcp")
		defer ends[i].close()
		var err error
		if addrs[i], err = ends[i].tr.Listen(flow.Listen{Network: "udp", Addr: "127.0.0.1:0"}); err != nil {
			t.Fatal(err)
		}
	}
	a, b := ends[0], ends[1]
	var err error
	if a.flow, err = a.tr.Get(t.Context(), flow.Target{Network: "udp", Addr: addrs[1]}); err != nil {
		t.Fatal(err)
	}
	sa, sb := connect(a, b)
	sb.Reinvite([]byte(heldSDP))
	next[Offer](a)
	sa.AnswerOffer([]byte(holdSDP))
	next[OfferAnswered](b)
	sa.Bye()
	if got := next[Ended](b); got.Cause != RemoteBye {
		t.Errorf("callee %+v", got)
	}
	if got := next[Ended](a); got.Cause != LocalBye {
		t.Errorf("caller %+v", got)
	}
}

func TestAPhoneBehindANATMayChangeItsPort(t *testing.T) {
	conn, other := net.Pipe()
	defer other.Close()
	e := newEnd(t, conn, "tcp")
	defer e.close()
	to, err := e.tr.Listen(flow.Listen{Network: "udp", Addr: "127.0.0.1:0"})
	if err != nil {
		t.Fatal(err)
	}
	dial := func() *net.UDPConn {
		c, err := net.DialUDP("udp", nil, net.UDPAddrFromAddrPort(to))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Close() })
		return c
	}
	expect := func(c *net.UDPConn, what string) *sip.Message {
		t.Helper()
		buf := make([]byte, 1<<16)
		for {
			c.SetReadDeadline(time.Now().Add(time.Minute))
			n, err := c.Read(buf)
			if err != nil {
				t.Fatalf("want %s: %v", what, err)
			}
			m, err := sip.Parse(buf[:n])
			if err != nil {
				t.Fatal(err)
			}
			if m.Method == what || m.Method == "" && strconv.Itoa(m.Status) == what {
				return m
			}
		}
	}
	before, after := dial(), dial()
	p := &peer{t: t, conn: before}
	p.send(p.request("INVITE", 1, nil, offerSDP))
	s := e.incoming()
	s.Accept([]byte(answerSDP))
	d := inDialog(expect(before, "200"))
	p.send(p.request("ACK", 1, d, ""))
	next[Acked](e)
	p.conn = after
	p.send(p.request("OPTIONS", 2, d, ""))
	expect(after, "200")
	s.Bye()
	bye := expect(after, "BYE")
	p.reply(bye, 200, "", "")
	if got := next[Ended](e); got.Cause != LocalBye {
		t.Errorf("ended %+v", got)
	}
}
