package evidence

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"tandem/call"
	"tandem/media"
	"tandem/sip/flow"
)

func message(first, callID string, more ...string) []byte {
	lines := append([]string{first, "Via: SIP/2.0/UDP x", "Call-ID: " + callID, "CSeq: 1 INVITE"}, more...)
	return []byte(strings.Join(lines, "\r\n") + "\r\n\r\n")
}

func (r *Recorder) pass(out bool, data []byte) {
	r.Message(flow.TraceEvent{At: time.Now(), Flow: &flow.Flow{}, Out: out, Data: data})
}

func leg(id string, packets, lost uint64) call.LegRecord {
	return call.LegRecord{ID: id, Codec: "PCMU", Media: media.Stats{PacketsIn: packets, BytesIn: packets * 160, Lost: lost, Jitter: 2 * time.Millisecond}}
}

func TestMessagesFindTheirCall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var stored []string
		r := &Recorder{Store: func(rec call.Record, e Evidence) { stored = append(stored, fmt.Sprint(rec.ID, " ", len(e.Ladder))) }}
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- r.Run(ctx) }()

		r.pass(false, message("INVITE sip:b SIP/2.0", "in@phone", "Authorization: Digest response=\"secret\""))
		r.pass(false, message("REGISTER sip:b SIP/2.0", "other"))
		r.Leg("leg-a", "in@phone")
		rec := call.Record{ID: "1", Began: time.Now(), A: call.LegRecord{ID: "leg-a"}}
		r.Call(call.Running{Record: rec})
		r.Leg("leg-b", "out@us")
		r.pass(true, message("INVITE sip:c SIP/2.0", "out@us"))
		time.Sleep(time.Millisecond)
		rec.B.ID = "leg-b+leg-c"
		r.Call(call.Running{Record: rec})
		r.pass(false, message("SIP/2.0 180 Ringing", "out@us"))

		e, ok := r.Get("1")
		var got []string
		for _, m := range e.Ladder {
			got = append(got, m.Leg+" "+m.Direction+" "+m.Summary)
			if strings.Contains(m.Text, "secret") || strings.Contains(m.Text, "\r") {
				t.Errorf("shown: %q", m.Text)
			}
		}
		if want := "a in INVITE sip:b (with credentials), b out INVITE sip:c, b in 180 Ringing (INVITE)"; !ok || strings.Join(got, ", ") != want {
			t.Errorf("got %s, want %s", strings.Join(got, ", "), want)
		}

		rec.Ended, rec.Cause = time.Now(), call.Busy
		r.Call(call.Running{Record: rec})
		r.pass(true, message("BYE sip:c SIP/2.0", "out@us")) // still on its way
		time.Sleep(settleTime + 2*time.Second)
		if e, ok := r.Get("1"); !ok || len(e.Ladder) != 4 {
			t.Errorf("after the end: %d messages, %v", len(e.Ladder), ok)
		}
		time.Sleep(claimWithin)
		if s := r.Stats(); s.Calls != 0 || s.Dialogs != 0 || s.Octets != 0 {
			t.Errorf("left: %+v", s)
		}
		stop()
		<-done
		if len(stored) != 1 || stored[0] != "1 4" {
			t.Errorf("stored %q", stored)
		}
	})
}

// What is not SIP is shown among what is, in the order of time.
func TestExchangesAreInTheLadder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var r Recorder
		r.pass(false, message("INVITE sip:b SIP/2.0", "in@phone"))
		r.Leg("leg-a", "in@phone")
		rec := call.Record{ID: "1", Began: time.Now(), A: call.LegRecord{ID: "leg-a"}, B: call.LegRecord{ID: "leg-m"}}
		time.Sleep(time.Millisecond)
		r.Exchange("leg-m", Exchange{At: time.Now(), Out: true, Network: "HTTPS", Peer: "meet.example:443", Summary: "POST :join", Text: "POST\n\n{}"})
		r.Call(call.Running{Record: rec})
		time.Sleep(time.Millisecond)
		for n := range 2 * maxMessages {
			r.Exchange("leg-m", Exchange{At: time.Now(), Network: "data channel", Summary: fmt.Sprint(n), Text: strings.Repeat("x", 2*maxMessage)})
		}
		time.Sleep(time.Millisecond)
		r.pass(true, message("SIP/2.0 200 OK", "in@phone"))
		e, _ := r.Get("1")
		first, last := e.Ladder[1], e.Ladder[len(e.Ladder)-1]
		if first.Leg != "b" || first.Direction != "out" || first.Summary != "POST :join" || first.Peer != "meet.example:443" || !first.Other || first.Text == "" {
			t.Errorf("%+v", first)
		}
		if last.Summary != "200 OK (INVITE)" || last.Other {
			t.Errorf("SIP was kept out by %d others: %+v", len(e.Ladder), last)
		}
		if len(e.Ladder) != 2+maxMessages || e.Dropped != maxMessages+1 || r.Stats().Octets > maxTalk*maxMessage+maxText {
			t.Errorf("%d messages, %d dropped, %+v", len(e.Ladder), e.Dropped, r.Stats())
		}
	})
}

func TestQualityIsSampled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var r Recorder
		rec := call.Record{ID: "1", Began: time.Now()}
		for i := range uint64(4) {
			lost := uint64(0)
			if i == 3 {
				lost = 50
			}
			rec.A, rec.B = leg("a", 250*i+1, lost), leg("b", 1, 0)
			r.Call(call.Running{Record: rec, Phase: call.Active})
			r.Call(call.Running{Record: rec, Phase: call.Active}) // sooner than the next sample
			time.Sleep(5 * time.Second)
		}
		e, _ := r.Get("1")
		if len(e.Timeline) != 3 {
			t.Fatalf("got %+v", e.Timeline)
		}
		good, bad := e.Timeline[0], e.Timeline[2]
		if good.Leg != "a" || good.Loss != 0 || good.Bitrate != 64000 || good.Jitter != 2 || good.MOS < 4 {
			t.Errorf("a good stretch: %+v", good)
		}
		if bad.Loss != 0.1667 || bad.MOS > 3 {
			t.Errorf("a bad stretch: %+v", bad)
		}
	})
}

func TestNothingGrowsWithoutBound(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var r Recorder
		long := strings.Repeat("x", 2*maxMessage)
		for i := range 2 * maxUnknown {
			r.pass(false, message("INVITE sip:b SIP/2.0", fmt.Sprint(i), long[:100]))
		}
		if s := r.Stats(); s.Dialogs > maxUnknown || s.Dropped == 0 {
			t.Errorf("unknown dialogs: %+v", s)
		}
		r.expire(time.Now().Add(time.Hour))
		if s := r.Stats(); s.Dialogs != 0 || s.Octets != 0 {
			t.Errorf("after their time: %+v", s)
		}
		r.Leg("a", "one")
		r.Call(call.Running{Record: call.Record{ID: "1", A: call.LegRecord{ID: "a"}}})
		for range 3 * maxMessages {
			r.pass(false, message("INFO sip:b SIP/2.0", "one", "X: "+long))
		}
		e, _ := r.Get("1")
		if len(e.Ladder) > maxMessages || e.Dropped == 0 || r.Stats().Octets > maxText+maxMessage {
			t.Errorf("%d messages, %d dropped, %+v", len(e.Ladder), e.Dropped, r.Stats())
		}
		a := about{last: map[string]figures{}}
		for i := range 5 * maxSamples {
			a.sample(time.Unix(int64(i)*5, 0), leg("a", uint64(i+1)*250, 0), "a", false)
		}
		if len(a.timeline) > maxSamples {
			t.Errorf("%d samples", len(a.timeline))
		}
	})
}

func TestWhatIsWorthToBeStored(t *testing.T) {
	answered := time.Unix(1, 0)
	for _, test := range []struct {
		name              string
		r                 call.Record
		failed, all, none bool
	}{
		{"a good call", call.Record{Answered: answered, A: call.LegRecord{MOS: 4.3}}, false, true, false},
		{"a bad line", call.Record{Answered: answered, B: call.LegRecord{MOS: 2.5}}, true, true, false},
		{"busy", call.Record{Cause: call.Busy}, true, true, false},
		{"the caller gave up", call.Record{Cause: call.Cancelled}, false, true, false},
		{"cut off", call.Record{Answered: answered, Cause: call.NetworkFailure}, true, true, false},
	} {
		if got := [3]bool{worth("", test.r), worth(StoreAll, test.r), worth(StoreNone, test.r)}; got != [3]bool{test.failed, test.all, test.none} {
			t.Errorf("%s: got %v", test.name, got)
		}
	}
}

func TestSecretsAreRemoved(t *testing.T) {
	for _, m := range []string{
		"INVITE sip:a SIP/2.0\r\nAuthorization: Digest username=\"a\", response=\"s3cret\"\r\n\r\n",
		"INVITE sip:a SIP/2.0\r\nProxy-Authorization: Bearer\r\n s3cret\r\n\ttoo, s3cret\r\n\r\n",
		"INVITE sip:a SIP/2.0\r\n\r\na=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:s3cret/+=|2^31\r\n",
		"INVITE sip:a SIP/2.0\r\n\r\na=ice-pwd:s3cret\r\n",
		"INVITE sip:bob:s3cret@example.com SIP/2.0\r\n\r\n",
		"INFO sip:a SIP/2.0\r\nContent-Type: application/dtmf-relay\r\n\r\nSignal=s3cret\r\nDuration=100\r\n",
		"INFO sip:a SIP/2.0\r\nContent-Type: application/dtmf\r\n\r\ns3cret",
		"INVITE sip:a SIP/2.0\r\nCookie: s3cret\r\n\r\n",
	} {
		if got := string(Redact([]byte(m))); strings.Contains(got, "s3cret") || !strings.Contains(got, "[redacted]") {
			t.Errorf("%q became %q", m, got)
		}
	}
	whole := "INVITE sip:bob@example.com:5060;transport=tcp SIP/2.0\r\nTo: <sip:a@b>\r\n\r\nv=0\r\na=fingerprint:sha-256 AA\r\n"
	if got := string(Redact([]byte(whole))); got != whole {
		t.Errorf("changed without need: %q", got)
	}
}

func TestTheCallIDIsFound(t *testing.T) {
	for text, want := range map[string]string{
		"INVITE x\r\nCall-ID: abc \r\n\r\n":              "abc",
		"INVITE x\r\ni:abc\r\n\r\n":                      "abc",
		"INVITE x\r\nCALL-ID\t : abc\r\n\r\n":            "abc",
		"INVITE x\r\nX-Call-ID: no\r\n\r\nCall-ID: body": "",
		"INVITE x\r\nCall-ID:\r\n\r\n":                   "",
		"INVITE x\nCall-ID: abc\n\n":                     "abc",
		"":                                               "", "\r\n\r\n": "",
		"INVITE x\r\nCall-ID: " + strings.Repeat("x", 300): "",
	} {
		id, ok := callIDOf([]byte(text))
		if string(id) != want && ok || ok != (want != "") {
			t.Errorf("%q: got %q, %v", text, id, ok)
		}
	}
}

func FuzzMessage(f *testing.F) {
	f.Add([]byte("INVITE sip:a SIP/2.0\r\nCall-ID: x\r\nAuthorization: Bearer y\r\n\r\nv=0"))
	f.Add([]byte("SIP/2.0 200 OK\ni : x\nc: application/dtmf\n\n5"))
	f.Fuzz(func(t *testing.T, b []byte) {
		callIDOf(b)
		_ = Summarize(Redact(b))
		var r Recorder
		r.Leg("a", "x")
		r.Call(call.Running{Record: call.Record{ID: "1", A: call.LegRecord{ID: "a"}}})
		r.pass(false, b)
		r.Get("1")
	})
}

// What a message costs while a call is set up.
func BenchmarkMessage(b *testing.B) {
	var r Recorder
	m := message("INVITE sip:b SIP/2.0", "x", strings.Repeat("Header: value\r\n", 50))
	for i := 0; b.Loop(); i++ {
		if i%100 == 0 {
			r = Recorder{}
		}
		r.pass(false, m)
	}
}
