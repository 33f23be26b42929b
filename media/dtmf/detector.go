package dtmf

import (
	"math"
	"math/cmplx"
	"time"
)

// Detector finds digits in the audio of one stream: each once, when it has ended.
//
// It looks at blocks of 12.75 ms. A key is down when two blocks in a row have the
// same pair of tones, with nothing else of weight beside it, and when the phase
// of both tones has moved from one block to the next as their frequencies say, to
// 2.5 %. Speech has such pairs for one block now and then, but hardly the phases.
type Detector struct {
	rate  int
	size  int // of a block
	tones [8]resonator
	n     int     // samples of the running block
	power float64 // their energy

	candidate int // key of the last block, index into keypad; -1 without
	phases    [2]complex128
	level     float64 // energy of the candidate's pair
	down      int     // key that is down; -1 without
	blocks    int     // since it went down
	misses    int     // blocks in a row without it
	ready     []Digit
}

const (
	weakest       = 2e-5 // energy of a tone against full scale, about -44 dBFS
	twist         = 6.3  // 8 dB, between the two tones either way
	alone         = 5.0  // 7 dB, over the other tones of its group
	purity        = 0.65 // share of the pair in the energy of the block
	tolerance     = 0.025
	steadiness    = 4.0 // 6 dB, from a block to the next
	missesToEnd   = 2
	blockDuration = 12750 * time.Microsecond
)

// A resonator is a Goertzel filter.
type resonator struct {
	freq    float64 // Hz
	omega   float64 // radians for each sample
	c       float64 // 2 cos(omega)
	s1, s2  float64
	advance float64 // phase that a block adds
}

// NewDetector returns a detector for samples of rate Hz, 8000 or more.
func NewDetector(rate int) *Detector {
	rate = max(rate, 8000)
	d := &Detector{rate: rate, size: int(blockDuration * time.Duration(rate) / time.Second), candidate: -1, down: -1}
	for i := range d.tones {
		freq := rows[i&3]
		if i >= 4 {
			freq = columns[i&3]
		}
		omega := 2 * math.Pi * freq / float64(rate)
		d.tones[i] = resonator{freq: freq, omega: omega, c: 2 * math.Cos(omega), advance: omega * float64(d.size)}
	}
	return d
}

// Detect takes the next samples and reports a digit that has ended, at most one
// for each call (a digit and its pause take longer than 60 ms).
func (d *Detector) Detect(pcm []int16) (Digit, bool) {
	for len(pcm) > 0 {
		n := min(d.size-d.n, len(pcm))
		d.run(pcm[:n])
		pcm = pcm[n:]
		if d.n += n; d.n == d.size {
			d.judge()
			d.n, d.power = 0, 0
		}
	}
	if len(d.ready) == 0 {
		return Digit{}, false
	}
	first := d.ready[0]
	d.ready = append(d.ready[:0], d.ready[1:]...)
	return first, true
}

func (d *Detector) run(pcm []int16) {
	for _, v := range pcm {
		x := float64(v)
		d.power += x * x
	}
	for i := range d.tones {
		t := &d.tones[i]
		s1, s2, c := t.s1, t.s2, t.c
		for _, v := range pcm {
			s1, s2 = float64(v)+c*s1-s2, s1
		}
		t.s1, t.s2 = s1, s2
	}
}

// judge ends a block.
func (d *Detector) judge() {
	var x [8]complex128
	var energy [8]float64
	for i := range d.tones {
		x[i] = d.tones[i].take()
		energy[i] = real(x[i])*real(x[i]) + imag(x[i])*imag(x[i])
	}
	row, column := strongest(energy[:4]), 4+strongest(energy[4:])
	key := -1
	if d.pair(energy, row, column) {
		key = row*4 + column - 4
	}
	pair := energy[row] + energy[column]
	steady := key >= 0 && key == d.candidate &&
		pair < steadiness*d.level && d.level < steadiness*pair &&
		d.tones[row].inTune(d.phases[0], x[row]) && d.tones[column].inTune(d.phases[1], x[column])
	d.follow(key, steady)
	d.candidate, d.level, d.phases = key, pair, [2]complex128{x[row], x[column]}
}

// take returns the block's amplitude at the resonator's frequency and empties it.
func (t *resonator) take() complex128 {
	v := complex(t.s1, 0) - cmplx.Exp(complex(0, -t.omega))*complex(t.s2, 0)
	t.s1, t.s2 = 0, 0
	return v
}

// inTune says whether the phase moved from one block to the next as the tone's
// frequency would move it.
func (t *resonator) inTune(before, now complex128) bool {
	// The amplitude of a block counts its phase from the block's end.
	turned := cmplx.Phase(now * cmplx.Conj(before) * cmplx.Exp(complex(0, -t.advance)))
	return math.Abs(turned) <= tolerance*t.advance
}

func strongest(energy []float64) int {
	best := 0
	for i, e := range energy {
		if e > energy[best] {
			best = i
		}
	}
	return best
}

// pair says whether a block is of these two tones and of nothing else.
func (d *Detector) pair(energy [8]float64, row, column int) bool {
	n := float64(d.size)
	low, high := energy[row], energy[column]
	// A tone of amplitude a gives (a*n/2)², a block of it has the energy a²n/2.
	floor := weakest * math.MaxInt16 * math.MaxInt16 * n * n / 4
	if low < floor || high < floor || low > twist*high || high > twist*low {
		return false
	}
	for i, e := range energy {
		own := low
		if i >= 4 {
			own = high
		}
		if i != row && i != column && e*alone > own {
			return false
		}
	}
	return (low+high)*2/n >= purity*d.power
}

// follow is the key's state: down after two blocks in tune, up after two without.
func (d *Detector) follow(key int, steady bool) {
	if d.down >= 0 {
		d.blocks++
		if key == d.down {
			d.misses = 0
			return
		}
		if d.misses++; d.misses < missesToEnd && !steady {
			return
		}
		d.release()
	}
	if steady {
		d.down, d.blocks, d.misses = key, 2, 0
	}
}

func (d *Detector) release() {
	held := time.Duration(d.blocks-d.misses) * blockDuration
	d.ready = append(d.ready, Digit{rune(keypad[d.down]), held})
	d.down = -1
}
