package dialog

import (
	"strings"
	"testing"
	"time"

	"tandem/sip"
)

// The sequence of reference section 7.2: 100, 183 with SDP, 180, 200 without body.
func TestGoogleVoiceAnswersIn183AndSendsA200WithoutBody(t *testing.T) { // GV-C14
	scripted(t, "tcp", func(t *testing.T, e *end, p *peer) {
		s := e.invite(func(i *Invite) { i.Timer = SessionTimer{Expires: 90 * time.Second} })
		inv := p.expect("INVITE")
		if inv.Get("Session-Expires") != "90" || !inv.Option("Supported", "timer") || !inv.Option("Supported", "100rel") {
			t.Errorf("INVITE:\n%s", inv)
		}
		rr := []string{"Record-Route: <sip:216.239.36.145:443;lr;transport=wss;uri-econt=ADUG>", "Record-Route: <sip:216.239.36.145:443;lr;transport=wss>"}
		p.reply(inv, 100, "", "")
		next[Provisional](e)
		p.reply(inv, 183, "BIU", answerSDP, append(rr, "Require: 100rel", "RSeq: 1")...)
		prack := p.expect("PRACK")
		seq, _ := inv.CSeq()
		if got, want := prack.Get("RAck"), "1 "+inv.Get("CSeq"); got != want {
			t.Errorf("RAck %q, want %q", got, want)
		}
		if got := prack.Values("Route"); len(got) != 2 || strings.Contains(got[0], "econt") {
			t.Errorf("PRACK's routes %q, want the Record-Route reversed", got)
		}
		p.reply(prack, 200, "", "")
		if got := next[Provisional](e); !got.Reliable || string(got.SDP) != answerSDP {
			t.Errorf("183 %+v", got)
		}
		p.reply(inv, 180, "BIU", "", append(rr, "Require: 100rel", "RSeq: 2")...)
		p.reply(p.expect("PRACK"), 200, "", "")
		if got := next[Provisional](e); got.Status != 180 || got.SDP != nil {
			t.Errorf("180 %+v", got)
		}
		p.reply(inv, 200, "BIU", "", append(rr, "Require: timer", "Session-Expires: 90;refresher=uac", "Allow: INVITE, ACK, CANCEL, OPTIONS, BYE, UPDATE")...)
		ack := p.expect("ACK")
		if got, _ := ack.CSeq(); got.Seq != seq.Seq {
			t.Errorf("ACK has CSeq %d, want the INVITE's %d", got.Seq, seq.Seq)
		}
		if got := next[Answered](e); string(got.SDP) != answerSDP {
			t.Errorf("answered with %q", got.SDP)
		}
		before := time.Now()
		update := p.expect("UPDATE")
		if took := time.Since(before); took != 45*time.Second { // GV-C17
			t.Errorf("refreshed after %v", took)
		}
		if update.Get("Session-Expires") != "90;refresher=uac" || len(update.Body) > 0 {
			t.Errorf("refresh:\n%s", update)
		}
		p.reply(update, 200, "BIU", "", "Session-Expires: 90;refresher=uac")
		// BYE from Google: plain Record-Route first, To with other escapes (GV-C8).
		bye := p.request("BYE", 2, inv, "")
		bye.Set("From", "<sip:+12025550147@web.c.pbx.voice.sip.google.com>;tag=BIU")
		p.send(bye)
		p.expect("200")
		ended(e, RemoteBye)
		s.Bye()
		p.quiet()
	})
}

func TestEachRSeqIsAcknowledgedOnce(t *testing.T) {
	scripted(t, "tcp", func(t *testing.T, e *end, p *peer) {
		s := e.invite()
		inv := p.expect("INVITE")
		first := p.reply(inv, 183, "bob", answerSDP, "Require: 100rel", "RSeq: 5")
		prack := p.expect("PRACK")
		next[Provisional](e)
		p.send(first)
		p.reply(inv, 180, "bob", "", "Require: 100rel", "RSeq: 7") // 6 is missing
		p.quiet()
		e.silent()
		p.reply(prack, 200, "", "")
		p.reply(inv, 180, "bob", "", "Require: 100rel", "RSeq: 6")
		p.reply(p.expect("PRACK"), 200, "", "")
		next[Provisional](e)
		s.Cancel()
		p.reply(p.expect("CANCEL"), 200, "x", "")
		p.reply(inv, 487, "x", "")
		p.expect("ACK")
		ended(e, LocalCancel)
	})
}

func TestAnAnswerInAReliable183IsNotRepeatedInThe200(t *testing.T) {
	pair(t, func(t *testing.T, a, b *end) {
		sa := a.invite()
		sb := b.incoming()
		sb.Progress(183, []byte(answerSDP), true)
		sb.Progress(180, nil, true)
		sb.Accept(nil)
		if got := next[Provisional](a); !got.Reliable || string(got.SDP) != answerSDP {
			t.Errorf("183 %+v", got)
		}
		got := next[Answered](a) // Accept overtakes the 180 that waited
		if string(got.SDP) != answerSDP || len(got.Message.Body) != 0 {
			t.Errorf("answered with %q, body %q", got.SDP, got.Message.Body)
		}
		next[Acked](b)
		if a.count("PRACK") != 1 {
			t.Errorf("sent %q", a.sent)
		}
		sa.Bye()
		ended(b, RemoteBye)
		ended(a, LocalBye)
	})
}

func TestReliableProvisionalsWaitForEachOther(t *testing.T) {
	pair(t, func(t *testing.T, a, b *end) {
		sa := a.invite()
		sb := b.incoming()
		sb.Progress(183, []byte(answerSDP), true)
		sb.Progress(180, nil, true)
		sb.Progress(181, nil, false)
		for _, want := range []int{183, 180, 181} {
			if got := next[Provisional](a); got.Status != want {
				t.Errorf("%d, want %d", got.Status, want)
			}
		}
		sa.Cancel()
		next[Cancelled](b)
		ended(b, RemoteCancel)
		ended(a, LocalCancel)
	})
}

func TestAnUnreliable183IsAPreviewThatThe200Repeats(t *testing.T) {
	pair(t, func(t *testing.T, a, b *end) {
		sa := a.invite(func(i *Invite) { i.Request.Add("Supported", "timer") }) // no 100rel
		sb := b.incoming()
		sb.Progress(183, []byte(answerSDP), true)
		if got := next[Provisional](a); got.Reliable || string(got.SDP) != answerSDP {
			t.Errorf("183 %+v", got)
		}
		sb.Accept(nil)
		if got := next[Answered](a); string(got.Message.Body) != answerSDP {
			t.Errorf("200 has %q", got.Message.Body)
		}
		next[Acked](b)
		sa.Bye()
		ended(b, RemoteBye)
		ended(a, LocalBye)
	})
}

func TestA200WithoutBodyAfterAnUnreliable183IsTaken(t *testing.T) {
	scripted(t, "tcp", func(t *testing.T, e *end, p *peer) {
		s := e.invite()
		inv := p.expect("INVITE")
		p.reply(inv, 183, "bob", answerSDP)
		next[Provisional](e)
		p.reply(inv, 200, "bob", "")
		p.expect("ACK")
		if got := next[Answered](e); string(got.SDP) != answerSDP {
			t.Errorf("answered with %q", got.SDP)
		}
		s.Bye()
		p.reply(p.expect("BYE"), 200, "", "")
		ended(e, LocalBye)
	})
}

func TestAnAnswerWithoutAnyDescriptionIsHungUp(t *testing.T) {
	scripted(t, "tcp", func(t *testing.T, e *end, p *peer) {
		e.invite()
		p.reply(p.expect("INVITE"), 200, "bob", "")
		p.expect("ACK")
		p.reply(p.expect("BYE"), 200, "", "")
		if got := ended(e, Broken); got.Err == nil {
			t.Error("no reason")
		}
	})
}

func TestACallWithoutPrackIsRefusedAfter32s(t *testing.T) {
	scripted(t, "tcp", func(t *testing.T, e *end, p *peer) {
		p.send(p.request("INVITE", 7, nil, offerSDP, "Require: 100rel"))
		s := e.incoming()
		s.Progress(180, nil, false) // the caller insists: reliable all the same
		start := time.Now()
		n := 0
		for {
			m := <-p.in
			if m.Status != 180 {
				if m.Status != 504 {
					t.Fatalf("got\n%s", m)
				}
				break
			}
			if n++; !m.Option("Require", "100rel") || m.Get("RSeq") == "" {
				t.Fatalf("not reliable:\n%s", m)
			}
		}
		if took := time.Since(start); took != 32*time.Second || n != 7 { // at 0, 0.5, 1.5, 3.5 … 31.5 s
			t.Errorf("%d times in %v", n, took)
		}
		ended(e, NoAck)
	})
}

func TestAPrackOfNothingGets481AndALateOneDoesNot(t *testing.T) {
	scripted(t, "tcp", func(t *testing.T, e *end, p *peer) {
		p.send(p.request("INVITE", 7, nil, offerSDP, "Supported: 100rel"))
		s := e.incoming()
		s.Progress(180, nil, true)
		ringing := p.expect("180")
		d := inDialog(ringing)
		p.send(p.request("PRACK", 8, d, "", "RAck: 1 99 INVITE"))
		p.expect("481")
		s.Accept([]byte(answerSDP)) // no description waits for a PRACK, so this goes at once
		p.expect("200")
		p.send(p.request("PRACK", 9, d, "", "RAck: "+ringing.Get("RSeq")+" 7 INVITE"))
		p.expect("200")
		p.send(p.request("ACK", 9, d, "")) // with the PRACK's number, as browsers do (GV-S23)
		next[Acked](e)
		p.send(p.request("BYE", 10, d, ""))
		p.expect("200")
		ended(e, RemoteBye)
	})
}

func TestAFailedPrackEndsTheCall(t *testing.T) {
	scripted(t, "tcp", func(t *testing.T, e *end, p *peer) {
		e.invite()
		inv := p.expect("INVITE")
		p.reply(inv, 183, "bob", answerSDP, "Require: 100rel", "RSeq: 1")
		p.reply(p.expect("PRACK"), 481, "", "")
		next[Provisional](e)
		p.reply(p.expect("CANCEL"), 200, "x", "")
		p.reply(inv, 487, "bob", "")
		p.expect("ACK")
		ended(e, Gone)
	})
}

func TestProvisionalsAreRepeatedEveryMinute(t *testing.T) {
	scripted(t, "tcp", func(t *testing.T, e *end, p *peer) {
		p.send(p.request("INVITE", 7, nil, offerSDP))
		s := e.incoming()
		s.Progress(180, nil, false)
		start := time.Now()
		p.expect("180")
		p.expect("180")
		p.expect("180")
		if took := time.Since(start); took != 2*time.Minute {
			t.Errorf("took %v", took)
		}
		s.Reject(480, "")
		p.expect("480")
		ended(e, WeRefused)
	})
}

func TestLateOfferInThe200(t *testing.T) {
	pair(t, func(t *testing.T, a, b *end) {
		sa := a.invite(func(i *Invite) { i.SDP = nil })
		sb := b.incoming()
		sb.Progress(183, []byte(offerSDP), false) // cannot carry it
		sb.Accept(nil)
		if got := next[Provisional](a); got.SDP != nil {
			t.Errorf("183 %+v", got)
		}
		if got := next[Answered](a); got.SDP != nil {
			t.Errorf("answered %+v", got)
		}
		if got := next[Offer](a); string(got.SDP) != offerSDP {
			t.Errorf("offer %+v", got)
		}
		sa.AnswerOffer([]byte(answerSDP))
		if got := next[Acked](b); string(got.SDP) != answerSDP {
			t.Errorf("acked %+v", got)
		}
		sa.Bye()
		ended(b, RemoteBye)
		ended(a, LocalBye)
	})
}

func TestLateOfferInAReliable183(t *testing.T) {
	pair(t, func(t *testing.T, a, b *end) {
		sa := a.invite(func(i *Invite) { i.SDP = nil })
		sb := b.incoming()
		sb.Progress(183, []byte(offerSDP), true)
		next[Provisional](a)
		next[Offer](a)
		sa.AnswerOffer([]byte(answerSDP))
		if got := next[OfferAnswered](b); string(got.SDP) != answerSDP {
			t.Errorf("answer in the PRACK %+v", got)
		}
		sb.Accept(nil)
		if got := next[Answered](a); string(got.SDP) != offerSDP || len(got.Message.Body) > 0 {
			t.Errorf("answered %+v", got)
		}
		next[Acked](b)
		sb.Bye()
		ended(a, RemoteBye)
		ended(b, LocalBye)
	})
}

func TestALateOfferThatIsRefusedIsAcknowledgedAndHungUp(t *testing.T) {
	for _, c := range []struct {
		name string
		do   func(*Session)
	}{
		{"refused", func(s *Session) { s.RejectOffer(488) }},
		{"hung up", func(s *Session) { s.Bye() }},
		{"forgotten", func(*Session) {}},
	} {
		t.Run(c.name, func(t *testing.T) {
			scripted(t, "tcp", func(t *testing.T, e *end, p *peer) {
				s := e.invite(func(i *Invite) { i.SDP = nil })
				p.reply(p.expect("INVITE"), 200, "bob", offerSDP)
				next[Answered](e)
				next[Offer](e)
				c.do(s)
				p.expect("ACK")
				p.reply(p.expect("BYE"), 200, "", "")
				ended(e, LocalBye)
			})
		})
	}
}

func TestAnUnacked2xxIsRepeatedAndThenHungUp(t *testing.T) {
	scripted(t, "tcp", func(t *testing.T, e *end, p *peer) {
		p.send(p.request("INVITE", 7, nil, offerSDP))
		e.incoming().Accept([]byte(answerSDP))
		start := time.Now()
		n := 0
		var bye *sip.Message
		for bye = range p.in {
			if bye.Method == "BYE" {
				break
			}
			n++
		}
		if took := time.Since(start); took != 32*time.Second || n != 11 { // 0, 0.5, 1.5, 3.5, 7.5, 11.5 … 31.5
			t.Errorf("%d 2xx in %v", n, took)
		}
		p.reply(bye, 200, "", "")
		ended(e, NoAck)
	})
}
