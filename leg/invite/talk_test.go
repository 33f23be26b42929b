package invite

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"tandem/call"
	"tandem/media/dtmf"
	"tandem/media/sdp"
	"tandem/media/transport"
	"tandem/sip"
	"tandem/sip/dialog"
)

func TestHoldAndResume(t *testing.T) {
	for _, row := range []struct{ theirs, ours string }{
		{"sendonly", "recvonly"},
		{"inactive", "inactive"},
		{"0.0.0.0", "recvonly"}, // RFC 2543: nowhere to send to
		{"recvonly", "sendonly"},
	} {
		t.Run(row.theirs, func(t *testing.T) {
			story(t, func(r *rig) {
				r.up()
				r.far.Reinvite(phone(2, row.theirs))
				next[dialog.OfferAnswered](r)
				held := r.path.direction()
				if held != row.ours {
					r.Errorf("agreed on %s, want %s", held, row.ours)
				}
				r.far.Reinvite(phone(3, ""))
				next[dialog.OfferAnswered](r)
				if got := r.path.direction(); got != "sendrecv" {
					r.Errorf("resumed to %s", got)
				}
				r.silent() // hold is the leg's own affair
				r.far.Bye()
				r.over(call.NormalClearing)
			})
		})
	}
}

func TestAnOfferThatCannotBeTakenLeavesTheCallAsItWas(t *testing.T) {
	story(t, func(r *rig) {
		r.up()
		r.far.Reinvite([]byte("v=0\r\no=- 7 2 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\nm=audio 5000 RTP/AVP 3\r\n"))
		if no := next[dialog.OfferRefused](r); no.Status != 488 {
			r.Errorf("refused by %d", no.Status)
		}
		if got := r.path.direction(); got != "sendrecv" {
			r.Errorf("now %s", got)
		}
		r.far.Bye()
		r.over(call.NormalClearing)
	})
}

func TestALateOfferIsAnsweredInTheACK(t *testing.T) {
	story(t, func(r *rig) {
		r.in(nil)
		r.leg.Do(call.Progress{Early: true, Codec: "PCMU"}) // nobody could hear it: a plain 180
		if p := next[dialog.Provisional](r); p.Status == 183 || p.SDP != nil {
			r.Errorf("%d with description %q", p.Status, p.SDP)
		}
		r.leg.Do(call.Answered{})
		o := next[dialog.Offer](r)
		if d, err := sdp.Parse(o.SDP); err != nil || len(d.Media) != 1 {
			r.Errorf("offer %s: %v", o.SDP, err)
		}
		r.far.AnswerOffer(phone(1, ""))
		synctest.Wait()
		if got := r.path.direction(); got != "sendrecv" {
			r.Errorf("agreed on %q", got)
		}
		r.far.Bye()
		r.over(call.NormalClearing)
	})
}

func TestALateAnswerThatCannotBeUsedEndsTheCall(t *testing.T) {
	story(t, func(r *rig) {
		r.in(nil)
		r.leg.Do(call.Answered{})
		next[dialog.Offer](r)
		r.far.AnswerOffer([]byte("v=0\r\no=- 7 1 IN IP4 192.0.2.1\r\ns=-\r\nt=0 0\r\nm=audio 0 RTP/AVP 0\r\n"))
		if end := r.over(call.MediaFailed); end.Text == "" {
			r.Error("it does not say why")
		}
		next[dialog.Ended](r)
	})
}

func TestOffersThatNobodyNeedRingFor(t *testing.T) {
	for _, row := range []struct {
		name, body string
		status     int
	}{
		{"broken", "what is this", 400},
		{"no codec in common", "v=0\r\no=- 7 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\nm=audio 5000 RTP/AVP 3\r\n", 488},
		{"no audio", "v=0\r\no=- 7 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\nm=image 5000 udptl t38\r\n", 488},
	} {
		t.Run(row.name, func(t *testing.T) {
			story(t, func(r *rig) {
				offer := ReadOffer([]byte(row.body))
				err := offer.check(r.opt.Media.Capabilities)
				var e *sdp.Error
				if !errors.As(err, &e) || e.Status != row.status {
					r.Errorf("%v, want %d", err, row.status)
				}
			})
		})
	}
}

func TestEarlyMediaTowardsTheCaller(t *testing.T) {
	story(t, func(r *rig) {
		r.in(phone(1, ""))
		r.leg.Do(call.Progress{Early: true, Codec: "PCMA"})
		early := next[dialog.Provisional](r)
		for early.Status == 100 {
			early = next[dialog.Provisional](r)
		}
		if early.Status != 183 || early.SDP == nil {
			r.Errorf("%d with %q, want 183 with a description", early.Status, early.SDP)
		}
		r.leg.Do(call.Answered{Codec: "PCMU"})
		if ok := next[dialog.Answered](r); string(ok.SDP) != string(early.SDP) {
			r.Errorf("the 200 says\n%s, the 183 said\n%s", ok.SDP, early.SDP)
		}
		r.far.Bye()
		r.over(call.NormalClearing)
	})
}

func TestSilenceEndsTheCall(t *testing.T) {
	story(t, func(r *rig) {
		r.up()
		r.path.on(transport.Event{Kind: transport.MediaTimeout})
		if end := r.over(call.MediaTimeout); end.Text != "no audio came from sip:them for 1m0s" {
			r.Errorf("text %q", end.Text)
		}
		next[dialog.Ended](r)
	})
}

func TestSilenceBeforeTheAnswerDoesNotCount(t *testing.T) {
	story(t, func(r *rig) {
		r.in(phone(1, ""))
		r.leg.Do(call.Progress{Early: true})
		synctest.Wait()
		r.path.on(transport.Event{Kind: transport.MediaTimeout})
		r.silent()
		r.leg.Do(call.Answered{})
		began := time.Now()
		r.over(call.MediaTimeout)
		if took := time.Since(began); took != time.Minute {
			r.Errorf("given up %v after the answer", took)
		}
	})
	t.Run("it talks after all", func(t *testing.T) {
		story(t, func(r *rig) {
			r.in(phone(1, ""))
			r.leg.Do(call.Progress{Early: true})
			synctest.Wait()
			r.path.on(transport.Event{Kind: transport.MediaTimeout})
			r.leg.Do(call.Answered{})
			synctest.Wait()
			r.path.on(transport.Event{Kind: transport.MediaResumed})
			time.Sleep(time.Hour) // virtual
			r.silent()
			r.far.Bye()
			r.over(call.NormalClearing)
		})
	})
}

func TestMediaThatNeverConnectsEndsTheCall(t *testing.T) {
	story(t, func(r *rig) {
		r.up()
		r.path.on(transport.Event{Kind: transport.Failed, Err: errors.New("ICE failed")})
		if end := r.over(call.MediaFailed); end.Text != "ICE failed" {
			r.Errorf("text %q", end.Text)
		}
	})
}

// A phone that is gone does not refresh the session: RFC 4028 ends it, and the
// other side hears of it at once.
func TestASessionNobodyRefreshesEnds(t *testing.T) {
	story(t, func(r *rig) {
		r.in(phone(1, ""), func(inv *dialog.Invite) {
			inv.Timer = dialog.SessionTimer{Expires: 90 * time.Second}
		})
		r.leg.Do(call.Answered{})
		next[dialog.Answered](r)
		synctest.Wait()
		r.vanish()
		r.them.close()
		began := time.Now()
		r.over(call.NetworkFailure)
		if took := time.Since(began); took > 90*time.Second {
			r.Errorf("it took %v, longer than the session interval", took)
		}
	})
}

func TestBlindTransfer(t *testing.T) {
	for _, row := range []struct {
		name  string
		cause call.Cause
		last  int // of the NOTIFYs
	}{
		{"it worked", call.NormalClearing, 200},
		{"busy", call.Busy, 486},
		{"nobody there", call.UnknownNumber, 404},
	} {
		t.Run(row.name, func(t *testing.T) {
			story(t, func(r *rig) {
				r.up()
				to, _ := sip.ParseAddress("<sip:300@example.com>")
				r.far.Refer(to)
				if got := said[call.Transfer](r); got != (call.Transfer{To: "300"}) {
					r.Errorf("transfer %+v", got)
				}
				r.leg.Do(call.Transferred{Cause: row.cause})
				n := next[dialog.Notify](r)
				for !n.Done {
					n = next[dialog.Notify](r)
				}
				if n.Status != row.last {
					r.Errorf("told %d, want %d", n.Status, row.last)
				}
				if row.cause != call.NormalClearing { // the call goes on
					r.silent()
					r.far.Bye()
					r.over(call.NormalClearing)
					return
				}
				began := time.Now()
				r.leg.Do(call.Ended{Cause: call.TransferDone})
				r.over(call.TransferDone)
				if took := time.Since(began); took != transferGrace {
					r.Errorf("hung up after %v, want %v for the phone to do so itself", took, transferGrace)
				}
			})
		})
	}
}

func TestALegThatMayNotTransfer(t *testing.T) {
	story(t, func(r *rig) {
		r.opt.Alias = nil
		r.up()
		to, _ := sip.ParseAddress("<sip:300@example.com>")
		r.far.Refer(to)
		if got := next[dialog.RequestAnswered](r); got.Status != 603 {
			r.Errorf("REFER answered by %d, want 603", got.Status)
		}
		r.silent()
		r.far.Bye()
		r.over(call.NormalClearing)
	})
}

func TestATransferToACallThatIsGoneFailsAndTheCallGoesOn(t *testing.T) {
	story(t, func(r *rig) {
		r.up()
		to, _ := sip.ParseAddress("<sip:300@example.com?Replaces=nobody%3Bto-tag%3Da%3Bfrom-tag%3Db>")
		r.far.Refer(to)
		n := next[dialog.Notify](r)
		for !n.Done {
			n = next[dialog.Notify](r)
		}
		if n.Status != 481 {
			r.Errorf("told %d, want 481", n.Status)
		}
		r.silent()
		r.far.Bye()
		r.over(call.NormalClearing)
	})
}

func TestKeys(t *testing.T) {
	story(t, func(r *rig) {
		r.up()
		r.leg.Do(call.Digit{Key: '5'})
		synctest.Wait()
		if r.path.keys != "5" {
			r.Errorf("sent %q by telephone-event", r.path.keys)
		}
		body, err := dtmf.AppendInfo(nil, dtmf.TypeRelay, dtmf.Digit{Key: '7', Duration: 160 * time.Millisecond})
		if err != nil {
			r.Fatal(err)
		}
		r.far.Info(dtmf.TypeRelay, body)
		if got := said[call.Digit](r); got != (call.Digit{Key: '7', Hold: 160 * time.Millisecond}) {
			r.Errorf("heard %+v", got)
		}
		r.far.Info("application/x-unknown", []byte("Signal=7"))
		r.silent()
		r.far.Bye()
		r.over(call.NormalClearing)
	})
}

func TestShutdownHangsUp(t *testing.T) {
	story(t, func(r *rig) {
		r.up()
		r.us.core.Close()
		r.over(call.Shutdown)
	})
}

func TestAnAttendedTransferNamesTheOtherLeg(t *testing.T) {
	story(t, func(r *rig) {
		r.up()
		first, firstLeg, firstPath := r.far, r.leg, r.path
		r.opt.Info.ID = "second"
		r.up()
		to, _ := sip.ParseAddress("<sip:300@example.com>")
		first.Refer(r.far.ID().Replaces().In(to))
		second, secondPath := r.leg, r.path
		r.leg, r.path = firstLeg, firstPath
		if got := said[call.Transfer](r); got.Replaces != "second" {
			r.Errorf("transfer %+v, want it to name the second leg", got)
		}
		r.leg.Do(call.Transferred{Cause: call.NormalClearing})
		r.leg.Do(call.Ended{Cause: call.TransferDone})
		r.over(call.TransferDone)
		r.leg, r.path = second, secondPath
		r.leg.Do(call.Ended{Cause: call.TransferDone})
		r.over(call.TransferDone)
	})
}

// Hold and hang-up cross each other on the wire.
func TestAnOfferThatCrossesOurBYE(t *testing.T) {
	story(t, func(r *rig) {
		r.up()
		r.far.Reinvite(phone(2, "sendonly"))
		r.leg.Do(call.Ended{Cause: call.NormalClearing})
		r.leg.Do(call.Digit{Key: '1'}) // too late for anything
		r.over(call.NormalClearing)
		next[dialog.Ended](r)
		r.stack.Wait()
	})
}

func TestTheFirstReasonToEndCounts(t *testing.T) {
	story(t, func(r *rig) {
		r.up()
		r.vanish()
		r.leg.Do(call.Ended{Cause: call.Busy})
		r.leg.Do(call.Ended{Cause: call.Shutdown})
		r.over(call.Busy)
		if _, there := r.stack.LegOf(r.leg.session); there {
			r.Error("a leg that has ended can still be taken over")
		}
	})
}
