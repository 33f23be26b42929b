package bridge

import (
	"fmt"
	"math/rand/v2"
	"sync/atomic"
	"time"

	"tandem/media"
	"tandem/media/rtp"
	"tandem/media/simulcast"
	"tandem/media/video"
)

// uplink is the room's picture on its way to the meeting: decoded once, encoded in three
// layers. A VP8 room's own stream is relayed as the top layer, and only the lower ones
// are encoded. It belongs to the conference's goroutine; packets come by relayed.
type uplink struct {
	count   *videoCounters
	camera  *camera
	from    media.StreamInfo
	sinks   [simulcast.Layers]media.Sink
	path    func() int // what the meeting takes now, in bit/s; 0: not known
	top     relayTop
	encoder layerEncoder // nil before the first picture
	low     bool         // encoder makes the lower layers alone
	most    int          // bit/s of all layers
	told    int          // bit/s, as the encoder has it
	packets [simulcast.Layers]rtp.VP8Packetizer
	headers [simulcast.Layers]media.Packet
	asked   [simulcast.Layers]atomic.Bool
	line    rtp.Timeline
	zero    int64         // of the timeline, in units of videoClock
	at      time.Duration // of the last picture on the stream's clock
	seen    time.Time     // when it came
	started bool
	least   time.Duration // between two pictures
}

// A layerEncoder makes simulcast layers.
type layerEncoder interface {
	Encode(pic *video.Picture, at time.Duration) ([]video.Encoded, error)
	RequestKey(layer int)
	SetTarget(bitrate int) error
	Close()
	String() string
}

var _ layerEncoder = (*simulcast.Encoder)(nil)

const (
	// A room that sends 60 pictures a second shows half of them.
	leastInterval = 25 * time.Millisecond
	// The most a picture's timestamp may differ from the one before; then the clock of
	// the stream begins anew.
	longestGap = 5 * time.Second
	// A room's own stream is relayed up to this part of what the meeting takes, so that
	// the lower layers have the rest.
	relayShare = 0.8
)

func newUplink(src media.Source, told string, sinks [simulcast.Layers]media.Sink, most int, path func() int, count *videoCounters, wake func()) (*uplink, error) {
	info := src.Info()
	cam, err := newCamera(src, info, told, count)
	if err != nil {
		return nil, fmt.Errorf("cannot decode %s: %w", info.Codec, err)
	}
	cam.lenient, cam.whole = true, wake
	u := &uplink{count: count, camera: cam, from: info, sinks: sinks, most: most, path: path, at: -leastInterval, least: leastInterval}
	for i, sink := range sinks {
		u.headers[i] = media.Packet{SSRC: rand.Uint32(), Sequence: uint16(rand.Uint32())}
		u.packets[i] = rtp.VP8Packetizer{MTU: payloadSize, Picture: uint16(rand.Uint32())}
		if sink == nil {
			continue
		}
		u.headers[i].PayloadType = sink.Info().PayloadType
		sink.OnKeyframeRequest(func() { u.asked[i].Store(true); wake() })
	}
	u.top = relayTop{next: cam, sink: sinks[simulcast.Layers-1], count: count}
	src.Attach(&u.top)
	src.RequestKeyframe()
	return u, nil
}

// work decodes and encodes what has come.
func (u *uplink) work(now time.Time) {
	pic := u.camera.pull(now)
	u.requests()
	if pic == nil || !u.step(now) {
		return
	}
	if err := u.prepare(pic); err != nil {
		u.count.errors.Add(1)
		return
	}
	u.limit()
	frames, err := u.encoder.Encode(pic, u.at)
	if err != nil {
		u.count.errors.Add(1)
		return
	}
	stamp := uint32(u.at * videoClock / time.Second)
	for _, f := range frames {
		u.push(f, stamp)
	}
}

// step moves the stream's clock to the picture that was decoded last, and says whether
// it is to be encoded.
func (u *uplink) step(now time.Time) bool {
	t := u.line.Unwrap(u.camera.stamp)
	at := time.Duration(t-u.zero) * time.Second / videoClock
	if d := at - u.at; !u.started || d <= 0 || d > longestGap {
		at = u.at + max(leastInterval, min(now.Sub(u.seen), longestGap))
		u.zero, u.started = t-int64(at*videoClock/time.Second), true
	}
	u.seen = now
	if at-u.at < u.least {
		return false
	}
	u.at = at
	return true
}

// requests passes on that somebody in the meeting needs a keyframe.
func (u *uplink) requests() {
	for i := range u.asked {
		switch {
		case !u.asked[i].Load():
		case i == simulcast.Layers-1 && u.top.on.Load():
			u.asked[i].Store(false)
			u.camera.source.RequestKeyframe()
		case u.encoder != nil:
			u.asked[i].Store(false)
			u.encoder.RequestKey(i)
		}
	}
}

// prepare has the encoder that fits: of two layers when the room's stream is the third.
func (u *uplink) prepare(pic *video.Picture) error {
	low := u.from.Codec == "VP8" && u.sinks[simulcast.Layers-1] != nil && u.top.rate() <= relayShare*float64(u.most) &&
		max(pic.Width, pic.Height) <= 1280 && min(pic.Width, pic.Height) <= 720
	if u.encoder != nil && low == u.low {
		return nil
	}
	if u.encoder != nil {
		u.encoder.Close()
		u.encoder = nil
	}
	u.told = 0
	u.top.on.Store(low)
	if u.low = low; low {
		u.encoder = newLower(u.most)
		// A room that can be told sends no more than leaves room for the lower layers.
		if l, ok := u.camera.source.(limited); ok {
			l.Limit(int(relayShare * float64(u.most)))
		}
		u.camera.source.RequestKeyframe() // which begins the relayed layer
		return nil
	}
	u.encoder = simulcast.New(simulcast.Config{MaxBitrate: u.most})
	return nil
}

// limit keeps to what the path carries.
func (u *uplink) limit() {
	most := u.path()
	if most <= 0 {
		most = u.most // nothing is known
	}
	most = min(most, u.most)
	if u.low {
		most = max(most-int(u.top.rate()), 0)
	}
	if near(most, u.told) {
		return
	}
	if u.told = most; u.encoder.SetTarget(most) != nil {
		u.count.errors.Add(1)
	}
}

// push sends the packets of one layer's frame. A meeting's sinks pace what they send.
func (u *uplink) push(f video.Encoded, stamp uint32) {
	h, sink := &u.headers[f.Layer], u.sinks[f.Layer]
	if sink == nil {
		return
	}
	u.count.encoded.Add(1)
	if f.Key {
		u.count.keyframes.Add(1)
	}
	payloads := u.packets[f.Layer].Packetize(vp8Frame(f))
	for i, payload := range payloads {
		h.Timestamp, h.Marker, h.Payload = stamp, i == len(payloads)-1, payload
		sink.Write(h)
		h.Sequence++
	}
	u.count.sent.Add(uint64(len(payloads)))
}

func (u *uplink) last() time.Time { return u.seen }

func (u *uplink) halve(on bool) {
	if u.least = leastInterval; on {
		u.least = 2 * leastInterval
	}
}

func (u *uplink) close() {
	u.camera.close()
	for _, s := range u.sinks {
		if s != nil {
			s.OnKeyframeRequest(nil)
		}
	}
	if u.encoder != nil {
		u.encoder.Close()
	}
}

// String prints "H264 -> decode -> VP8 1280x720@1400 640x360@450 320x180@150".
func (u *uplink) String() string {
	switch {
	case u.encoder == nil:
		return u.from.Codec + " -> nothing yet"
	case u.low:
		return u.from.Codec + " relay + " + u.encoder.String()
	}
	return u.from.Codec + " -> decode -> " + u.encoder.String()
}
