package bridge

import (
	"fmt"
	"math"
	"sync/atomic"
	"time"

	"tandem/media"
	"tandem/media/codec/vpx"
	"tandem/media/rtp"
	"tandem/media/simulcast"
	"tandem/media/video"
)

// relayTop passes a VP8 room's packets on as the top layer, from a keyframe on, and
// gives all of them to be decoded as well. Receive runs on the room's loop.
type relayTop struct {
	next    media.Receiver
	sink    media.Sink
	count   *videoCounters
	on      atomic.Bool
	begun   bool
	out     media.Packet
	octets  int
	since   time.Time
	bitrate atomic.Uint64 // bits of a float64, bit/s of the last second
}

var _ media.Receiver = (*relayTop)(nil)

func (r *relayTop) Receive(p *media.Packet) {
	r.measure(p)
	r.next.Receive(p)
	switch on := r.on.Load(); {
	case !on || p.PayloadType != r.next.(*camera).info.PayloadType:
		r.begun = r.begun && on
		return
	case !r.begun && !beginsKeyframe(p.Payload):
		return
	}
	r.begun = true
	r.out = *p
	r.out.PayloadType, r.out.CSRC = r.sink.Info().PayloadType, 0
	r.count.relayed.Add(1)
	r.sink.Write(&r.out)
}

func (r *relayTop) measure(p *media.Packet) {
	now := arrival(p)
	r.octets += len(p.Payload)
	d := now.Sub(r.since)
	if d < time.Second {
		return
	}
	if d < 2*time.Second {
		r.bitrate.Store(math.Float64bits(float64(8*r.octets) / d.Seconds()))
	}
	r.octets, r.since = 0, now
}

// rate is what the room sends, in bit/s.
func (r *relayTop) rate() float64 { return math.Float64frombits(r.bitrate.Load()) }

func beginsKeyframe(payload []byte) bool {
	var d rtp.VP8Descriptor
	rest, err := rtp.ParseVP8(payload, &d)
	return err == nil && d.Start && d.Partition == 0 && len(rest) > 0 && rest[0]&1 == 0
}

// lower makes the two lower layers beneath a relayed one.
type lower struct {
	encoder       *vpx.Encoder // nil before the first picture
	width, height int
	target        int
	rates         [2]int
	keyed         [2]time.Duration
	asked         [2]bool
	layers        [2]video.Rect
}

var _ layerEncoder = (*lower)(nil)

func newLower(target int) *lower { return &lower{target: target} }

func (l *lower) Encode(pic *video.Picture, at time.Duration) ([]video.Encoded, error) {
	if l.encoder == nil || l.width != pic.Width || l.height != pic.Height {
		if err := l.open(pic); err != nil {
			return nil, err
		}
	}
	for i := range l.asked {
		if l.asked[i] && at-l.keyed[i] >= keyframeEvery {
			l.asked[i], l.keyed[i] = false, at
			l.encoder.RequestKey(i)
		}
	}
	return l.encoder.Encode(pic, at)
}

func (l *lower) open(pic *video.Picture) error {
	sizes, err := simulcast.Sizes(pic.Width, pic.Height, 720)
	if err != nil {
		return err
	}
	l.Close()
	l.layers = [2]video.Rect{sizes[0], sizes[1]}
	l.rates = [2]int{}
	var c vpx.Config
	c.Drop = true
	for i, rate := range l.split() {
		c.Layers = append(c.Layers, vpx.Layer{Width: sizes[i].W, Height: sizes[i].H, Bitrate: max(rate, 1000)})
	}
	if l.encoder, err = vpx.NewEncoder(c); err != nil {
		return fmt.Errorf("the lower layers of %dx%d: %w", pic.Width, pic.Height, err)
	}
	l.width, l.height = pic.Width, pic.Height
	return l.SetTarget(l.target)
}

// split gives the smallest layer what it needs, and the other one the rest.
func (l *lower) split() [2]int {
	small := min(max(l.target/4, 60_000), 150_000)
	middle := min(l.target-small, 500_000)
	if middle < 120_000 {
		middle = 0
	}
	return [2]int{small, middle}
}

func (l *lower) RequestKey(layer int) {
	if layer >= 0 && layer < len(l.asked) {
		l.asked[layer] = true
	}
}

func (l *lower) SetTarget(bitrate int) error {
	l.target = bitrate
	rates := l.split()
	if l.encoder == nil || near(rates[0], l.rates[0]) && near(rates[1], l.rates[1]) {
		return nil
	}
	l.rates = rates
	return l.encoder.SetBitrates(rates[:]...)
}

// near says whether a change is too small to matter.
func near(a, b int) bool { return a == b || a > 0 && b > 0 && a*10 > b*9 && a*10 < b*11 }

func (l *lower) Close() {
	if l.encoder != nil {
		l.encoder.Close()
		l.encoder = nil
	}
}

func (l *lower) String() string {
	s := "VP8"
	for i := len(l.layers) - 1; i >= 0; i-- {
		if l.rates[i] > 0 {
			s += fmt.Sprintf(" %dx%d@%d", l.layers[i].W, l.layers[i].H, l.rates[i]/1000)
		}
	}
	return s
}
