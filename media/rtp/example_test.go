package rtp_test

import (
	"fmt"
	"time"

	"tandem/media"
	"tandem/media/codec"
	"tandem/media/rtp"
)

// On every tick of 20 ms the buffer is popped until the audio of the tick is there.
func ExampleJitter() {
	const rate, tick = 8000, 160 // samples
	jitter := rtp.NewJitter(rtp.JitterConfig{Clock: 8000})
	decoder, _ := codec.NewDecoder("PCMU", rate)
	var noise codec.ComfortNoise
	var pcm []int16

	now := time.Unix(1, 0)
	for n := range 10 {
		if n != 5 { // a lost packet
			jitter.Push(now, &media.Packet{Sequence: uint16(n), Timestamp: uint32(n * tick), Payload: make([]byte, tick)})
		}
		for len(pcm) < tick {
			f := jitter.Pop(now)
			samples := int(f.Duration * rate / time.Second)
			start := len(pcm)
			switch {
			case f.Kind == rtp.Voice && f.PayloadType == 13:
				noise.Update(f.Payload)
				pcm = noise.Generate(pcm, samples)
			case f.Kind == rtp.Voice:
				pcm, _ = decoder.Decode(pcm, f.Payload)
			case f.Kind == rtp.Lost:
				pcm = decoder.Conceal(pcm, samples)
			default:
				pcm = noise.Generate(pcm, samples)
			}
			switch f.Adjust {
			case rtp.Faster:
				pcm = pcm[:start+len(codec.Shorten(pcm[start:], rate))]
			case rtp.Slower:
				pcm = append(pcm[:start], codec.Lengthen(pcm[start:], rate)...)
			}
			fmt.Print(f.Kind, " ")
		}
		pcm = append(pcm[:0], pcm[tick:]...) // play the tick
		now = now.Add(20 * time.Millisecond)
	}
	// Output: silence silence voice voice voice voice voice lost voice voice
}
