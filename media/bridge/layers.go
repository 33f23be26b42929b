package bridge

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"tandem/media"
	"tandem/media/codec/vpx"
	"tandem/media/rtp"
	"tandem/media/simulcast"
)

// A pictureUp is the room's picture on its way to the meeting: uplink, which decodes and
// encodes it, or layerRelay, which passes layers that are there already.
type pictureUp interface {
	// work does what is due. It is called by the conference's goroutine.
	work(now time.Time)
	// last is when the last picture came.
	last() time.Time
	// halve encodes half as many pictures, or all again.
	halve(on bool)
	close()
	String() string
}

var (
	_ pictureUp = (*uplink)(nil)
	_ pictureUp = (*layerRelay)(nil)
)

// layerRelay passes the layers of a browser's simulcast on to the meeting's: nothing is
// decoded. Which of the meeting's layers one becomes its own keyframes tell, by their
// size. Packets come on the room's loop; work runs on the conference's goroutine.
type layerRelay struct {
	count *videoCounters
	sinks [simulcast.Layers]media.Sink
	path  func() int // what the meeting takes now, in bit/s; 0: not known
	most  int        // bit/s of all layers
	told  int        // bit/s, as the browser has it
	seen  atomic.Int64

	mu     sync.Mutex // guards what follows; no sink and no source is called with it held
	layers []*relayedLayer
	top    int // the largest of the meeting's layers that is on
	narrow time.Time
	wide   time.Time
}

// relayedLayer is one of the browser's layers.
type relayedLayer struct {
	relay  *layerRelay
	source media.Source
	pt     uint8

	// Guarded by relay.mu.
	height int // of its pictures; 0 before the first keyframe
	to     int // which of the meeting's layers it is; noLayer: none
	begun  bool
	octets int
	since  time.Time
	rate   int // bit/s of the last second

	out media.Packet // lent to the sink; the loop's
}

const noLayer = -1

func newLayerRelay(p *uplinkPlan, most int, path func() int, count *videoCounters) *layerRelay {
	r := &layerRelay{count: count, sinks: p.sinks, path: path, most: most, top: simulcast.Layers - 1}
	for _, src := range p.layers {
		if src != nil {
			r.layers = append(r.layers, &relayedLayer{relay: r, source: src, pt: src.Info().PayloadType, to: noLayer})
		}
	}
	for i, sink := range r.sinks {
		if sink != nil {
			sink.OnKeyframeRequest(func() { r.request(i) })
		}
	}
	for _, l := range r.layers {
		l.source.Attach(l)
		l.source.RequestKeyframe()
	}
	return r
}

// request passes on that somebody in the meeting needs a keyframe of a layer.
func (r *layerRelay) request(layer int) {
	r.mu.Lock()
	var from media.Source
	for _, l := range r.layers {
		if l.to == layer {
			from = l.source
		}
	}
	r.mu.Unlock()
	if from != nil {
		from.RequestKeyframe()
	}
}

// Receive implements [media.Receiver].
func (l *relayedLayer) Receive(p *media.Packet) {
	if p.PayloadType != l.pt {
		l.relay.count.dropped.Add(1)
		return
	}
	now := arrival(p)
	l.relay.seen.Store(now.UnixNano())
	sink := l.relay.admit(l, now, p)
	if sink == nil {
		l.relay.count.skipped.Add(1)
		return
	}
	l.out = *p
	l.out.PayloadType, l.out.CSRC = sink.Info().PayloadType, 0
	l.relay.count.relayed.Add(1)
	sink.Write(&l.out)
}

// admit says where a packet goes; nil: nowhere.
func (r *layerRelay) admit(l *relayedLayer, now time.Time, p *media.Packet) media.Sink {
	r.mu.Lock()
	defer r.mu.Unlock()
	l.measure(now, len(p.Payload))
	if height, ok := keyframeHeight(p.Payload); ok {
		if height != l.height {
			l.height = height
			r.assign()
		}
		l.begun = l.to != noLayer && l.to <= r.top
	}
	if !l.begun {
		return nil
	}
	return r.sinks[l.to]
}

// measure counts what a layer takes of the path.
func (l *relayedLayer) measure(now time.Time, octets int) {
	l.octets += octets
	d := now.Sub(l.since)
	if d < time.Second {
		return
	}
	if l.rate = 0; d < 2*time.Second {
		l.rate = int(float64(8*l.octets) / d.Seconds())
	}
	l.octets, l.since = 0, now
}

// assign gives each layer the place that its size asks for; of those that ask for the same
// the larger one gets the next. One that changes places waits for a keyframe. mu is held.
func (r *layerRelay) assign() {
	var known []*relayedLayer
	for _, l := range r.layers {
		if l.height > 0 {
			known = append(known, l)
		}
	}
	slices.SortStableFunc(known, func(a, b *relayedLayer) int { return cmp.Compare(a.height, b.height) })
	for i, to := range places(known) {
		if r.sinks[to] == nil {
			to = noLayer
		}
		if l := known[i]; l.to != to {
			l.to, l.begun = to, false
		}
	}
}

// places are where layers go that are sorted by their size.
func places(sorted []*relayedLayer) []int {
	list := make([]int, len(sorted))
	least := 0
	for i, l := range sorted {
		to := least
		for to < simulcast.Layers-1 && l.height > [...]int{270, 540}[to] {
			to++
		}
		list[i], least = to, to+1
	}
	most := simulcast.Layers - 1
	for i := len(list) - 1; i >= 0; i-- {
		list[i] = min(list[i], most)
		most = list[i] - 1
	}
	return list
}

// keyframeHeight is the height of the picture that a packet begins, when it is a keyframe.
func keyframeHeight(payload []byte) (int, bool) {
	var d rtp.VP8Descriptor
	rest, err := rtp.ParseVP8(payload, &d)
	if err != nil || !d.Start || d.Partition != 0 {
		return 0, false
	}
	h, ok := vpx.ParseHeader(rest)
	return min(h.Width, h.Height), ok && h.Key && h.Width > 0 && h.Height > 0
}

const (
	// For so long a path must carry less than comes before the top layer is left out: the
	// browser is told to send less, and does it in the meantime.
	narrowFor = time.Second
	// And for so long more, before it comes back.
	wideFor = 2 * time.Second
)

// work tells the browser what the path carries, and leaves the top layer out when it does
// not keep to that.
func (r *layerRelay) work(now time.Time) {
	most := r.path()
	if most <= 0 || most > r.most {
		most = r.most
	}
	if !near(most, r.told) {
		r.told = most
		if l, ok := r.layers[0].source.(limiter); ok { // it is one path for all
			l.Limit(most)
		}
	}
	for _, src := range r.fit(now, most) {
		src.RequestKeyframe()
	}
}

// fit changes which layers are on, and returns those that begin anew.
func (r *layerRelay) fit(now time.Time, most int) (begin []media.Source) {
	r.mu.Lock()
	defer r.mu.Unlock()
	sum, next := 0, 0
	for _, l := range r.layers {
		switch {
		case l.to == noLayer || now.Sub(l.since) > 2*time.Second:
		case l.to <= r.top:
			sum += l.rate
		case l.to == r.top+1:
			next = l.rate
		}
	}
	switch {
	case sum > most+most/4 && r.top > 0:
		if r.narrow.IsZero() {
			r.narrow = now
		} else if now.Sub(r.narrow) > narrowFor {
			r.top, r.narrow = r.top-1, time.Time{}
			for _, l := range r.layers {
				l.begun = l.begun && l.to <= r.top
			}
		}
		r.wide = time.Time{}
	case sum+next <= most && r.top < simulcast.Layers-1:
		if r.wide.IsZero() {
			r.wide = now
		} else if now.Sub(r.wide) > wideFor {
			r.top, r.wide = r.top+1, time.Time{}
			for _, l := range r.layers {
				if l.to == r.top {
					begin = append(begin, l.source)
				}
			}
		}
		r.narrow = time.Time{}
	default:
		r.narrow, r.wide = time.Time{}, time.Time{}
	}
	return begin
}

// halve does nothing: what is relayed costs next to nothing.
func (r *layerRelay) halve(bool) {}

func (r *layerRelay) last() time.Time {
	if n := r.seen.Load(); n != 0 {
		return time.Unix(0, n)
	}
	return time.Time{}
}

func (r *layerRelay) close() {
	for _, l := range r.layers {
		l.source.Attach(nil)
		if src, ok := l.source.(limiter); ok {
			src.Limit(0)
		}
	}
	for _, s := range r.sinks {
		if s != nil {
			s.OnKeyframeRequest(nil)
		}
	}
}

// String prints "VP8 relay 720p 360p 180p".
func (r *layerRelay) String() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	s := []string{"VP8 relay"}
	for to := r.top; to >= 0; to-- {
		for _, l := range r.layers {
			if l.to == to {
				s = append(s, fmt.Sprintf("%dp", l.height))
			}
		}
	}
	return strings.Join(s, " ")
}
