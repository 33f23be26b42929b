package toll

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"tandem/call"
)

// board is a store in memory.
type board struct {
	mu   sync.Mutex // guards what follows
	away error
	all  map[string]Shown
}

// seat is one machine's place at the board.
type seat struct {
	*board
	name string
}

func (s seat) Show(_ context.Context, f Figures) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.all[s.name] = Shown{s.all[s.name].Version + 1, f}
	return s.away
}

func (s seat) Others(context.Context) (map[string]Shown, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	others := maps.Clone(s.all)
	delete(others, s.name)
	return others, s.away
}

func (b *board) fail(err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.away = err
}

// machine is a guard that runs as one of a cluster; the returned function stops it.
func machine(t *testing.T, b *board, name string, c Config, live *int) (*Guard, func()) {
	t.Helper()
	g := guard(c)
	g.Shared = seat{b, name}
	if live != nil {
		g.Live = func() map[string]int { return map[string]int{"kitchen": *live} }
		g.Calls = g.Live
	}
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- g.Run(ctx) }()
	return g, func() {
		stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
}

func TestAQuotaIsOneForAllMachines(t *testing.T) {
	kitchen := call.Spending{Payer: "kitchen", To: "+12025550100"}
	synctest.Test(t, func(t *testing.T) {
		b := &board{all: make(map[string]Shown)}
		c := Config{Limits: Limits{PerMinute: 5, Burst: 50}}
		one, stopOne := machine(t, b, "one", c, nil)
		two, stopTwo := machine(t, b, "two", c, nil)
		defer stopTwo()
		defer stopOne()
		if got := place(one, 3, kitchen); got != "+++" {
			t.Errorf("here: %s", got)
		}
		time.Sleep(2 * time.Second)
		if got := place(two, 4, kitchen); got != "++qq" {
			t.Errorf("at the other machine: %s, want ++qq", got)
		}
		if got := place(two, 1, call.Spending{Payer: "study", To: "+12025550100"}); got != "+" {
			t.Errorf("somebody else: %s", got)
		}
		time.Sleep(2 * time.Second)
		if got := place(one, 1, kitchen); got != "q" {
			t.Errorf("here again: %s", got)
		}
		// The minute is that of the calls, wherever they were placed.
		time.Sleep(57 * time.Second)
		if got := place(two, 4, kitchen); got != "+++q" {
			t.Errorf("after a minute: %s, want +++q", got)
		}
		// Without the store each machine has what it knows.
		b.fail(errors.New("the store is away"))
		time.Sleep(2 * time.Minute)
		if got := place(one, 6, kitchen) + place(two, 6, kitchen); got != "+++++q+++++q" {
			t.Errorf("without the store: %s", got)
		}
	})
}

func TestWhoIsStoppedIsStoppedEverywhere(t *testing.T) {
	kitchen := call.Spending{Payer: "kitchen", To: "+12025550100"}
	synctest.Test(t, func(t *testing.T) {
		b := &board{all: make(map[string]Shown)}
		c := Config{Limits: Limits{PerMinute: 2, Burst: 6, Stop: 10 * time.Minute}}
		one, stopOne := machine(t, b, "one", c, nil)
		two, stopTwo := machine(t, b, "two", c, nil)
		defer stopTwo()
		// Four attempts here and three there are more than six.
		place(one, 4, kitchen)
		time.Sleep(2 * time.Second)
		place(two, 3, kitchen)
		time.Sleep(2 * time.Second)
		stopOne() // the machine ends; what it has told stays
		err := one.Admit(kitchen)
		if err == nil || !strings.Contains(err.Error(), "was stopped until") {
			t.Errorf("here: %v", err)
		}
		time.Sleep(9 * time.Minute)
		if err := two.Admit(kitchen); err == nil || !strings.Contains(err.Error(), "was stopped until") {
			t.Errorf("before the end: %v", err)
		}
		time.Sleep(2 * time.Minute)
		if err := two.Admit(kitchen); err != nil {
			t.Errorf("after it: %v", err)
		}
	})
}

func TestCallsAtOnceCountEverywhere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &board{all: make(map[string]Shown)}
		c := Config{Limits: Limits{AtOnce: 3}}
		there := 2
		_, stopOne := machine(t, b, "one", c, &there)
		two, stopTwo := machine(t, b, "two", c, nil)
		defer stopTwo()
		time.Sleep(2500 * time.Millisecond) // both tick at whole seconds, in any order
		if got := place(two, 1, call.Spending{Payer: "kitchen", To: "+1", Live: 0}) + place(two, 1, call.Spending{Payer: "kitchen", To: "+1", Live: 1}); got != "+q" {
			t.Errorf("%s, want +q", got)
		}
		if n := two.Elsewhere("kitchen"); n != 2 {
			t.Errorf("%d calls elsewhere", n)
		}
		stopOne() // its calls end with it
		time.Sleep(6 * time.Second)
		if got := place(two, 1, call.Spending{Payer: "kitchen", To: "+1", Live: 2}); got != "+" || two.Elsewhere("kitchen") != 0 {
			t.Errorf("after the other machine died: %s", got)
		}
	})
}

func TestAgesAreCounted(t *testing.T) {
	now := time.Unix(1e9, 0)
	got := counts([]time.Time{now.Add(-59 * time.Second), now.Add(-1500 * time.Millisecond), now.Add(-time.Second), now}, now)
	if want := []Count{{59 * time.Second, 1}, {time.Second, 2}, {0, 1}}; !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}
