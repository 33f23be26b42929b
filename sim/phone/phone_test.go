package phone

import (
	"crypto/md5"
	"encoding/hex"
	"math"
	"net"
	"strings"
	"testing"
	"time"

	"tandem/sim/audio"
	"tandem/sim/wire"
)

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestBrokenDescriptionsAreNoPanic(t *testing.T) {
	for _, text := range []string{"", "m=", "m=video 1 RTP/AVP 96\nm=", "m=audio\nm=video 1 RTP/AVP 96\nm=application\na=", "m=video 1 RTP/AVP 96\nm=audio 1 RTP/AVP 0\nc=IN IP4"} {
		_, _ = parseSDP([]byte(text))
	}
}

// connect makes an answered call from a to b.
func connect(t *testing.T, a, b *Phone) (out, in *Call) {
	t.Helper()
	out, err := a.Call(soon(t), b.cfg.User)
	must(t, err)
	in, err = b.NextCall(soon(t))
	must(t, err)
	must(t, out.WaitAnswered(soon(t)))
	return out, in
}

func TestRegisterAnswersDigestChallenges(t *testing.T) {
	for _, algorithm := range []string{"MD5", "SHA-256"} {
		x := newExchange(t)
		x.algorithm = algorithm
		p := x.plug(t, Config{User: "alice", Password: "secret"})
		must(t, p.Register(soon(t)))
		if !p.Registered() {
			t.Error("not registered")
		}
		must(t, p.Unregister(soon(t)))
		if err := x.plug(t, Config{User: "mallory"}).Register(soon(t)); err == nil || !strings.Contains(err.Error(), "403") {
			t.Errorf("mallory: %v", err)
		}
	}
}

func TestDigestOfRFC2617(t *testing.T) {
	p := &Phone{cfg: Config{AuthUser: "Mufasa", Password: "Circle Of Life"}}
	m := &wire.Message{Method: "GET", URI: "/dir/index.html"}
	got, _ := p.digest(m, map[string]string{"realm": "testrealm@host.com", "nonce": "dcd98b7102dd2f0e8b11d0f600bfb0c093", "qop": "auth,auth-int"})
	v := params(strings.TrimPrefix(got, "Digest "))
	h := func(s string) string { b := md5.Sum([]byte(s)); return hex.EncodeToString(b[:]) }
	want := h("939e7578ed9e3c518a452acee763bce9:dcd98b7102dd2f0e8b11d0f600bfb0c093:00000001:" + v["cnonce"] + ":auth:39aff3a2bab6126f332b942af96d3366")
	if v["response"] != want {
		t.Errorf("response %s, want %s", v["response"], want)
	}
}

func TestACallCarriesTonesAndKeysBothWays(t *testing.T) {
	for _, codec := range []string{"PCMU", "PCMA"} {
		x := newExchange(t)
		a := x.plug(t, Config{User: "alice", Tone: 440, Codecs: []string{codec}})
		b := x.plug(t, Config{User: "bob", Tone: 1000, Answer: Answer{After: 50 * time.Millisecond}})
		out, in := connect(t, a, b)
		must(t, out.WaitTone(soon(t), 1000, 300*time.Millisecond))
		must(t, in.WaitTone(soon(t), 440, 300*time.Millisecond))
		out.SendDTMF("12#")
		must(t, in.WaitDTMF(soon(t), "12#"))
		must(t, out.SendInfoDTMF(soon(t), "7*"))
		must(t, out.HangUp(soon(t)))
		got, err := in.Wait(soon(t))
		must(t, err)
		if got.EndedBy != "far end" || got.Codec != codec || strings.Join(got.Info, "") != "7*" || got.Received.Lost != 0 {
			t.Errorf("%+v", got)
		}
		r := out.Report()
		if r.Times.Ringing == 0 || r.Times.Answered < r.Times.Ringing || r.Status != 200 || math.Abs(r.Received.Tone-1000) > 5 {
			t.Errorf("%+v", r.Times)
		}
	}
}

func TestRefusalsReachTheCaller(t *testing.T) {
	x := newExchange(t)
	a, b := x.plug(t, Config{User: "alice"}), x.plug(t, Config{User: "bob"})
	for _, status := range []int{486, 603} {
		b.SetAnswer(Answer{Status: status})
		c, err := a.Call(soon(t), "bob")
		must(t, err)
		r, err := c.Wait(soon(t))
		must(t, err)
		if r.Status != status || r.EndedBy != "refusal" {
			t.Errorf("got %+v", r)
		}
	}
}

func TestCancelStopsTheRinging(t *testing.T) {
	x := newExchange(t)
	a, b := x.plug(t, Config{User: "alice"}), x.plug(t, Config{User: "bob", Answer: Answer{Manual: true}})
	c, err := a.Call(soon(t), "bob")
	must(t, err)
	must(t, c.WaitRinging(soon(t)))
	must(t, c.HangUp(soon(t)))
	in, err := b.NextCall(soon(t))
	must(t, err)
	r, err := in.Wait(soon(t))
	must(t, err)
	if r.Status != 487 || c.Report().Status != 487 {
		t.Errorf("callee %d, caller %d", r.Status, c.Report().Status)
	}
}

func TestHoldAndResumeChangeTheDirection(t *testing.T) {
	x := newExchange(t)
	a, b := x.plug(t, Config{User: "alice", Tone: 440}), x.plug(t, Config{User: "bob", Tone: 1000})
	out, in := connect(t, a, b)
	must(t, out.Hold(soon(t)))
	must(t, in.WaitHeld(soon(t), true))
	must(t, out.Resume(soon(t)))
	must(t, in.WaitHeld(soon(t), false))
	before := audio.Heard(out.Heard().Heard, 1000)
	must(t, out.WaitTone(soon(t), 1000, before+300*time.Millisecond))
	must(t, in.HangUp(soon(t)))
}

func TestBlindTransfer(t *testing.T) {
	x := newExchange(t)
	a, b := x.plug(t, Config{User: "alice"}), x.plug(t, Config{User: "bob", Tone: 1000})
	c := x.plug(t, Config{User: "carol", Tone: 700})
	out, _ := connect(t, a, b)
	must(t, out.Transfer(soon(t), "carol"))
	in, err := c.NextCall(soon(t))
	must(t, err)
	must(t, in.WaitTone(soon(t), 1000, 200*time.Millisecond))
	if n := out.Report().Notify; len(n) != 2 || n[1] != "SIP/2.0 200 OK" {
		t.Errorf("notified %q", n)
	}
}

func TestAttendedTransferReplacesTheConsultation(t *testing.T) {
	x := newExchange(t)
	a, b := x.plug(t, Config{User: "alice"}), x.plug(t, Config{User: "bob", Tone: 1000})
	c := x.plug(t, Config{User: "carol", Tone: 700})
	first, _ := connect(t, a, b)
	must(t, first.Hold(soon(t)))
	second, consulted := connect(t, a, c)
	must(t, first.TransferTo(soon(t), second))
	in, err := c.NextCall(soon(t))
	must(t, err)
	must(t, in.WaitTone(soon(t), 1000, 200*time.Millisecond))
	if _, err := consulted.Wait(soon(t)); err != nil {
		t.Error(err)
	}
}

func TestLostRequestsAreSentAgain(t *testing.T) {
	x := newExchange(t)
	a, b := x.plug(t, Config{User: "alice"}), x.plug(t, Config{User: "bob"})
	x.mu.Lock()
	x.lose = 2
	x.mu.Unlock()
	out, in := connect(t, a, b)
	x.mu.Lock()
	x.lose = 1
	x.mu.Unlock()
	must(t, out.HangUp(soon(t)))
	if r, err := in.Wait(soon(t)); err != nil || r.EndedBy != "far end" {
		t.Errorf("%+v, %v", r, err)
	}
}

func TestEarlyMediaIsHeardBeforeTheAnswer(t *testing.T) {
	x := newExchange(t)
	a := x.plug(t, Config{User: "alice"})
	b := x.plug(t, Config{User: "bob", Tone: 425, Answer: Answer{Manual: true, Early: true}})
	out, err := a.Call(soon(t), "bob")
	must(t, err)
	must(t, out.WaitEarly(soon(t)))
	must(t, out.WaitTone(soon(t), 425, 200*time.Millisecond))
	in, err := b.NextCall(soon(t))
	must(t, err)
	must(t, in.Answer())
	must(t, out.WaitAnswered(soon(t)))
}

func TestATCPPhoneRegistersOverItsConnection(t *testing.T) {
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	must(t, err)
	defer l.Close()
	p := &Phone{Config: Config{User: "alice", Server: l.Addr().String(), Network: "tcp"}}
	must(t, p.Start(t.Context()))
	defer p.Close()
	conn, err := l.Accept()
	must(t, err)
	defer conn.Close()
	done := make(chan error)
	go func() { done <- p.Register(soon(t)) }()
	f, err := wire.NewReader(conn).Next()
	must(t, err)
	m, err := wire.Parse(f.Raw)
	must(t, err)
	_, _ = conn.Write(wire.Response(200, "").Add("Via", m.Get("Via")).Add("From", m.Get("From")).Add("To", m.Get("To")+";tag=1").
		Add("Call-ID", m.CallID()).Add("CSeq", m.Get("CSeq")).End())
	must(t, <-done)
}

func FuzzParseSDP(f *testing.F) {
	f.Add([]byte("v=0\r\nc=IN IP4 1.2.3.4\r\nm=audio 1 RTP/AVP 0 8 101\r\na=rtpmap:101 telephone-event/8000\r\na=sendonly\r\n"))
	f.Fuzz(func(_ *testing.T, b []byte) { _, _ = parseSDP(b) })
}
