package rtp

import "time"

// CongestionConfig is a controller's shape; zero fields have defaults.
type CongestionConfig struct {
	Min, Start, Max int // bit/s: 100,000, 600,000 and 2,000,000 by default
}

// A Congestion controller says how much may be sent so that the path neither loses
// nor delays it, in the spirit of Google congestion control (draft-ietf-rmcat-gcc):
// the delay that packets gather tells of a queue that grows, and their loss of one
// that is full. Without transport-wide reports it works with reception reports and
// REMB alone. It has neither clock nor lock.
type Congestion struct {
	config   CongestionConfig
	sent     sentLog
	trend    trendline
	acked    throughput
	sending  throughput // what leaves
	probe    prober
	delay    int // bit/s that the delay allows
	loss     int // bit/s that the loss allows
	remote   int // bit/s of REMB; 0: none came
	limit    int // bit/s of TMMBR; 0: none
	state    rateState
	changed  time.Time // of delay
	lossAt   time.Time
	lost     int // since lossAt
	packets  int
	lossy    bool      // more than a few were lost, and it has not ended yet
	decrease time.Time // the last one
	plateau  average   // of the throughput where the path was full
	trip     time.Duration
}

// NewCongestion returns a controller.
func NewCongestion(c CongestionConfig) *Congestion {
	if c.Min == 0 {
		c.Min = 100_000
	}
	if c.Max == 0 {
		c.Max = 2_000_000
	}
	if c.Start == 0 {
		c.Start = 600_000
	}
	c.Max = max(c.Max, c.Min)
	c.Start = min(max(c.Start, c.Min), c.Max)
	return &Congestion{config: c, delay: c.Start, loss: c.Start, trend: newTrendline(), trip: guessedTrip}
}

// Target is how much may be sent now, in bit/s.
func (c *Congestion) Target() int {
	t := min(c.delay, c.loss, c.config.Max)
	if c.remote > 0 {
		t = min(t, c.remote)
	}
	if c.limit > 0 {
		t = min(t, c.limit)
	}
	return max(t, min(c.config.Min, c.config.Max))
}

// Sent notes a packet with its transport-wide number; size counts all its octets.
func (c *Congestion) Sent(now time.Time, sequence uint16, size int) {
	at := c.sent.since(now)
	c.sent.note(at, sequence, size, c.probe.sent(at, size))
	c.sending.note(at, size)
}

// Acknowledge takes a transport-wide report.
func (c *Congestion) Acknowledge(now time.Time, f Feedback) {
	came, lost := 0, 0
	for a := range f.Arrivals() {
		s, ok := c.sent.take(a.Sequence)
		switch {
		case !ok:
			continue // reported before
		case !a.Came:
			lost++
			c.sent.restore(a.Sequence) // it may be reported later after all
			continue
		}
		came++
		c.acked.note(a.At, s.size)
		c.probe.arrived(s, a.At)
		if s.cluster != 0 {
			continue
		}
		c.trend.arrive(s.at, a.At, s.size)
	}
	if came+lost == 0 {
		return
	}
	c.judgeProbe(now)
	c.adjust(now, c.trend.state)
	c.lossReport(now, lost, came+lost)
}

// Report takes what a receiver report says about us: the lost fraction in 1/256, and
// the round trip, 0 when it is not known.
func (c *Congestion) Report(now time.Time, fraction uint8, roundTrip time.Duration) {
	if roundTrip > 0 {
		c.trip = roundTrip
	}
	if !c.trend.used {
		c.delay = c.config.Max // nothing is known of the delay
		c.lossReport(now, int(fraction), 256)
	}
}

// SetRemote takes a REMB: what the receiver can take, in bit/s.
func (c *Congestion) SetRemote(bitrate uint64) { c.remote = int(min(bitrate, 1<<40)) }

// SetLimit takes a TMMBR: what the receiver allows, in bit/s; 0 lifts it.
func (c *Congestion) SetLimit(bitrate uint64) { c.limit = int(min(bitrate, 1<<40)) }

// rateState is what the delay-based part does.
type rateState uint8

const (
	rateHold rateState = iota
	rateIncrease
	rateDecrease
)

// adjust is the controller's state machine:
//
//	           overuse            underuse
//	increase -----------> decrease -----> hold -> increase (when the path is normal)
func (c *Congestion) adjust(now time.Time, path usage) {
	elapsed := min(now.Sub(c.changed), time.Second)
	if c.changed.IsZero() {
		elapsed = 0
	}
	switch path {
	case overuse:
		c.state = rateDecrease
	case underuse:
		c.state = rateHold
	case normal:
		c.state = rateIncrease
	}
	throughput := c.acked.rate()
	switch c.state {
	case rateIncrease:
		c.increase(elapsed, throughput)
	case rateDecrease:
		c.reduce(now, throughput)
	}
	c.changed = now
	c.delay = min(max(c.delay, c.config.Min), c.config.Max)
}

// increase goes up by 8 % a second far from where the path was full before, and by
// about a packet each round trip near it. What is really sent bounds it: beyond,
// only probes tell.
func (c *Congestion) increase(elapsed time.Duration, throughput int) {
	seconds := elapsed.Seconds()
	rate := c.delay
	if c.plateau.near(throughput) {
		const packet = 1200 * 8
		rate += int(packet * seconds / (c.trip + 100*time.Millisecond).Seconds())
	} else {
		rate += int(float64(rate)*0.08*seconds) + int(1000*seconds)
	}
	if throughput > 0 {
		rate = min(rate, throughput*3/2+10_000)
	}
	c.delay = max(c.delay, rate) // what a probe has found stays
}

// reduce goes to 85 % of what arrives, at most once in a round trip.
func (c *Congestion) reduce(now time.Time, throughput int) {
	if !c.decrease.IsZero() && now.Sub(c.decrease) < c.trip+100*time.Millisecond {
		return
	}
	c.decrease = now
	c.probe.notBefore(now.Add(probeAfter))
	if sending := c.sending.rate(); sending > 0 && sending*2 < c.delay {
		// We send far less than we may: it is not we who fill the path, and what arrives
		// does not tell how wide it is.
		c.delay = c.delay * 85 / 100
		return
	}
	if throughput > 0 {
		c.plateau.add(throughput)
		c.delay = min(c.delay, throughput*85/100)
		return
	}
	c.delay = c.delay * 85 / 100
}

const (
	lossPackets  = 20 // fewer say little
	lossInterval = 200 * time.Millisecond
)

// lossReport goes down when more than 10 % are lost, and up when less than 2 % are. It
// judges when enough packets are reported, or when a second has passed.
func (c *Congestion) lossReport(now time.Time, lost, packets int) {
	c.lost += lost
	c.packets += packets
	if c.lossAt.IsZero() {
		c.lossAt = now
	}
	elapsed := now.Sub(c.lossAt)
	if elapsed < lossInterval || c.packets < lossPackets && elapsed < time.Second {
		return
	}
	fraction := float64(c.lost) / float64(c.packets)
	c.lossAt, c.lost, c.packets = now, 0, 0
	if c.lossy && fraction < 0.02 {
		c.probe.soon(now) // it is another path now
	}
	c.lossy = fraction > 0.10 || c.lossy && fraction >= 0.02
	switch {
	case fraction > 0.10:
		c.loss = int(float64(min(c.loss, c.Target())) * (1 - fraction/2))
	case fraction < 0.02:
		c.loss += int(float64(c.loss) * 0.10 * min(elapsed, time.Second).Seconds())
	}
	c.loss = min(max(c.loss, c.config.Min), c.config.Max)
}

// average is the mean and the spread of the throughput at which the path was full.
type average struct {
	mean, spread float64 // spread is the variance in units of the mean
}

func (a *average) add(rate int) {
	v := float64(rate)
	if a.mean == 0 || v > 1.5*a.mean || v < 0.5*a.mean {
		*a = average{mean: v, spread: 0.01}
		return
	}
	d := (v - a.mean) / a.mean
	a.mean += 0.05 * (v - a.mean)
	a.spread = min(max(0.95*a.spread+0.05*d*d, 0.0025), 0.04)
}

// near says whether a rate is within three times the spread of the mean.
func (a *average) near(rate int) bool {
	if a.mean == 0 || rate == 0 {
		return false
	}
	d := (float64(rate) - a.mean) / a.mean
	if d*d > 9*a.spread && d > 0 {
		a.mean = 0 // the path has become wider
	}
	return a.mean != 0 && d*d <= 9*a.spread
}
