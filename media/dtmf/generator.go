package dtmf

import (
	"math"
	"strings"
	"time"
)

// The tones of a key: one of its row and one of its column (ITU-T Q.23), in Hz.
var (
	rows    = [4]float64{697, 770, 852, 941}
	columns = [4]float64{1209, 1336, 1477, 1633}
)

// keypad is the keys by row and column.
const keypad = "123A456B789C*0#D"

// The high tone is sent 2 dB stronger: a telephone line takes more off it (Q.23).
const (
	lowLevel  = 0.316 // -10 dBFS
	highLevel = 0.398 // -8 dBFS
)

// Generator plays digits as tones in the audio of one stream.
type Generator struct {
	rate    int
	waiting queue
	at      int // samples into the digit and the pause after it
	tone    int // samples of the digit; 0 while nothing is played
	total   int // with the pause
	low     float64
	high    float64 // frequencies, in radians for each sample
}

// NewGenerator returns a generator of samples of rate Hz.
func NewGenerator(rate int) *Generator { return &Generator{rate: max(rate, 1)} }

// Send queues a digit. Its duration is 100 ms when it is zero. A flash has no tone.
func (g *Generator) Send(d Digit) error {
	if d.Key == Flash {
		return ErrKey
	}
	return g.waiting.push(d)
}

// Fill overwrites pcm with digits and the pauses between them. When there is
// nothing to play it leaves pcm alone and returns false.
func (g *Generator) Fill(pcm []int16) bool {
	if g.tone == 0 && len(g.waiting.digits) == 0 {
		return false
	}
	for i := range pcm {
		if g.tone == 0 && !g.begin() {
			clear(pcm[i:])
			return true
		}
		pcm[i] = g.next()
	}
	return true
}

func (g *Generator) begin() bool {
	d, ok := g.waiting.pop()
	if !ok {
		return false
	}
	low, high := tones(d.Key)
	g.low, g.high = 2*math.Pi*low/float64(g.rate), 2*math.Pi*high/float64(g.rate)
	g.at = 0
	g.tone = int(d.Duration * time.Duration(g.rate) / time.Second)
	g.total = g.tone + int(pauseBetween*time.Duration(g.rate)/time.Second)
	return true
}

func (g *Generator) next() int16 {
	t := float64(g.at)
	var v float64
	if g.at < g.tone {
		v = lowLevel*math.Sin(g.low*t) + highLevel*math.Sin(g.high*t)
		// The edges are softened over 2 ms: a click has all frequencies.
		if edge := min(g.at+1, g.tone-g.at); edge < g.rate/500 {
			v *= float64(edge) / float64(g.rate/500)
		}
	}
	if g.at++; g.at >= g.total {
		g.tone = 0
	}
	return int16(v * math.MaxInt16)
}

func tones(key rune) (low, high float64) {
	i := strings.IndexRune(keypad, key)
	return rows[i/4], columns[i%4]
}
