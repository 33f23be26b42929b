package transport

import (
	"fmt"
	"net/netip"
	"testing"
	"time"

	"tandem/media"
	"tandem/media/rtp"
	"tandem/media/sdp"
)

// report sends a session's report now instead of within seven seconds.
func reportNow(s *Session) {
	s.audio.in.mu.Lock()
	defer s.audio.in.mu.Unlock()
	s.audio.report(time.Now(), false)
}

func TestRTCPOnItsOwnPort(t *testing.T) {
	s, _ := newTestSession(t, newEngine(t), nil)
	p := newPhone(t, loop4)
	answer, err := s.AnswerTo([]byte(p.sdp()), "")
	if err != nil {
		t.Fatal(err)
	}
	at := portOf(t, answer)
	if at.Port()%2 != 0 {
		t.Errorf("RTP port %d is odd", at.Port())
	}
	got := collect(s)
	p.send(at, 5, 1, "x")
	p.send(at, 5, 3, "x") // one is lost
	got.wait(t, 2)
	talk(s, 3)
	reportNow(s)
	var c rtp.Compound
	if err := c.Parse([]byte(read(t, p.rtcp, patience))); err != nil {
		t.Fatal(err)
	}
	if !c.HasSender || c.Sender.Packets != 3 || len(c.Reports) != 1 || c.Reports[0].SSRC != 5 || c.Reports[0].Lost != 1 || len(c.CNAME) == 0 {
		t.Fatalf("%+v", c)
	}
	if s.Stats().Lost != 1 {
		t.Errorf("%+v", s.Stats())
	}

	// The far end's report arrives, a BYE in it ends nothing, and a stranger's does not count.
	block := rtp.ReportBlock{SSRC: c.SSRC, Lost: 2}
	report := rtp.AppendBye(rtp.AppendReceiverReport(nil, 5, block), 5, "bye")
	_, _ = p.rtcp.WriteToUDPAddrPort(report, netip.AddrPortFrom(at.Addr(), at.Port()+1))
	eventually(t, func() bool { return s.Stats().RemoteLost == 2 })
	thief := listen(t, loop4)
	_, _ = thief.WriteToUDPAddrPort(rtp.AppendReceiverReport(nil, 5, rtp.ReportBlock{SSRC: c.SSRC, Lost: 99}), netip.AddrPortFrom(at.Addr(), at.Port()+1))
	eventually(t, func() bool { return s.Stats().Dropped == 1 })
	if n := s.Stats().RemoteLost; n != 2 {
		t.Errorf("a stranger's report was taken: %d lost", n)
	}
	p.send(at, 5, 4, "still here")
	got.wait(t, 3)

	s.Close()
	if err := c.Parse([]byte(read(t, p.rtcp, patience))); err != nil || !c.Bye {
		t.Fatalf("%v %+v", err, c)
	}
}

func eventually(t *testing.T, ok func() bool) {
	t.Helper()
	for limit := time.Now().Add(patience); !ok(); time.Sleep(time.Millisecond) {
		if time.Now().After(limit) {
			t.Fatal("it did not happen")
		}
	}
}

func TestRTCPOnOnePortWithMux(t *testing.T) {
	for _, security := range []sdp.Security{sdp.Plain, sdp.SDES, sdp.DTLS} {
		t.Run(security.String(), func(t *testing.T) {
			e := newEngine(t)
			policy := func(o *Options) { o.Capabilities.Security, o.Capabilities.Mux = security, sdp.MuxOffer }
			a, ea := newTestSession(t, e, policy)
			b, eb := newTestSession(t, e, policy)
			join(t, a, b)
			ea.wait(t, Connected)
			eb.wait(t, Connected)
			if n := e.Stats().Ports; n != 2 {
				t.Errorf("%d ports in use, want one a session", n)
			}
			bothWays(t, a, b)
			eventually(t, func() bool {
				reportNow(a)
				reportNow(b)
				return a.Stats().RoundTrip > 0 && b.Stats().RoundTrip > 0
			})
		})
	}
}

func TestSilenceFillsThePausesOfAStream(t *testing.T) {
	for codec, want := range map[string]byte{"PCMU": 0xff, "PCMA": 0xd5} {
		t.Run(codec, func(t *testing.T) {
			s, _ := newTestSession(t, newEngine(t), func(o *Options) { o.FillSilence = true })
			p := newPhone(t, loop4)
			if _, err := s.AnswerTo([]byte(p.sdp()), codec); err != nil {
				t.Fatal(err)
			}
			var last rtp.Header
			for i := range 10 {
				if i == 5 {
					talk(s, 1)
				}
				var h rtp.Header
				b := []byte(read(t, p.rtp, patience))
				payload, err := rtp.Parse(b, &h)
				if err != nil {
					t.Fatal(err)
				}
				if string(payload) != "packet 0" && (len(payload) != 160 || payload[0] != want) {
					t.Fatalf("payload % x", payload)
				}
				if i > 0 && (h.Sequence != last.Sequence+1 || h.SSRC != last.SSRC || int32(h.Timestamp-last.Timestamp) < 160) {
					t.Fatalf("packet %d: %+v after %+v", i, h, last)
				}
				last = h
			}
		})
	}
}

func TestDigits(t *testing.T) {
	s, _ := newTestSession(t, newEngine(t), nil)
	p := newPhone(t, loop4)
	if err := s.SendDigit('5', 100*time.Millisecond); err == nil {
		t.Fatal("a digit was taken before telephone-event was agreed")
	}
	if _, err := s.AnswerTo([]byte(p.sdp()), ""); err != nil {
		t.Fatal(err)
	}
	talk(s, 2)
	if err := s.SendDigit('5', 100*time.Millisecond); err != nil {
		t.Fatal(err)
	}
	var seen string
	var first, last rtp.Header
	ends := 0
	for i := 0; ends < 3; i++ {
		var h rtp.Header
		b := []byte(read(t, p.rtp, patience))
		payload, err := rtp.Parse(b, &h)
		if err != nil {
			t.Fatal(err)
		}
		if i > 0 && h.Sequence != last.Sequence+1 {
			t.Fatalf("sequence %d after %d", h.Sequence, last.Sequence)
		}
		last = h
		if h.PayloadType != 101 {
			seen += "a"
			continue
		}
		if first.SSRC == 0 {
			first, seen = h, seen+"e"
			if !h.Marker {
				t.Error("an event begins without a marker")
			}
		}
		if payload[0] != 5 || h.Timestamp != first.Timestamp {
			t.Fatalf("event %d at %d, began at %d", payload[0], h.Timestamp, first.Timestamp)
		}
		if payload[1]&0x80 != 0 {
			ends++
		}
	}
	if seen != "aae" {
		t.Errorf("saw %s", seen)
	}
}

func TestTicksOfOnePeriodFallTogether(t *testing.T) {
	e := newEngine(t)
	type call struct {
		who int
		at  time.Time
	}
	calls := make(chan call, 1024)
	var stops []func()
	for i := range 3 {
		stops = append(stops, e.Loop().Every(20*time.Millisecond, func(now time.Time) { calls <- call{i, now} }))
	}
	all, byTime := time.Now().Add(20*time.Millisecond), map[time.Time]int{}
	for range 12 {
		c := <-calls
		for c.at.Before(all) { // not all were there yet
			c = <-calls
		}
		byTime[c.at]++
	}
	for _, stop := range stops {
		stop()
	}
	full := 0
	for _, n := range byTime {
		if n == 3 {
			full++
		}
	}
	if full < 2 {
		t.Errorf("ticks are scattered: %v", byTime)
	}
	for len(calls) > 0 {
		<-calls
	}
	select {
	case <-calls:
		t.Error("a tick came after stop")
	case <-time.After(50 * time.Millisecond):
	}
}

// Everything at once from many goroutines; the race detector is the judge.
func TestConcurrentUse(t *testing.T) {
	e := newEngine(t)
	a, _ := newTestSession(t, e, nil)
	b, _ := newTestSession(t, e, nil)
	join(t, a, b)
	a.Sources()[0].Attach(relayTo{a.Sinks()[0]}) // an echo
	done := make(chan struct{})
	for i := range 4 {
		go func() {
			defer func() { done <- struct{}{} }()
			for j := range 100 {
				b.Sinks()[0].Write(&media.Packet{SSRC: uint32(i), Sequence: uint16(j), Payload: []byte("x")})
				_ = fmt.Sprint(a, b.Stats(), e.Stats())
				if j%50 == 0 {
					stop := a.Loop().Every(10*time.Millisecond, func(time.Time) { _ = a.Stats() })
					defer stop()
				}
			}
		}()
	}
	for range 5 {
		join(t, a, b)
	}
	for range 4 {
		<-done
	}
	a.Close()
	b.Close()
	a.Sinks()[0].Write(&media.Packet{Payload: []byte("late")})
	if _, err := a.Offer(); err == nil {
		t.Error("a closed session makes offers")
	}
}
