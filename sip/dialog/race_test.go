package dialog

import (
	"testing"
	"testing/synctest"
	"time"

	"tandem/sip"
	"tandem/sip/transaction"
)

// earlyForks makes a call with two reliable early dialogs, "one" and "two".
func earlyForks(e *end, p *peer) (*Session, *sip.Message) {
	e.t.Helper()
	s := e.invite()
	inv := p.expect("INVITE")
	for _, tag := range []string{"one", "two"} {
		p.reply(inv, 183, tag, answerSDP, "Require: 100rel", "RSeq: 1", "Allow: UPDATE, INVITE")
		p.reply(p.expect("PRACK"), 200, "", "")
		next[Provisional](e)
	}
	return s, inv
}

// of makes a message of ours look as one in the dialog with that fork.
func of(inv *sip.Message, tag string) *sip.Message {
	m := inv.Clone()
	m.Set("To", m.Get("To")+";tag="+tag)
	return m
}

func TestOffersOfTwoForksAreToldOneAfterTheOther(t *testing.T) {
	scripted(t, "tcp", func(t *testing.T, e *end, p *peer) {
		s, inv := earlyForks(e, p)
		p.send(p.request("UPDATE", 1, of(inv, "one"), heldSDP))
		p.send(p.request("UPDATE", 1, of(inv, "two"), heldSDP))
		if got := next[Offer](e); got.Tag != "one" {
			t.Errorf("offer of %s", got.Tag)
		}
		e.silent()
		s.AnswerOffer([]byte(offerSDP))
		if ok := p.expect("200"); tagOf(ok, "From") != "one" {
			t.Errorf("answered\n%s", ok)
		}
		if got := next[Offer](e); got.Tag != "two" {
			t.Errorf("offer of %s", got.Tag)
		}
		p.reply(inv, 200, "one", "") // two's offer dies with two
		for range 2 {
			m := <-p.in
			if m.Status != 481 && m.Method != "ACK" {
				t.Errorf("unexpected\n%s", m)
			}
		}
		if got := next[Answered](e); got.Tag != "one" || string(got.SDP) != heldSDP {
			t.Errorf("answered %+v", got)
		}
		s.AnswerOffer([]byte(offerSDP)) // too late
		s.Bye()
		p.reply(p.expect("BYE"), 200, "", "")
		ended(e, LocalBye)
	})
}

func TestAByeEndsOneForkOfTwoAndThenTheCall(t *testing.T) {
	scripted(t, "tcp", func(t *testing.T, e *end, p *peer) {
		_, inv := earlyForks(e, p)
		p.send(p.request("BYE", 1, of(inv, "two"), ""))
		p.expect("200")
		e.silent()
		p.send(p.request("BYE", 1, of(inv, "one"), "")) // its 200 was lost, and it has hung up
		p.expect("200")
		p.expect("CANCEL")
		ended(e, RemoteBye)
	})
}

func TestAFailedPrackEndsItsForkOnly(t *testing.T) {
	scripted(t, "tcp", func(t *testing.T, e *end, p *peer) {
		s, inv := earlyForks(e, p)
		p.reply(inv, 180, "two", "", "Require: 100rel", "RSeq: 2")
		p.reply(p.expect("PRACK"), 481, "", "")
		next[Provisional](e)
		e.silent()
		if got := s.ID().RemoteTag; got != "one" {
			t.Errorf("the dialog is %q", got)
		}
		s.Cancel()
		p.reply(p.expect("CANCEL"), 200, "x", "")
		p.reply(inv, 487, "one", "")
		p.expect("ACK")
		ended(e, LocalCancel)
	})
}

func TestAPrackMayCarryAnOffer(t *testing.T) {
	scripted(t, "tcp", func(t *testing.T, e *end, p *peer) {
		p.send(p.request("INVITE", 7, nil, offerSDP, "Supported: 100rel"))
		s := e.incoming()
		s.Progress(183, []byte(answerSDP), true)
		early := p.expect("183")
		d := inDialog(early)
		p.send(p.request("PRACK", 8, d, holdSDP, "RAck: "+early.Get("RSeq")+" 7 INVITE"))
		if got := next[Offer](e); got.Method != "PRACK" || string(got.SDP) != holdSDP {
			t.Errorf("offer %+v", got)
		}
		s.Accept(nil)
		s.AnswerOffer([]byte(heldSDP))
		var prackOK, inviteOK *sip.Message
		for range 2 {
			m := p.expect("200")
			if seq, _ := m.CSeq(); seq.Method == "PRACK" {
				prackOK = m
			} else {
				inviteOK = m
			}
		}
		if string(prackOK.Body) != heldSDP || len(inviteOK.Body) > 0 {
			t.Errorf("answers:\n%s\n%s", prackOK, inviteOK)
		}
		p.send(p.request("ACK", 7, d, ""))
		next[Acked](e)
		p.send(p.request("BYE", 9, d, ""))
		p.expect("200")
		ended(e, RemoteBye)
	})
}

func TestAPrackThatLeavesOurOfferUnansweredEndsTheCall(t *testing.T) {
	scripted(t, "tcp", func(t *testing.T, e *end, p *peer) {
		p.send(p.request("INVITE", 7, nil, "", "Supported: 100rel"))
		e.incoming().Progress(183, []byte(offerSDP), true)
		early := p.expect("183")
		p.send(p.request("PRACK", 8, inDialog(early), "", "RAck: "+early.Get("RSeq")+" 7 INVITE"))
		p.expect("400")
		p.expect("500")
		ended(e, WeRefused)
	})
}

func TestAnAckThatLeavesOurOfferUnansweredEndsTheCall(t *testing.T) {
	scripted(t, "tcp", func(t *testing.T, e *end, p *peer) {
		p.send(p.request("INVITE", 7, nil, ""))
		e.incoming().Accept([]byte(offerSDP))
		ok := p.expect("200")
		p.send(p.request("ACK", 7, inDialog(ok), ""))
		p.reply(p.expect("BYE"), 200, "", "")
		ended(e, Broken)
	})
}

func TestALateOfferInA183ThatIsRefusedCancelsTheCall(t *testing.T) {
	scripted(t, "tcp", func(t *testing.T, e *end, p *peer) {
		s := e.invite(func(i *Invite) { i.SDP = nil })
		inv := p.expect("INVITE")
		p.reply(inv, 183, "bob", offerSDP, "Require: 100rel", "RSeq: 1")
		next[Provisional](e)
		next[Offer](e)
		s.RejectOffer(488)
		p.reply(p.expect("CANCEL"), 200, "x", "")
		p.reply(inv, 487, "bob", "")
		p.expect("ACK")
		ended(e, LocalCancel)
	})
}

func TestAReinviteIsTriedAgainAfterWhatCanBeHelped(t *testing.T) {
	for _, c := range []struct {
		name    string
		status  int
		header  string
		waits   time.Duration // at least
		refused bool
	}{
		{"a challenge", 407, "Proxy-Authenticate: Digest ours", 0, false},
		{"overtaken", 500, "Retry-After: 3", 3 * time.Second, false},
		{"glare", 491, "X: y", 2100 * time.Millisecond, false},
		{"a timer that is too small", 422, "Min-SE: 600", 0, false},
		{"a retry too far away", 500, "Retry-After: 3600", 0, true},
		{"not acceptable", 488, "Warning: 304 h \"no\"", 0, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			scripted(t, "tcp", func(t *testing.T, e *end, p *peer) {
				s, _ := answeredByPeer(e, p, func(i *Invite) {
					i.Timer = SessionTimer{Expires: 300 * time.Second}
					i.Authorize = func(req, _ *sip.Message) (*sip.Message, error) { return req, nil }
				})
				s.Reinvite([]byte(holdSDP))
				first := p.expect("INVITE")
				start := time.Now()
				p.reply(first, c.status, "", "", c.header)
				p.expect("ACK")
				if c.refused {
					if got := next[OfferRefused](e); got.Status != c.status {
						t.Errorf("refused %+v", got)
					}
				} else {
					again := p.expect("INVITE")
					was, _ := first.CSeq()
					is, _ := again.CSeq()
					if is.Seq != was.Seq+1 || string(again.Body) != holdSDP || time.Since(start) < c.waits {
						t.Errorf("after %v:\n%s", time.Since(start), again)
					}
					if c.status == 422 && again.Get("Session-Expires") != "600" {
						t.Errorf("asks for %s", again.Get("Session-Expires"))
					}
					p.reply(again, 200, "bob", heldSDP)
					p.expect("ACK")
					next[OfferAnswered](e)
				}
				s.Bye()
				p.reply(p.expect("BYE"), 200, "", "")
				ended(e, LocalBye)
			})
		})
	}
}

func TestAReinviteThatIsNeverDecidedIsCancelled(t *testing.T) {
	scripted(t, "tcp", func(t *testing.T, e *end, p *peer) {
		s, _ := answeredByPeer(e, p)
		s.Reinvite([]byte(holdSDP))
		inv := p.expect("INVITE")
		p.reply(inv, 180, "", "")
		p.reply(p.expect("CANCEL"), 200, "", "")
		p.reply(inv, 487, "", "")
		p.expect("ACK")
		if got := next[OfferRefused](e); got.Status != 487 {
			t.Errorf("refused %+v", got)
		}
		s.Bye()
		p.reply(p.expect("BYE"), 200, "", "")
		ended(e, LocalBye)
	})
}

func TestAReinviteCutByItsFlowGoesOnOnTheNext(t *testing.T) {
	scripted(t, "tcp", func(t *testing.T, e *end, p *peer) {
		s, _ := answeredByPeer(e, p)
		s.SurviveFlow(time.Minute)
		s.Reinvite([]byte(holdSDP))
		p.expect("INVITE")
		e.flow.Close(errCut)
		next[FlowLost](e)
		e.silent()
		p2 := e.secondFlow()
		defer p2.conn.Close()
		s.SetFlow(e.flow)
		p2.reply(p2.expect("INVITE"), 200, "bob", heldSDP)
		p2.expect("ACK")
		next[OfferAnswered](e)
		s.Bye()
		p2.reply(p2.expect("BYE"), 200, "", "")
		ended(e, LocalBye)
	})
}

func TestAFullMailboxRefusesRequestsButNotTheEnd(t *testing.T) {
	scripted(t, "tcp", func(t *testing.T, e *end, p *peer) {
		s, _ := answeredByPeer(e, p)
		slow, gate := make(chan struct{}), make(chan struct{})
		s.do(func() {}) // idle
		go s.do(func() { close(slow); <-gate })
		<-slow
		const n = mailboxLimit + 10
		for i := range n {
			p.send(p.request("INFO", 1+i, e.lastInvite(s), ""))
		}
		synctest.Wait()
		if got := e.core.Stats().Dropped; got != 10 {
			t.Errorf("%d refused, want 10", got)
		}
		go func() {
			for range e.events { // so that the callback does not block
			}
		}()
		s.Bye()
		close(gate)
		for range 10 {
			p.expect("503")
		}
		for m := range p.in {
			if m.Method == "BYE" {
				p.reply(m, 200, "", "")
				break
			}
		}
		synctest.Wait()
		if e.core.Stats().Sessions != 0 {
			t.Error("the session lives")
		}
		close(e.events)
	})
}

func TestRequestsOutsideOfSessionsGoToTheirOwner(t *testing.T) {
	scripted(t, "tcp", func(t *testing.T, e *end, p *peer) {
		e.core.OnRequest = func(tx *transaction.Server) {
			tx.Respond(sip.NewResponse(tx.Request(), 202, ""))
		}
		p.send(p.request("MESSAGE", 1, nil, ""))
		p.expect("202")
		sub := p.request("NOTIFY", 2, nil, "") // of a subscription that somebody else keeps
		sub.Set("To", sub.Get("To")+";tag=theirs")
		p.send(sub)
		p.expect("202")
		bye := p.request("BYE", 3, nil, "")
		bye.Set("To", bye.Get("To")+";tag=theirs")
		p.send(bye)
		p.expect("481")
	})
}
