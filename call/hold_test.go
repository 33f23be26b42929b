package call

import (
	"testing"
	"testing/synctest"
	"time"
)

// slowRecorder has stored a record when the test says so.
type slowRecorder struct {
	*rig
	stored chan struct{}
}

func (r slowRecorder) Stored(string) <-chan struct{} { return r.stored }

// heldCall is a call that is answered before its record is stored.
func heldCall(t *testing.T, a, b *fakeLeg) (*rig, chan struct{}) {
	r := newRig(t, exchange{"b": b})
	stored := make(chan struct{})
	r.sw.Recorder = slowRecorder{r, stored}
	r.call(t.Context(), a, "b")
	b.events <- Answered{Codec: "PCMU"}
	b.events <- Digit{Key: '1'}
	synctest.Wait()
	if len(a.asked) != 0 {
		t.Errorf("the caller was told %v before the record was stored", <-a.asked)
	}
	return r, stored
}

func TestAnAnswerWaitsForTheRecord(t *testing.T) { // goals R-10
	synctest.Test(t, func(t *testing.T) {
		a, b := newFakeLeg("a", 0), newFakeLeg("b", 0)
		r, stored := heldCall(t, a, b)
		close(stored)
		r.want(a, Answered{Codec: "PCMU"})
		r.want(a, Digit{Key: '1'}) // what B said later, later
		a.end(NormalClearing)
		r.wantEnd(NormalClearing)
	})
}

func TestAnAnswerWaitsForTheRecordNotForLong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := newFakeLeg("a", 0), newFakeLeg("b", 0)
		r, _ := heldCall(t, a, b)
		time.Sleep(recordLimit)
		r.want(a, Answered{Codec: "PCMU"})
		a.end(NormalClearing)
		r.wantEnd(NormalClearing)
	})
}

func TestTheCallerGivesUpWhileTheAnswerWaitsForTheRecord(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := newFakeLeg("a", 0), newFakeLeg("b", 0)
		r, stored := heldCall(t, a, b)
		a.end(Cancelled)
		r.want(b, ended(Cancelled))
		close(stored)
		if rec := r.wantEnd(Cancelled); !rec.Answered.IsZero() {
			t.Errorf("the record says that the call was answered: %+v", rec)
		}
	})
}
