package bridge

import (
	"fmt"
	"math/rand/v2"
	"sync/atomic"
	"time"

	"tandem/media"
	"tandem/media/compose"
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

// screen is the picture on its way to a room: composed, encoded, sent in time. It
// belongs to the conference's goroutine.
type screen struct {
	sink       media.Sink
	info       media.StreamInfo
	format     format
	count      *videoCounters
	compositor *compose.Compositor
	encoder    roomEncoder
	pacer      rtp.Pacer
	packet     media.Packet
	began      time.Time
	encoded    time.Time // the last frame
	still      int       // frames made since the picture changed
	pending    bool      // the picture changed and no frame of it was made yet
	asked      atomic.Bool
	gate       rtp.KeyframeGate
	rate       int // bit/s, as the encoder has it
}

func newScreen(sink media.Sink, info media.StreamInfo, now time.Time, count *videoCounters) (*screen, error) {
	s := &screen{
		sink: sink, info: info, format: formatFor(info, target(sink)), count: count, began: now,
		gate: rtp.KeyframeGate{Every: keyframeEvery}, pending: true,
	}
	var err error
	if s.compositor, err = compose.New(compose.Config{Width: s.format.width, Height: s.format.height}); err != nil {
		return nil, err
	}
	if s.encoder, err = newRoomEncoder(s.format); err != nil {
		return nil, fmt.Errorf("cannot encode %s: %w", info.Codec, err)
	}
	s.rate = s.format.bitrate
	s.pacer.SetTarget(s.rate)
	s.packet = media.Packet{PayloadType: info.PayloadType, SSRC: rand.Uint32(), Sequence: uint16(rand.Uint32())}
	sink.OnKeyframeRequest(func() { s.asked.Store(true) })
	return s, nil
}

// target is what a sink's path takes, in bit/s; 0 when it does not know.
func target(sink media.Sink) int {
	if p, ok := sink.(media.Paced); ok {
		return p.Target()
	}
	return 0
}

// interval is the time of one picture.
func (s *screen) interval() time.Duration { return time.Second / time.Duration(s.format.rate) }

// cut makes the next frame a keyframe: something else is shown.
func (s *screen) cut() {
	s.encoder.requestKey()
	s.pending = true
}

// draw composes the picture and sends it when it is worth a frame.
func (s *screen) draw(now time.Time) {
	pic, changed := s.compositor.Tick(now)
	if changed {
		s.pending, s.still = true, 0
	}
	if s.asked.Swap(false) {
		s.gate.Request(now)
	}
	key := s.gate.Due(now)
	if key {
		s.encoder.requestKey()
	}
	if !key && !s.pending && !s.due(now) {
		s.count.unchanged.Add(1)
		return
	}
	s.follow()
	s.encode(now, pic)
}

// due says whether a picture that did not change is sent again.
func (s *screen) due(now time.Time) bool {
	every := stillEvery
	if s.still <= settleFrames {
		every = settleEvery
	}
	return now.Sub(s.encoded) >= every
}

// follow takes over what the path carries.
func (s *screen) follow() {
	most := target(s.sink)
	if most <= 0 {
		return
	}
	rate := min(most, s.format.bitrate)
	if rate*10 > s.rate*9 && rate*10 < s.rate*11 && rate >= s.rate || rate == s.rate {
		return // not for every little change
	}
	if s.encoder.setRate(rate) == nil {
		s.rate = rate
		s.pacer.SetTarget(rate)
	}
}

func (s *screen) encode(now time.Time, pic *video.Picture) {
	at := now.Sub(s.began)
	payloads, key, err := s.encoder.encode(pic, at)
	if err != nil {
		s.count.errors.Add(1)
		s.encoder.requestKey()
		return
	}
	if len(payloads) == 0 {
		s.count.left.Add(1)
		return // the encoder keeps to the bit rate; the picture is still to be sent
	}
	s.pending, s.encoded = false, now
	s.still++
	s.count.encoded.Add(1)
	if key {
		s.count.keyframes.Add(1)
		s.gate.Cancel()
	}
	if s.count.first.Load() == 0 {
		s.count.first.Store(int64(max(at, 1)))
	}
	s.push(payloads, uint32(at*videoClock/time.Second))
}

// push queues a frame's packets. When the path is stuck the whole queue is given up,
// and the next frame needs none of it.
func (s *screen) push(payloads [][]byte, stamp uint32) {
	for i, payload := range payloads {
		s.packet.Timestamp, s.packet.Marker, s.packet.Payload = stamp, i == len(payloads)-1, payload
		ok := s.pacer.Push(&s.packet)
		s.packet.Sequence++
		if !ok {
			s.count.dropped.Add(uint64(len(payloads) - i))
			s.encoder.requestKey()
			return
		}
	}
}

// send writes what may go now and returns how long the next packet has to wait; false
// when there is none.
func (s *screen) send(now time.Time) (time.Duration, bool) {
	for p := s.pacer.Pop(now); p != nil; p = s.pacer.Pop(now) {
		s.count.sent.Add(1)
		s.sink.Write(p)
	}
	return s.pacer.Next(now)
}

func (s *screen) close() {
	s.sink.OnKeyframeRequest(nil)
	s.encoder.close()
}

// String prints "compose 1280x720@30 -> H264 1500k".
func (s *screen) String() string {
	return fmt.Sprintf("compose %dx%d@%d -> %s %dk", s.format.width, s.format.height, s.format.rate, s.info.Codec, s.rate/1000)
}
