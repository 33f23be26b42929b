package dialog

import (
	"testing"
	"time"
)

func withTimer(d time.Duration, method string) func(*Invite) {
	return func(i *Invite) { i.Timer = SessionTimer{Expires: d, Method: method} }
}

func TestTheCallerKeepsTheSessionAlive(t *testing.T) {
	for _, method := range []string{"INVITE", "UPDATE", ""} {
		t.Run("by "+method, func(t *testing.T) {
			pair(t, func(t *testing.T, a, b *end) {
				sa, sb := connect(a, b, withTimer(90*time.Second, method))
				until := time.Now().Add(5 * time.Minute)
				for method == "INVITE" && time.Until(until) > 45*time.Second {
					if got := next[Offer](b); !got.Same {
						t.Errorf("a refresh offers something else: %+v", got)
					}
					sb.AnswerOffer(nil)
				}
				time.Sleep(time.Until(until))
				a.silent()
				b.silent()
				if n := a.count("INVITE") - 1 + a.count("UPDATE"); n != 6 {
					t.Errorf("%d refreshes in 5 minutes, want one every 45 s", n)
				}
				sa.Bye()
				ended(b, RemoteBye)
				ended(a, LocalBye)
			})
		})
	}
}

func TestTheCalleeKeepsTheSessionAlive(t *testing.T) {
	pair(t, func(t *testing.T, a, b *end) {
		sa, _ := connect(a, b, func(i *Invite) { i.Request.Add("Session-Expires", "90;refresher=uas") })
		time.Sleep(5 * time.Minute)
		if n := b.count("UPDATE"); n != 6 {
			t.Errorf("%d refreshes by the callee", n)
		}
		sa.Bye()
		ended(b, RemoteBye)
		ended(a, LocalBye)
	})
}

func TestASessionThatNobodyRefreshesIsHungUp(t *testing.T) {
	scripted(t, "tcp", func(t *testing.T, e *end, p *peer) {
		e.invite(withTimer(90*time.Second, ""))
		p.reply(p.expect("INVITE"), 200, "bob", answerSDP, "Session-Expires: 90;refresher=uas")
		p.expect("ACK")
		next[Answered](e)
		start := time.Now()
		bye := p.expect("BYE")
		if took := time.Since(start); took != time.Minute { // 90 s less a third (RFC 4028 §10)
			t.Errorf("after %v", took)
		}
		if got := Reasons(bye); len(got) != 1 || got[0].Cause != 408 {
			t.Errorf("reasons %+v", got)
		}
		p.reply(bye, 200, "", "")
		ended(e, SessionExpired)
	})
}

func TestARefreshOfTheFarEndCounts(t *testing.T) {
	scripted(t, "tcp", func(t *testing.T, e *end, p *peer) {
		s := e.invite(withTimer(90*time.Second, ""))
		p.reply(p.expect("INVITE"), 200, "bob", answerSDP, "Session-Expires: 90;refresher=uas")
		p.expect("ACK")
		next[Answered](e)
		time.Sleep(50 * time.Second)
		p.send(p.request("UPDATE", 1, e.lastInvite(s), "", "Supported: timer", "Session-Expires: 90;refresher=uac"))
		ok := p.expect("200")
		if ok.Get("Session-Expires") != "90;refresher=uac" || !ok.Option("Require", "timer") {
			t.Errorf("200:\n%s", ok)
		}
		time.Sleep(50 * time.Second)
		p.quiet()
		start := time.Now()
		p.reply(p.expect("BYE"), 200, "", "")
		if took := time.Since(start); took != 10*time.Second {
			t.Errorf("after %v", took)
		}
		ended(e, SessionExpired)
	})
}

func TestATimerThatIsTooSmallIsRaised(t *testing.T) {
	pair(t, func(t *testing.T, a, b *end) {
		b.core.Timer = SessionTimer{Min: 300 * time.Second}
		sa, _ := connect(a, b, withTimer(120*time.Second, ""))
		if b.count("422") != 1 {
			t.Errorf("sent %q", b.sent)
		}
		if got := a.count("INVITE"); got != 2 {
			t.Errorf("%d INVITEs", got)
		}
		time.Sleep(151 * time.Second)
		if a.count("UPDATE") != 1 {
			t.Errorf("sent %q", a.sent)
		}
		sa.Bye()
		ended(b, RemoteBye)
		ended(a, LocalBye)
	})
}

func TestARefreshThatFailsIsTriedAgainAndThenTheSessionExpires(t *testing.T) {
	scripted(t, "tcp", func(t *testing.T, e *end, p *peer) {
		e.invite(withTimer(90*time.Second, "INVITE"))
		p.reply(p.expect("INVITE"), 200, "bob", answerSDP, "Session-Expires: 90;refresher=uac")
		p.expect("ACK")
		next[Answered](e)
		for {
			m := <-p.in
			if m.Method == "BYE" {
				p.reply(m, 200, "", "")
				break
			}
			if m.Method == "INVITE" {
				p.reply(m, 488, "", "")
			}
		}
		ended(e, SessionExpired)
	})
}

func TestARefreshWithoutAnswerEndsTheCall(t *testing.T) {
	scripted(t, "tcp", func(t *testing.T, e *end, p *peer) {
		e.invite(func(i *Invite) { i.Timer = SessionTimer{Expires: 600 * time.Second, Always: true} })
		p.reply(p.expect("INVITE"), 200, "bob", answerSDP) // knows no timers
		p.expect("ACK")
		next[Answered](e)
		p.expect("INVITE") // the refresh
		p.reply(p.expect("BYE"), 200, "", "")
		ended(e, NoAnswer)
	})
}
