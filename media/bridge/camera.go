package bridge

import (
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"tandem/media"
	"tandem/media/codec/openh264"
	"tandem/media/codec/vpx"
	"tandem/media/rtp"
	"tandem/media/video"
)

const (
	mostUnits   = 8                     // frames of one source decoded in one tick
	slowDecode  = 60 * time.Millisecond // for one source in one tick
	slowStrikes = 3
	restTime    = 2 * time.Second
	// A camera makes pictures all the time; without any for so long its person is
	// shown grey.
	frozenAfter = 2 * time.Second
	// A stream without packets for so long is nobody's any more.
	goneAfter = 10 * time.Second
	// Who has just come on a stream is decoded before it is clear whether there is a
	// place: the keyframe at the beginning is the only one for long.
	newcomerTime = time.Second
	longestLip   = 200 * time.Millisecond // for which a picture waits for its voice
)

// camera is one incoming video stream: packets come on its source's loop, and pictures
// are taken out by the conference's goroutine, which owns all fields but those under mu.
type camera struct {
	source  media.Source
	info    media.StreamInfo
	count   *videoCounters
	lenient bool   // a damaged picture is better than none
	whole   func() // a frame has come; may be nil
	clock   func() time.Time

	mu        sync.Mutex // guards what follows
	assembler *rtp.Assembler
	ssrc      uint32
	turns     [4]turn // whose packets came from which timestamp on, the latest first
	came      time.Time

	// The conference's goroutine alone:

	decoder video.Decoder
	keyGate rtp.KeyframeGate
	csrc    uint32 // whose picture was taken out last
	blind   bool   // until the next keyframe
	good    time.Time
	since   time.Time // when csrc began
	strikes int
	rests   time.Time // no decoding until then
	held    rtp.Unit
	holding bool
	hold    time.Duration // how long pictures wait for the voice
	stamp   uint32        // of the picture taken out last
	unseen  bool          // nobody sees it: nothing is decoded
	lines   int           // at which it is drawn; 0: it is not

	// What another room of this gateway has decoded of the same person (Commons).
	shared  string         // who it is
	height  int            // of the stream's own pictures; 0: not known yet
	borrows bool           // nothing is decoded here
	lent    *video.Picture // to be shown and released; may be nil
	number  uint64         // of the last one
}

// turn is a change of who is seen.
type turn struct {
	csrc  uint32
	stamp uint32
	valid bool
}

var _ media.Receiver = (*camera)(nil)

// newCamera decodes a stream. told is what its sender says of its format: H.264's parameter
// sets may come by signalling alone.
func newCamera(src media.Source, info media.StreamInfo, told string, count *videoCounters) (*camera, error) {
	c := &camera{
		source: src, info: info, count: count, blind: true, clock: time.Now,
		assembler: rtp.NewAssembler(rtp.AssemblerConfig{Codec: info.Codec, ParameterSets: parameterSets(told)}),
	}
	var err error
	c.decoder, err = newVideoDecoder(info.Codec)
	return c, err
}

// parameterSets are those of H.264 in format parameters (sprop-parameter-sets, RFC 6184
// §8.1); nil when there are none, or they are broken.
func parameterSets(fmtp string) (sets [][]byte) {
	list := parameter(fmtp, "sprop-parameter-sets", "")
	if list == "" || len(list) > 4096 {
		return nil
	}
	for one := range strings.SplitSeq(list, ",") {
		set, err := base64.StdEncoding.DecodeString(strings.TrimSpace(one))
		if err != nil || len(set) < 2 || set[0]&0x1f != 7 && set[0]&0x1f != 8 || len(sets) == 8 {
			return nil
		}
		sets = append(sets, set)
	}
	return sets
}

func newVideoDecoder(name string) (video.Decoder, error) {
	switch name {
	case "VP8":
		return vpx.NewDecoder()
	case "H264":
		return openh264.NewDecoder()
	}
	return nil, fmt.Errorf("%q is not a video codec of this gateway", name)
}

func (c *camera) Receive(p *media.Packet) {
	if p.PayloadType != c.info.PayloadType {
		c.count.dropped.Add(1)
		return
	}
	c.mu.Lock()
	now := arrival(p)
	c.came = now
	c.note(p)
	c.assembler.Push(now, p)
	c.mu.Unlock()
	if p.Marker && c.whole != nil {
		c.whole()
	}
}

// note remembers who a packet is from.
func (c *camera) note(p *media.Packet) {
	if p.SSRC != c.ssrc {
		c.ssrc, c.turns = p.SSRC, [4]turn{}
	}
	if c.turns[0].valid && (c.turns[0].csrc == p.CSRC || int32(p.Timestamp-c.turns[0].stamp) < 0) {
		return
	}
	copy(c.turns[1:], c.turns[:])
	c.turns[0] = turn{p.CSRC, p.Timestamp, true}
}

// who is in a frame.
func (c *camera) who(stamp uint32) uint32 {
	for _, t := range c.turns {
		if t.valid && int32(stamp-t.stamp) >= 0 {
			return t.csrc
		}
	}
	return c.turns[0].csrc
}

// pop takes the next frame; wanted says that only a keyframe helps.
func (c *camera) pop(now time.Time) (u rtp.Unit, csrc uint32, ok, wanted bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	u, ok = c.assembler.Pop(now)
	if ok {
		csrc = c.who(u.Timestamp)
	}
	return u, csrc, ok, c.assembler.WantsKeyframe(now)
}

// pull decodes what has come and returns the newest good picture, lent until the next
// pull, or nil. The time it takes is bounded: a source that is slow to decode has to
// rest, and only its own picture suffers.
func (c *camera) pull(now time.Time) *video.Picture {
	var newest *video.Picture
	began := c.clock()
	for range mostUnits {
		u, ok := c.next(now)
		if !ok {
			break
		}
		if pic := c.decode(now, u); pic != nil {
			newest, c.stamp = pic, u.Timestamp
		}
		if c.clock().Sub(began) > slowDecode {
			c.slow(now)
			break
		}
		c.strikes = 0
	}
	if newest != nil {
		c.good = now
	}
	if c.keyGate.Due(now) {
		c.count.asked.Add(1)
		c.source.RequestKeyframe()
	}
	return newest
}

// next is the next frame to be decoded now.
func (c *camera) next(now time.Time) (rtp.Unit, bool) {
	if !c.holding {
		u, csrc, ok, wanted := c.pop(now)
		if wanted {
			c.keyGate.Request(now)
		}
		if !ok {
			return u, false
		}
		if csrc != c.csrc {
			c.csrc, c.since, c.good = csrc, now, time.Time{}
			c.blind = !u.Key // others' pictures are no reference for this one's
		}
		c.held, c.holding = u, true
	}
	if now.Before(c.held.Arrived.Add(c.hold)) {
		return c.held, false
	}
	c.holding = false
	return c.held, true
}

func (c *camera) slow(now time.Time) {
	c.count.slow.Add(1)
	if c.strikes++; c.strikes >= slowStrikes {
		c.strikes, c.rests, c.blind = 0, now.Add(restTime), true
	}
}

// needs is how many lines somebody else's picture must have to be as good: seven tenths
// of where it is drawn, or as many as come here.
func (c *camera) needs() int {
	if lines := c.lines * 7 / 10; c.height == 0 || lines < c.height {
		return lines
	}
	return c.height
}

// measure notes the size that a keyframe of VP8 tells (RFC 6386 §9.1).
func (c *camera) measure(u rtp.Unit) {
	if u.Key && c.info.Codec == "VP8" && len(u.Data) >= 10 {
		c.height = int(binary.LittleEndian.Uint16(u.Data[8:]) & 0x3fff)
	}
}

// decode decodes a frame. After damage nothing is shown until the next keyframe.
func (c *camera) decode(now time.Time, u rtp.Unit) *video.Picture {
	c.measure(u)
	if now.Before(c.rests) || c.borrows || c.unseen && now.Sub(c.since) > newcomerTime {
		c.count.skipped.Add(1)
		c.blind = true
		return nil
	}
	if u.Key {
		c.blind = false
	}
	if c.blind && !c.lenient {
		c.count.skipped.Add(1)
		c.keyGate.Request(now)
		return nil
	}
	pic, err := c.decoder.Decode(u.Data)
	c.count.decoded.Add(1)
	switch {
	case err == nil:
		return pic
	case errors.Is(err, video.ErrDamaged) && c.lenient:
	default:
		c.blind, pic = true, nil
	}
	c.count.damaged.Add(1)
	c.keyGate.Request(now)
	return pic
}

// live says whether the stream is somebody's.
func (c *camera) live(now time.Time) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return !c.came.IsZero() && now.Sub(c.came) < goneAfter
}

// frozen says whether pictures have been missing for long. Who was never seen is shown
// by name, not grey.
func (c *camera) frozen(now time.Time) bool {
	return !c.good.IsZero() && now.Sub(c.good) >= frozenAfter
}

// follow keeps the pictures back for as long as the voice is later; voice is the time
// from capture until it is heard.
func (c *camera) follow(voice time.Duration) {
	at, ok := captured(c.source, c.info.Clock, c.stamp)
	if !ok || c.good.IsZero() {
		return
	}
	early := voice - c.good.Sub(at) // how much too soon the last picture was shown
	c.hold = min(max(c.hold+early/4, 0), longestLip)
}

// close detaches the source and frees the decoder.
func (c *camera) close() {
	c.source.Attach(nil)
	c.decoder.Close()
	c.holding = false
}
