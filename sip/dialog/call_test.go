package dialog

import (
	"testing"
	"time"

	"tandem/sip"
)

func TestACallIsMadeAnsweredAndHungUp(t *testing.T) {
	pair(t, func(t *testing.T, a, b *end) {
		sa := a.invite()
		sb := b.incoming()
		sb.Progress(180, nil, false)
		if p := next[Provisional](a); p.Status != 180 || p.SDP != nil || p.Tag == "" || p.Reliable {
			t.Errorf("provisional %+v", p)
		}
		sb.Accept([]byte(answerSDP))
		if got := next[Answered](a); string(got.SDP) != answerSDP {
			t.Errorf("answered with %q", got.SDP)
		}
		next[Acked](b)
		if sa.ID().RemoteTag != sb.ID().LocalTag || sa.ID().LocalTag != sb.ID().RemoteTag {
			t.Errorf("ids %+v and %+v", sa.ID(), sb.ID())
		}
		sa.Bye(Reason{Protocol: "Q.850", Cause: 16}.Header())
		got := ended(b, RemoteBye)
		if len(got.Reasons) != 1 || got.Reasons[0].Cause != 16 {
			t.Errorf("reasons %+v", got.Reasons)
		}
		ended(a, LocalBye)
	})
}

func TestTheCalleeHangsUp(t *testing.T) {
	pair(t, func(t *testing.T, a, b *end) {
		_, sb := connect(a, b)
		sb.Bye()
		ended(a, RemoteBye)
		ended(b, LocalBye)
	})
}

func TestACallIsRefused(t *testing.T) {
	pair(t, func(t *testing.T, a, b *end) {
		a.invite()
		b.incoming().Reject(486, "", sip.Header{Name: "Retry-After", Value: "30"})
		if got := next[Refused](a); got.Status != 486 || got.Message.Get("Retry-After") != "30" {
			t.Errorf("refused %+v", got)
		}
		ended(a, TheyRefused)
		ended(b, WeRefused)
	})
}

func TestTheCallerGivesUpWhileItRings(t *testing.T) {
	pair(t, func(t *testing.T, a, b *end) {
		sa := a.invite()
		b.incoming().Progress(180, nil, false)
		next[Provisional](a)
		sa.Cancel(Reason{Protocol: "SIP", Cause: 200, Text: "Call completed elsewhere"}.Header())
		if got := next[Cancelled](b); len(got.Reasons) != 1 || got.Reasons[0].Cause != 200 {
			t.Errorf("cancelled %+v", got)
		}
		ended(b, RemoteCancel)
		if got := ended(a, LocalCancel); got.Status != 487 {
			t.Errorf("INVITE was answered %d", got.Status)
		}
	})
}

func TestTheCalleeClosesWhileItRings(t *testing.T) {
	pair(t, func(t *testing.T, a, b *end) {
		a.invite()
		b.incoming().Close()
		if got := next[Refused](a); got.Status != 480 {
			t.Errorf("refused %d", got.Status)
		}
		ended(a, TheyRefused)
		ended(b, WeRefused)
	})
}

func TestTheAnswerCrossesTheCancel(t *testing.T) {
	pair(t, func(t *testing.T, a, b *end) {
		sa := a.invite()
		sb := b.incoming()
		sb.Progress(180, nil, false)
		next[Provisional](a)
		sb.Accept([]byte(answerSDP)) // 10 ms on the wire, as the CANCEL
		sa.Cancel()
		ended(a, LocalCancel)
		next[Acked](b)
		ended(b, RemoteBye)
		if a.count("CANCEL") != 1 || a.count("ACK") != 1 || a.count("BYE") != 1 {
			t.Errorf("sent %q", a.sent)
		}
	})
}

func TestBothHangUpAtOnce(t *testing.T) {
	pair(t, func(t *testing.T, a, b *end) {
		sa, sb := connect(a, b)
		sa.Bye()
		sb.Bye()
		ended(a, LocalBye)
		ended(b, LocalBye)
	})
}

func TestACalleeThatHangsUpBeforeTheAckWaitsForIt(t *testing.T) {
	scripted(t, "tcp", func(t *testing.T, e *end, p *peer) {
		inv := p.request("INVITE", 7, nil, offerSDP)
		p.send(inv)
		s := e.incoming()
		s.Accept([]byte(answerSDP))
		ok := p.expect("200")
		s.Bye()
		p.quiet()
		p.send(p.request("ACK", 7, inDialog(ok), ""))
		p.reply(p.expect("BYE"), 200, "", "")
		ended(e, LocalBye)
	})
}

// inDialog makes a response of the core to the peer's INVITE look as what the peer puts its requests upon.
func inDialog(resp *sip.Message) *sip.Message {
	m := resp.Clone()
	m.Method, m.Status = "X", 0
	from, to := m.Get("From"), m.Get("To")
	m.Set("From", to)
	m.Set("To", from)
	return m
}

func TestAnUnansweredByeEndsWithin32s(t *testing.T) {
	scripted(t, "tcp", func(t *testing.T, e *end, p *peer) {
		s, _ := answeredByPeer(e, p)
		start := time.Now()
		s.Bye()
		p.expect("BYE")
		ended(e, LocalBye)
		if took := time.Since(start); took != 32*time.Second {
			t.Errorf("took %v", took)
		}
	})
}

// answeredByPeer makes a call that the peer answers. It returns the 2xx, too.
func answeredByPeer(e *end, p *peer, change ...func(*Invite)) (*Session, *sip.Message) {
	e.t.Helper()
	s := e.invite(change...)
	inv := p.expect("INVITE")
	ok := p.reply(inv, 200, "bob", answerSDP, "Allow: INVITE, ACK, BYE, CANCEL, UPDATE")
	p.expect("ACK")
	next[Answered](e)
	return s, ok
}

func TestACancelThatNobodyAnswersEndsWithin32s(t *testing.T) {
	for _, c := range []struct {
		name      string
		rings     bool
		cancelled int
	}{{"before any provisional", false, 0}, {"while it rings", true, 1}} {
		t.Run(c.name, func(t *testing.T) {
			scripted(t, "tcp", func(t *testing.T, e *end, p *peer) {
				s := e.invite()
				inv := p.expect("INVITE")
				if c.rings {
					p.reply(inv, 180, "bob", "")
					next[Provisional](e)
				}
				start := time.Now()
				s.Cancel()
				ended(e, LocalCancel)
				if took := time.Since(start); took > 32*time.Second {
					t.Errorf("took %v", took)
				}
				if e.count("CANCEL") != c.cancelled {
					t.Errorf("sent %q", e.sent)
				}
			})
		})
	}
}

func TestACancelCarriesTheRoutesAndExtraHeaders(t *testing.T) { // GV-C7
	scripted(t, "tcp", func(t *testing.T, e *end, p *peer) {
		s := e.invite(func(i *Invite) {
			i.Request.Add("Route", "<sip:ENCODED:5060;uri-econt=P2;lr>")
			i.Request.Add("Route", "<sip:SECOND:5060;transport=udp;lr;uri-econt=P2>")
			i.CancelHeaders = []sip.Header{{Name: "P-Preferred-Identity", Value: "<sip:me@obihai.sip.google.com>"}}
		})
		inv := p.expect("INVITE")
		s.Cancel()
		p.quiet() // no CANCEL before a provisional (RFC 3261 §9.1)
		p.reply(inv, 100, "", "")
		c := p.expect("CANCEL")
		if got := c.Values("Route"); len(got) != 2 || got[0] != "<sip:ENCODED:5060;uri-econt=P2;lr>" {
			t.Errorf("Route %q", got)
		}
		if c.Get("P-Preferred-Identity") == "" || c.Get("Via") != inv.Get("Via") {
			t.Errorf("CANCEL:\n%s", c)
		}
		p.reply(c, 200, "x", "")
		p.reply(inv, 487, "x", "")
		p.expect("ACK")
		ended(e, LocalCancel)
	})
}

func TestAnInviteThatNobodyAnswersEnds(t *testing.T) {
	scripted(t, "tcp", func(t *testing.T, e *end, p *peer) {
		e.invite()
		p.expect("INVITE")
		ended(e, NoAnswer)
	})
}

func TestTheCallerHangsUpAnEarlyDialogByBye(t *testing.T) {
	scripted(t, "tcp", func(t *testing.T, e *end, p *peer) {
		p.send(p.request("INVITE", 7, nil, offerSDP))
		e.incoming().Progress(180, nil, false)
		ringing := p.expect("180")
		p.send(p.request("BYE", 8, inDialog(ringing), ""))
		p.expect("200")
		p.expect("487")
		ended(e, RemoteBye)
	})
}

func TestTheCallbackMayCallBackAndIsNeverCalledTwiceAtOnce(t *testing.T) {
	pair(t, func(t *testing.T, a, b *end) {
		busy := false
		var s *Session
		made := make(chan struct{})
		s = a.invite(func(i *Invite) {
			i.On = func(ev Event) {
				<-made
				if busy {
					t.Error("called while it runs")
				}
				busy = true
				switch ev.(type) {
				case Provisional:
					s.Info("text/plain", []byte("early"))
					s.Cancel()
					s.Bye()
				case Ended:
				}
				busy = false
				a.events <- ev
			}
		})
		close(made)
		sb := b.incoming()
		sb.Progress(183, []byte(answerSDP), false)
		next[Provisional](a)
		next[Info](b)
		next[Cancelled](b)
		ended(b, RemoteCancel)
		next[RequestAnswered](a)
		ended(a, LocalCancel)
	})
}
