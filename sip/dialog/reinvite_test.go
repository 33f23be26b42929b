package dialog

import (
	"testing"
	"testing/synctest"
	"time"

	"tandem/sip"
)

func TestAReinviteChangesTheDescriptions(t *testing.T) {
	pair(t, func(t *testing.T, a, b *end) {
		sa, sb := connect(a, b)
		sa.Reinvite([]byte(holdSDP))
		if got := next[Offer](b); string(got.SDP) != holdSDP || got.Same || got.Method != "INVITE" {
			t.Errorf("offer %+v", got)
		}
		sb.AnswerOffer([]byte(heldSDP))
		if got := next[OfferAnswered](a); string(got.SDP) != heldSDP {
			t.Errorf("answer %+v", got)
		}
		sb.Reinvite(nil) // our present description
		if got := next[Offer](a); string(got.SDP) != heldSDP || !got.Same {
			t.Errorf("offer %+v", got)
		}
		sa.AnswerOffer(nil)
		if got := next[OfferAnswered](b); string(got.SDP) != holdSDP {
			t.Errorf("answer %+v", got)
		}
		sa.Bye()
		ended(b, RemoteBye)
		ended(a, LocalBye)
	})
}

func TestARefusedReinviteLeavesTheCallAsItWas(t *testing.T) {
	pair(t, func(t *testing.T, a, b *end) {
		sa, sb := connect(a, b)
		sa.Reinvite([]byte(holdSDP))
		next[Offer](b)
		sb.RejectOffer(488)
		if got := next[OfferRefused](a); got.Status != 488 {
			t.Errorf("refused %+v", got)
		}
		sa.Reinvite(nil)
		if got := next[Offer](b); string(got.SDP) != offerSDP {
			t.Errorf("after the refusal we describe ourselves as %q", got.SDP)
		}
		sb.AnswerOffer(nil)
		next[OfferAnswered](a)
		sa.Bye()
		ended(b, RemoteBye)
		ended(a, LocalBye)
	})
}

func TestTwoReinvitesCrossAndBothGetThrough(t *testing.T) {
	pair(t, func(t *testing.T, a, b *end) {
		sa, sb := connect(a, b)
		start := time.Now()
		sa.Reinvite([]byte(holdSDP))
		sb.Reinvite([]byte(heldSDP))
		// Who owns the Call-ID waits 2.1 to 4 s, the other 0 to 2 s (RFC 3261 §14.1).
		if got := next[Offer](a); string(got.SDP) != heldSDP {
			t.Errorf("first offer %q", got.SDP)
		}
		if took := time.Since(start); took > 2100*time.Millisecond {
			t.Errorf("the callee's came after %v", took)
		}
		sa.AnswerOffer([]byte(offerSDP))
		next[OfferAnswered](b)
		if got := next[Offer](b); string(got.SDP) != holdSDP {
			t.Errorf("second offer %q", got.SDP)
		}
		if took := time.Since(start); took < 2100*time.Millisecond || took > 4200*time.Millisecond {
			t.Errorf("the caller's came after %v", took)
		}
		sb.AnswerOffer([]byte(heldSDP))
		next[OfferAnswered](a)
		if a.count("491") != 1 || b.count("491") != 1 {
			t.Errorf("a sent %q, b sent %q", a.sent, b.sent)
		}
		sa.Bye()
		ended(b, RemoteBye)
		ended(a, LocalBye)
	})
}

func TestAnUpdateCrossesAReinvite(t *testing.T) {
	pair(t, func(t *testing.T, a, b *end) {
		sa, sb := connect(a, b)
		sa.Update([]byte(holdSDP))
		sb.Reinvite([]byte(heldSDP))
		next[Offer](a)
		sa.AnswerOffer([]byte(offerSDP))
		next[OfferAnswered](b)
		next[Offer](b)
		sb.AnswerOffer([]byte(heldSDP))
		next[OfferAnswered](a)
		sa.Bye()
		ended(b, RemoteBye)
		ended(a, LocalBye)
	})
}

func TestASecondReinviteWaitsForTheFirst(t *testing.T) {
	pair(t, func(t *testing.T, a, b *end) {
		sa, sb := connect(a, b)
		sa.Reinvite([]byte(holdSDP))
		next[Offer](b)
		sa.Reinvite([]byte("superseded"))
		sa.Reinvite([]byte(offerSDP))
		b.silent()
		sb.AnswerOffer([]byte(heldSDP))
		next[OfferAnswered](a)
		if got := next[Offer](b); string(got.SDP) != offerSDP {
			t.Errorf("offer %q", got.SDP)
		}
		sb.AnswerOffer([]byte(answerSDP))
		next[OfferAnswered](a)
		sa.Bye()
		ended(b, RemoteBye)
		ended(a, LocalBye)
	})
}

func TestAReinviteWithoutSDPAsksForOurOffer(t *testing.T) {
	scripted(t, "tcp", func(t *testing.T, e *end, p *peer) {
		s, _ := answeredByPeer(e, p)
		last := p.request("INVITE", 1, e.lastInvite(s), "")
		p.send(last)
		if got := next[Offer](e); got.SDP != nil {
			t.Errorf("offer %+v", got)
		}
		s.AnswerOffer(nil)
		ok := p.expect("200")
		if string(ok.Body) != offerSDP {
			t.Errorf("we offer %q", ok.Body)
		}
		p.send(p.request("ACK", 1, e.lastInvite(s), heldSDP))
		if got := next[OfferAnswered](e); string(got.SDP) != heldSDP {
			t.Errorf("answer %+v", got)
		}
		s.Bye()
		p.reply(p.expect("BYE"), 200, "", "")
		ended(e, LocalBye)
	})
}

// lastInvite is a message of ours in the dialog with the peer "bob", to build the peer's requests upon.
func (e *end) lastInvite(s *Session) *sip.Message {
	m := s.Request().Clone()
	m.Set("To", m.Get("To")+";tag=bob")
	return m
}

func TestAReinviteThatIsCancelledIsForgotten(t *testing.T) {
	scripted(t, "tcp", func(t *testing.T, e *end, p *peer) {
		s, _ := answeredByPeer(e, p)
		m := p.request("INVITE", 1, e.lastInvite(s), heldSDP)
		p.send(m)
		next[Offer](e)
		c := p.request("CANCEL", 1, e.lastInvite(s), "")
		c.Set("Via", m.Get("Via"))
		p.send(c)
		p.expect("200")
		p.expect("487")
		s.AnswerOffer(nil) // too late, does nothing
		s.Reinvite([]byte(holdSDP))
		p.reply(p.expect("INVITE"), 200, "bob", heldSDP)
		p.expect("ACK")
		next[OfferAnswered](e)
		s.Bye()
		p.reply(p.expect("BYE"), 200, "", "")
		ended(e, LocalBye)
	})
}

func TestAnOfferThatNobodyAnswersIsRefused(t *testing.T) {
	scripted(t, "tcp", func(t *testing.T, e *end, p *peer) {
		s, _ := answeredByPeer(e, p)
		p.send(p.request("UPDATE", 1, e.lastInvite(s), heldSDP))
		next[Offer](e)
		p.expect("488")
		s.Bye()
		p.reply(p.expect("BYE"), 200, "", "")
		ended(e, LocalBye)
	})
}

func TestASecondOfferWhileOneIsOpenGets500(t *testing.T) {
	scripted(t, "tcp", func(t *testing.T, e *end, p *peer) {
		s, _ := answeredByPeer(e, p)
		p.send(p.request("UPDATE", 1, e.lastInvite(s), heldSDP))
		next[Offer](e)
		p.send(p.request("UPDATE", 2, e.lastInvite(s), answerSDP))
		if r := p.expect("500"); !r.Has("Retry-After") {
			t.Errorf("no Retry-After:\n%s", r)
		}
		p.send(p.request("INVITE", 3, e.lastInvite(s), answerSDP))
		p.expect("500")
		p.send(p.request("BYE", 4, e.lastInvite(s), "")) // the open UPDATE is answered, too
		p.expect("200")
		p.expect("487")
		ended(e, RemoteBye)
	})
}

func TestA481ToAReinviteEndsTheCallAtOnce(t *testing.T) {
	scripted(t, "tcp", func(t *testing.T, e *end, p *peer) {
		s, _ := answeredByPeer(e, p)
		s.Reinvite([]byte(holdSDP))
		p.reply(p.expect("INVITE"), 481, "", "")
		p.expect("ACK")
		if got := ended(e, Gone); got.Status != 481 {
			t.Errorf("ended %+v", got)
		}
	})
}

func TestAReinviteWithoutAnswerEndsTheCall(t *testing.T) {
	scripted(t, "tcp", func(t *testing.T, e *end, p *peer) {
		s, _ := answeredByPeer(e, p)
		s.Reinvite([]byte(holdSDP))
		p.expect("INVITE")
		p.reply(p.expect("BYE"), 200, "", "")
		ended(e, NoAnswer)
	})
}

func TestAnUpdateBecomesAReinviteIfTheFarEndDoesNotKnowIt(t *testing.T) {
	scripted(t, "tcp", func(t *testing.T, e *end, p *peer) {
		s, _ := answeredByPeer(e, p)
		s.Update([]byte(holdSDP))
		p.reply(p.expect("UPDATE"), 501, "", "")
		p.reply(p.expect("INVITE"), 200, "bob", heldSDP)
		p.expect("ACK")
		if got := next[OfferAnswered](e); string(got.SDP) != heldSDP {
			t.Errorf("answer %+v", got)
		}
		s.Bye()
		p.reply(p.expect("BYE"), 200, "", "")
		ended(e, LocalBye)
	})
}

func TestAnUpdateBeforeTheAnswer(t *testing.T) {
	pair(t, func(t *testing.T, a, b *end) {
		sa := a.invite()
		sb := b.incoming()
		sb.Progress(183, []byte(answerSDP), true)
		next[Provisional](a)
		sa.Update([]byte(holdSDP))
		if got := next[Offer](b); string(got.SDP) != holdSDP || got.Method != "UPDATE" {
			t.Errorf("offer %+v", got)
		}
		sb.AnswerOffer([]byte(heldSDP))
		next[OfferAnswered](a)
		sb.Update([]byte(answerSDP))
		next[Offer](a)
		sa.AnswerOffer([]byte(offerSDP))
		next[OfferAnswered](b)
		sb.Accept(nil)
		if got := next[Answered](a); string(got.SDP) != answerSDP {
			t.Errorf("answered with %q", got.SDP)
		}
		next[Acked](b)
		sa.Bye()
		ended(b, RemoteBye)
		ended(a, LocalBye)
	})
}

func TestTheNewContactIsWhereTheNextRequestGoes(t *testing.T) {
	scripted(t, "tcp", func(t *testing.T, e *end, p *peer) {
		s, _ := answeredByPeer(e, p)
		p.send(p.request("UPDATE", 1, e.lastInvite(s), "", "Contact: <sip:moved@192.0.2.80>"))
		p.expect("200")
		s.Bye()
		bye := p.expect("BYE")
		if bye.URI.User != "moved" {
			t.Errorf("BYE to %s", bye.URI)
		}
		p.reply(bye, 200, "", "")
		ended(e, LocalBye)
	})
}

func TestAByeWhileAReinviteIsOpen(t *testing.T) {
	scripted(t, "tcp", func(t *testing.T, e *end, p *peer) {
		s, _ := answeredByPeer(e, p)
		s.Reinvite([]byte(holdSDP))
		inv := p.expect("INVITE")
		s.Bye()
		bye := p.expect("BYE")
		p.reply(inv, 200, "bob", heldSDP) // crosses the BYE and wants its ACK all the same
		p.expect("ACK")
		p.reply(bye, 200, "", "")
		ended(e, LocalBye)
	})
}

func TestARepeated2xxToAReinviteIsAcknowledgedAgain(t *testing.T) {
	scripted(t, "tcp", func(t *testing.T, e *end, p *peer) {
		s, _ := answeredByPeer(e, p)
		s.Reinvite([]byte(holdSDP))
		inv := p.expect("INVITE")
		ok := p.reply(inv, 200, "bob", heldSDP)
		p.expect("ACK")
		next[OfferAnswered](e)
		p.send(ok)
		ack := p.expect("ACK")
		want, _ := inv.CSeq()
		if got, _ := ack.CSeq(); got.Seq != want.Seq {
			t.Errorf("ACK has %d, want %d", got.Seq, want.Seq)
		}
		e.silent()
		s.Bye()
		p.reply(p.expect("BYE"), 200, "", "")
		ended(e, LocalBye)
		for range 2 { // nothing but the transaction is left
			p.send(ok)
			again := p.expect("ACK")
			for _, name := range []string{"From", "To", "Call-ID", "CSeq", "Route"} {
				if again.Get(name) != ack.Get(name) {
					t.Errorf("after the end %s of the ACK is %s, was %s", name, again.Get(name), ack.Get(name))
				}
			}
			if again.URI != ack.URI {
				t.Errorf("after the end the ACK goes to %s, went to %s", again.URI, ack.URI)
			}
		}
	})
}

func TestARequestOutOfOrderGets500(t *testing.T) {
	scripted(t, "tcp", func(t *testing.T, e *end, p *peer) {
		s, _ := answeredByPeer(e, p)
		p.send(p.request("OPTIONS", 5, e.lastInvite(s), ""))
		p.expect("200")
		p.send(p.request("INFO", 4, e.lastInvite(s), ""))
		p.expect("500")
		e.silent()
		p.send(p.request("BYE", 6, e.lastInvite(s), ""))
		p.expect("200")
		ended(e, RemoteBye)
		p.send(p.request("INFO", 7, e.lastInvite(s), ""))
		p.expect("481")
		synctest.Wait()
	})
}
