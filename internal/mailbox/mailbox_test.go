package mailbox

import (
	"testing"
	"testing/synctest"
)

func TestEverythingPostedIsTakenInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var b Box[int]
		b.Post(0)
		go func() {
			for i := 1; i < 100; i++ {
				b.Post(i)
			}
		}()
		for want := 0; want < 100; want++ {
			got, ok := b.Take()
			for !ok {
				<-b.Ready()
				got, ok = b.Take()
			}
			if got != want {
				t.Fatalf("took %d, want %d", got, want)
			}
		}
	})
}

func TestAFullOrClosedBoxRefuses(t *testing.T) {
	b := Box[string]{Limit: 1}
	if !b.Offer("a") || b.Offer("b") {
		t.Error("the limit does not hold")
	}
	if left := b.Close(); len(left) != 1 || left[0] != "a" {
		t.Errorf("left %v", left)
	}
	if b.Post("c") || b.Refused() != 2 {
		t.Errorf("a closed box took a post, or %d refused is not 2", b.Refused())
	}
}
