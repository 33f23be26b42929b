package bridge

import (
	"sync/atomic"
	"time"

	"tandem/media"
	"tandem/media/codec"
	"tandem/media/tone"
)

const (
	audibleLevel = -50.0 // dBFS; comfort noise is below it, every tone and voice above
	audibleAfter = 5     // loud packets more than quiet ones: 100 ms, more than a click
	// The longest pause of a ringback cadence (Europe and North America 4 s): a
	// tone that is only pausing still counts as heard.
	audibleFor = 6 * time.Second
)

// ear finds out whether a source is audible before the far end has answered: early
// media may be a ringback tone, an announcement, or nothing at all (GV-C15). It sits
// before the pipeline, in the order of arrival: for a level no jitter buffer is
// needed.
type ear struct {
	next    media.Receiver
	from    media.StreamInfo
	decoder codec.Decoder
	pcm     []int16
	loud    int
	last    atomic.Int64 // when it was last audible, Unix nanoseconds; 0: never
	tell    func()       // called when it becomes audible
}

var _ media.Receiver = (*ear)(nil)

func newEar(from media.StreamInfo, tell func()) (*ear, error) {
	rate, _ := rates(from.Codec, "PCMU")
	d, err := codec.NewDecoder(from.Codec, rate)
	if err != nil {
		return nil, err
	}
	return &ear{from: from, decoder: d, pcm: make([]int16, 0, samplesIn(longestPacket, rate)), tell: tell}, nil
}

func (e *ear) Receive(p *media.Packet) {
	if p.PayloadType == e.from.PayloadType {
		e.hear(p)
	}
	e.next.Receive(p)
}

func (e *ear) hear(p *media.Packet) {
	pcm, err := e.decoder.Decode(e.pcm[:0], p.Payload)
	if err != nil || len(pcm) == 0 {
		return
	}
	if tone.Level(pcm) < audibleLevel {
		e.loud = max(e.loud-1, 0)
		return
	}
	if e.loud = min(e.loud+1, 2*audibleAfter); e.loud < audibleAfter {
		return
	}
	before := e.last.Swap(p.Arrived.UnixNano())
	if p.Arrived.Sub(time.Unix(0, before)) > audibleFor {
		e.tell()
	}
}

func (e *ear) audible(now time.Time) bool {
	last := e.last.Load()
	return last != 0 && now.Sub(time.Unix(0, last)) <= audibleFor
}
