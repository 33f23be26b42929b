package codec

import (
	"math"
	"slices"
	"testing"
	"time"

	"tandem/media/tone"
)

// G.711 and G.722 with 5 and 10 % of the frames of a voice lost, one or two in a
// row: what is heard instead is nearer to the voice than silence, in its level above
// all, and nothing clicks.
func TestConcealmentIsBetterThanSilence(t *testing.T) {
	for _, c := range []struct {
		name  string
		rate  int
		every int // of so many frames one is lost, and each second time the next one, too
	}{{"PCMU", 8000, 20}, {"PCMU", 8000, 10}, {"PCMA", 8000, 10}, {"G722", 16000, 10}} {
		whole, heard, lost := throughLoss(t, c.name, c.rate, c.every)
		var voice, off, silence, level float64
		for _, n := range lost {
			a, b := frameOf(whole, n, c.rate), frameOf(heard, n, c.rate)
			if rms(a) < 300 {
				continue // between the words
			}
			voice += rms(a)
			off += math.Abs(rms(a) - rms(b))
			silence += rms(a)
			level += rms(b)
		}
		t.Logf("%s, one of %d: level of the concealed frames %.2f of the voice's, off by %.2f (silence: 1)", c.name, c.every, level/voice, off/silence)
		if off/silence > 0.5 || level/voice < 0.5 || level/voice > 1.1 {
			t.Errorf("%s, one of %d: level %.2f, off by %.2f", c.name, c.every, level/voice, off/silence)
		}
		if got, limit := steepest(heard), steepest(whole)*3/2; got > limit {
			t.Errorf("%s: a click of %d, the voice has %d", c.name, got, limit)
		}
	}
}

// throughLoss is ten seconds of a voice as they were sent and as they were heard.
func throughLoss(t *testing.T, name string, rate, every int) (whole, heard []int16, lost []int) {
	t.Helper()
	in := make([]int16, 10*rate)
	tone.NewSpeech(rate, 3).Fill(in)
	e, err := NewEncoder(Params{Name: name, Rate: rate, Frame: 20 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	good, _ := NewDecoder(name, rate)
	bad, _ := NewDecoder(name, rate)
	for n, frame := range slices.Collect(slices.Chunk(in, rate/50)) {
		p, _ := e.Encode(nil, frame)
		whole, _ = good.Decode(whole, p)
		if n > 10 && (n%every == 0 || n%(2*every) == 1) {
			lost = append(lost, n)
			heard = bad.Conceal(heard, len(frame))
			continue
		}
		heard, _ = bad.Decode(heard, p)
	}
	return whole, heard, lost
}

func frameOf(pcm []int16, n, rate int) []int16 { return pcm[n*rate/50 : (n+1)*rate/50] }
