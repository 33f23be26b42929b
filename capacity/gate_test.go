package capacity

import (
	"context"
	"errors"
	"log/slog"
	"math"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"tandem/alarm"
	"tandem/call"
)

func gate(l Limits) (*Gate, *alarm.Board) {
	log := slog.New(slog.DiscardHandler)
	board := &alarm.Board{Log: log}
	g := &Gate{Alarms: board, Log: log, Emergency: func(n string) bool { return n == "911" }}
	g.Apply(l)
	return g, board
}

func admitted(t *testing.T, g *Gate, to string) func() {
	t.Helper()
	done, err := g.Admit(call.Request{To: to})
	if err != nil {
		t.Fatal(err)
	}
	return done
}

func refused(t *testing.T, g *Gate) {
	t.Helper()
	_, err := g.Admit(call.Request{To: "b"})
	var r *call.RefusalError
	if !errors.As(err, &r) || r.Cause != call.Congestion || r.Retry <= 0 {
		t.Errorf("got %v, want to be refused with Congestion and told when to try again", err)
	}
}

func TestACallTakesTwoPorts(t *testing.T) {
	g, board := gate(Limits{Ports: 5})
	first, second := admitted(t, g, "b"), admitted(t, g, "b")
	refused(t, g)
	if s := g.Stats(); s.Used != 4 || s.Refused[Ports] != 1 {
		t.Errorf("%+v", s)
	}
	if n := len(board.Active()); n != 1 {
		t.Errorf("%d alarms, want one", n)
	}
	first()
	first() // a second time is nothing
	if n := len(board.Active()); n != 0 {
		t.Error("the alarm lasts although there is room")
	}
	admitted(t, g, "b")()
	second()
	if s := g.Stats(); s.Used != 0 {
		t.Errorf("%d ports are taken, want none", s.Used)
	}
}

func TestEmergencyCallsAreAlwaysLetIn(t *testing.T) {
	g, _ := gate(Limits{Ports: 2, CPU: 0.5})
	admitted(t, g, "b")
	g.measured(1)
	refused(t, g)
	admitted(t, g, "911")
}

func TestLessPortsEndNoCall(t *testing.T) {
	g, board := gate(Limits{})
	done := admitted(t, g, "b")
	admitted(t, g, "b")
	g.Apply(Limits{Ports: 2})
	refused(t, g)
	done()
	refused(t, g)
	g.Apply(Limits{})
	if n := len(board.Active()); n != 0 {
		t.Error("the alarm lasts although there is no limit any more")
	}
	admitted(t, g, "b")
}

func TestTheGateDoesNotFlutter(t *testing.T) {
	g, board := gate(Limits{CPU: 0.8})
	for _, c := range []struct {
		load float64
		open bool
	}{
		{0.2, true},
		{0.9, true}, // a burst: smoothed it is 0.41
		{0.9, true}, // 0.56
		{1.0, true}, // 0.69
		{1.0, true}, // 0.78
		{1.0, false},
		{0.8, false},
		{0.6, false}, // 0.76
		{0.6, false}, // 0.71: below the limit, but not well below
		{0.6, true},
		{0.6, true},
		{0.9, true}, // 0.7: well above where it opened, and below the limit
	} {
		g.measured(c.load)
		done, err := g.Admit(call.Request{})
		if (err == nil) != c.open {
			t.Errorf("after %.1f the load is %.2f: open %v, want %v", c.load, g.load, err == nil, c.open)
		}
		if n := len(board.Active()); (n == 0) != c.open {
			t.Errorf("after %.1f there are %d alarms", c.load, n)
		}
		if err == nil {
			done()
		}
	}
	if s := g.Stats(); s.Refused[CPU] != 4 {
		t.Errorf("%d refusals, want 4", s.Refused[CPU])
	}
}

func TestRunMeasuresEverySecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g, _ := gate(Limits{CPU: 0.8})
		var busy, total time.Duration
		g.read = func() (usage, error) {
			busy, total = busy+900*time.Millisecond, total+time.Second
			return usage{at: time.Now(), busy: busy, total: total}, nil
		}
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- g.Run(ctx) }()
		time.Sleep(2 * time.Second)
		synctest.Wait()
		if s := g.Stats(); !s.Known || math.Abs(s.Load-0.9) > 0.001 {
			t.Errorf("%+v, want a load of 0.9", s)
		}
		refused(t, g)
		stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

func TestWithoutAMeasureCallsAreLetIn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g, _ := gate(Limits{CPU: 0.8})
		g.read = func() (usage, error) { return usage{}, errors.New("no /proc here") }
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- g.Run(ctx) }()
		time.Sleep(time.Minute)
		admitted(t, g, "b")
		stop()
		<-done
	})
}

func TestLoadIsTheGreaterShare(t *testing.T) {
	at := time.Unix(1, 0)
	for _, c := range []struct {
		name       string
		now        usage
		processors int
		want       float64
	}{
		{"the gateway has one of two processors", usage{at.Add(time.Second), time.Second, time.Second, 8 * time.Second}, 2, 0.5},
		{"others are busy", usage{at.Add(time.Second), 0, 6 * time.Second, 8 * time.Second}, 2, 0.75},
		{"nothing moved", usage{at, 0, 0, 0}, 2, 0},
		{"clocks that go back", usage{at.Add(-time.Second), -1, -1, -1}, 2, 0},
	} {
		if got := load(usage{at: at}, c.now, c.processors); math.Abs(got-c.want) > 0.001 {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
}

func TestProcFiles(t *testing.T) {
	// proc(5): the name may hold anything.
	self := "4711 (a) b (c) S 1 2 3 4 5 6 7 8 9 10 250 50 0 0 20 0 9"
	if got, err := processTime(self); err != nil || got != 3*time.Second {
		t.Errorf("%v, %v, want 3 s", got, err)
	}
	host := "cpu  100 0 100 600 200 0 0 0 50 0\ncpu0 1 2 3 4\n"
	if busy, total, err := hostTime(host); err != nil || busy != 2*time.Second || total != 10*time.Second {
		t.Errorf("%v of %v, %v, want 2 s of 10 s", busy, total, err)
	}
	for _, bad := range []string{"", "cpu", "cpu a b c d e", ") 1 2", "1 (x) S" + strings.Repeat(" x", 20)} {
		if _, err := processTime(bad); err == nil {
			t.Errorf("%q was taken for /proc/self/stat", bad)
		}
		if _, _, err := hostTime(bad); err == nil {
			t.Errorf("%q was taken for /proc/stat", bad)
		}
	}
}

func TestLimitsThatCannotBe(t *testing.T) {
	for _, l := range []Limits{{Ports: -1}, {Ports: 1}, {CPU: 85}, {CPU: -0.5}, {CPU: 0.01}, {CPU: math.NaN()}} {
		if l.Validate() == nil {
			t.Errorf("%+v passed", l)
		}
	}
	for _, l := range []Limits{{}, {Ports: 2}, {CPU: 0.85}, {CPU: 1}} {
		if err := l.Validate(); err != nil {
			t.Errorf("%+v: %v", l, err)
		}
	}
}
