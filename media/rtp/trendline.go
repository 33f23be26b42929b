package rtp

import (
	"math"
	"time"
)

// usage is what the delay says about the path.
type usage uint8

const (
	normal   usage = iota
	overuse        // a queue grows
	underuse       // a queue empties
)

func (u usage) String() string { return [...]string{"normal", "overuse", "underuse"}[u] }

const (
	burst       = 5 * time.Millisecond // packets sent within it are one group
	trendWindow = 20                   // groups
	trendGain   = 4.0
	trendSmooth = 0.9
	overuseTime = 10 * time.Millisecond // how long a trend must hold
	startMargin = 12.5                  // ms
	minMargin   = 6.0
	maxMargin   = 600.0
)

// trendline estimates how the delay changes: a straight line through the delays of
// the last groups of packets, whose slope is compared with a margin that adapts to
// the path's own noise (draft-ietf-rmcat-gcc §5.3 and §5.4).
type trendline struct {
	used          bool
	state         usage
	group, before group
	points        [trendWindow]point
	count         int     // of groups so far
	gathered      float64 // ms of delay since the beginning
	smooth        float64
	margin        float64 // ms
	origin        time.Duration
	over          time.Duration // for how long the trend has been above the margin
	times         int
	last          float64 // trend before
	checked       time.Duration
}

// group are the packets of one burst.
type group struct {
	started             bool
	first, sent, arrive time.Duration
	size                int
}

type point struct{ at, delay float64 } // ms

func newTrendline() trendline { return trendline{margin: startMargin} }

// newTrendlineLike begins a line anew, on a path whose noise is known.
func newTrendlineLike(t *trendline) trendline {
	return trendline{used: t.used, margin: t.margin, checked: t.checked}
}

// arrive notes a packet: when it was sent on our clock and arrived on theirs.
func (t *trendline) arrive(sent, at time.Duration, size int) {
	t.used = true
	g := &t.group
	switch {
	case !g.started:
		*g = group{true, sent, sent, at, size}
		return
	case sent < g.first:
		return // reordered
	case sent-g.first <= burst:
		g.sent, g.arrive, g.size = max(g.sent, sent), max(g.arrive, at), g.size+size
		return
	}
	if t.before.started {
		t.compare(t.before, *g)
	}
	t.before = *g
	*g = group{true, sent, sent, at, size}
}

// compare adds the change of delay between two groups.
func (t *trendline) compare(a, b group) {
	sent, arrived := b.sent-a.sent, b.arrive-a.arrive
	if arrived < -time.Second || arrived > 10*time.Second {
		*t = newTrendline() // their clock jumped
		t.used = true
		return
	}
	if t.count == 0 {
		t.origin = a.arrive
	}
	t.count++
	t.gathered += ms(arrived - sent)
	t.smooth = trendSmooth*t.smooth + (1-trendSmooth)*t.gathered
	t.points[t.count%trendWindow] = point{ms(b.arrive - t.origin), t.smooth}
	if t.count >= trendWindow {
		t.judge(t.slope(), sent, b.arrive)
	}
}

func ms(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// slope is of the least-squares line through the points.
func (t *trendline) slope() float64 {
	var mx, my float64
	for _, p := range t.points {
		mx += p.at / trendWindow
		my += p.delay / trendWindow
	}
	var over, under float64
	for _, p := range t.points {
		over += (p.at - mx) * (p.delay - my)
		under += (p.at - mx) * (p.at - mx)
	}
	if under == 0 {
		return 0
	}
	return over / under
}

func (t *trendline) judge(slope float64, since, now time.Duration) {
	trend := slope * float64(min(t.count, 60)) * trendGain
	switch {
	case trend > t.margin:
		if t.over += since; t.times == 0 {
			t.over = since / 2
		}
		t.times++
		if t.over > overuseTime && t.times > 1 && trend >= t.last {
			t.over, t.times, t.state = 0, 0, overuse
		}
	case trend < -t.margin:
		t.over, t.times, t.state = 0, 0, underuse
	default:
		t.over, t.times, t.state = 0, 0, normal
	}
	t.last = trend
	t.adapt(trend, now)
}

// adapt moves the margin toward the trend: fast up, so that competing TCP does not
// starve us, and slowly down. A sudden jump is left out.
func (t *trendline) adapt(trend float64, now time.Duration) {
	elapsed := min(ms(now-t.checked), 100)
	t.checked = now
	size := math.Abs(trend)
	if size > t.margin+15 || elapsed <= 0 {
		return
	}
	k := 0.0087
	if size < t.margin {
		k = 0.039
	}
	t.margin = min(max(t.margin+k*(size-t.margin)*elapsed, minMargin), maxMargin)
}

// sentLog remembers the packets that were sent, until they are reported.
type sentLog struct {
	origin time.Time
	ring   [sentPackets]sentPacket
}

const sentPackets = 4096

type sentPacket struct {
	used     bool
	sequence uint16
	cluster  uint8         // of a probe; 0 for none
	at       time.Duration // since origin
	size     int
}

// since is a time as the log counts it.
func (l *sentLog) since(now time.Time) time.Duration {
	if l.origin.IsZero() {
		l.origin = now
	}
	return now.Sub(l.origin)
}

func (l *sentLog) note(at time.Duration, sequence uint16, size int, cluster uint8) {
	l.ring[sequence&(sentPackets-1)] = sentPacket{true, sequence, cluster, at, size}
}

func (l *sentLog) take(sequence uint16) (sentPacket, bool) {
	s := &l.ring[sequence&(sentPackets-1)]
	if !s.used || s.sequence != sequence {
		return sentPacket{}, false
	}
	s.used = false
	return *s, true
}

func (l *sentLog) restore(sequence uint16) { l.ring[sequence&(sentPackets-1)].used = true }

// throughput is what arrived in the last half second.
type throughput struct {
	ring  [512]arrived
	head  int
	count int
	size  int
}

type arrived struct {
	at   time.Duration
	size int
}

const throughputWindow = 500 * time.Millisecond

func (t *throughput) note(at time.Duration, size int) {
	for t.count > 0 {
		oldest := t.ring[(t.head-t.count+len(t.ring))%len(t.ring)]
		if age := at - oldest.at; t.count < len(t.ring) && age >= 0 && age <= throughputWindow {
			break
		}
		t.size -= oldest.size
		t.count--
	}
	t.ring[t.head] = arrived{at, size}
	t.head = (t.head + 1) % len(t.ring)
	t.count++
	t.size += size
}

// rate is in bit/s; 0 while there is too little to tell.
func (t *throughput) rate() int {
	if t.count < 10 {
		return 0
	}
	newest := t.ring[(t.head-1+len(t.ring))%len(t.ring)]
	oldest := t.ring[(t.head-t.count+len(t.ring))%len(t.ring)]
	window := newest.at - oldest.at
	if window < throughputWindow/4 {
		return 0
	}
	return int(float64(t.size-oldest.size) * 8 / window.Seconds())
}
