package invite

import (
	"strings"
	"testing"
	"time"

	"tandem/call"
	"tandem/sip"
	"tandem/sip/dialog"
)

func TestRingingAndEarlyMedia(t *testing.T) {
	answer := phone(1, "")
	for _, row := range []struct {
		name string
		ring func(*dialog.Session)
		want []call.Event
	}{
		{"180", func(s *dialog.Session) { s.Progress(180, nil, false) }, []call.Event{call.Progress{}}},
		{"183 with a description", func(s *dialog.Session) { s.Progress(183, answer, false) }, []call.Event{call.Progress{Early: true, Codec: "PCMU", Video: call.Video{None: true}}}},
		{"183 without says nothing a caller could hear", func(s *dialog.Session) { s.Progress(183, nil, false) }, nil},
		{"180 with a description is early media, too", func(s *dialog.Session) { s.Progress(180, answer, false) }, []call.Event{call.Progress{Early: true, Codec: "PCMU", Video: call.Video{None: true}}}},
		{
			"180 after 183", func(s *dialog.Session) { s.Progress(183, answer, false); s.Progress(180, nil, false) },
			[]call.Event{call.Progress{Early: true, Codec: "PCMU", Video: call.Video{None: true}}, call.Progress{}},
		},
		{"reliable 183", func(s *dialog.Session) { s.Progress(183, answer, true) }, []call.Event{call.Progress{Early: true, Codec: "PCMU", Video: call.Video{None: true}}}},
	} {
		t.Run(row.name, func(t *testing.T) {
			story(t, func(r *rig) {
				r.out()
				row.ring(r.far)
				for _, want := range row.want {
					if got := said[call.Progress](r); got != want {
						r.Errorf("progress %+v, want %+v", got, want)
					}
				}
				r.silent()
				r.far.Accept(answer)
				if got := said[call.Answered](r); got.Codec != "PCMU" {
					r.Errorf("answered with %+v", got)
				}
				next[dialog.Acked](r)
				r.far.Bye()
				r.over(call.NormalClearing)
			})
		})
	}
}

func TestRefusals(t *testing.T) {
	for _, row := range []struct {
		name    string
		status  int
		headers []sip.Header
		forward bool
		want    call.Ended
	}{
		{"busy", 486, nil, false, call.Ended{Cause: call.Busy, Text: "486 Busy Here"}},
		{"declined", 603, nil, false, call.Ended{Cause: call.Rejected, Text: "603 Decline"}},
		{
			"down for a while, in its own words", 503,
			[]sip.Header{{Name: "Retry-After", Value: "17 (lunch)"}, {Name: "Warning", Value: `399 pbx "no lines"`}},
			false,
			call.Ended{Cause: call.Unavailable, Text: "503 Service Unavailable: no lines", Retry: 17 * time.Second},
		},
		{"no codec", 488, nil, false, call.Ended{Cause: call.MediaFailed, Text: "488 Not Acceptable Here"}},
		{
			"forwarded", 302,
			[]sip.Header{{Name: "Contact", Value: "<sip:300@example.com>"}},
			true,
			call.Ended{Cause: call.Unreachable, Text: "302 Moved Temporarily", Forward: "300"},
		},
		{
			"forwarded by one that may not", 302,
			[]sip.Header{{Name: "Contact", Value: "<sip:300@example.com>"}},
			false,
			call.Ended{Cause: call.Unreachable, Text: "302 Moved Temporarily"},
		},
		{
			"forwarded to a web page", 302,
			[]sip.Header{{Name: "Contact", Value: "<http://example.com/300>"}},
			true,
			call.Ended{Cause: call.Unreachable, Text: "302 Moved Temporarily"},
		},
	} {
		t.Run(row.name, func(t *testing.T) {
			story(t, func(r *rig) {
				r.opt.Forward = row.forward
				r.out()
				r.far.Reject(row.status, "", row.headers...)
				if got := r.over(row.want.Cause); got != row.want {
					r.Errorf("ended %+v, want %+v", got, row.want)
				}
			})
		})
	}
}

func TestHangingUpSaysWhy(t *testing.T) {
	for _, row := range []struct {
		cause call.Cause
		want  string
	}{
		{call.AnsweredElsewhere, `SIP;cause=200;text="Call completed elsewhere"`},
		{call.Cancelled, `Q.850;cause=16;`},
		{call.NoAnswer, `Q.850;cause=19;`},
	} {
		t.Run("CANCEL "+row.cause.String(), func(t *testing.T) {
			story(t, func(r *rig) {
				r.out()
				r.far.Progress(180, nil, false)
				said[call.Progress](r)
				r.leg.Do(call.Ended{Cause: row.cause})
				c := next[dialog.Cancelled](r)
				if got := reasons(c.Message); !strings.HasPrefix(got, row.want) {
					r.Errorf("Reason %s, want %s", got, row.want)
				}
				r.over(row.cause)
			})
		})
	}
	t.Run("BYE", func(t *testing.T) {
		story(t, func(r *rig) {
			r.up()
			r.leg.Do(call.Ended{Cause: call.MediaTimeout})
			r.over(call.MediaTimeout)
			e := next[dialog.Ended](r)
			if len(e.Reasons) != 1 || e.Reasons[0].Protocol != "Q.850" || e.Reasons[0].Cause != call.MediaTimeout.Q850() {
				r.Errorf("reasons %+v", e.Reasons)
			}
		})
	})
	t.Run("refusal", func(t *testing.T) {
		story(t, func(r *rig) {
			r.in(phone(1, ""))
			r.leg.Do(call.Ended{Cause: call.Quota, Retry: 1500 * time.Millisecond})
			no := next[dialog.Refused](r)
			if no.Status != 503 || no.Message.Get("Retry-After") != "2" || !strings.Contains(no.Message.Get("Warning"), call.Quota.Sentence()) {
				r.Errorf("refused by\n%s", no.Message)
			}
			r.over(call.Quota)
		})
	})
}

func TestTheFarEndsReasonIsRead(t *testing.T) {
	for _, row := range []struct {
		reason string
		want   call.Cause
	}{
		{"", call.NormalClearing},
		{`Q.850;cause=16;text="bye"`, call.NormalClearing},
		{`Q.850;cause=17`, call.Busy},
		{`Q.850;cause=19`, call.NoAnswer},
		{`SIP;cause=200`, call.NormalClearing},
		{`X.25;cause=17`, call.NormalClearing},
	} {
		t.Run(row.reason, func(t *testing.T) {
			story(t, func(r *rig) {
				r.up()
				var hs []sip.Header
				if row.reason != "" {
					hs = append(hs, sip.Header{Name: "Reason", Value: row.reason})
				}
				r.far.Bye(hs...)
				r.over(row.want)
			})
		})
	}
	t.Run("CANCEL of a fork", func(t *testing.T) {
		story(t, func(r *rig) {
			r.in(phone(1, ""))
			r.leg.Do(call.Progress{})
			next[dialog.Provisional](r)
			r.far.Cancel(sip.Header{Name: "Reason", Value: "SIP;cause=200"})
			r.over(call.AnsweredElsewhere)
		})
	})
}

// The other side of the call must not wait for an answer that never comes.
func TestAVanishedFarEndKeepsNobodyWaiting(t *testing.T) {
	story(t, func(r *rig) {
		r.up()
		r.vanish()
		began := time.Now()
		r.leg.Do(call.Ended{Cause: call.NormalClearing})
		r.over(call.NormalClearing)
		if took := time.Since(began); took != 0 {
			r.Errorf("it took %v", took)
		}
		r.stack.Settle(2 * time.Second)
		if took := time.Since(began); took != 2*time.Second {
			r.Errorf("settling took %v, want to give the far end its chance", took)
		}
		r.stack.Wait()
		if took := time.Since(began); took != 32*time.Second {
			r.Errorf("the session was given up after %v, want 64*T1", took)
		}
	})
}

func TestAPhoneThatVanishedWhileItRangKeepsNobodyWaiting(t *testing.T) {
	story(t, func(r *rig) {
		r.out()
		r.far.Progress(180, nil, false)
		said[call.Progress](r)
		r.vanish()
		began := time.Now()
		r.leg.Do(call.Ended{Cause: call.Cancelled})
		r.over(call.Cancelled)
		if took := time.Since(began); took != 0 {
			r.Errorf("it took %v", took)
		}
		r.stack.Wait()
	})
}

func TestACallerThatVanishedKeepsNobodyWaiting(t *testing.T) {
	story(t, func(r *rig) {
		r.in(phone(1, ""))
		r.vanish()
		began := time.Now()
		r.leg.Do(call.Ended{Cause: call.Busy})
		r.over(call.Busy)
		if took := time.Since(began); took != 0 {
			r.Errorf("it took %v", took)
		}
		r.stack.Wait()
	})
}

func TestAnAnswerThatCrossesTheCancelIsHungUp(t *testing.T) {
	story(t, func(r *rig) {
		r.out()
		r.far.Progress(180, nil, false)
		said[call.Progress](r)
		r.far.Accept(phone(1, ""))
		r.leg.Do(call.Ended{Cause: call.Cancelled})
		for ev := range r.leg.Events() {
			if end, ok := ev.(call.Ended); ok && end.Cause != call.Cancelled {
				r.Errorf("ended %+v", end)
			}
		}
		next[dialog.Ended](r)
	})
}
