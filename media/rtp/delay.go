package rtp

// delays learns from the arrivals of one stream how long its packets must wait
// before they are played, so that nearly none comes too late. All times are in
// units of the stream's clock.
//
// The transit of a packet is its arrival minus its timestamp. The smallest
// transit of the last seconds is the base: it follows clock drift and route
// changes. A histogram of the distances to it, with old packets slowly forgotten,
// has the wanted quantile as the target delay.
type delays struct {
	bin    int64 // width of a bin
	window int64 // how long a minimum is kept, at least

	base         int64
	lows         [2]int64 // minimum of the running window and of the one before
	windowEnd    int64
	settled      int64 // until then a lower base means the restart was at a late packet
	histogramOn  int64 // the base that the histogram's bins count from
	histogram    [delayBins]float32
	seen         int
	started      bool
	lastTransit  int64
	lastRelative int64
}

const (
	delayBins = 64 // of 5 ms
	// One packet in 66 may come after its time: what it costs, a concealed frame
	// or a little more delay, is heard less than a longer delay for all.
	delayQuantile = 0.985
	// After 256 packets a packet counts 37 %: the target forgets in five seconds.
	delayMemory = 256
)

func newDelays(clock int64) delays {
	return delays{bin: max(clock/200, 1), window: 4 * clock}
}

// restart takes transit as the new base but keeps what is known of the jitter.
func (d *delays) restart(at, transit int64) {
	d.base, d.histogramOn = transit, transit
	d.lows = [2]int64{transit, transit}
	d.windowEnd = at + d.window
	d.settled = at + d.window/8
	d.started = true
}

// add notes a packet that arrived at the given time. Delays above limit are not
// learnt from: they come from outages, which no buffer covers.
func (d *delays) add(at, transit, limit int64) {
	if !d.started {
		d.restart(at, transit)
	}
	if at >= d.windowEnd {
		d.lows = [2]int64{transit, d.lows[0]}
		d.windowEnd = at + d.window
	}
	d.lows[0] = min(d.lows[0], transit)
	d.base = min(d.lows[0], d.lows[1])
	d.rebase(at)
	d.lastTransit = transit
	d.lastRelative = transit - d.base
	if d.lastRelative <= limit {
		d.learn((transit - d.histogramOn) / d.bin)
	}
}

// rebase moves the histogram along when the base has moved by whole bins.
func (d *delays) rebase(at int64) {
	n := (d.base - d.histogramOn) / d.bin
	if n == 0 {
		return
	}
	d.histogramOn += n * d.bin
	if at < d.settled || n >= delayBins || n <= -delayBins {
		return // another timeline, the same network: keep the shape
	}
	var moved [delayBins]float32
	for i, w := range d.histogram {
		moved[min(max(int64(i)-n, 0), delayBins-1)] += w
	}
	d.histogram = moved
}

func (d *delays) learn(bin int64) {
	d.seen++
	weight := 1 / float32(min(d.seen, delayMemory))
	for i := range d.histogram {
		d.histogram[i] *= 1 - weight
	}
	d.histogram[min(max(bin, 0), delayBins-1)] += weight
}

// target is the delay above the base that is enough for delayQuantile of the packets.
func (d *delays) target() int64 {
	var sum float32
	for i, w := range d.histogram {
		if sum += w; sum >= delayQuantile {
			return int64(i+1)*d.bin + d.histogramOn - d.base
		}
	}
	return delayBins * d.bin
}
