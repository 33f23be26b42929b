package call

import (
	"errors"
	"reflect"
	"testing"
)

func TestStep(t *testing.T) {
	none := [3]bool{X: true}
	dialing := begin()
	early := state{phase: Early, gone: none}
	heard := state{phase: Early, gone: none, joined: true}
	active := state{phase: Active, gone: none, up: true, joined: true}
	moving := state{phase: Dialing, up: true} // B was transferred, X waits
	for _, tt := range []struct {
		name   string
		from   state
		at     Side
		what   any
		want   state
		wantDo []any
	}{
		{"B rings", dialing, B, Progress{}, early, []any{tell{A, Progress{}}}},
		{"B sends early media", dialing, B, Progress{Early: true}, heard, []any{tell{A, Progress{Early: true}}, join{}}},
		{"early media that the rule keeps from A", state{gone: none, mute: true}, B, Progress{Early: true}, state{phase: Early, gone: none, mute: true}, []any{tell{A, Progress{}}}},
		{"B is a lobby: A is answered and waits there", dialing, B, Progress{Lobby: true, Early: true}, state{phase: Early, gone: none, up: true, joined: true}, []any{tell{A, Answered{}}, timer{never}, join{}}},
		{"A is admitted", state{phase: Early, gone: none, up: true, joined: true}, B, Answered{}, active, []any{timer{never}, join{}}},
		{
			"A is not admitted, another way in is left",
			state{phase: Early, gone: none, up: true, joined: true, left: 1},
			B, ended(LobbyTimeout),
			state{gone: none, up: true, left: 1},
			[]any{unjoin{}, hunt{}},
		},
		{"A leaves the lobby", state{phase: Early, gone: none, up: true, joined: true}, A, ended(NormalClearing), state{phase: Ending, up: true, gone: [3]bool{A: true, X: true}, end: ended(NormalClearing)}, []any{unjoin{}, tell{B, ended(NormalClearing)}, timer{endTimeout}}},
		{"180 after 183: we play ringback", heard, B, Progress{}, heard, []any{tell{A, Progress{}}, ring{}}},
		{"B answers without ringing", dialing, B, Answered{}, active, []any{tell{A, Answered{}}, timer{never}, join{}}},
		{"B answers after early media", heard, B, Answered{}, active, []any{tell{A, Answered{}}, timer{never}, join{}}},
		{"B is busy", dialing, B, ended(Busy), state{phase: Ending, gone: [3]bool{B: true, X: true}, end: ended(Busy)}, []any{tell{A, ended(Busy)}, timer{endTimeout}}},
		{"B is busy, others are left", state{gone: none, left: 1}, B, ended(Busy), state{gone: none, left: 1}, []any{hunt{}}},
		{"B is busy after early media, others are left", state{phase: Early, gone: none, joined: true, left: 1}, B, ended(Busy), state{gone: none, left: 1}, []any{unjoin{}, hunt{}}},
		{
			"B is busy and the rule stops there",
			state{gone: none, left: 1, stop: []Cause{Busy}},
			B, ended(Busy),
			state{phase: Ending, gone: [3]bool{B: true, X: true}, left: 1, stop: []Cause{Busy}, end: ended(Busy)},
			[]any{tell{A, ended(Busy)}, timer{endTimeout}},
		},
		{"A cancels while B rings", early, A, ended(NormalClearing), state{phase: Ending, gone: [3]bool{A: true, X: true}, end: ended(Cancelled)}, []any{tell{B, ended(Cancelled)}, timer{endTimeout}}},
		{"both hang up at once", state{phase: Ending, gone: [3]bool{A: true, X: true}}, B, Ended{}, state{phase: Over, gone: [3]bool{true, true, true}}, nil},
		{"the answer crosses the cancel", state{phase: Ending, gone: none}, B, Answered{}, state{phase: Ending, gone: none}, nil},
		{"nobody answers", early, A, timedOut{}, state{phase: Ending, gone: [3]bool{B: true, X: true}, end: ended(NoAnswer)}, []any{letGo{}, tell{A, ended(NoAnswer)}, timer{endTimeout}}},
		{"nobody answers, others are left", state{phase: Early, gone: none, left: 2}, A, timedOut{}, state{gone: none, left: 2}, []any{letGo{}, hunt{}}},
		{"a leg never lets go", state{phase: Ending, gone: none, end: ended(Busy)}, A, timedOut{}, state{phase: Over, gone: none, end: ended(Busy)}, nil},
		{"a key goes to the other side", active, B, Digit{Key: '1'}, active, []any{tell{A, Digit{Key: '1'}}}},
		{"a key before the answer goes nowhere", early, A, Digit{Key: '1'}, early, nil},
		{"transfer", active, B, Transfer{To: "c"}, moving, []any{unjoin{}, park{B}, route{"c"}}},
		{"transfer before the answer is refused", early, B, Transfer{To: "c"}, early, []any{tell{B, Transferred{Rejected}}}},
		{"the target rings: the one who stays hears it", moving, B, Progress{}, state{phase: Early, up: true, joined: true}, []any{ring{}}},
		{"the target answers", moving, B, Answered{}, state{phase: Active, up: true, joined: true}, []any{timer{never}, join{}, tell{X, Transferred{NormalClearing}}, tell{X, ended(TransferDone)}}},
		{"the target is busy: back to the one that asked", moving, B, ended(Busy), active, []any{unpark{}, timer{never}, join{}, tell{B, Transferred{Busy}}}},
		{"the target does not exist: back to the one that asked", moving, B, refused{ended(NoRoute)}, active, []any{unpark{}, timer{never}, join{}, tell{B, Transferred{NoRoute}}}},
		{
			"the one who stays hangs up during a transfer", moving, A, ended(NormalClearing),
			state{phase: Ending, up: true, gone: [3]bool{A: true}, end: ended(NormalClearing)},
			[]any{tell{B, ended(NormalClearing)}, tell{X, ended(NormalClearing)}, timer{endTimeout}},
		},
		{"attended transfer", active, A, Transfer{Replaces: "l"}, state{phase: Active, gone: none, up: true, joined: true, asks: A}, []any{fetch{"l"}}},
		{"the leg to join is gone", active, X, adopted{errors.New("gone")}, active, []any{tell{A, Transferred{Unreachable}}}},
		{
			"another call takes our far end", active, A,
			surrender{},
			state{phase: Ending, gone: [3]bool{B: true, X: true}, up: true, end: ended(TransferDone)},
			[]any{unjoin{}, giveAway{B}, tell{A, ended(TransferDone)}, timer{endTimeout}},
		},
		{"a call that rings gives nobody away", early, A, surrender{}, early, []any{giveAway{X}}},
		{"shutdown", active, A, stopping{}, state{phase: Ending, gone: none, up: true, end: ended(Shutdown)}, []any{unjoin{}, tell{A, ended(Shutdown)}, tell{B, ended(Shutdown)}, timer{endTimeout}}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, do := tt.from.step(tt.at, tt.what)
			if !reflect.DeepEqual(got, tt.want) || !reflect.DeepEqual(do, tt.wantDo) {
				t.Errorf("step = %+v\n%v\nwant %+v\n%v", got, do, tt.want, tt.wantDo)
			}
		})
	}
}

func TestCauses(t *testing.T) {
	for c := range causeCount {
		if c.String() == "" || c.Sentence() == "" || c.SIP() < 400 || c.Q850() == 0 {
			t.Errorf("cause %d is not in the table: %q", c, c)
		}
		var back Cause
		text, _ := c.MarshalText()
		if err := back.UnmarshalText(text); err != nil || back != c {
			t.Errorf("%q reads back as %q, %v", text, back, err)
		}
	}
	for status, want := range map[int]Cause{404: UnknownNumber, 486: Busy, 600: Busy, 603: Rejected, 480: NoAnswer, 503: Unavailable, 488: MediaFailed, 302: Unreachable, 500: ProtocolError, 699: Rejected} {
		if got := CauseOfSIP(status); got != want {
			t.Errorf("CauseOfSIP(%d) = %v, want %v", status, got, want)
		}
	}
}
