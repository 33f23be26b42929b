package rtp

import "time"

// prober finds out whether a path carries more than is sent on it: what arrives says
// nothing of what else would have arrived. For some hundredths of a second it has
// padding sent on top, twice as much as the target in all, and compares how fast the
// packets left and came (draft-ietf-rmcat-gcc has no probes; those of libwebrtc are
// alike). It has no clock.
//
//	resting --time, and more is wanted--> sending --long enough--> waiting --reported--> resting
type prober struct {
	wanted  int       // bit/s; above it nothing is to be gained
	next    time.Time // no probe before
	pause   time.Duration
	sending bool
	waiting bool
	cluster cluster
}

// cluster are the packets of one probe. The first burst only says when it began.
type cluster struct {
	id           uint8
	rate         int // bit/s that are tried
	began, until time.Time
	octets       int // sent, all
	first, last  time.Duration
	later        int // octets sent behind the first burst
	packets      int
	started      bool
	came         int // packets
	cameFirst    time.Duration
	cameLast     time.Duration
	cameLater    int  // octets
	passed       bool // what was sent last, or later, has come
}

const (
	probeFactor   = 2
	probeLeast    = 300_000 // bit/s, the slowest probe: less says little
	probeLength   = 50 * time.Millisecond
	probePackets  = 12                     // at least
	probeSoon     = 300 * time.Millisecond // behind the end of a loss
	probeAnswer   = 600 * time.Millisecond // behind the last packet, then no report comes any more
	probeFirst    = time.Second            // behind the first report
	probeAfter    = 2 * time.Second        // behind a path that was full
	probePause    = 4 * time.Second        // behind a probe that failed; twice as long behind the next one
	probeLongest  = 7 * time.Second
	probeUnfilled = 0.9 // of a rate must arrive, if the path is to carry it
	probeUse      = 0.9 // of what arrived over a path that was full
	probeEnough   = 0.95
)

// SetWanted says how much would be sent if the path carried it, in bit/s. Up to there
// the controller asks for probes; 0, as at the beginning, for none.
func (c *Congestion) SetWanted(bitrate int) { c.probe.wanted = bitrate }

// Probe says how many octets of padding are to be sent now, UDP's and IP's included, so
// that the path shows whether it carries more. Ask every 10 ms or so. What is sent
// meanwhile counts: pass all of it to Sent.
func (c *Congestion) Probe(now time.Time) int {
	p := &c.probe
	k := &p.cluster
	if !p.sending && !c.mayProbe(now) {
		return 0
	}
	if !p.sending {
		c.beginProbe(now)
	}
	if !now.Before(k.until) && k.packets >= probePackets {
		p.sending, p.waiting = false, true
		k.until = now.Add(c.trip + probeAnswer)
		return 0
	}
	const step = 10 * time.Millisecond // what is due until the next call
	due := int(float64(k.rate) / 8 * (now.Sub(k.began) + step).Seconds())
	return max(due-k.octets, 0)
}

// mayProbe says whether it is time for a probe.
func (c *Congestion) mayProbe(now time.Time) bool {
	p := &c.probe
	if p.waiting {
		if now.Before(p.cluster.until) {
			return false
		}
		p.failed(now) // no report came
	}
	most := p.wanted
	if c.remote > 0 {
		most = min(most, c.remote)
	}
	if c.limit > 0 {
		most = min(most, c.limit)
	}
	if !c.trend.used || float64(c.Target()) >= probeEnough*float64(min(most, c.config.Max)) {
		return false
	}
	if p.next.IsZero() {
		p.next = now.Add(probeFirst)
	}
	return c.state == rateIncrease && !now.Before(p.next)
}

func (c *Congestion) beginProbe(now time.Time) {
	p := &c.probe
	rate := min(max(probeFactor*c.Target(), probeLeast), max(p.wanted*11/10, probeLeast))
	p.sending = true
	p.cluster = cluster{id: p.cluster.id%127 + 1, rate: rate, began: now, until: now.Add(probeLength)}
}

// sent notes a packet, and returns the cluster it belongs to, 0 for none.
func (p *prober) sent(at time.Duration, size int) uint8 {
	if !p.sending {
		return 0
	}
	k := &p.cluster
	if k.packets == 0 {
		k.first = at
	}
	k.packets++
	k.octets += size
	if at-k.first > burst {
		k.later += size
		k.last = at
	}
	return k.id
}

// arrived notes that a packet was reported.
func (p *prober) arrived(s sentPacket, at time.Duration) {
	k := &p.cluster
	if !p.sending && !p.waiting {
		return
	}
	k.passed = k.passed || p.waiting && s.at >= k.last
	if s.cluster != k.id {
		return
	}
	k.came++
	if s.at-k.first <= burst {
		if !k.started || at > k.cameFirst {
			k.started, k.cameFirst = true, at
		}
		return
	}
	k.cameLater += s.size
	k.cameLast = max(k.cameLast, at)
}

// rates are how fast the packets left and came, in bit/s; false when too few came.
func (k *cluster) rates() (left, came float64, ok bool) {
	out, in := k.last-k.first, k.cameLast-k.cameFirst
	if !k.started || k.cameLater == 0 || out <= 0 || in <= 0 || k.came*5 < k.packets*4 {
		return 0, 0, false
	}
	left, came = float64(k.later*8)/out.Seconds(), float64(k.cameLater*8)/in.Seconds()
	return left, came, came < 2*left
}

// whole reports whether all of the cluster came; most, whether nearly all did: a path
// that loses one in a hundred without being full is no narrower for it.
func (k *cluster) whole() bool { return k.came == k.packets }
func (k *cluster) most() bool  { return k.came*10 >= k.packets*9 }

// notBefore puts the next probe off.
func (p *prober) notBefore(at time.Time) {
	if at.After(p.next) {
		p.next = at
	}
}

// soon forgets what probes have found so far: the path has changed.
func (p *prober) soon(now time.Time) {
	p.pause = 0
	if at := now.Add(probeSoon); at.Before(p.next) {
		p.next = at
	}
}

func (p *prober) failed(now time.Time) {
	p.sending, p.waiting = false, false
	p.pause = min(max(2*p.pause, probePause), probeLongest)
	p.next = now.Add(p.pause)
}

// judgeProbe takes what a probe has found. It only ever raises the target: a jittery
// path makes a probe look slower than it was.
func (c *Congestion) judgeProbe(now time.Time) {
	p := &c.probe
	k := &p.cluster
	if !p.waiting || !k.whole() && !k.passed && now.Before(k.until) {
		return
	}
	left, came, ok := k.rates()
	c.trend = newTrendlineLike(&c.trend) // the queue we made ourselves is no news
	if !ok {
		p.failed(now)
		return
	}
	if came < probeUnfilled*left {
		c.raise(int(probeUse*came), k.most())
		p.failed(now)
		return
	}
	c.raise(int(min(left, came)), k.most())
	c.plateau = average{}
	p.waiting, p.pause, p.next = false, 0, now
}

// raise lifts the target to what a probe has shown; clean says that hardly anything was
// lost.
func (c *Congestion) raise(rate int, clean bool) {
	rate = min(rate, c.config.Max)
	c.delay = max(c.delay, rate)
	if clean {
		c.loss = max(c.loss, rate)
	}
}
