package call

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

// rooms is an admission with so many places.
type rooms struct{ free int }

func (r *rooms) Admit(Request) (func(), error) {
	if r.free == 0 {
		return nil, &RefusalError{Ended: Ended{Cause: Congestion, Retry: 30 * time.Second}, Err: errors.New("no room")}
	}
	r.free--
	return func() { r.free++ }, nil
}

func TestACallWithoutRoomIsRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		first, second, b := newFakeLeg("a", 0), newFakeLeg("c", 0), newFakeLeg("b", 0)
		r := newRig(t, exchange{"b": b})
		place := &rooms{free: 1}
		r.sw.Admission = place
		r.from(first, "b")
		r.from(second, "b")
		if end, ok := (<-second.asked).(Ended); !ok || end.Cause != Congestion || end.Retry != 30*time.Second || end.Text != "no room" {
			t.Errorf("the caller was asked %+v, want to be refused and told when to try again", end)
		}
		if live, _ := r.sw.Count(); live != 1 {
			t.Errorf("%d calls, want the first to go on", live)
		}
		first.end(NormalClearing)
		r.sw.Wait()
		if place.free != 1 {
			t.Errorf("%d places are free, want the one back", place.free)
		}
	})
}

func TestAReceptionPassesOnTheCallersOwnWish(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, c := range []struct {
			wish bool
			want string
		}{{true, "a"}, {false, "b"}} {
			a, b := newFakeLeg("a", 0), newFakeLeg("b", 0)
			next := newFakeLeg("c", 0)
			r, _, routed := spend(t, exchange{"b": b, "c": next})
			r.from(a, "b")
			b.say(Answered{})
			synctest.Wait()
			b.say(Transfer{To: "c", Wish: c.wish})
			synctest.Wait()
			if last := routed.asked[len(routed.asked)-1]; last.To != "c" || last.Via != c.want {
				t.Errorf("wish %v: %q is routed for %q, want for %q", c.wish, last.To, last.Via, c.want)
			}
			a.end(NormalClearing)
			r.sw.Wait()
		}
	})
}
