package bridge

import (
	"fmt"
	"strings"
	"sync"
	"time"

	"tandem/media"
	"tandem/media/codec"
	"tandem/media/dtmf"
	"tandem/media/rtp"
)

const (
	longestPacket = 120 * time.Millisecond // of Opus (RFC 7587 §4.2); G.711 stays below
	comfortNoise  = 13                     // static payload type (RFC 3389)
	startDelay    = 40 * time.Millisecond  // of the jitter buffer
	// The most frames one tick takes from the jitter buffer; an endless loop over
	// empty packets is not possible.
	popsPerTick = 16
)

// transcoder carries one direction through PCM. Packets come on the source's loop,
// the tick on a's: mu joins the two.
type transcoder struct {
	from   media.StreamInfo
	packet time.Duration // of the sink
	every  time.Duration

	mu sync.Mutex // guards all below
	output
	jitter    *rtp.Jitter
	decoder   codec.Decoder
	encoder   codec.Encoder
	resampler *codec.Resampler // nil when both work at one rate
	noise     codec.ComfortNoise
	inRate    int
	outRate   int
	decoded   []int16 // scratch: one frame at inRate
	pcm       []int16 // what waits to be encoded, at outRate
	payload   []byte
	owed      time.Duration // due and not written yet
	resting   bool          // the source sends nothing at all
	digits    *digits
}

var _ pipeline = (*transcoder)(nil)

func newTranscoder(p plan, o output, callback func(dtmf.Digit)) (*transcoder, error) {
	in, out := rates(p.from.Codec, p.to.Codec)
	t := &transcoder{
		from: p.from, packet: packetOf(p.to), every: tickFor(packetOf(p.to)), output: o,
		jitter: rtp.NewJitter(rtp.JitterConfig{
			Clock: p.from.Clock, Packet: packetOf(p.from), Event: p.from.Event.PayloadType, Start: startDelay,
		}),
		inRate: in, outRate: out,
		decoded: make([]int16, 0, 2*samplesIn(longestPacket, in)),
		pcm:     make([]int16, 0, 4*samplesIn(longestPacket, out)),
		payload: make([]byte, 0, 1500),
	}
	t.paused = true
	var err error
	if t.decoder, err = codec.NewDecoder(p.from.Codec, in); err != nil {
		return nil, fmt.Errorf("cannot decode %s: %w", p.from.Codec, err)
	}
	if t.encoder, err = newEncoder(p.to, out); err != nil {
		return nil, fmt.Errorf("cannot encode %s: %w", p.to.Codec, err)
	}
	if in != out {
		if t.resampler, err = codec.NewResampler(in, out); err != nil {
			return nil, err
		}
	}
	t.digits = newDigits(t, callback)
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
		t.pcm = t.pcm[:copy(t.pcm, t.pcm[n:])]
		t.advance(t.packet)
	}
}

// fill takes frames until n samples wait.
func (t *transcoder) fill(now time.Time, n int) {
	for range popsPerTick {
		if len(t.pcm) >= n {
			return
		}
		t.take(t.jitter.Pop(now))
	}
	for len(t.pcm) < n {
		t.pcm = append(t.pcm, 0)
	}
}

// take turns one frame into samples at the sink's rate.
func (t *transcoder) take(f rtp.Frame) {
	pcm := t.play(f, t.decoded[:0])
	t.resting = f.Kind == rtp.Idle
	t.digits.listen(pcm, f.Kind == rtp.Voice)
	if t.resampler != nil {
		t.pcm = t.resampler.Resample(t.pcm, pcm)
		return
	}
	t.pcm = append(t.pcm, pcm...)
}

// play appends the frame's samples at the source's rate.
func (t *transcoder) play(f rtp.Frame, dst []int16) []int16 {
	n := samplesIn(f.Duration, t.inRate)
	switch {
	case f.Kind == rtp.Lost:
		t.counters.lost.Add(1)
		return t.conceal(f, dst, n)
	case f.Kind == rtp.Voice && f.PayloadType == comfortNoise:
		t.noise.Update(f.Payload)
		return t.noise.Generate(dst, n)
	case f.Kind == rtp.Voice:
		return t.decode(f, dst, n)
	case f.Kind == rtp.Silence && t.from.Codec == "OPUS": // its decoder knows the noise
		return t.decoder.Conceal(dst, n)
	case f.Kind == rtp.Silence:
		return t.noise.Generate(dst, n)
	}
	for range n {
		dst = append(dst, 0)
	}
	return dst
}

func (t *transcoder) decode(f rtp.Frame, dst []int16, n int) []int16 {
	pcm, err := t.decoder.Decode(dst, f.Payload)
	if err != nil {
		t.counters.errors.Add(1)
		return t.decoder.Conceal(dst, n)
	}
	switch f.Adjust {
	case rtp.Faster:
		return codec.Shorten(pcm, t.inRate)
	case rtp.Slower:
		return codec.Lengthen(pcm, t.inRate)
	}
	return pcm
}

func (t *transcoder) conceal(f rtp.Frame, dst []int16, n int) []int16 {
	if r, ok := t.decoder.(codec.Recoverer); ok && f.Next != nil {
		if pcm, err := r.Recover(dst, f.Next, n); err == nil {
			return pcm
		}
	}
	return t.decoder.Conceal(dst, n)
}

// emit writes one packet of audio, or what stands in its place.
func (t *transcoder) emit(now time.Time, pcm []int16) {
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
