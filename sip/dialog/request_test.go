package dialog

import (
	"errors"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"tandem/sip"
)

func TestDigitsByInfoArriveInOrder(t *testing.T) {
	pair(t, func(t *testing.T, a, b *end) {
		sa, _ := connect(a, b)
		for i := range 20 {
			sa.Info("application/dtmf-relay", []byte("Signal="+strconv.Itoa(i)+"\r\n"))
		}
		for i := range 20 {
			if got := next[Info](b); string(got.Body) != "Signal="+strconv.Itoa(i)+"\r\n" || got.ContentType != "application/dtmf-relay" {
				t.Errorf("digit %d: %+v", i, got)
			}
		}
		for range 20 {
			if got := next[RequestAnswered](a); got.Method != "INFO" || got.Status != 200 {
				t.Errorf("answered %+v", got)
			}
		}
		sa.Bye()
		ended(b, RemoteBye)
		ended(a, LocalBye)
	})
}

func TestAnInfoThatWasOvertakenIsSentAgain(t *testing.T) {
	scripted(t, "tcp", func(t *testing.T, e *end, p *peer) {
		s, _ := answeredByPeer(e, p)
		s.Info("text/plain", []byte("1"))
		s.Info("text/plain", []byte("2"))
		p.reply(p.expect("INFO"), 500, "", "", "Retry-After: 1")
		again := p.expect("INFO")
		if string(again.Body) != "1" {
			t.Errorf("%q came first", again.Body)
		}
		p.reply(again, 200, "", "")
		p.reply(p.expect("INFO"), 200, "", "")
		next[RequestAnswered](e)
		next[RequestAnswered](e)
		s.Bye()
		p.reply(p.expect("BYE"), 200, "", "")
		ended(e, LocalBye)
	})
}

func TestOnly64RequestsWait(t *testing.T) {
	scripted(t, "tcp", func(t *testing.T, e *end, p *peer) {
		s, _ := answeredByPeer(e, p)
		for range outboxLimit + 2 {
			s.Info("text/plain", []byte("x"))
		}
		if got := next[RequestAnswered](e); !errors.Is(got.Err, errFull) || e.core.Stats().Dropped != 1 {
			t.Errorf("answered %+v", got)
		}
		p.expect("INFO")
		s.Bye()
		p.reply(p.expect("BYE"), 200, "", "")
		ended(e, LocalBye)
	})
}

func TestAnInfoOfUnknownTypeGets415(t *testing.T) {
	scripted(t, "tcp", func(t *testing.T, e *end, p *peer) {
		e.core.InfoTypes = []string{"application/dtmf-relay"}
		s, _ := answeredByPeer(e, p)
		m := p.request("INFO", 1, e.lastInvite(s), "", "Content-Type: text/html")
		m.Body = []byte("<b>")
		p.send(m)
		if r := p.expect("415"); r.Get("Accept") != "application/dtmf-relay" {
			t.Errorf("415:\n%s", r)
		}
		m = p.request("INFO", 2, e.lastInvite(s), "", "Content-Type: Application/DTMF-Relay; x=y")
		m.Body = []byte("Signal=1")
		p.send(m)
		p.expect("200")
		next[Info](e)
		s.Bye()
		p.reply(p.expect("BYE"), 200, "", "")
		ended(e, LocalBye)
	})
}

func TestOptionsInTheDialog(t *testing.T) {
	pair(t, func(t *testing.T, a, b *end) {
		sa, _ := connect(a, b)
		sa.Options()
		got := next[RequestAnswered](a)
		if got.Method != "OPTIONS" || got.Status != 200 || !got.Message.Has("Allow") || !got.Message.Has("Accept") {
			t.Errorf("answered %+v", got)
		}
		sa.Bye()
		ended(b, RemoteBye)
		ended(a, LocalBye)
	})
}

func TestMethodsWithoutProcedure(t *testing.T) {
	scripted(t, "tcp", func(t *testing.T, e *end, p *peer) {
		e.core.Allow = append(DefaultAllow(), "MESSAGE")
		s, _ := answeredByPeer(e, p)
		p.send(p.request("PUBLISH", 1, e.lastInvite(s), ""))
		if r := p.expect("405"); !r.Has("Allow") {
			t.Errorf("405:\n%s", r)
		}
		p.send(p.request("TELEPORT", 2, e.lastInvite(s), ""))
		p.expect("501")
		p.send(p.request("MESSAGE", 3, e.lastInvite(s), "", "Content-Type: text/plain"))
		next[Request](e).Respond(202, "")
		p.expect("202")
		p.send(p.request("MESSAGE", 4, e.lastInvite(s), ""))
		next[Request](e)
		p.expect("500") // forgotten
		p.send(p.request("INFO", 5, e.lastInvite(s), "", "Require: teleport"))
		p.expect("420")
		odd := p.request("UPDATE", 6, e.lastInvite(s), "teleport me")
		odd.Set("Content-Type", "text/plain")
		p.send(odd)
		p.expect("415")
		p.send(p.request("MESSAGE", 7, e.lastInvite(s), ""))
		next[Request](e)
		s.Bye()
		p.reply(p.expect("BYE"), 200, "", "")
		p.expect("481") // answered when the session ends
		ended(e, LocalBye)
	})
}

func TestA408ToAnInfoHangsUp(t *testing.T) {
	scripted(t, "tcp", func(t *testing.T, e *end, p *peer) {
		s, _ := answeredByPeer(e, p)
		s.Info("text/plain", []byte("x"))
		p.reply(p.expect("INFO"), 408, "", "")
		next[RequestAnswered](e)
		p.reply(p.expect("BYE"), 200, "", "")
		ended(e, Gone)
	})
}

func TestARequestOfNoDialogGets481(t *testing.T) {
	scripted(t, "tcp", func(t *testing.T, e *end, p *peer) {
		m := p.request("BYE", 1, nil, "")
		m.Set("To", m.Get("To")+";tag=unknown")
		p.send(m)
		p.expect("481")
		p.send(p.request("OPTIONS", 2, nil, ""))
		p.expect("405")
		if n := e.core.Stats().NoDialog; n != 1 {
			t.Errorf("%d counted", n)
		}
	})
}

func TestChallengesAreAnsweredByTheCallerOfInviteOnly(t *testing.T) {
	scripted(t, "tcp", func(t *testing.T, e *end, p *peer) {
		asked := 0
		s := e.invite(func(i *Invite) {
			i.Authorize = func(req, challenge *sip.Message) (*sip.Message, error) {
				asked++
				if challenge.Get("Proxy-Authenticate") != "Digest ours" {
					return nil, errors.New("a stranger's realm")
				}
				req.Set("Proxy-Authorization", "Digest credentials")
				return req, nil
			}
		})
		first := p.expect("INVITE")
		p.reply(first, 407, "p", "", "Proxy-Authenticate: Digest ours")
		p.expect("ACK")
		second := p.expect("INVITE")
		was, _ := first.CSeq()
		is, _ := second.CSeq()
		firstVia, _ := first.Via()
		secondVia, _ := second.Via()
		if is.Seq != was.Seq+1 || second.CallID() != first.CallID() || second.Get("From") != first.Get("From") || tagOf(second, "To") != "" ||
			len(second.Values("Via")) != 1 || firstVia.Branch() == secondVia.Branch() || !second.Has("Proxy-Authorization") {
			t.Errorf("second INVITE:\n%s", second)
		}
		p.reply(second, 200, "bob", answerSDP)
		if ack := p.expect("ACK"); !ack.Has("Proxy-Authorization") {
			t.Errorf("the ACK goes without credentials:\n%s", ack)
		}
		next[Answered](e)
		s.Bye()
		bye := p.expect("BYE")
		p.reply(bye, 407, "", "", "Proxy-Authenticate: Digest ours")
		again := p.expect("BYE")
		before, _ := bye.CSeq()
		after, _ := again.CSeq()
		if after.Seq != before.Seq+1 || !again.Has("Proxy-Authorization") {
			t.Errorf("second BYE:\n%s", again)
		}
		p.reply(again, 401, "", "", "WWW-Authenticate: Digest theirs") // goals R-5: never answered
		if got := ended(e, LocalBye); got.Status != 401 || asked != 3 {
			t.Errorf("ended %+v after %d challenges", got, asked)
		}
	})
}

func TestAChallengeWithoutAuthorizeIsARefusal(t *testing.T) {
	scripted(t, "tcp", func(t *testing.T, e *end, p *peer) {
		e.invite()
		p.reply(p.expect("INVITE"), 401, "p", "", "WWW-Authenticate: Digest x")
		p.expect("ACK")
		if got := next[Refused](e); got.Status != 401 {
			t.Errorf("refused %+v", got)
		}
		ended(e, TheyRefused)
	})
}

func TestChallengesThatNeverEndAreGivenUp(t *testing.T) {
	scripted(t, "tcp", func(t *testing.T, e *end, p *peer) {
		e.invite(func(i *Invite) {
			i.Authorize = func(req, _ *sip.Message) (*sip.Message, error) { return req, nil }
		})
		for range 1 + maxTries {
			p.reply(p.expect("INVITE"), 401, "p", "", "WWW-Authenticate: Digest x")
			p.expect("ACK")
		}
		next[Refused](e)
		ended(e, TheyRefused)
	})
}

func TestDecorateSeesEveryMessage(t *testing.T) {
	pair(t, func(t *testing.T, a, b *end) {
		b.core.OnInvite = func(s *Session) {
			s.SetDecorate(func(m *sip.Message) {
				if seq, _ := m.CSeq(); !m.IsRequest() && seq.Method == "BYE" {
					m.Add("P-RTP-Stat", "DU=14.35, PS=908")
				}
			})
			s.On(func(ev Event) { b.events <- ev })
			b.calls <- s
		}
		sa, _ := connect(a, b, func(i *Invite) { i.Decorate = func(m *sip.Message) { m.Set("X-Google-Client-Info", "1") } })
		sa.Bye()
		if got := ended(b, RemoteBye); got.Message.Get("X-Google-Client-Info") != "1" {
			t.Errorf("BYE:\n%s", got.Message)
		}
		if got := ended(a, LocalBye); got.Message.Get("P-RTP-Stat") == "" {
			t.Errorf("200:\n%s", got.Message)
		}
	})
}

func TestClosingTheCoreEndsAllSessions(t *testing.T) {
	pair(t, func(t *testing.T, a, b *end) {
		connect(a, b)
		a.core.Close()
		ended(a, CoreClosed)
		if _, err := a.core.Invite(Invite{Flow: a.flow, Request: sip.NewRequest("INVITE", sip.URI{})}); err == nil {
			t.Error("a closed core makes calls")
		}
		b.core.Close()
		ended(b, CoreClosed)
	})
}

func TestAnInviteThatCannotBeSent(t *testing.T) {
	scripted(t, "tcp", func(t *testing.T, e *end, _ *peer) {
		good := func() *sip.Message {
			m := sip.NewRequest("INVITE", sip.URI{Scheme: "sip", Host: "h"})
			m.Add("From", "<sip:a@h>")
			m.Add("To", "<sip:b@h>")
			return m
		}
		noTo := good()
		noTo.Del("To")
		for _, c := range []struct {
			name string
			inv  Invite
			want error
		}{
			{"no flow", Invite{Request: good()}, ErrNoFlow},
			{"no request", Invite{Flow: e.flow}, ErrBadRequest},
			{"no To", Invite{Flow: e.flow, Request: noTo}, ErrBadRequest},
			{"no INVITE", Invite{Flow: e.flow, Request: sip.NewRequest("BYE", sip.URI{Scheme: "sip", Host: "h"})}, ErrBadRequest},
		} {
			if _, err := e.core.Invite(c.inv); !errors.Is(err, c.want) {
				t.Errorf("%s: %v, want %v", c.name, err, c.want)
			}
		}
		e.flow.Close(nil)
		synctest.Wait()
		if _, err := e.core.Invite(Invite{Flow: e.flow, Request: good()}); !errors.Is(err, ErrNoFlow) {
			t.Errorf("dead flow: %v", err)
		}
		time.Sleep(time.Second)
	})
}
