package simulcast

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"tandem/internal/moving"
	"tandem/media"
	"tandem/media/codec/vpx"
	"tandem/media/rtp"
	"tandem/media/video"
)

// lossy is a path that loses, delays and reorders packets, in virtual time.
type lossy struct {
	r      *rand.Rand
	loss   float64
	flight []flying
}

type flying struct {
	at     time.Time
	packet media.Packet
}

func (l *lossy) send(now time.Time, p *media.Packet) {
	if l.r.Float64() < l.loss {
		return
	}
	q := *p
	q.Payload = slices.Clone(p.Payload)
	at := now.Add(20*time.Millisecond + time.Duration(l.r.IntN(15))*time.Millisecond)
	l.flight = append(l.flight, flying{at, q})
}

func (l *lossy) receive(now time.Time, f func(*media.Packet)) {
	slices.SortStableFunc(l.flight, func(a, b flying) int { return a.at.Compare(b.at) })
	for len(l.flight) > 0 && !l.flight[0].at.After(now) {
		f(&l.flight[0].packet)
		l.flight = l.flight[1:]
	}
}

// trip is one layer on its way through everything a stream meets: packets, loss,
// requests, retransmission, keyframes.
type trip struct {
	t              *testing.T
	scene          []*video.Picture
	encoder        *Encoder
	decoder        *vpx.Decoder
	packetizer     rtp.VP8Packetizer
	assembler      *rtp.Assembler
	history        rtp.History
	gate           rtp.KeyframeGate
	there, back    lossy
	sequence       uint16
	shown, smeared int
	encoded        int
}

const (
	tripTime  = 60 * time.Millisecond
	tripFrame = 33 * time.Millisecond
	tripClock = 2970 // of a frame
)

func newTrip(t *testing.T, scene []*video.Picture, loss float64, temporal int) *trip {
	d, err := vpx.NewDecoder()
	if err != nil {
		t.Fatal(err)
	}
	e := New(Config{Height: 108, Temporal: temporal})
	t.Cleanup(func() { d.Close(); e.Close() })
	a := rtp.NewAssembler(rtp.AssemblerConfig{Codec: "VP8"})
	a.SetRoundTrip(tripTime)
	return &trip{
		t: t, scene: scene, encoder: e, decoder: d, assembler: a, sequence: 65000,
		packetizer: rtp.VP8Packetizer{Layers: temporal > 1, Picture: 32700, MTU: 120},
		there:      lossy{r: rand.New(rand.NewPCG(1, uint64(loss*100))), loss: loss},
		back:       lossy{r: rand.New(rand.NewPCG(2, 2)), loss: loss},
	}
}

// encode sends the top layer of the next picture.
func (r *trip) encode(now time.Time) {
	if r.gate.Due(now) {
		r.encoder.RequestKey(2)
	}
	frames, err := r.encoder.Encode(r.scene[r.encoded], time.Duration(r.encoded)*tripFrame)
	if err != nil {
		r.t.Fatal(err)
	}
	if f := frames[len(frames)-1]; f.Layer == 2 {
		list := r.packetizer.Packetize(rtp.VP8Frame{
			Data: f.Data, Key: f.Key, NonReference: f.Discard, Temporal: uint8(f.Temporal), Sync: f.Sync,
		})
		for i, b := range list {
			p := &media.Packet{Sequence: r.sequence, Timestamp: uint32(r.encoded) * tripClock, SSRC: 5, Marker: i == len(list)-1, Payload: b}
			r.sequence++
			r.history.Keep(now, p)
			r.there.send(now, p)
		}
	}
	r.encoded++
}

// show decodes what has arrived and compares it with what was sent.
func (r *trip) show(now time.Time) {
	r.there.receive(now, func(p *media.Packet) { r.assembler.Push(now, p) })
	for u, ok := r.assembler.Pop(now); ok; u, ok = r.assembler.Pop(now) {
		pic, err := r.decoder.Decode(u.Data)
		if err != nil {
			r.t.Fatal(err)
		}
		r.shown++
		if moving.PSNR(pic, r.scene[u.Timestamp/tripClock]) < 24 {
			r.smeared++
		}
	}
}

// feedback asks for what is missing, and answers what has come of that.
func (r *trip) feedback(now time.Time) {
	b := rtp.AppendNACK(nil, 1, 5, r.assembler.Missing(now))
	if r.assembler.WantsKeyframe(now) {
		b = rtp.AppendPLI(b, 1, 5)
	}
	if len(b) > 0 {
		r.back.send(now, &media.Packet{Payload: b})
	}
	r.back.receive(now, func(p *media.Packet) {
		for f := range rtp.Feedbacks(p.Payload) {
			for range f.Streams() {
				r.gate.Request(now)
			}
			for s := range f.Lost() {
				if q := r.history.Again(now, s, tripTime); q != nil {
					r.there.send(now, q)
				}
			}
		}
	})
}

// What is shown must look like what was sent: a decoder that works on without its
// references would smear.
func TestPicturesOverABadPathAreWholeOrMissing(t *testing.T) {
	if !vpx.Available {
		t.Skip("no VP8")
	}
	scene := moving.Scene(192, 108, 150)
	for _, c := range []struct {
		loss     float64
		temporal int
		least    int // frames of 150 that are to be seen
	}{{0, 1, 148}, {0.01, 1, 145}, {0.05, 3, 130}, {0.2, 1, 60}, {0.2, 3, 60}} {
		r := newTrip(t, scene, c.loss, c.temporal)
		const tick = 10 * time.Millisecond
		begin := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
		for at := time.Duration(0); at < time.Duration(len(scene))*tripFrame+600*time.Millisecond; at += tick {
			now := begin.Add(at)
			if r.encoded < len(scene) && at >= time.Duration(r.encoded)*tripFrame {
				r.encode(now)
			}
			r.show(now)
			r.feedback(now)
		}
		if r.shown < c.least || r.smeared > 0 {
			t.Errorf("%.0f %% loss, %d temporal layers: %d of 150 frames shown, %d of them smeared; %+v",
				c.loss*100, c.temporal, r.shown, r.smeared, r.assembler.Stats())
		}
	}
}
