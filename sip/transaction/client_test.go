package transaction

import (
	"errors"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"tandem/sip"
)

func TestInviteIsSentAgainUntilTimerB(t *testing.T) {
	onBench(t, "udp", func(b *bench) {
		b.layer.Request(b.flow, outgoing("INVITE"), b.event)
		b.wait(time.Minute)
		b.sentIs("0s INVITE", "500ms INVITE", "1.5s INVITE", "3.5s INVITE", "7.5s INVITE", "15.5s INVITE", "31.5s INVITE")
		b.eventsAre("32s error: " + ErrTimeout.Error())
	})
}

func TestRequestIsSentAgainUntilTimerF(t *testing.T) {
	onBench(t, "udp", func(b *bench) {
		b.layer.Request(b.flow, outgoing("OPTIONS"), b.event)
		b.wait(time.Minute)
		b.sentIs("0s OPTIONS", "500ms OPTIONS", "1.5s OPTIONS", "3.5s OPTIONS", "7.5s OPTIONS", "11.5s OPTIONS",
			"15.5s OPTIONS", "19.5s OPTIONS", "23.5s OPTIONS", "27.5s OPTIONS", "31.5s OPTIONS")
		b.eventsAre("32s error: " + ErrTimeout.Error())
	})
}

func TestProceedingRequestIsSentAgainEveryT2(t *testing.T) {
	onBench(t, "udp", func(b *bench) {
		req := outgoing("OPTIONS")
		b.layer.Request(b.flow, req, b.event)
		b.answer(req, 100)
		b.wait(time.Minute)
		b.sentIs("0s OPTIONS", "500ms OPTIONS", "4.5s OPTIONS", "8.5s OPTIONS", "12.5s OPTIONS", "16.5s OPTIONS",
			"20.5s OPTIONS", "24.5s OPTIONS", "28.5s OPTIONS")
		b.eventsAre("0s 100 OPTIONS", "32s error: "+ErrTimeout.Error())
	})
}

func TestNothingIsSentAgainOnAConnection(t *testing.T) {
	for _, method := range []string{"INVITE", "OPTIONS"} {
		onBench(t, "tcp", func(b *bench) {
			b.layer.Request(b.flow, outgoing(method), b.event)
			b.wait(time.Minute)
			b.sentIs("0s " + method)
			b.eventsAre("32s error: " + ErrTimeout.Error())
		})
	}
}

func TestProvisionalEndsTimersAAndB(t *testing.T) {
	onBench(t, "udp", func(b *bench) {
		req := outgoing("INVITE")
		b.layer.Request(b.flow, req, b.event)
		b.answer(req, 180)
		b.wait(time.Hour)
		b.sentIs("0s INVITE")
		b.answer(req, 183)
		b.eventsAre("0s 180 INVITE", "1h0m0s 183 INVITE")
	})
}

func TestRefusalIsAcknowledgedUntilTimerD(t *testing.T) {
	onBench(t, "udp", func(b *bench) {
		req := outgoing("INVITE")
		b.layer.Request(b.flow, req, b.event)
		b.answer(req, 100)
		b.answer(req, 486)
		b.wait(time.Second)
		b.answer(req, 486)
		b.wait(30 * time.Second)
		b.answer(req, 486)
		b.wait(time.Second)
		if n := b.layer.Stats().Live; n != 0 {
			t.Errorf("%d live after timer D", n)
		}
		b.answer(req, 486) // nobody is there
		b.sentIs("0s INVITE", "0s ACK", "1s ACK", "31s ACK")
		b.eventsAre("0s 100 INVITE", "0s 486 INVITE")
		checkAck(t, req, b.lastSent())
	})
}

func TestAResponseOfSomebodyElseIsDropped(t *testing.T) {
	onBench(t, "tcp", func(b *bench) {
		req := outgoing("OPTIONS")
		b.layer.Request(b.flow, req, b.event)
		m := response(req, 200)
		m.Add("Via", "SIP/2.0/TCP elsewhere.example;branch=z9hG4bKother")
		b.say(m)
		near, far := net.Pipe()
		other, err := b.tr.Adopt(near, "tcp")
		if err != nil {
			t.Fatal(err)
		}
		defer far.Close()
		b.layer.Receive(other, response(req, 200))
		b.eventsAre()
		if n := b.layer.Stats().StrayResponses; n != 2 {
			t.Errorf("%d stray responses, want 2", n)
		}
		b.answer(req, 200)
		b.eventsAre("0s 200 OPTIONS")
	})
}

func checkAck(t *testing.T, invite, ack *sip.Message) {
	t.Helper()
	for _, name := range []string{"Via", "From", "Call-ID", "Route"} {
		if ack.Get(name) != invite.Get(name) {
			t.Errorf("%s of the ACK is %q, want %q", name, ack.Get(name), invite.Get(name))
		}
	}
	if ack.Get("CSeq") != "7 ACK" || ack.Get("To") != invite.Get("To")+";tag=far" || ack.URI != invite.URI {
		t.Errorf("ACK is\n%s", ack)
	}
}

func TestAnswersOfAllForksArriveUntilTimerM(t *testing.T) {
	for _, network := range []string{"udp", "tcp"} {
		onBench(t, network, func(b *bench) {
			req := outgoing("INVITE")
			b.layer.Request(b.flow, req, b.event)
			b.answer(req, 180)
			b.answer(req, 200)
			b.answer(req, 183) // late: dropped
			b.wait(10 * time.Second)
			b.answer(req, 200)
			b.eventsAre("0s 180 INVITE", "0s 200 INVITE", "10s 200 INVITE")
			b.wait(22 * time.Second)
			b.answer(req, 200)
			b.eventsAre()
			b.straysAre("32s 200 INVITE")
			b.sentIs("0s INVITE")
		})
	}
}

func TestFinalResponsesAreAbsorbedUntilTimerK(t *testing.T) {
	for network, live := range map[string]int{"udp": 1, "tcp": 0} {
		onBench(t, network, func(b *bench) {
			req := outgoing("REGISTER")
			b.layer.Request(b.flow, req, b.event)
			b.answer(req, 200)
			b.answer(req, 200)
			b.eventsAre("0s 200 REGISTER")
			b.wait(5*time.Second - 1)
			if n := b.layer.Stats().Live; n != live {
				t.Errorf("%s: %d live before timer K", network, n)
			}
			b.wait(1)
			if n := b.layer.Stats().Live; n != 0 {
				t.Errorf("%s: %d live after timer K", network, n)
			}
		})
	}
}

func TestCancelWaitsForAProvisional(t *testing.T) {
	onBench(t, "tcp", func(b *bench) {
		req := outgoing("INVITE")
		c := b.layer.Request(b.flow, req, b.event)
		c.Cancel(sip.Header{Name: "Reason", Value: "SIP;cause=200"})
		c.Cancel()
		b.wait(time.Second)
		b.sentIs("0s INVITE")
		b.answer(req, 180)
		b.sentIs("1s CANCEL")
		cancel := b.lastSent()
		if cancel.Get("CSeq") != "7 CANCEL" || cancel.Get("Via") != req.Get("Via") || cancel.Get("To") != "<sip:b@example.com>" ||
			cancel.Get("Route") == "" || cancel.Get("Reason") == "" || cancel.URI != req.URI {
			t.Errorf("CANCEL is\n%s", cancel)
		}
		b.answer(cancel, 200)
		b.answer(req, 487)
		b.sentIs("1s ACK")
		b.eventsAre("1s 180 INVITE", "1s 487 INVITE")
	})
}

func TestCancelWithoutAFinalResponseEndsAfter64T1(t *testing.T) {
	onBench(t, "tcp", func(b *bench) {
		req := outgoing("INVITE")
		c := b.layer.Request(b.flow, req, b.event)
		b.answer(req, 180)
		b.wait(10 * time.Second)
		c.Cancel()
		b.answer(b.lastSent(), 200)
		b.answer(req, 180)
		b.wait(time.Minute)
		b.eventsAre("0s 180 INVITE", "10s 180 INVITE", "42s error: "+ErrTimeout.Error())
	})
}

func TestAnswerCrossesTheCancel(t *testing.T) {
	onBench(t, "udp", func(b *bench) {
		req := outgoing("INVITE")
		c := b.layer.Request(b.flow, req, b.event)
		b.answer(req, 180)
		c.Cancel()
		b.answer(req, 200)
		c.Cancel()
		b.eventsAre("0s 180 INVITE", "0s 200 INVITE")
		b.sentIs("0s INVITE", "0s CANCEL")
		b.wait(time.Minute)
		b.eventsAre()
	})
}

func TestDeathOfTheFlowEndsItsTransactions(t *testing.T) {
	onBench(t, "tls", func(b *bench) {
		b.layer.Request(b.flow, outgoing("INVITE"), b.event)
		b.layer.Request(b.flow, outgoing("OPTIONS"), b.event)
		b.wait(time.Second)
		b.flow.Close(errors.New("pulled the plug"))
		b.eventsAre("1s error: pulled the plug", "1s error: pulled the plug")
		b.layer.Request(b.flow, outgoing("BYE"), b.event)
		b.eventsAre("1s error: pulled the plug")
	})
}

func TestClosedLayerEndsEverything(t *testing.T) {
	onBench(t, "udp", func(b *bench) {
		b.layer.Request(b.flow, outgoing("INVITE"), b.event)
		b.layer.Close()
		b.eventsAre("0s error: " + ErrClosed.Error())
		b.layer.Request(b.flow, outgoing("INVITE"), b.event)
		b.eventsAre("0s error: " + ErrClosed.Error())
		b.sentIs("0s INVITE")
	})
}

func TestRequestAtTheCapFails(t *testing.T) {
	onBench(t, "udp", func(b *bench) {
		b.layer.Limits.Transactions = 2
		for range 3 {
			b.layer.Request(b.flow, outgoing("OPTIONS"), b.event)
		}
		b.eventsAre("0s error: " + ErrTooMany.Error())
	})
}

func TestViaOfTheCallerIsKept(t *testing.T) {
	onBench(t, "tcp", func(b *bench) {
		req := outgoing("REGISTER")
		req.Add("Via", "SIP/2.0/WSS m0.invalid;keep") // GV-C4
		first, again := req, req.Clone()
		b.layer.Request(b.flow, first, b.event)
		if v := first.Get("Via"); !strings.HasPrefix(v, "SIP/2.0/WSS m0.invalid;keep;branch=z9hG4bK") {
			t.Errorf("Via is %s", v)
		}
		b.layer.Request(b.flow, again, b.event)
		a, _ := first.Via()
		c, _ := again.Via()
		if a.Branch() == c.Branch() || !c.Params.Has("keep") || len(again.Values("Via")) != 1 {
			t.Errorf("second Via is %s, first %s", c, a)
		}
	})
}

func TestOurViaNamesTheFlow(t *testing.T) {
	onBench(t, "tls", func(b *bench) {
		req := outgoing("OPTIONS")
		b.layer.Request(b.flow, req, b.event)
		v, err := req.Via()
		host, port := b.flow.SentBy()
		if err != nil || v.Transport != "TLS" || v.Host != host || v.Port != port || !v.Params.Has("rport") {
			t.Errorf("Via is %v, %v", v, err)
		}
	})
}

func TestCallbackMayCallBackIntoTheLayer(t *testing.T) {
	onBench(t, "tcp", func(b *bench) {
		req := outgoing("INVITE")
		var c *Client
		c = b.layer.Request(b.flow, req, func(e Event) {
			b.event(e)
			c.Cancel()
		})
		b.answer(req, 180)
		b.sentIs("0s INVITE", "0s CANCEL")
		b.eventsAre("0s 180 INVITE")
	})
}

func TestThousandBurstsArriveInOrder(t *testing.T) {
	onBench(t, "tcp", func(b *bench) {
		type result struct{ got []int }
		results := make([]result, 1000)
		var wire []byte
		for i := range results {
			r := &results[i]
			req := outgoing("INVITE")
			b.layer.Request(b.flow, req, func(e Event) { r.got = append(r.got, e.Response.Status) })
			for _, status := range []int{100, 180, 183, 200} {
				wire = response(req, status).Append(wire)
			}
		}
		b.far.Write(wire)
		synctest.Wait()
		for i, r := range results {
			if len(r.got) != 4 || r.got[0] != 100 || r.got[1] != 180 || r.got[2] != 183 || r.got[3] != 200 {
				t.Fatalf("call %d got %v", i, r.got)
			}
		}
	})
}
