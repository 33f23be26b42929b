// Package mix adds up the audio of a conference, each participant hearing all but
// itself ("mix-minus"), and tells who speaks. It has no clock and no goroutine: the
// bridge that owns the mixer calls Tick once per frame time, a test calls it as often
// as it likes. Start reading at [Mixer] and [Speakers].
package mix

import "slices"

// A Mixer mixes mono 16-bit PCM of one sample rate.
type Mixer struct {
	rate   int // Hz
	size   int // samples of a frame
	inputs []*Input
	sum    []int32
	all    output // what those hear who say nothing
}

// An Input is one participant's side of a Mixer.
type Input struct {
	in      []int16
	spoken  bool // in has something for the next Tick
	loud    bool // in had something in the last Tick
	level   Level
	own     output
	heard   []int16
	present bool
}

// New returns a mixer for frames of size samples at rate Hz.
func New(rate, size int) *Mixer {
	return &Mixer{rate: rate, size: size, sum: make([]int32, size), all: newOutput(size)}
}

// Add adds a silent participant.
func (m *Mixer) Add() *Input {
	in := &Input{in: make([]int16, m.size), own: newOutput(m.size), present: true}
	in.level = Silence
	in.heard = in.own.pcm
	m.inputs = append(m.inputs, in)
	return in
}

// Remove takes a participant away. It does nothing when it is not there.
func (m *Mixer) Remove(in *Input) {
	m.inputs = slices.DeleteFunc(m.inputs, func(i *Input) bool { return i == in })
	in.present = false
}

// Len is how many participants there are.
func (m *Mixer) Len() int { return len(m.inputs) }

// Put sets what the participant says in the next Tick. A short frame is filled up with
// silence, nil is silence.
func (i *Input) Put(frame []int16) {
	i.spoken = len(frame) > 0
	clear(i.in[copy(i.in, frame):])
}

// Out is what the participant hears after Tick. It may be shared with others: it is
// not to be written to, and valid until the next Tick.
func (i *Input) Out() []int16 { return i.heard }

// Level is how loud the participant was in the last Tick.
func (i *Input) Level() Level { return i.level }

// Tick mixes one frame.
func (m *Mixer) Tick() {
	clear(m.sum)
	for _, in := range m.inputs {
		in.level, in.loud = Silence, false
		if in.spoken {
			in.level = Measure(in.in)
			in.loud = in.level > Silence
		}
		in.spoken = false
		if in.loud {
			add(m.sum, in.in)
		}
	}
	m.all.mix(m.sum, nil, m.rate)
	for _, in := range m.inputs {
		in.heard = m.all.pcm
		if in.loud {
			in.own.mix(m.sum, in.in, m.rate)
			in.heard = in.own.pcm
			continue
		}
		in.own.gain = m.all.gain // goes on from here when it speaks
	}
}

func add(sum []int32, frame []int16) {
	for s, v := range frame[:len(sum)] {
		sum[s] += int32(v)
	}
}
