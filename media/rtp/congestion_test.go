package rtp

import (
	"math/rand/v2"
	"testing"
	"time"

	"tandem/media"
)

// link is a path with a bottleneck, in virtual time.
type link struct {
	rate  int           // bit/s
	delay time.Duration // one way
	queue time.Duration // longest
	loss  float64
	free  time.Time
	r     *rand.Rand
	worst time.Duration // delay in the queue
}

// send returns when a packet arrives; false when it does not.
func (l *link) send(now time.Time, size int) (time.Time, bool) {
	begin := later(now, l.free)
	if wait := begin.Sub(now); wait > l.queue || l.r.Float64() < l.loss {
		return time.Time{}, false
	} else if wait > l.worst {
		l.worst = wait
	}
	l.free = begin.Add(time.Duration(size*8) * time.Second / time.Duration(l.rate))
	return l.free.Add(l.delay), true
}

// drive sends at the target over the link for some time and returns the mean target
// of the second half.
func drive(t *testing.T, c *Congestion, l *link, from time.Time, length time.Duration) (int, time.Time) {
	t.Helper()
	var log TransportLog
	type flying struct {
		sequence uint16
		at       time.Time
	}
	var air []flying
	sequence, sum, n := uint16(0), 0, 0
	due := from
	now := from
	for ; now.Before(from.Add(length)); now = now.Add(5 * time.Millisecond) {
		for due.Before(now) {
			const size = 1100
			c.Sent(now, sequence, size)
			if at, ok := l.send(now, size); ok {
				air = append(air, flying{sequence, at})
			}
			sequence++
			due = due.Add(time.Duration(size*8) * time.Second / time.Duration(c.Target()))
		}
		for len(air) > 0 && !air[0].at.After(now) {
			log.Arrive(air[0].sequence, air[0].at)
			air = air[1:]
		}
		if now.Sub(from)%(100*time.Millisecond) == 0 {
			if b, ok := log.Append(nil, 1, 2); ok {
				for f := range Feedbacks(b) {
					c.Acknowledge(now.Add(l.delay), f)
				}
			}
			if now.Sub(from) > length/2 {
				sum += c.Target()
				n++
			}
		}
	}
	return sum / n, now
}

func TestTheTargetFindsTheWidthOfThePath(t *testing.T) {
	l := &link{rate: 800_000, delay: 30 * time.Millisecond, queue: 2 * time.Second, r: rand.New(rand.NewPCG(1, 2))}
	c := NewCongestion(CongestionConfig{})
	got, now := drive(t, c, l, start, 40*time.Second)
	if got < 500_000 || got > 850_000 {
		t.Errorf("%d bit/s over a path of 800,000", got)
	}
	l.worst = 0
	if _, now = drive(t, c, l, now, 10*time.Second); l.worst > 400*time.Millisecond {
		t.Errorf("%v in the queue", l.worst)
	}
	l.rate = 300_000 // it narrows
	if got, now = drive(t, c, l, now, 20*time.Second); got < 150_000 || got > 330_000 {
		t.Errorf("%d bit/s over a path of 300,000", got)
	}
	l.rate = 5_000_000 // and widens
	if got, _ = drive(t, c, l, now, 60*time.Second); got < 1_500_000 {
		t.Errorf("%d bit/s over a path of 5,000,000", got)
	}
}

func TestLossLowersTheTarget(t *testing.T) {
	l := &link{rate: 50_000_000, delay: 30 * time.Millisecond, queue: time.Second, r: rand.New(rand.NewPCG(1, 2))}
	c := NewCongestion(CongestionConfig{Start: 1_000_000})
	l.loss = 0.01
	if got, _ := drive(t, c, l, start, 20*time.Second); got < 1_000_000 {
		t.Errorf("%d bit/s at 1 %% loss", got)
	}
	l.loss = 0.3
	if got, _ := drive(t, c, l, start.Add(20*time.Second), 10*time.Second); got > 500_000 {
		t.Errorf("%d bit/s at 30 %% loss", got)
	}
}

func TestWhatTheFarEndAllowsIsKept(t *testing.T) {
	c := NewCongestion(CongestionConfig{Start: 1_000_000})
	c.SetRemote(700_000)
	if got := c.Target(); got != 700_000 {
		t.Errorf("REMB: %d", got)
	}
	c.SetLimit(400_000)
	if got := c.Target(); got != 400_000 {
		t.Errorf("TMMBR: %d", got)
	}
	c.SetLimit(0)
	c.SetRemote(10)
	if got := c.Target(); got != 100_000 {
		t.Errorf("the least is %d", got)
	}
}

func TestReceptionReportsAloneDo(t *testing.T) {
	c := NewCongestion(CongestionConfig{Start: 1_000_000})
	now := start
	for range 30 {
		now = now.Add(time.Second)
		c.Report(now, 0, 50*time.Millisecond)
	}
	if got := c.Target(); got != 2_000_000 {
		t.Errorf("without loss %d", got)
	}
	for range 5 {
		now = now.Add(time.Second)
		c.Report(now, 80, 50*time.Millisecond)
	}
	if got := c.Target(); got > 1_000_000 {
		t.Errorf("with loss %d", got)
	}
}

func TestThePacerSpreadsALargeFrame(t *testing.T) {
	var p Pacer
	p.SetTarget(1_000_000)
	for n := range 100 {
		p.Push(&media.Packet{Sequence: uint16(n), Payload: make([]byte, 1150)})
	}
	now, want := start, uint16(0)
	for {
		for q := p.Pop(now); q != nil; q = p.Pop(now) {
			if q.Sequence != want || len(q.Payload) != 1150 {
				t.Fatalf("packet %d, want %d", q.Sequence, want)
			}
			want++
		}
		wait, ok := p.Next(now)
		if !ok {
			break
		}
		if wait <= 0 {
			t.Fatal("no wait, and no packet")
		}
		now = now.Add(wait)
	}
	if took := now.Sub(start); want != 100 || took < 250*time.Millisecond || took > 450*time.Millisecond {
		t.Errorf("%d packets in %v", want, took)
	}
}

func TestAFullPacerGivesUp(t *testing.T) {
	var p Pacer
	for n := range pacerPackets {
		if !p.Push(&media.Packet{Sequence: uint16(n)}) {
			t.Fatal(n)
		}
	}
	if p.Push(&media.Packet{}) || p.Queue() != 0 || p.Dropped != pacerPackets+1 {
		t.Errorf("%d wait, %d dropped", p.Queue(), p.Dropped)
	}
}
