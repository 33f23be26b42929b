package bridge

import (
	"time"

	"tandem/media"
	"tandem/media/codec"
	"tandem/media/tone"
)

// ringer plays a ringback tone to the sink. What the source sends meanwhile is
// inaudible (the ear before this pipeline says so) and dropped.
type ringer struct {
	output
	tone    *tone.Generator
	encoder codec.Encoder
	pcm     []int16
	payload []byte
	packet  time.Duration
	every   time.Duration
	owed    time.Duration
}

var _ pipeline = (*ringer)(nil)

func newRinger(p plan, o output, country string) (*ringer, error) {
	if country == "" {
		country = "us"
	}
	_, rate := rates("PCMU", p.to.Codec)
	d := packetOf(p.to)
	enc, err := newEncoder(p.to, rate)
	if err != nil {
		return nil, err
	}
	o.paused = true
	return &ringer{
		output: o, tone: tone.Ringback(country, rate), encoder: enc,
		pcm: make([]int16, samplesIn(d, rate)), payload: make([]byte, 0, 1500), packet: d, every: tickFor(d),
	}, nil
}

func (r *ringer) Receive(*media.Packet) { r.counters.dropped.Add(1) }

func (r *ringer) period() time.Duration { return r.every }

func (r *ringer) tick(time.Time) {
	for r.owed += r.every; r.owed >= r.packet; r.owed -= r.packet {
		r.tone.Fill(r.pcm)
		payload, err := r.encoder.Encode(r.payload[:0], r.pcm)
		if err != nil {
			r.counters.errors.Add(1)
		} else {
			r.write(payload)
		}
		r.advance(r.packet)
	}
}

func (*ringer) finish() {}

func (r *ringer) String() string { return "ringback -> " + r.to.Codec }
