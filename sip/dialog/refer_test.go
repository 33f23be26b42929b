package dialog

import (
	"testing"
	"time"

	"tandem/sip"
)

func carol(t *testing.T) sip.Address {
	t.Helper()
	a, err := sip.ParseAddress("<sip:carol@example.com>")
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func TestABlindTransferIsToldToTheEnd(t *testing.T) {
	pair(t, func(t *testing.T, a, b *end) {
		sa, _ := connect(a, b)
		sa.Refer(carol(t))
		got := next[Refer](b)
		if got.To.URI.String() != "sip:carol@example.com" || got.Replaces != nil || got.ReferredBy == "" {
			t.Errorf("refer %+v", got)
		}
		got.Accept()
		if ok := next[RequestAnswered](a); ok.Method != "REFER" || ok.Status != 202 {
			t.Errorf("answered %+v", ok)
		}
		if n := next[Notify](a); n.Status != 100 || n.Done {
			t.Errorf("notify %+v", n)
		}
		got.Notify(180, "")
		if n := next[Notify](a); n.Status != 180 || n.Reason != "Ringing" {
			t.Errorf("notify %+v", n)
		}
		got.Notify(200, "")
		if n := next[Notify](a); n.Status != 200 || !n.Done || n.Package != "refer" {
			t.Errorf("notify %+v", n)
		}
		got.Notify(200, "again") // the subscription is over
		sa.Bye()
		ended(b, RemoteBye)
		ended(a, LocalBye)
	})
}

func TestOnlyTheNewestNotifyWaits(t *testing.T) {
	scripted(t, "tcp", func(t *testing.T, e *end, p *peer) {
		s, _ := answeredByPeer(e, p)
		p.send(p.request("REFER", 1, e.lastInvite(s), "", "Refer-To: <sip:carol@example.com>", "Contact: <sip:bob@192.0.2.77>"))
		r := next[Refer](e)
		r.Accept()
		p.expect("202")
		n := p.expect("NOTIFY")
		if n.Get("Event") != "refer" || n.Get("Subscription-State") != "active;expires=180" || string(n.Body) != "SIP/2.0 100 Trying\r\n" {
			t.Errorf("NOTIFY:\n%s", n)
		}
		r.Notify(180, "")
		r.Notify(183, "")
		r.Notify(486, "")
		p.quiet()
		p.reply(n, 200, "", "")
		n = p.expect("NOTIFY")
		if n.Get("Subscription-State") != "terminated;reason=noresource" || string(n.Body) != "SIP/2.0 486 Busy Here\r\n" {
			t.Errorf("NOTIFY:\n%s", n)
		}
		p.reply(n, 200, "", "")
		s.Bye()
		p.reply(p.expect("BYE"), 200, "", "")
		ended(e, LocalBye)
	})
}

func TestATransferorThatHangsUpIsStillTold(t *testing.T) {
	scripted(t, "tcp", func(t *testing.T, e *end, p *peer) {
		s, _ := answeredByPeer(e, p)
		p.send(p.request("REFER", 1, e.lastInvite(s), "", "Refer-To: <sip:carol@example.com>"))
		r := next[Refer](e)
		r.Accept()
		p.expect("202")
		p.reply(p.expect("NOTIFY"), 200, "", "")
		p.send(p.request("BYE", 2, e.lastInvite(s), ""))
		p.expect("200")
		ended(e, RemoteBye)
		r.Notify(200, "")
		p.reply(p.expect("NOTIFY"), 481, "", "")
		e.silent()
	})
}

func TestARefusedTransfer(t *testing.T) {
	pair(t, func(t *testing.T, a, b *end) {
		sa, _ := connect(a, b)
		sa.Refer(carol(t))
		next[Refer](b).Reject(603, "")
		if got := next[RequestAnswered](a); got.Status != 603 {
			t.Errorf("answered %+v", got)
		}
		sa.Refer(carol(t))
		next[Refer](b) // forgotten
		if got := next[RequestAnswered](a); got.Status != 500 {
			t.Errorf("answered %+v", got)
		}
		sa.Bye()
		ended(b, RemoteBye)
		ended(a, LocalBye)
	})
}

func TestATransferorThatWantsNoNotify(t *testing.T) { // RFC 4488
	pair(t, func(t *testing.T, a, b *end) {
		sa, _ := connect(a, b)
		sa.Refer(carol(t), sip.Header{Name: "Refer-Sub", Value: "false"})
		r := next[Refer](b)
		r.Accept()
		r.Notify(200, "")
		if got := next[RequestAnswered](a); got.Status != 202 || got.Message.Get("Refer-Sub") != "false" {
			t.Errorf("answered %+v", got)
		}
		a.silent()
		sa.Bye()
		ended(b, RemoteBye)
		ended(a, LocalBye)
	})
}

func TestAnAttendedTransferFindsTheDialogToReplace(t *testing.T) {
	pair(t, func(t *testing.T, a, b *end) {
		_, sb1 := connect(a, b)                     // the call that is transferred
		sa2, sb2 := connect(a, b)                   // the consultation
		sb1.Refer(sa2.ID().Replaces().In(carol(t))) // what b would tell the far end of sb1 about the far end of sb2
		r := next[Refer](a)
		if r.Replaces == nil {
			t.Fatalf("refer %+v", r)
		}
		r.Accept()
		next[RequestAnswered](b)
		next[Notify](b)
		a.invite(func(i *Invite) { i.Request.Add("Replaces", r.Replaces.String()) })
		sb3 := b.incoming()
		if sb3.Replaces() != sb2 {
			t.Fatalf("replaces %v, want the consultation", sb3.Replaces())
		}
		sb3.Accept([]byte(answerSDP))
		next[Answered](a)
		next[Acked](b)
		r.Notify(200, "")
		next[Notify](b)
		for _, s := range []*Session{sb1, sb2, sb3} {
			s.Bye()
			ended(a, RemoteBye)
			ended(b, LocalBye)
		}
	})
}

func TestReplacesOfACallThatMayNotBeReplaced(t *testing.T) {
	scripted(t, "tcp", func(t *testing.T, e *end, p *peer) {
		p.send(p.request("INVITE", 1, nil, offerSDP))
		s := e.incoming()
		s.Progress(180, nil, false)
		p.expect("180")
		takeOver := func(extra, want string) {
			t.Helper()
			m := p.request("INVITE", 1, nil, offerSDP, "Replaces: call-of-carol;to-tag="+s.ID().LocalTag+";from-tag=carol"+extra)
			m.Set("Call-ID", sip.NewCallID())
			p.send(m)
			p.expect(want)
		}
		takeOver("", "481") // it rings here, and we did not make it (RFC 3891 §3)
		s.Accept([]byte(answerSDP))
		ok := p.expect("200")
		p.send(p.request("ACK", 1, inDialog(ok), ""))
		next[Acked](e)
		takeOver(";early-only", "486")
		s.Bye()
		bye := p.expect("BYE")
		time.Sleep(time.Millisecond)
		takeOver("", "603")
		p.reply(bye, 200, "", "")
		ended(e, LocalBye)
	})
}

func TestANotifyThatNobodyAskedFor(t *testing.T) {
	scripted(t, "tcp", func(t *testing.T, e *end, p *peer) {
		s, _ := answeredByPeer(e, p)
		p.send(p.request("NOTIFY", 1, e.lastInvite(s), "", "Event: refer", "Subscription-State: active"))
		p.expect("481")
		p.send(p.request("NOTIFY", 2, e.lastInvite(s), "", "Event: keep-alive"))
		p.expect("489")
		p.send(p.request("REFER", 3, e.lastInvite(s), ""))
		p.expect("400")
		s.Bye()
		p.reply(p.expect("BYE"), 200, "", "")
		ended(e, LocalBye)
	})
}

func TestSipfrag(t *testing.T) {
	for _, c := range []struct {
		kind, body string
		status     int
		reason     string
	}{
		{"message/sipfrag;version=2.0", "SIP/2.0 200 OK\r\n", 200, "OK"},
		{"message/sipfrag", "SIP/2.0 486 Busy Here", 486, "Busy Here"},
		{"Message/Sipfrag", "SIP/2.0 180 Ringing\r\nContact: <sip:x@h>\r\n", 180, "Ringing"},
		{"message/sipfrag", "SIP/2.0 99 No", 0, ""},
		{"message/sipfrag", "INVITE sip:x SIP/2.0", 0, ""},
		{"message/sipfrag", "", 0, ""},
		{"text/plain", "SIP/2.0 200 OK", 0, ""},
	} {
		m := sip.NewRequest("NOTIFY", sip.URI{Scheme: "sip", Host: "h"})
		m.Add("Content-Type", c.kind)
		m.Body = []byte(c.body)
		if status, reason := parseFragment(m); status != c.status || reason != c.reason {
			t.Errorf("%q: %d %q, want %d %q", c.body, status, reason, c.status, c.reason)
		}
	}
}
