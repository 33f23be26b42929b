package alarm

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

func quiet() *Board { return &Board{Log: slog.New(slog.DiscardHandler)} }

func TestRaisingTwiceIsRaisingOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := quiet()
		var heard []string
		b.Subscribe(func(a Alarm) { heard = append(heard, fmt.Sprintf("%s %s %v", a.Key, a.Detail, a.Active())) })
		begin := time.Now()
		a := Alarm{Key: "disk", Severity: Critical, Title: "Disk full", Detail: "1 %", Do: "Free some space."}
		b.Raise(a)
		time.Sleep(time.Minute)
		b.Raise(a)
		a.Detail = "0 %"
		b.Raise(a)

		active := b.Active()
		if len(active) != 1 {
			t.Fatalf("got %d alarms, want 1", len(active))
		}
		got := active[0]
		if !got.Begin.Equal(begin) || !got.Last.Equal(begin.Add(time.Minute)) || got.Count != 3 || got.Detail != "0 %" {
			t.Errorf("got %+v", got)
		}
		time.Sleep(time.Hour)
		b.Clear("disk")
		b.Clear("disk")
		if len(b.Active()) != 0 {
			t.Error("still active after Clear")
		}
		if ended := b.Ended(); len(ended) != 1 || ended[0].End.Sub(begin) != time.Hour+time.Minute {
			t.Errorf("history: %+v", ended)
		}
		want := []string{"disk 1 % true", "disk 0 % true", "disk 0 % false"}
		if !slices.Equal(heard, want) {
			t.Errorf("heard %q, want %q", heard, want)
		}
		if s := b.Stats(); s.Raised != 1 || s.Active[Critical] != 0 {
			t.Errorf("stats: %+v", s)
		}
	})
}

func TestTheMostSevereComesFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := quiet()
		for _, a := range []Alarm{
			{Severity: Warning, Title: "old warning"},
			{Severity: Info, Title: "info"},
			{Severity: Critical, Title: "critical"},
			{Severity: Warning, Title: "new warning", Subject: "x"},
		} {
			b.Raise(a)
			time.Sleep(time.Second)
		}
		var got []string
		for _, a := range b.Active() {
			got = append(got, a.Key)
		}
		want := []string{"critical", "new warning/x", "old warning", "info"}
		if !slices.Equal(got, want) {
			t.Errorf("got %q, want %q", got, want)
		}
	})
}

func TestTheBoardIsBounded(t *testing.T) {
	b := &Board{Log: slog.New(slog.DiscardHandler), History: 3, MaxActive: 2}
	for i := range 5 {
		b.Raise(Alarm{Key: fmt.Sprint(i), Title: "x"})
	}
	if s := b.Stats(); len(b.Active()) != 2 || s.Dropped != 3 {
		t.Errorf("got %d active, %+v", len(b.Active()), s)
	}
	for i := range 10 {
		b.Raise(Alarm{Key: "0", Title: "x"})
		b.Clear("0")
		if n := len(b.Ended()); n != min(i+1, 3) {
			t.Errorf("history has %d alarms, want %d", n, min(i+1, 3))
		}
	}
}

func TestASubscriberMayUseTheBoard(t *testing.T) {
	b := quiet()
	var heard []string
	cancel := b.Subscribe(func(a Alarm) {
		heard = append(heard, fmt.Sprint(a.Key, a.Active()))
		if a.Key == "first" {
			b.Raise(Alarm{Key: "second"})
			b.Clear("second")
		}
	})
	b.Raise(Alarm{Key: "first"})
	want := []string{"firsttrue", "secondtrue", "secondfalse"}
	if !slices.Equal(heard, want) {
		t.Errorf("heard %q, want %q", heard, want)
	}
	cancel()
	b.Clear("first")
	if len(heard) != 3 {
		t.Errorf("heard %q after the end of the subscription", heard)
	}
}

func TestManyGoroutinesMayRaise(t *testing.T) {
	b := quiet()
	heard := 0
	b.Subscribe(func(Alarm) { heard++ }) // one at a time: no lock of its own
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			for range 100 {
				b.Raise(Alarm{Key: fmt.Sprint(i)})
				b.Clear(fmt.Sprint(i))
				_, _ = b.Active(), b.Ended()
			}
		})
	}
	all.Wait()
	if heard != 1600 {
		t.Errorf("heard %d changes, want 1600", heard)
	}
}

func TestAnAlarmIsOneLineOfTheLogAndOfJSON(t *testing.T) {
	var log bytes.Buffer
	b := &Board{Log: slog.New(slog.NewTextHandler(&log, nil))}
	b.Raise(Alarm{Key: "disk", Severity: Critical, Title: "Disk full", Do: "Free some space."})
	b.Raise(Alarm{Key: "disk", Severity: Critical, Title: "Disk full", Do: "Free some space."})
	b.Clear("disk")
	lines := strings.Split(strings.TrimSpace(log.String()), "\n")
	if len(lines) != 2 || !strings.Contains(lines[0], "level=ERROR") || !strings.Contains(lines[0], `do="Free some space."`) ||
		!strings.Contains(lines[1], "alarm cleared") {
		t.Errorf("got %q", lines)
	}
	text, err := json.Marshal(Alarm{Key: "disk", Severity: Warning})
	if err != nil || !strings.Contains(string(text), `"severity":"warning"`) || strings.Contains(string(text), `"end"`) {
		t.Errorf("got %s, %v", text, err)
	}
	var back Alarm
	if err := json.Unmarshal(text, &back); err != nil || back.Severity != Warning {
		t.Errorf("got %+v, %v", back, err)
	}
	if err := json.Unmarshal([]byte(`{"severity":"loud"}`), &back); err == nil || !strings.Contains(err.Error(), "want one of") {
		t.Errorf("got %v", err)
	}
}
