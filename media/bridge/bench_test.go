package bridge

import (
	"testing"
	"time"

	"tandem/media"
	"tandem/media/codec"
	"tandem/media/tone"
)

func BenchmarkRelay(b *testing.B) {
	sa, sb := session(stream("PCMU")), session(stream("PCMU"))
	sb.sink.keep = false
	br := Join(sa, sb, Options{})
	defer br.Close()
	p := media.Packet{Payload: make([]byte, 160), Arrived: time.Now()}
	r := sa.source.receiver
	b.ReportAllocs()
	for b.Loop() {
		r.Receive(&p)
	}
}

// BenchmarkTranscode is one packet of one direction: received, buffered, decoded,
// encoded, written. Nearly all of it is the codecs' (goal P-4).
func BenchmarkTranscode(b *testing.B) {
	for _, test := range []struct{ from, to string }{{"PCMU", "G722"}, {"G722", "PCMU"}, {"PCMU", "OPUS"}, {"OPUS", "PCMU"}} {
		b.Run(test.from+" to "+test.to, func(b *testing.B) {
			if !codec.Available(test.from) || !codec.Available(test.to) {
				b.Skip("this build lacks a codec")
			}
			i := stream(test.from)
			sa, sb := session(i), session(stream(test.to))
			sb.sink.keep = false
			br := Join(sa, sb, Options{})
			defer br.Close()
			k := newTalker(b, sa, func(rate int) func([]int16) { return tone.NewSpeech(rate, 1).Fill })
			var payloads [][]byte
			for range 100 {
				pcm := make([]int16, samplesIn(i.Packet, k.rate))
				k.signal(pcm)
				payload, err := k.encoder.Encode(nil, pcm)
				if err != nil {
					b.Fatal(err)
				}
				payloads = append(payloads, payload)
			}
			p := media.Packet{PayloadType: i.PayloadType, Arrived: time.Now()}
			tick := br.toB.pipe.tick
			b.ReportAllocs()
			for b.Loop() {
				p.Sequence++
				p.Timestamp += uint32(samplesIn(i.Packet, i.Clock))
				p.Arrived = p.Arrived.Add(i.Packet)
				p.Payload = payloads[int(p.Sequence)%len(payloads)]
				sa.source.receiver.Receive(&p)
				tick(p.Arrived)
			}
		})
	}
}
