package dialog

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"tandem/sip"
)

func TestTheRecordRouteAndViasGoBackAsTheyCame(t *testing.T) { // GV-C18
	scripted(t, "tcp", func(t *testing.T, e *end, p *peer) {
		m := p.request("INVITE", 18524, nil, offerSDP, "Record-Route: <sip:64.9.243.172:5061;lr;transport=tls>",
			"Record-Route: <sip:ENCODED:5060;lr;transport=udp;uri-econt=P2>", "Via: SIP/2.0/UDP ENCODED:5060;branch=z9hG4bKx;econt=P2")
		p.send(m)
		s := e.incoming()
		s.Progress(180, nil, false)
		s.Accept([]byte(answerSDP))
		for _, status := range []string{"180", "200"} {
			r := p.expect(status)
			if got, want := r.Values("Record-Route"), m.Values("Record-Route"); len(got) != 2 || got[0] != want[0] || got[1] != want[1] {
				t.Errorf("%s: Record-Route %q", status, got)
			}
			if len(r.Values("Via")) != 2 || !r.Has("Contact") || !r.Has("Allow") {
				t.Errorf("%s:\n%s", status, r)
			}
		}
		ok := inDialog(sip.NewResponse(m, 200, ""))
		ok.Set("From", "<sip:me@example.com>;tag="+s.ID().LocalTag)
		p.send(p.request("ACK", 18524, ok, ""))
		next[Acked](e)
		s.Bye()
		bye := p.expect("BYE")
		if got := bye.Values("Route"); len(got) != 2 || got[0] != "<sip:64.9.243.172:5061;lr;transport=tls>" {
			t.Errorf("BYE has the routes %q, want them unreversed", got)
		}
		p.reply(bye, 200, "", "")
		ended(e, LocalBye)
	})
}

func TestOverTheBoundAnInviteGets503(t *testing.T) {
	scripted(t, "tcp", func(t *testing.T, e *end, p *peer) {
		e.core.MaxSessions = 1
		p.send(p.request("INVITE", 1, nil, offerSDP))
		s := e.incoming()
		second := p.request("INVITE", 1, nil, offerSDP)
		second.Set("Call-ID", "other")
		p.send(second)
		if r := p.expect("503"); !r.Has("Retry-After") {
			t.Errorf("no Retry-After:\n%s", r)
		}
		s.Reject(603, "")
		p.expect("603")
		ended(e, WeRefused)
	})
}

func TestWhatAnInviteMustNotBring(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(m *sip.Message)
		status string
		header string
	}{
		{"an unknown extension", func(m *sip.Message) { m.Add("Require", "100rel, teleport") }, "420", "Unsupported"},
		{"no Contact", func(m *sip.Message) { m.Del("Contact") }, "400", ""},
		{"no SDP in Accept", func(m *sip.Message) { m.Set("Accept", "text/plain, application/pidf+xml;q=1") }, "406", "Warning"},
		{"a body that is no SDP", func(m *sip.Message) { m.Set("Content-Type", "text/plain") }, "415", "Accept"},
		{"a session timer that is too small", func(m *sip.Message) { m.Add("Supported", "timer"); m.Add("Session-Expires", "30") }, "422", "Min-SE"},
		{"a Replaces of no dialog", func(m *sip.Message) { m.Add("Replaces", "x;to-tag=1;from-tag=2") }, "481", ""},
		{"half a Replaces", func(m *sip.Message) { m.Add("Replaces", "x;to-tag=1") }, "400", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			scripted(t, "tcp", func(t *testing.T, e *end, p *peer) {
				m := p.request("INVITE", 1, nil, offerSDP)
				c.change(m)
				p.send(m)
				if r := p.expect(c.status); c.header != "" && !r.Has(c.header) {
					t.Errorf("no %s:\n%s", c.header, r)
				}
				synctest.Wait()
			})
		})
	}
}

func TestTryingIsSentAtOnceWhenAskedFor(t *testing.T) {
	scripted(t, "tcp", func(t *testing.T, e *end, p *peer) {
		start := time.Now()
		p.send(p.request("INVITE", 1, nil, offerSDP))
		s := e.incoming()
		s.Trying()
		if r := p.expect("100"); r.Has("Contact") || strings.Contains(r.Get("To"), "tag=") || time.Since(start) != 0 {
			t.Errorf("after %v:\n%s", time.Since(start), r)
		}
		s.Reject(486, "")
		p.expect("486")
		s.Trying() // too late: nothing is sent
		synctest.Wait()
	})
}

func TestAnInviteExpires(t *testing.T) {
	scripted(t, "tcp", func(t *testing.T, e *end, p *peer) {
		p.send(p.request("INVITE", 1, nil, offerSDP, "Expires: 20"))
		e.incoming()
		start := time.Now()
		p.expect("100")
		p.expect("487")
		if took := time.Since(start); took != 20*time.Second {
			t.Errorf("after %v", took)
		}
		ended(e, RemoteCancel)
	})
}

func TestACallThatRingsForAnHourIsGivenUp(t *testing.T) {
	scripted(t, "tcp", func(t *testing.T, e *end, p *peer) {
		e.invite()
		inv := p.expect("INVITE")
		p.reply(inv, 180, "bob", "")
		next[Provisional](e)
		time.Sleep(ringLimit)
		p.reply(p.expect("CANCEL"), 200, "x", "")
		p.reply(inv, 487, "bob", "")
		p.expect("ACK")
		ended(e, NoAnswer)
	})
}

func TestACalleeThatHangsUpAndNeverGetsTheAckEndsWithin32s(t *testing.T) {
	scripted(t, "tcp", func(t *testing.T, e *end, p *peer) {
		p.send(p.request("INVITE", 7, nil, offerSDP))
		s := e.incoming()
		s.Accept([]byte(answerSDP))
		p.expect("200")
		time.Sleep(3 * time.Second)
		start := time.Now()
		s.Bye()
		ended(e, LocalBye)
		if took := time.Since(start); took > 32*time.Second {
			t.Errorf("took %v", took)
		}
		if e.count("BYE") != 1 {
			t.Errorf("sent %q", e.sent)
		}
	})
}

func TestACancelAfterOurAnswerHasNoEffect(t *testing.T) {
	scripted(t, "tcp", func(t *testing.T, e *end, p *peer) {
		inv := p.request("INVITE", 7, nil, offerSDP)
		p.send(inv)
		s := e.incoming()
		s.Accept([]byte(answerSDP))
		ok := p.expect("200")
		c := p.request("CANCEL", 7, nil, "")
		c.Set("Via", inv.Get("Via"))
		p.send(c)
		p.expect("200")
		p.send(p.request("ACK", 7, inDialog(ok), ""))
		next[Acked](e)
		p.send(p.request("BYE", 8, inDialog(ok), ""))
		p.expect("200")
		ended(e, RemoteBye)
	})
}

func TestAByeThatOvertakesTheAckEndsTheCall(t *testing.T) {
	scripted(t, "tcp", func(t *testing.T, e *end, p *peer) {
		p.send(p.request("INVITE", 7, nil, offerSDP))
		e.incoming().Accept([]byte(answerSDP))
		ok := p.expect("200")
		p.send(p.request("BYE", 8, inDialog(ok), ""))
		p.expect("200")
		ended(e, RemoteBye)
		p.send(p.request("ACK", 7, inDialog(ok), ""))
		time.Sleep(time.Minute) // no 2xx is repeated
		p.quiet()
		if n := e.core.Stats().Stray; n != 1 {
			t.Errorf("%d stray messages", n)
		}
	})
}

func TestEventsOfANewCallWaitForOn(t *testing.T) {
	scripted(t, "tcp", func(t *testing.T, e *end, p *peer) {
		e.core.OnInvite = func(s *Session) { e.calls <- s }
		inv := p.request("INVITE", 7, nil, offerSDP)
		p.send(inv)
		s := e.incoming()
		c := p.request("CANCEL", 7, nil, "")
		c.Set("Via", inv.Get("Via"))
		p.send(c)
		p.expect("200")
		p.expect("487")
		s.On(func(ev Event) { e.events <- ev })
		next[Cancelled](e)
		ended(e, RemoteCancel)
	})
}
