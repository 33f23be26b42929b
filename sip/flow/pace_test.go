package flow

import (
	"testing"
	"time"
)

func TestAReaderRestsOnlyWhenMuchComesIn(t *testing.T) {
	for _, row := range []struct {
		name    string
		every   time.Duration // between batches
		n       int           // messages in each
		took    time.Duration // to deal with a batch
		rests   bool
		howLong time.Duration
	}{
		{"one phone", 20 * time.Millisecond, 1, 0, false, 0},
		{"400 messages a second", 5 * time.Millisecond, 2, 0, false, 0},
		{"1,000 messages a second", time.Millisecond, 1, 0, true, paceTime},
		{"2,000 messages a second that take a while", 2 * time.Millisecond, 4, time.Millisecond, true, paceTime - time.Millisecond},
		{"more than it can follow", 5 * time.Millisecond, 10, 5 * time.Millisecond, false, 0},
		{"more than a batch", 5 * time.Millisecond, batchSize, time.Millisecond, false, 0},
	} {
		t.Run(row.name, func(t *testing.T) {
			var p pacer
			now := time.Unix(1_000_000, 0)
			var rest time.Duration
			for range 1000 {
				now = now.Add(row.every)
				rest = p.rest(now, now.Add(row.took), row.n)
			}
			if (rest > 0) != row.rests || rest != row.howLong {
				t.Errorf("rests %v, want %v", rest, row.howLong)
			}
		})
	}
}

func TestAPacerIsIdleAgainAfterABurst(t *testing.T) {
	var p pacer
	now := time.Unix(1_000_000, 0)
	for range 1000 {
		now = now.Add(time.Millisecond)
		p.rest(now, now, 1)
	}
	now = now.Add(time.Minute)
	if rest := p.rest(now, now, 1); rest != 0 {
		t.Errorf("the first message after a minute makes it rest %v", rest)
	}
}
