package transaction

import (
	"errors"
	"strings"
	"testing"
	"time"

	"tandem/sip"
)

const (
	b1 = "z9hG4bK1"
	b2 = "z9hG4bK2"
)

func TestTryingIsSentAfter200ms(t *testing.T) {
	onBench(t, "udp", func(b *bench) {
		invite := incoming("INVITE", b1)
		b.say(invite)
		b.wait(time.Second)
		b.say(invite)
		b.sentIs("200ms 100 INVITE", "1s 100 INVITE")
		b.server().Respond(response(invite, 180))
		b.say(invite)
		b.sentIs("1s 180 INVITE", "1s 180 INVITE")
		if len(b.servers) != 1 {
			t.Errorf("%d requests came", len(b.servers))
		}
	})
}

func TestNoTryingWhenTheUserIsFaster(t *testing.T) {
	onBench(t, "udp", func(b *bench) {
		b.on = func(s *Server) { s.Respond(response(s.Request(), 180)) }
		b.say(incoming("INVITE", b1))
		b.wait(time.Second)
		b.sentIs("0s 180 INVITE")
	})
}

func TestRefusalIsSentAgainUntilTimerH(t *testing.T) {
	onBench(t, "udp", func(b *bench) {
		var end error
		b.on = func(s *Server) {
			s.OnEnd(func(err error) { end = err })
			s.Respond(response(s.Request(), 486))
		}
		b.say(incoming("INVITE", b1))
		b.wait(time.Minute)
		b.sentIs("0s 486 INVITE", "500ms 486 INVITE", "1.5s 486 INVITE", "3.5s 486 INVITE", "7.5s 486 INVITE", "11.5s 486 INVITE",
			"15.5s 486 INVITE", "19.5s 486 INVITE", "23.5s 486 INVITE", "27.5s 486 INVITE", "31.5s 486 INVITE")
		if !errors.Is(end, ErrTimeout) {
			t.Errorf("ended with %v", end)
		}
	})
}

func TestAckEndsTheRefusal(t *testing.T) {
	for network, linger := range map[string]time.Duration{"udp": 5 * time.Second, "tcp": 0} {
		onBench(t, network, func(b *bench) {
			ended := time.Duration(-1)
			b.on = func(s *Server) {
				s.OnEnd(func(err error) {
					if err != nil {
						t.Errorf("ended with %v", err)
					}
					ended = time.Since(b.start)
				})
				s.Respond(response(s.Request(), 486))
			}
			invite := incoming("INVITE", b1)
			b.say(invite)
			b.wait(time.Millisecond)
			ack := incoming("ACK", b1)
			ack.Set("Call-ID", invite.CallID())
			b.say(ack)
			b.wait(time.Minute)
			b.sentIs("0s 486 INVITE")
			b.straysAre()
			if ended != time.Millisecond+linger {
				t.Errorf("%s: ended after %v", network, ended)
			}
		})
	}
}

func TestAnswerIsTheUsersToRepeat(t *testing.T) {
	for _, network := range []string{"udp", "tcp"} {
		onBench(t, network, func(b *bench) {
			invite := incoming("INVITE", b1)
			b.say(invite)
			s := b.server()
			ok := response(invite, 200)
			s.Respond(response(invite, 180))
			s.Respond(ok)
			b.say(invite) // absorbed in silence (RFC 6026)
			b.wait(time.Second)
			if err := s.Respond(ok); err != nil {
				t.Error(err)
			}
			if err := s.Respond(response(invite, 486)); !errors.Is(err, ErrFinal) {
				t.Errorf("486 after 200: %v", err)
			}
			b.say(incoming("ACK", b2)) // of a 2xx: its own branch
			b.say(incoming("ACK", b1)) // of a sender that does not know that
			b.wait(31 * time.Second)   // timer L
			if err := s.Respond(ok); !errors.Is(err, ErrFinal) {
				t.Errorf("after timer L: %v", err)
			}
			b.sentIs("0s 180 INVITE", "0s 200 INVITE", "1s 200 INVITE")
			b.straysAre("1s ACK", "1s ACK")
		})
	}
}

func TestResponseIsRepeatedUntilTimerJ(t *testing.T) {
	onBench(t, "udp", func(b *bench) {
		b.on = func(s *Server) { s.Respond(response(s.Request(), 200)) }
		req := incoming("OPTIONS", b1)
		b.say(req)
		b.wait(31 * time.Second)
		b.say(req)
		b.sentIs("0s 200 OPTIONS", "31s 200 OPTIONS")
		b.wait(time.Second)
		if n := b.layer.Stats().Live; n != 0 {
			t.Errorf("%d live after timer J", n)
		}
		if err := b.server().Respond(response(req, 200)); !errors.Is(err, ErrFinal) {
			t.Errorf("second final: %v", err)
		}
	})
}

func TestNothingIsKeptOnAConnection(t *testing.T) {
	onBench(t, "tcp", func(b *bench) {
		b.on = func(s *Server) { s.Respond(response(s.Request(), 200)) }
		b.say(incoming("OPTIONS", b1))
		if n := b.layer.Stats().Live; n != 0 {
			t.Errorf("%d live", n)
		}
		b.sentIs("0s 200 OPTIONS")
	})
}

func TestCancelIsAnsweredAndTold(t *testing.T) {
	onBench(t, "udp", func(b *bench) {
		invite := incoming("INVITE", b1)
		cancel := incoming("CANCEL", b1)
		cancel.Add("Reason", "SIP;cause=200")
		b.on = func(s *Server) {
			s.Respond(response(s.Request(), 180))
			s.OnCancel(func(m *sip.Message) {
				b.noteText(&b.events, "cancelled "+m.Get("Reason"))
				s.Respond(response(s.Request(), 487))
			})
		}
		b.say(invite)
		b.say(cancel)
		b.say(cancel)
		b.sentIs("0s 180 INVITE", "0s 200 CANCEL", "0s 487 INVITE", "0s 200 CANCEL")
		b.eventsAre("0s cancelled SIP;cause=200")
		if to := b.lastSent().Get("To"); !strings.HasSuffix(to, ";tag=far") {
			t.Errorf("To of the CANCEL's 200 is %s", to)
		}
	})
}

func TestCancelIsToldToWhoAsksLater(t *testing.T) {
	onBench(t, "udp", func(b *bench) {
		b.say(incoming("INVITE", b1))
		b.say(incoming("CANCEL", b1))
		b.wait(time.Millisecond)
		b.server().OnCancel(func(*sip.Message) { b.noteText(&b.events, "cancelled") })
		b.eventsAre("1ms cancelled")
	})
}

func TestCancelAfterTheAnswerChangesNothing(t *testing.T) {
	onBench(t, "udp", func(b *bench) {
		b.on = func(s *Server) {
			s.OnCancel(func(*sip.Message) { t.Error("told of a late CANCEL") })
			s.Respond(response(s.Request(), 200))
		}
		b.say(incoming("INVITE", b1))
		b.say(incoming("CANCEL", b1))
		b.sentIs("0s 200 INVITE", "0s 200 CANCEL")
	})
}

func TestCancelOfNothingGets481(t *testing.T) {
	onBench(t, "udp", func(b *bench) {
		b.say(incoming("CANCEL", b1))
		b.sentIs("0s 481 CANCEL")
		if to := b.lastSent().Get("To"); !strings.Contains(to, ";tag=") {
			t.Errorf("To has no tag: %s", to)
		}
	})
}

func TestMergedRequestGets482(t *testing.T) {
	onBench(t, "udp", func(b *bench) {
		first, second := incoming("INVITE", b1), incoming("INVITE", b2)
		second.Set("Call-ID", first.CallID())
		b.say(first)
		b.say(second)
		b.sentIs("0s 482 INVITE")
		if len(b.servers) != 1 {
			t.Errorf("%d requests came", len(b.servers))
		}
		b.server().Respond(response(first, 200))
		third := incoming("INVITE", "z9hG4bK3")
		third.Set("Call-ID", first.CallID())
		b.say(third)
		b.sentIs("0s 200 INVITE", "0s 482 INVITE")
	})
}

func TestInDialogRequestsAreNeverMerged(t *testing.T) {
	onBench(t, "udp", func(b *bench) {
		for _, branch := range []string{b1, b2} {
			m := incoming("INFO", branch)
			m.Set("Call-ID", "same")
			m.Set("To", m.Get("To")+";tag=ours")
			b.say(m)
		}
		b.sentIs()
		if len(b.servers) != 2 {
			t.Errorf("%d requests came", len(b.servers))
		}
	})
}

func TestOldBranchesAreToldApart(t *testing.T) {
	onBench(t, "udp", func(b *bench) {
		b.on = func(s *Server) { s.Respond(response(s.Request(), 486)) }
		one, two := incoming("INVITE", "1"), incoming("INVITE", "1")
		two.Set("Call-ID", "another")
		b.say(one)
		b.say(two)
		b.say(one)
		b.sentIs("0s 486 INVITE", "0s 486 INVITE", "0s 486 INVITE")
		if len(b.servers) != 2 {
			t.Errorf("%d requests came, want 2", len(b.servers))
		}
		ack := incoming("ACK", "1")
		ack.Set("To", ack.Get("To")+";tag=far")
		b.say(ack)
		b.straysAre()
	})
}

func TestOverTheCapRequestsGet503(t *testing.T) {
	onBench(t, "udp", func(b *bench) {
		b.layer.Limits.Transactions = 1
		b.say(incoming("OPTIONS", b1))
		b.say(incoming("OPTIONS", b2))
		b.sentIs("0s 503 OPTIONS")
		if got := b.lastSent().Get("Retry-After"); got != "10" {
			t.Errorf("Retry-After is %q", got)
		}
		if n := b.layer.Stats().Refused; n != 1 {
			t.Errorf("counted %d", n)
		}
	})
}

func TestMalformedRequestsAreAnswered(t *testing.T) {
	onBench(t, "udp", func(b *bench) {
		m := incoming("OPTIONS", b1)
		m.Del("Max-Forwards")
		m.Add("Max-Forwards", "x\"\\")
		b.say(m)
		b.sentIs("0s 400 OPTIONS")
		if w := b.lastSent().Get("Warning"); strings.Count(w, `"`) != 2 {
			t.Errorf("Warning is %s", w)
		}
		ack := incoming("ACK", b1)
		ack.Set("Max-Forwards", "x")
		b.say(ack)
		b.sentIs()
	})
}

func TestDeathOfTheFlowEndsServers(t *testing.T) {
	onBench(t, "tcp", func(b *bench) {
		why := errors.New("pulled the plug")
		b.on = func(s *Server) { s.OnEnd(func(err error) { b.noteText(&b.events, err.Error()) }) }
		b.say(incoming("INVITE", b1))
		b.flow.Close(why)
		b.eventsAre("0s pulled the plug")
		if err := b.server().Respond(response(b.server().Request(), 200)); !errors.Is(err, ErrFinal) {
			t.Errorf("Respond: %v", err)
		}
	})
}
