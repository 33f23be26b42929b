package dialog

import (
	"testing"
	"testing/synctest"
	"time"
)

func TestTwoForksRingAndTheFirstAnswerWins(t *testing.T) {
	scripted(t, "tcp", func(t *testing.T, e *end, p *peer) {
		s := e.invite()
		inv := p.expect("INVITE")
		p.reply(inv, 183, "one", answerSDP)
		if got := next[Provisional](e); got.Tag != "one" || string(got.SDP) != answerSDP {
			t.Errorf("fork one %+v", got)
		}
		p.reply(inv, 183, "two", heldSDP)
		if got := next[Provisional](e); got.Tag != "two" || string(got.SDP) != heldSDP {
			t.Errorf("fork two %+v", got)
		}
		p.reply(inv, 200, "one", answerSDP)
		if got := next[Answered](e); got.Tag != "one" || string(got.SDP) != answerSDP {
			t.Errorf("answered %+v", got)
		}
		if ack := p.expect("ACK"); ack.URI.User != "one" || tagOf(ack, "To") != "one" {
			t.Errorf("ACK to %s", ack.URI)
		}
		if s.ID().RemoteTag != "one" || e.core.Find(s.ID().CallID, s.ID().LocalTag, "two") != nil {
			t.Error("the losing fork is still a dialog")
		}
		s.Bye()
		p.reply(p.expect("BYE"), 200, "", "")
		ended(e, LocalBye)
	})
}

func TestASecond2xxIsAcknowledgedAndHungUp(t *testing.T) {
	scripted(t, "tcp", func(t *testing.T, e *end, p *peer) {
		s := e.invite()
		inv := p.expect("INVITE")
		p.reply(inv, 183, "two", answerSDP, "Require: 100rel", "RSeq: 1")
		prack := p.expect("PRACK")
		p.reply(prack, 200, "", "")
		next[Provisional](e)
		p.reply(inv, 200, "one", answerSDP)
		p.expect("ACK")
		next[Answered](e)
		second := p.reply(inv, 200, "two", "")
		if ack := p.expect("ACK"); tagOf(ack, "To") != "two" {
			t.Errorf("ACK:\n%s", ack)
		}
		bye := p.expect("BYE")
		was, _ := prack.CSeq()
		if is, _ := bye.CSeq(); tagOf(bye, "To") != "two" || is.Seq <= was.Seq {
			t.Errorf("BYE must count on from the PRACK's %d:\n%s", was.Seq, bye)
		}
		p.send(second)
		if ack := p.expect("ACK"); tagOf(ack, "To") != "two" {
			t.Errorf("the repeated 2xx got the ACK:\n%s", ack)
		}
		p.reply(bye, 200, "", "")
		e.silent()
		s.Bye()
		p.reply(p.expect("BYE"), 200, "", "")
		ended(e, LocalBye)
	})
}

func TestARepeated2xxIsAcknowledgedAgain(t *testing.T) {
	scripted(t, "tcp", func(t *testing.T, e *end, p *peer) {
		s, ok := answeredByPeer(e, p)
		p.send(ok)
		p.expect("ACK")
		time.Sleep(33 * time.Second) // the INVITE transaction is gone now (timer M)
		p.send(ok)
		p.expect("ACK")
		e.silent()
		s.Bye()
		bye := p.expect("BYE")
		p.send(ok) // also while we hang up
		p.expect("ACK")
		p.reply(bye, 200, "", "")
		ended(e, LocalBye)
	})
}

func TestA2xxAfterTheEndIsAcknowledgedAndHungUp(t *testing.T) {
	scripted(t, "tcp", func(t *testing.T, e *end, p *peer) {
		s := e.invite()
		inv := p.expect("INVITE")
		p.reply(inv, 180, "one", "")
		next[Provisional](e)
		s.Cancel()
		p.expect("CANCEL")
		p.reply(inv, 200, "one", answerSDP)
		p.expect("ACK")
		p.reply(p.expect("BYE"), 200, "", "")
		ended(e, LocalCancel)
		two := p.reply(inv, 200, "two", answerSDP)
		ack := p.expect("ACK")
		bye := p.expect("BYE")
		p.reply(bye, 200, "", "")
		p.send(two) // again: the ACK was lost
		if again := p.expect("ACK"); again.URI != ack.URI || again.Get("To") != ack.Get("To") || again.Get("CSeq") != inv.Get("CSeq")[:len(inv.Get("CSeq"))-len("INVITE")]+"ACK" {
			t.Errorf("the second ACK is\n%s, the first\n%s", again.Append(nil), ack.Append(nil))
		}
		e.silent()
	})
}

func TestARepeated2xxAfterTheEndIsAcknowledgedAgain(t *testing.T) {
	scripted(t, "tcp", func(t *testing.T, e *end, p *peer) {
		s := e.invite()
		inv := p.expect("INVITE")
		ok := p.reply(inv, 200, "one", answerSDP)
		next[Answered](e)
		ack := p.expect("ACK")
		s.Bye()
		p.reply(p.expect("BYE"), 200, "", "")
		ended(e, LocalBye)
		for range 2 { // nothing but the INVITE's transaction is left
			p.send(ok)
			again := p.expect("ACK")
			for _, name := range []string{"From", "To", "Call-ID", "CSeq", "Route"} {
				if again.Get(name) != ack.Get(name) {
					t.Errorf("%s of the ACK is %s, was %s", name, again.Get(name), ack.Get(name))
				}
			}
			if again.URI != ack.URI || again.Get("Via") == ack.Get("Via") {
				t.Errorf("the ACK goes to %s by %s, went to %s by %s", again.URI, again.Get("Via"), ack.URI, ack.Get("Via"))
			}
		}
		e.silent()
	})
}

func TestABYEAfterTheEndCountsOnFromThePRACK(t *testing.T) {
	scripted(t, "tcp", func(t *testing.T, e *end, p *peer) {
		s := e.invite()
		inv := p.expect("INVITE")
		p.reply(inv, 183, "one", answerSDP, "Require: 100rel", "RSeq: 1")
		next[Provisional](e)
		prack := p.expect("PRACK")
		p.reply(prack, 200, "", "")
		p.reply(inv, 200, "two", answerSDP)
		next[Answered](e)
		p.expect("ACK")
		s.Bye()
		p.reply(p.expect("BYE"), 200, "", "")
		ended(e, LocalBye)
		p.reply(inv, 200, "one", answerSDP)
		p.expect("ACK")
		bye := p.expect("BYE")
		before, _ := prack.CSeq()
		if after, _ := bye.CSeq(); after.Seq <= before.Seq {
			t.Errorf("the BYE has CSeq %d, the PRACK before it %d", after.Seq, before.Seq)
		}
	})
}

func TestTooManyForksAreNotFollowed(t *testing.T) {
	scripted(t, "tcp", func(t *testing.T, e *end, p *peer) {
		s := e.invite()
		inv := p.expect("INVITE")
		for i := range maxForks + 3 {
			p.reply(inv, 183, "fork"+string(rune('a'+i)), "")
		}
		for range maxForks {
			next[Provisional](e)
		}
		e.silent()
		if n := e.core.Stats().Forks; n != 3 {
			t.Errorf("%d forks counted, want 3", n)
		}
		s.Cancel()
		p.reply(p.expect("CANCEL"), 200, "x", "")
		p.reply(inv, 487, "x", "")
		p.expect("ACK")
		ended(e, LocalCancel)
	})
}

func TestAnUpdateOfALosingForkGets481(t *testing.T) {
	scripted(t, "tcp", func(t *testing.T, e *end, p *peer) {
		s := e.invite()
		inv := p.expect("INVITE")
		early := p.reply(inv, 183, "two", answerSDP)
		next[Provisional](e)
		p.reply(inv, 200, "one", answerSDP)
		p.expect("ACK")
		next[Answered](e)
		m := p.request("UPDATE", 1, inv, heldSDP)
		m.Set("From", early.Get("To"))
		p.send(m)
		p.expect("481")
		e.silent()
		s.Bye()
		p.reply(p.expect("BYE"), 200, "", "")
		ended(e, LocalBye)
	})
}

func TestA199EndsOneForkOnly(t *testing.T) {
	scripted(t, "tcp", func(t *testing.T, e *end, p *peer) {
		s := e.invite()
		inv := p.expect("INVITE")
		p.reply(inv, 180, "one", "")
		p.reply(inv, 180, "two", "")
		p.reply(inv, 199, "two", "")
		for range 3 {
			next[Provisional](e)
		}
		synctest.Wait()
		if got := s.ID().RemoteTag; got != "one" {
			t.Errorf("the dialog is %q, want the other fork", got)
		}
		s.Cancel()
		p.reply(p.expect("CANCEL"), 200, "x", "")
		p.reply(inv, 487, "x", "")
		p.expect("ACK")
		ended(e, LocalCancel)
	})
}
