package toll

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"tandem/alarm"
	"tandem/call"
)

func cause(err error) call.Cause {
	var r *call.RefusalError
	if errors.As(err, &r) {
		return r.Cause
	}
	return call.NormalClearing
}

func guard(c Config) *Guard {
	g := &Guard{Log: slog.New(slog.DiscardHandler), Alarms: &alarm.Board{Log: slog.New(slog.DiscardHandler)}}
	g.Apply(c, func(s string) (string, bool) {
		if d, ok := strings.CutPrefix(s, "011"); ok {
			return "+" + d, true
		}
		return s, strings.HasPrefix(s, "+")
	})
	return g
}

func TestBarredDestinations(t *testing.T) {
	own := map[string]Limits{"boss": {Barred: []string{"+979"}}}
	for _, row := range []struct {
		name               string
		barred, allowed    []string
		payer, dialled, to string
		want               call.Cause
	}{
		{"premium rate is barred by default", nil, nil, "kitchen", "+19005550100", "+19005550100", call.Barred},
		{"an ordinary number", nil, nil, "kitchen", "+12025550100", "+12025550100", call.NormalClearing},
		{"lifted by an exception", nil, []string{"+1900"}, "kitchen", "+19005550100", "+19005550100", call.NormalClearing},
		{"everything but home", []string{"+"}, []string{"+1"}, "kitchen", "+442079460000", "+442079460000", call.Barred},
		{"home", []string{"+"}, []string{"+1"}, "kitchen", "+12025550100", "+12025550100", call.NormalClearing},
		{"the longest match counts", []string{"+", "+1900"}, []string{"+1"}, "kitchen", "+19005550100", "+19005550100", call.Barred},
		{"an extension is no number abroad", []string{"+"}, nil, "kitchen", "200", "200", call.NormalClearing},
		{"dialled with the prefix for abroad", []string{"+44"}, nil, "kitchen", "011442079460000", "011442079460000", call.Barred},
		{"rewritten without plus", []string{"+44"}, nil, "kitchen", "x", "442079460000", call.Barred},
		{"hidden by a rewriting rule", []string{"+44"}, nil, "kitchen", "+442079460000", "short", call.Barred},
		{"at another host", []string{"+44"}, nil, "kitchen", "x", "+442079460000@carrier.example", call.Barred},
		{"a caller with its own list", nil, nil, "boss", "+19005550100", "+19005550100", call.NormalClearing},
	} {
		t.Run(row.name, func(t *testing.T) {
			g := guard(Config{Limits: Limits{Barred: row.barred, Allowed: row.allowed}, Callers: own})
			if got := cause(g.Admit(call.Spending{Payer: row.payer, Dialed: row.dialled, To: row.to})); got != row.want {
				t.Errorf("got %v, want %v", got, row.want)
			}
		})
	}
}

// place makes n attempts and returns how they fared, one letter each.
func place(g *Guard, n int, s call.Spending) string {
	var b strings.Builder
	for range n {
		switch cause(g.Admit(s)) {
		case call.NormalClearing:
			b.WriteByte('+')
		case call.Quota:
			b.WriteByte('q')
		default:
			b.WriteByte('?')
		}
	}
	return b.String()
}

func TestQuotas(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := guard(Config{Limits: Limits{PerMinute: 3, AtOnce: 2, Burst: 6, Stop: 10 * time.Minute}, Callers: map[string]Limits{"pbx": {PerMinute: -1, AtOnce: -1, Burst: -1}}})
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		go g.Run(ctx) // ends with ctx, the bubble waits for it
		alarms := func() int { return len(g.Alarms.(*alarm.Board).Active()) }
		kitchen := call.Spending{Payer: "kitchen", Dialed: "+12025550100", To: "+12025550100"}
		busy := kitchen
		busy.Live = 2
		again := kitchen
		again.Again = true
		for i, row := range []struct {
			what   string
			wait   time.Duration
			n      int
			s      call.Spending
			want   string
			alarms int
		}{
			{"the fourth within a minute is refused", 0, 4, kitchen, "+++q", 0},
			{"another destination of the same attempt is not counted", 0, 5, again, "+++++", 0},
			{"another caller has its own quota", 0, 1, call.Spending{Payer: "study", To: "+12025550100"}, "+", 0},
			{"a trunk without limits", 0, 20, call.Spending{Payer: "pbx", To: "+12025550100", Live: 50}, strings.Repeat("+", 20), 0},
			{"a minute later it goes on", time.Minute + time.Second, 1, kitchen, "+", 0},
			{"two at once are enough", 0, 1, busy, "q", 0},
			{"who does not stop is stopped", 0, 6, kitchen, "++qqqq", 1},
			{"and stays so", 9 * time.Minute, 1, kitchen, "q", 1},
			{"until the time is over", 70 * time.Second, 1, kitchen, "+", 0},
		} {
			time.Sleep(row.wait)
			synctest.Wait()
			if got := place(g, row.n, row.s); got != row.want {
				t.Errorf("%d %s: %s, want %s", i, row.what, got, row.want)
			}
			if n := alarms(); n != row.alarms {
				t.Errorf("%d %s: %d alarms, want %d", i, row.what, n, row.alarms)
			}
		}
		if got := fmt.Sprint(g.Refused()); got != "map[rate:3 at_once:1 burst:3 barred:0]" {
			t.Errorf("refused %s", got)
		}
	})
}

func TestARefusalSaysWhenToTryAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := guard(Config{Limits: Limits{PerMinute: 1}})
		s := call.Spending{Payer: "kitchen", To: "+12025550100"}
		_ = g.Admit(s)
		time.Sleep(20 * time.Second)
		err := g.Admit(s)
		var r *call.RefusalError
		if !errors.As(err, &r) || r.Retry != 40*time.Second || err.Error() != "kitchen has begun 1 calls out within a minute" {
			t.Errorf("%v, %+v", err, r)
		}
	})
}

func TestValidateNamesTheField(t *testing.T) {
	c := Config{Limits: Limits{Barred: []string{"x1"}, PerMinute: 5, Burst: 2}, Callers: map[string]Limits{"kitchen": {Stop: -1}}}
	err := c.Validate()
	for _, want := range []string{`barred[0]: "x1"`, "burst: 2 is less", "callers.kitchen.stop: must not"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v does not say %q", err, want)
		}
	}
}
