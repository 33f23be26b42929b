package bridge

import (
	"fmt"
	"strings"
	"sync"
	"time"

	"tandem/media"
	"tandem/media/codec"
	"tandem/media/dtmf"
)

const (
	comfortNoise = 13                    // static payload type (RFC 3389)
	startDelay   = 40 * time.Millisecond // of the jitter buffer
)

// transcoder carries one direction through PCM. Packets come on the source's loop,
// the tick on a's: mu joins the two.
type transcoder struct {
	packet time.Duration // of the sink
	every  time.Duration
	hushed bool // the voice is replaced by silence

	mu sync.Mutex // guards all below
	output
	player
	encoder codec.Encoder
	payload []byte
	owed    time.Duration // due and not written yet
	digits  *digits
}

var _ pipeline = (*transcoder)(nil)

func newTranscoder(p plan, o output, callback func(dtmf.Digit)) (*transcoder, error) {
	in, out := rates(p.from.Codec, p.to.Codec)
	t := &transcoder{
		packet: packetOf(p.to), every: tickFor(packetOf(p.to)), hushed: p.tech == hushed, output: o,
		payload: make([]byte, 0, 1500),
	}
	t.paused = true
	var err error
	if t.player, err = newPlayer(p.from, in, out, o.counters); err != nil {
		return nil, err
	}
	if t.encoder, err = newEncoder(p.to, out); err != nil {
		return nil, fmt.Errorf("cannot encode %s: %w", p.to.Codec, err)
	}
	t.digits = newDigits(t, callback)
	t.listen = t.digits.listen
	return t, nil
}

// newEncoder opens an encoder for a stream. Half of the networks between here and
// the far end lose now and then; FEC costs little when the far end can use it.
func newEncoder(to media.StreamInfo, rate int) (codec.Encoder, error) {
	p := codec.Params{Name: to.Codec, Rate: rate, Frame: packetOf(to)}
	if strings.Contains(to.FMTP, "useinbandfec=1") {
		p.Loss = 5
	}
	return codec.NewEncoder(p)
}

func (t *transcoder) Receive(p *media.Packet) {
	t.mu.Lock()
	defer t.mu.Unlock()
	switch {
	case isEvent(p, t.from):
		t.digits.receive(p)
	case p.PayloadType == t.from.PayloadType:
	case p.PayloadType == comfortNoise && t.from.Clock == 8000:
	default:
		t.counters.dropped.Add(1)
		return
	}
	t.jitter.Push(p.Arrived, p)
}

func (t *transcoder) period() time.Duration { return t.every }

// tick writes what is due. A direction's audio is decoded when it is due and not
// before: the jitter buffer is where it waits.
func (t *transcoder) tick(now time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.digits.tick(now)
	n := samplesIn(t.packet, t.outRate)
	for t.owed += t.every; t.owed >= t.packet; t.owed -= t.packet {
		t.fill(now, n)
		t.emit(now, t.pcm[:n])
		t.drop(n)
		t.advance(t.packet)
	}
}

// emit writes one packet of audio, or what stands in its place.
func (t *transcoder) emit(now time.Time, pcm []int16) {
	if t.hushed {
		clear(pcm) // a far end that gets nothing would take the call for dead
	}
	tones := t.digits.fill(pcm)
	if t.digits.write(now) || t.resting && !tones {
		t.paused = true // a digit replaces the audio (RFC 4733 §2.3); a source that never sent has none
		return
	}
	payload, err := t.encoder.Encode(t.payload[:0], pcm)
	if err != nil {
		t.counters.errors.Add(1)
		return
	}
	if len(payload) > 0 {
		t.write(payload)
	}
}

// addTo adds what the jitter buffer counted.
func (t *transcoder) addTo(s *PathStats) {
	t.mu.Lock()
	defer t.mu.Unlock()
	j := t.jitter.Stats()
	s.Late += j.Late
	s.Duplicate += j.Duplicate
	s.Dropped += j.Discarded
	s.Delay = j.Delay
}

func (t *transcoder) finish() {
	j := t.jitter.Stats()
	t.counters.late.Add(j.Late)
	t.counters.duplicate.Add(j.Duplicate)
	t.counters.dropped.Add(j.Discarded)
}

// String prints "PCMU -> jitter 40ms -> decode -> OPUS".
func (t *transcoder) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.hushed {
		return t.from.Codec + " muted -> " + t.to.Codec
	}
	delay := startDelay
	if j := t.jitter.Stats(); j.Received > 0 {
		delay = j.Target
	}
	s := fmt.Sprintf("%s -> jitter %v -> decode -> ", t.from.Codec, delay)
	if t.resampler != nil {
		s += fmt.Sprintf("resample %d -> ", t.outRate)
	}
	return s + t.digits.String() + t.to.Codec
}
