package call

import (
	"bytes"
	"context"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"tandem/media"
)

func TestCallFromRingingToHangup(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := newFakeLeg("a", 0), newFakeLeg("b", 0)
		r := start(t, a, "b", exchange{"b": b})
		b.events <- Progress{Early: true, Codec: "PCMU"}
		r.want(a, Progress{Early: true, Codec: "PCMU"})
		b.events <- Answered{Codec: "PCMU"}
		r.want(a, Answered{Codec: "PCMU"})
		a.events <- Digit{Key: '5'}
		r.want(b, Digit{Key: '5'})
		time.Sleep(time.Minute) // virtual: the conversation
		a.end(NormalClearing)
		r.want(b, ended(NormalClearing))
		rec := r.wantEnd(NormalClearing)
		if rec.Talked != time.Minute || rec.From != "a" || rec.To != "b" || rec.B.ID != "b" || rec.Path != "fake bridge" {
			t.Errorf("record %+v", rec)
		}
		r.wantMedia("joined", "through", "through", "closed")
	})
}

func TestTheLogTellsACauseWhenThereIsOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := newFakeLeg("a", 0), newFakeLeg("b", 0)
		r := newRig(t, exchange{"b": b})
		var log bytes.Buffer
		r.sw.Log = slog.New(slog.NewTextHandler(&log, nil))
		r.sw.Join = func(_, _ media.Session, _ bool, log *slog.Logger) Bridge {
			log.Info("media path")
			return fakeBridge{r, new([2]bool)}
		}
		r.call(t.Context(), a, "b")
		b.events <- Answered{}
		synctest.Wait()
		a.end(NormalClearing)
		r.wantEnd(NormalClearing)
		for line := range strings.Lines(log.String()) {
			ended := strings.Contains(line, "call ended") || strings.Contains(line, "now=ending") || strings.Contains(line, "now=over")
			if strings.Contains(line, "cause=") != ended {
				t.Errorf("a cause, or none, in: %s", line)
			}
			if strings.Contains(line, "media path") && !strings.Contains(line, "call=") {
				t.Errorf("no call in: %s", line)
			}
		}
	})
}

func TestRingingAfterEarlyMediaIsPlayedByUs(t *testing.T) { // GV-C15
	synctest.Test(t, func(t *testing.T) {
		a, b := newFakeLeg("a", 0), newFakeLeg("b", 0)
		r := start(t, a, "b", exchange{"b": b})
		b.events <- Progress{Early: true}
		b.events <- Progress{}
		b.events <- Answered{}
		r.wantMedia("joined", "through", "ringback", "through")
		a.end(NormalClearing)
		r.wantEnd(NormalClearing)
	})
}

func TestReceptionHandsOverToMeeting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, lobby, meeting := newFakeLeg("a", 0), newFakeLeg("lobby", time.Second), newFakeLeg("meeting", 0)
		r := start(t, a, "l", exchange{"l": lobby, "m": meeting})
		lobby.events <- Answered{}
		r.want(a, Answered{})
		lobby.events <- Transfer{To: "m", Leave: true}
		r.want(lobby, ended(TransferDone))
		meeting.events <- Progress{}
		synctest.Wait()
		meeting.events <- Answered{}
		synctest.Wait()
		if len(a.asked) != 0 {
			t.Errorf("the caller, answered long ago, was asked for %v", <-a.asked)
		}
		meeting.end(NormalClearing)
		r.want(a, ended(NormalClearing))
		r.wantEnd(NormalClearing)
		r.wantMedia("joined", "through", "closed", "joined", "ringback", "through", "closed")
	})
}

func TestBlindTransferByTheCaller(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b, c := newFakeLeg("a", 0), newFakeLeg("b", 0), newFakeLeg("c", 0)
		r := start(t, a, "b", exchange{"b": b, "c": c})
		b.events <- Answered{}
		r.want(a, Answered{})
		a.events <- Transfer{To: "c"}
		synctest.Wait()
		c.events <- Answered{}
		r.want(a, Transferred{NormalClearing})
		r.want(a, ended(TransferDone))
		c.end(NormalClearing)
		r.want(b, ended(NormalClearing))
		r.wantEnd(NormalClearing)
	})
}

func TestFailedTransferGoesBackToWhoAsked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b, c := newFakeLeg("a", 0), newFakeLeg("b", 0), newFakeLeg("c", 0)
		r := start(t, a, "b", exchange{"b": b, "c": c})
		b.events <- Answered{}
		r.want(a, Answered{})
		b.events <- Transfer{To: "c"}
		synctest.Wait()
		c.end(Busy)
		r.want(b, Transferred{Busy})
		r.wantMedia("joined", "through", "closed", "joined", "through")
		b.end(NormalClearing)
		r.want(a, ended(NormalClearing))
		r.wantEnd(NormalClearing)
	})
}

func TestTransfererHangsUpAtOnceAndTheTargetIsBusy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b, c := newFakeLeg("a", 0), newFakeLeg("b", 0), newFakeLeg("c", 0)
		r := start(t, a, "b", exchange{"b": b, "c": c})
		b.events <- Answered{}
		r.want(a, Answered{})
		a.events <- Transfer{To: "c"}
		synctest.Wait()
		a.end(NormalClearing)
		synctest.Wait()
		c.end(Busy)
		r.want(b, ended(Busy))
		r.wantEnd(Busy)
	})
}

func TestAttendedTransferJoinsTheFarEndsOfTwoCalls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a1, b1, a2, b2 := newFakeLeg("a1", 0), newFakeLeg("b1", 0), newFakeLeg("a2", 0), newFakeLeg("b2", 0)
		r := newRig(t, exchange{"1": b1, "2": b2})
		r.call(t.Context(), a1, "1")
		r.call(t.Context(), a2, "2")
		b1.events <- Answered{}
		r.want(a1, Answered{})
		b2.events <- Answered{}
		r.want(a2, Answered{})
		a1.events <- Transfer{Replaces: "a2"}
		r.want(a1, Transferred{NormalClearing})
		r.want(a1, ended(TransferDone))
		r.want(a2, ended(TransferDone))
		synctest.Wait()
		if live := r.sw.Live(); len(live) != 1 || live[0].A.ID != "b1" || live[0].B.ID != "b2" {
			t.Errorf("live calls %+v, want b1 with b2", live)
		}
		b2.end(NormalClearing)
		r.want(b1, ended(NormalClearing))
		r.wantEnd(NormalClearing)
	})
}

func TestTakingOverALegThatIsGoneFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newFakeLeg("a", 0)
		r := newRig(t, exchange{})
		r.sw.Incoming(t.Context(), Request{From: "a", Takes: "nobody"}, a)
		r.want(a, Ended{Cause: Unreachable, Text: errNoSuchLeg.Error()})
		r.wantEnd(Unreachable)
	})
}

func TestInviteWithReplacesTakesTheLegsPlace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b, n := newFakeLeg("a", 0), newFakeLeg("b", 0), newFakeLeg("n", 0)
		r := start(t, a, "b", exchange{"b": b})
		b.events <- Answered{}
		r.want(a, Answered{})
		r.sw.Incoming(t.Context(), Request{From: "n", Takes: "b"}, n)
		r.want(n, Answered{})
		r.want(b, ended(TransferDone))
		n.end(NormalClearing)
		r.want(a, ended(NormalClearing))
		r.wantEnd(NormalClearing)
	})
}

// Whoever has heard the answer may ask for the other leg before the call's
// goroutine has come round.
func TestALegCanBeTakenFromTheMomentOfTheAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b, n := newFakeLeg("a", 0), newFakeLeg("b", 0), newFakeLeg("n", 0)
		r := newRig(t, exchange{"b": b})
		found := map[string]bool{}
		a.onDo = func(ev Event) {
			if _, up := ev.(Answered); up {
				found["b"] = r.sw.find("b") != nil
			}
		}
		n.onDo = func(ev Event) {
			if _, up := ev.(Answered); up {
				found["n"] = r.sw.find("n") != nil
				found["a"] = r.sw.find("a") != nil
			}
		}
		r.call(t.Context(), a, "b")
		b.events <- Answered{}
		r.want(a, Answered{})
		r.sw.Incoming(t.Context(), Request{From: "n", Takes: "b"}, n)
		r.want(n, Answered{})
		if want := map[string]bool{"a": true, "b": true, "n": true}; !maps.Equal(found, want) {
			t.Errorf("found while the answer was told: %v", found)
		}
		n.end(NormalClearing)
	})
}

func TestBusyGoesToTheNextDestination(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b, c := newFakeLeg("a", 0), newFakeLeg("b", 0), newFakeLeg("c", 0)
		r := start(t, a, "bxc", exchange{"b": b, "c": c}) // x cannot be dialled
		b.end(Busy)
		synctest.Wait()
		c.events <- Progress{}
		r.want(a, Progress{})
		c.end(Busy)
		r.want(a, ended(Busy))
		rec := r.wantEnd(Busy)
		var tried []string
		for _, at := range rec.Tried {
			tried = append(tried, at.To+" "+at.Cause.String())
		}
		if !slices.Equal(tried, []string{"b busy", "x no_route", "c busy"}) {
			t.Errorf("tried %v", tried)
		}
	})
}

func TestWhoDeclinesEndsTheHunt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b, c := newFakeLeg("a", 0), newFakeLeg("b", 0), newFakeLeg("c", 0)
		r := start(t, a, "bc", exchange{"b": b, "c": c})
		b.end(Rejected)
		r.want(a, ended(Rejected))
		r.wantEnd(Rejected)
	})
}

func TestNobodyAnswersThenTheNextIsTried(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b, c := newFakeLeg("a", 0), newFakeLeg("b", 5*time.Second), newFakeLeg("c", 5*time.Second)
		began := time.Now()
		r := start(t, a, "bc", exchange{"b": b, "c": c})
		b.events <- Progress{}
		r.want(a, Progress{})
		time.Sleep(31 * time.Second)
		r.want(b, ended(NoAnswer))
		r.wantEnd(NoAnswer)
		r.want(c, ended(NoAnswer))
		if took := time.Since(began); took != 65*time.Second {
			t.Errorf("took %v", took)
		}
	})
}

func TestNoRoute(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newFakeLeg("a", 0)
		r := start(t, a, "", exchange{})
		r.want(a, Ended{Cause: NoRoute, Text: ErrNoRoute.Error()})
		r.wantEnd(NoRoute)
	})
}

func TestShutdownEndsEveryCall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := newFakeLeg("a", time.Second), newFakeLeg("b", 0)
		ctx, cancel := context.WithCancel(t.Context())
		r := newRig(t, exchange{"b": b})
		r.call(ctx, a, "b")
		b.events <- Answered{}
		r.want(a, Answered{})
		cancel()
		r.want(a, ended(Shutdown))
		r.want(b, ended(Shutdown))
		r.wantEnd(Shutdown)
	})
}

func TestCallsPastTheLimitAreRefusedAndRecorded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b, late := newFakeLeg("a", 0), newFakeLeg("b", 0), newFakeLeg("late", 0)
		r := newRig(t, exchange{"b": b})
		r.sw.MaxCalls = 1
		r.call(t.Context(), a, "b")
		r.call(t.Context(), late, "b")
		synctest.Wait()
		if len(r.closed) != 1 || r.closed[0].Cause != Congestion {
			t.Errorf("records %+v, want one refused with congestion", r.closed)
		}
		a.end(NormalClearing)
		r.wantEnd(Cancelled)
	})
}

func TestForkTheFirstToAnswerWins(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b, c, d := newFakeLeg("a", 0), newFakeLeg("b", 0), newFakeLeg("c", time.Second), newFakeLeg("d", 0)
		r := start(t, a, "(bcd)", exchange{"b": b, "c": c, "d": d})
		b.events <- Progress{Early: true}
		r.want(a, Progress{})
		c.events <- Progress{}
		d.end(Busy)
		synctest.Wait()
		b.events <- Answered{Codec: "PCMA"}
		r.want(a, Answered{Codec: "PCMA"})
		r.want(c, ended(AnsweredElsewhere))
		b.end(NormalClearing)
		r.want(a, ended(NormalClearing))
		rec := r.wantEnd(NormalClearing)
		if len(rec.Tried) != 0 {
			t.Errorf("tried %+v", rec.Tried)
		}
	})
}

func TestForkRefusals(t *testing.T) {
	for _, tt := range []struct {
		name string
		b, c Cause
		want Cause
	}{
		{"busy says more than unreachable", Unreachable, Busy, Busy},
		{"no answer says more than unreachable", NoAnswer, Unreachable, NoAnswer},
		{"who declines declines for all", Rejected, NoAnswer, Rejected},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a, b, c := newFakeLeg("a", 0), newFakeLeg("b", 0), newFakeLeg("c", 0)
				r := start(t, a, "(bc)", exchange{"b": b, "c": c})
				b.end(tt.b)
				synctest.Wait()
				c.end(tt.c)
				r.wantEnd(tt.want)
			})
		})
	}
}

func TestForkTheSecondAnswerIsHungUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, c := newFakeLeg("b", time.Second), newFakeLeg("c", time.Second)
		f := Fork([]Leg{b, c})
		b.say(Answered{})
		c.say(Answered{})
		synctest.Wait()
		if n := len(b.asked) + len(c.asked); n == 0 {
			t.Error("nobody was hung up on")
		}
		f.Do(ended(NormalClearing))
		drain(f)
	})
}
