package dialog

import "testing"

func TestOfferAnswer(t *testing.T) {
	a, b, c := []byte("a"), []byte("b"), []byte("c")
	type step func(offerAnswer) (offerAnswer, error)
	offer := func(by turn, sdp []byte) step {
		return func(o offerAnswer) (offerAnswer, error) { return o.begin(by, sdp) }
	}
	answer := func(sdp []byte) step { return func(o offerAnswer) (offerAnswer, error) { return o.answer(sdp), nil } }
	drop := func(o offerAnswer) (offerAnswer, error) { return o.drop(), nil }
	for _, x := range []struct {
		name          string
		steps         []step
		turn          turn
		local, remote string
		fails         bool
	}{
		{"our offer waits", []step{offer(ours, a)}, ours, "", "", false},
		{"they answer", []step{offer(ours, a), answer(b)}, settled, "a", "b", false},
		{"they offer, we answer", []step{offer(theirs, a), answer(b)}, settled, "b", "a", false},
		{"a refused offer changes nothing", []step{offer(ours, a), answer(b), offer(ours, c), drop}, settled, "a", "b", false},
		{"two offers collide", []step{offer(ours, a), offer(theirs, b)}, ours, "", "", true},
		{"and the other way round", []step{offer(theirs, a), offer(ours, b)}, theirs, "", "", true},
		{"an answer to nothing changes nothing", []step{offer(ours, a), answer(b), answer(c)}, settled, "a", "b", false},
		{"a second exchange replaces the first", []step{offer(ours, a), answer(b), offer(theirs, c), answer(a)}, settled, "a", "c", false},
	} {
		t.Run(x.name, func(t *testing.T) {
			var o offerAnswer
			var err error
			for _, s := range x.steps {
				o, err = s(o)
			}
			if o.turn != x.turn || string(o.local) != x.local || string(o.remote) != x.remote || (err != nil) != x.fails {
				t.Errorf("%v %q %q %v, want %v %q %q", o.turn, o.local, o.remote, err, x.turn, x.local, x.remote)
			}
		})
	}
}
