package bridge

import (
	"fmt"
	"math/rand/v2"
	"sync/atomic"
	"time"

	"tandem/media"
	"tandem/media/rtp"
	"tandem/media/video"
)

const (
	videoClock = 90000       // Hz (RFC 6184 §8.2.1, RFC 7741 §6.1)
	stillEvery = time.Second // between two frames of a picture that does not change
	// After a change a few frames follow, which sharpen what movement left blurred.
	settleEvery  = 200 * time.Millisecond
	settleFrames = 3
	// Between two keyframes that were asked for.
	keyframeEvery = 300 * time.Millisecond
)

// outlet sends pictures that are made here on one video stream: it encodes what has
// changed, answers requests for keyframes, and paces the packets. It belongs to the
// conference's goroutine.
type outlet struct {
	sink    media.Sink
	info    media.StreamInfo
	format  format
	count   *videoCounters
	encoder roomEncoder // nil before the first format, and while another room's frames are sent
	frames  func(video.Encoded) [][]byte
	made    func(now time.Time, f video.Encoded) // is told of each frame that was made; may be nil
	pacer   rtp.Pacer
	packet  media.Packet
	began   time.Time
	at      time.Duration // of the last frame, since began
	encoded time.Time     // the last frame
	still   int           // frames made since the picture changed
	pending bool          // the picture changed and no frame of it was made yet
	key     bool          // the next frame is to be a keyframe
	asked   atomic.Bool
	gate    rtp.KeyframeGate
	rate    int // bit/s, as the encoder has it
}

// open makes the encoder of a format. It is called again when the format changes.
func (o *outlet) open(f format) error {
	e, err := newRoomEncoder(f)
	if err != nil {
		return fmt.Errorf("cannot encode %s: %w", f.codec, err)
	}
	if o.encoder != nil {
		o.encoder.close()
	}
	if o.frames == nil || f.codec != o.format.codec || f.single != o.format.single {
		o.frames = newPacketizer(f)
	}
	o.encoder, o.format, o.rate = e, f, f.bitrate
	o.pacer.SetTarget(f.bitrate)
	return nil
}

// newOutlet returns an outlet without an encoder, to be opened.
func newOutlet(sink media.Sink, info media.StreamInfo, now time.Time, count *videoCounters) *outlet {
	o := &outlet{
		sink: sink, info: info, count: count, began: now, gate: rtp.KeyframeGate{Every: keyframeEvery}, pending: true,
		packet: media.Packet{PayloadType: info.PayloadType, SSRC: rand.Uint32(), Sequence: uint16(rand.Uint32())},
	}
	sink.OnKeyframeRequest(o.ask)
	return o
}

// ask wants a keyframe. It may be called from any goroutine.
func (o *outlet) ask() { o.asked.Store(true) }

// interval is the time of one picture.
func (o *outlet) interval() time.Duration { return time.Second / time.Duration(o.format.rate) }

// cut makes the next frame a keyframe: something else is shown.
func (o *outlet) cut() {
	o.key, o.pending = true, true
}

// show sends a picture when it is worth a frame: when it has changed, when somebody asked
// for a keyframe, and now and then.
func (o *outlet) show(now time.Time, pic *video.Picture, changed bool) {
	if changed {
		o.pending, o.still = true, 0
	}
	if o.asked.Swap(false) {
		o.gate.Request(now)
	}
	o.key = o.gate.Due(now) || o.key
	if !o.key && !o.pending && !o.due(now) {
		o.count.unchanged.Add(1)
		return
	}
	if o.key {
		o.encoder.requestKey()
	}
	o.encode(now, pic)
}

// due says whether a picture that did not change is sent again.
func (o *outlet) due(now time.Time) bool {
	every := stillEvery
	if o.still <= settleFrames {
		every = settleEvery
	}
	return now.Sub(o.encoded) >= every
}

// follow takes over the format's bit rate, which changes with what the path carries.
func (o *outlet) follow() {
	rate := o.format.bitrate
	if rate*10 > o.rate*9 && rate*10 < o.rate*11 && rate >= o.rate || rate == o.rate {
		return // not for every little change
	}
	if o.encoder == nil || o.encoder.setRate(rate) == nil {
		o.rate = rate
		o.pacer.SetTarget(rate)
	}
}

func (o *outlet) encode(now time.Time, pic *video.Picture) {
	at := now.Sub(o.began)
	f, err := o.encoder.encode(pic, at)
	if err != nil {
		o.count.errors.Add(1)
		o.key = true
		return
	}
	if len(f.Data) == 0 {
		o.count.left.Add(1)
		return // the encoder keeps to the bit rate; the picture is still to be sent
	}
	o.pending, o.encoded = false, now
	o.still++
	o.count.encoded.Add(1)
	if o.made != nil {
		o.made(now, f)
	}
	o.ship(at, f)
}

// ship sends a coded frame, made here or by another room's outlet.
func (o *outlet) ship(at time.Duration, f video.Encoded) {
	o.at = max(at, o.at+time.Millisecond)
	if f.Key {
		o.count.keyframes.Add(1)
		o.key = false
		o.gate.Cancel()
	}
	if o.count.first.Load() == 0 {
		o.count.first.Store(int64(o.at))
	}
	o.push(o.frames(f), uint32(o.at*videoClock/time.Second))
}

// rest frees the encoder, until open.
func (o *outlet) rest() {
	if o.encoder != nil {
		o.encoder.close()
		o.encoder = nil
	}
}

// push queues a frame's packets. When the path is stuck the whole queue is given up,
// and the next frame needs none of it.
func (o *outlet) push(payloads [][]byte, stamp uint32) {
	for i, payload := range payloads {
		o.packet.Timestamp, o.packet.Marker, o.packet.Payload = stamp, i == len(payloads)-1, payload
		ok := o.pacer.Push(&o.packet)
		o.packet.Sequence++
		if !ok {
			o.count.dropped.Add(uint64(len(payloads) - i))
			o.cut()
			return
		}
	}
}

// send writes what may go now and returns how long the next packet has to wait; false
// when there is none.
func (o *outlet) send(now time.Time) (time.Duration, bool) {
	for p := o.pacer.Pop(now); p != nil; p = o.pacer.Pop(now) {
		o.count.sent.Add(1)
		o.sink.Write(p)
	}
	return o.pacer.Next(now)
}

func (o *outlet) close() {
	o.sink.OnKeyframeRequest(nil)
	o.rest()
}

// String prints "1280x720@30 -> H264 1500k".
func (o *outlet) String() string {
	return fmt.Sprintf("%dx%d@%d -> %s %dk", o.format.width, o.format.height, o.format.rate, o.info.Codec, o.rate/1000)
}
