package bridge

import (
	"fmt"
	"time"

	"tandem/media"
	"tandem/media/codec"
	"tandem/media/rtp"
)

const (
	longestPacket = 120 * time.Millisecond // of Opus (RFC 7587 §4.2); G.711 stays below
	// The most frames one tick takes from the jitter buffer; an endless loop over
	// empty packets is not possible.
	popsPerTick = 16
)

// player turns the packets of one audio stream into samples: jitter buffer, decoder,
// resampler. It has no lock.
type player struct {
	from      media.StreamInfo
	count     *counters
	listen    func(pcm []int16, voice bool) // hears every frame at inRate; may be nil
	jitter    *rtp.Jitter
	decoder   codec.Decoder
	resampler *codec.Resampler // nil when both work at one rate
	noise     codec.ComfortNoise
	inRate    int
	outRate   int
	decoded   []int16 // scratch: one frame at inRate
	pcm       []int16 // what waits, at outRate
	resting   bool    // the source sends nothing at all
	stamp     uint32  // of the packet that was decoded last
}

// newPlayer returns a player that decodes at in and gives samples of out Hz.
func newPlayer(from media.StreamInfo, in, out int, c *counters) (player, error) {
	p := player{
		from: from, count: c,
		jitter: rtp.NewJitter(rtp.JitterConfig{
			Clock: from.Clock, Packet: packetOf(from), Event: from.Event.PayloadType, Start: startDelay,
		}),
		inRate: in, outRate: out,
		decoded: make([]int16, 0, 2*samplesIn(longestPacket, in)),
		pcm:     make([]int16, 0, 4*samplesIn(longestPacket, out)),
	}
	var err error
	if p.decoder, err = newDecoder(from.Codec, in); err != nil {
		return p, fmt.Errorf("cannot decode %s: %w", from.Codec, err)
	}
	if in != out {
		p.resampler, err = codec.NewResampler(in, out)
	}
	return p, err
}

// fill takes frames until n samples wait.
func (p *player) fill(now time.Time, n int) {
	for range popsPerTick {
		if len(p.pcm) >= n {
			return
		}
		p.take(p.jitter.Pop(now))
	}
	for len(p.pcm) < n {
		p.pcm = append(p.pcm, 0)
	}
}

// drop forgets the first n samples, which were used.
func (p *player) drop(n int) { p.pcm = p.pcm[:copy(p.pcm, p.pcm[n:])] }

// take turns one frame into samples at the sink's rate.
func (p *player) take(f rtp.Frame) {
	pcm := p.play(f, p.decoded[:0])
	p.resting = f.Kind == rtp.Idle
	if p.listen != nil {
		p.listen(pcm, f.Kind == rtp.Voice)
	}
	if p.resampler != nil {
		p.pcm = p.resampler.Resample(p.pcm, pcm)
		return
	}
	p.pcm = append(p.pcm, pcm...)
}

// play appends the frame's samples at the source's rate.
func (p *player) play(f rtp.Frame, dst []int16) []int16 {
	n := samplesIn(f.Duration, p.inRate)
	switch {
	case f.Kind == rtp.Lost:
		p.count.lost.Add(1)
		return p.conceal(f, dst, n)
	case f.Kind == rtp.Voice && f.PayloadType == comfortNoise:
		p.noise.Update(f.Payload)
		return p.noise.Generate(dst, n)
	case f.Kind == rtp.Voice:
		return p.decode(f, dst, n)
	case f.Kind == rtp.Silence && p.from.Codec == "OPUS": // its decoder knows the noise
		return p.decoder.Conceal(dst, n)
	case f.Kind == rtp.Silence:
		return p.noise.Generate(dst, n)
	}
	for range n {
		dst = append(dst, 0)
	}
	return dst
}

func (p *player) decode(f rtp.Frame, dst []int16, n int) []int16 {
	p.stamp = f.Timestamp
	pcm, err := p.decoder.Decode(dst, f.Payload)
	if err != nil {
		p.count.errors.Add(1)
		return p.decoder.Conceal(dst, n)
	}
	switch f.Adjust {
	case rtp.Faster:
		return codec.Shorten(pcm, p.inRate)
	case rtp.Slower:
		return codec.Lengthen(pcm, p.inRate)
	}
	return pcm
}

func (p *player) conceal(f rtp.Frame, dst []int16, n int) []int16 {
	if r, ok := p.decoder.(codec.Recoverer); ok && f.Next != nil {
		if pcm, err := r.Recover(dst, f.Next, n); err == nil {
			return pcm
		}
	}
	return p.decoder.Conceal(dst, n)
}

// newDecoder opens a decoder at rate. "L16" is what this gateway speaks itself, such as
// a reception's sentences: samples in network order (RFC 3551 §4.5.11).
func newDecoder(name string, rate int) (codec.Decoder, error) {
	if name == "L16" {
		return linear{}, nil
	}
	return codec.NewDecoder(name, rate)
}

// linear decodes L16.
type linear struct{}

var _ codec.Decoder = linear{}

func (linear) Decode(dst []int16, payload []byte) ([]int16, error) {
	for i := 0; i+1 < len(payload); i += 2 {
		dst = append(dst, int16(uint16(payload[i])<<8|uint16(payload[i+1])))
	}
	return dst, nil
}

func (linear) Conceal(dst []int16, n int) []int16 {
	for range n {
		dst = append(dst, 0)
	}
	return dst
}
