package audio

import (
	"math"
	"time"
)

// window is how much sound one measurement looks at: 100 ms.
const window = Rate / 10

// maxSegments bounds a meter's memory; what comes later extends the last one.
const maxSegments = 1000

// silenceLevel is below what a telephone user calls a sound.
const silenceLevel = -50 // dBFS

// pure is the share of the power one frequency must have to be a tone.
const pure = 0.6

// Segment is a stretch of time in which the same thing was heard.
type Segment struct {
	From      time.Duration `json:"from"` // since the meter's first sample
	To        time.Duration `json:"to"`
	Frequency float64       `json:"frequency"` // Hz; 0: silence or no single tone
	Level     float64       `json:"level"`     // dBFS, RMS
	Noise     bool          `json:"noise,omitempty"`
}

// Meter listens to sound and says which tones it heard, how loud and when. It
// is not safe for concurrent use.
type Meter struct {
	buf      []float64
	samples  int
	segments []Segment
}

// Write hears samples.
func (m *Meter) Write(pcm []int16) {
	for _, s := range pcm {
		m.buf = append(m.buf, float64(s))
		m.samples++
		if len(m.buf) == window {
			m.measure()
			m.buf = m.buf[:0]
		}
	}
}

func (m *Meter) measure() {
	to := time.Duration(m.samples) * time.Second / Rate
	s := Segment{From: to - window*time.Second/Rate, To: to}
	var sum float64
	for _, x := range m.buf {
		sum += x * x
	}
	mean := sum / window
	s.Level = dBFS(mean)
	if s.Level > silenceLevel {
		hint := 0.0
		if n := len(m.segments); n > 0 {
			hint = m.segments[n-1].Frequency
		}
		f, p := loudest(m.buf, hint, pure*mean)
		s.Noise = p < pure*mean
		if !s.Noise {
			s.Frequency = f
		}
	}
	m.add(s)
}

func (m *Meter) add(s Segment) {
	if n := len(m.segments); n > 0 && (m.segments[n-1].like(s) || n >= maxSegments) {
		last := &m.segments[n-1]
		old, added := last.To-last.From, s.To-s.From
		share := float64(added) / float64(old+added)
		last.Level += (s.Level - last.Level) * share
		last.Frequency += (s.Frequency - last.Frequency) * share
		last.To = s.To
		return
	}
	m.segments = append(m.segments, s)
}

func (s Segment) like(o Segment) bool {
	return s.Noise == o.Noise && math.Abs(s.Frequency-o.Frequency) < 15 && (s.Level > silenceLevel) == (o.Level > silenceLevel)
}

// Segments is what was heard so far, in order.
func (m *Meter) Segments() []Segment { return append([]Segment(nil), m.segments...) }

// Main is the longest tone heard; its Frequency is 0 if there was none.
func (m *Meter) Main() Segment { return Longest(m.segments) }

// Longest is the tone that sounded longest in total, with From and To of its
// longest stretch.
func Longest(segments []Segment) Segment {
	var best Segment
	for _, s := range segments {
		if s.Frequency > 0 && s.To-s.From > best.To-best.From {
			best = s
		}
	}
	return best
}

// Heard reports for how long a tone within 15 Hz of frequency sounded.
func Heard(segments []Segment, frequency float64) time.Duration {
	var sum time.Duration
	for _, s := range segments {
		if math.Abs(s.Frequency-frequency) < 15 {
			sum += s.To - s.From
		}
	}
	return sum
}
