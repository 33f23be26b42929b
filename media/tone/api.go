// Package tone makes and measures audio: call progress tones, test signals, WAV
// files. Start reading at [Generator] and [Measure].
package tone

import "io"

// Published ahead of the code; each declaration moves to its own file.

// Generator plays a cadence for ever.
type Generator struct{}

func (g *Generator) Fill(pcm []int16) {}

func Ringback(country string, rate int) *Generator   { return nil } // ISO 3166 code; "" or unknown: US
func Busy(country string, rate int) *Generator       { return nil }
func Congestion(country string, rate int) *Generator { return nil }
func Sine(freq, dBFS float64, rate int) *Generator   { return nil }

type Speech struct{} // a test signal with the rhythm and spectrum of speech, not DTMF

func NewSpeech(rate int, seed uint64) *Speech { return nil }
func (s *Speech) Fill(pcm []int16)            {}

// Measure finds the strongest frequency and the level of the whole signal (0 dBFS: full-scale sine).
func Measure(pcm []int16, rate int) (freq, dBFS float64)         { return 0, 0 }
func Level(pcm []int16) (dBFS float64)                           { return 0 }
func LevelAt(pcm []int16, rate int, freq float64) (dBFS float64) { return 0 }

func ReadWAV(r io.Reader) (pcm []int16, rate int, err error) { return nil, 0, nil }
func WriteWAV(w io.Writer, pcm []int16, rate int) error      { return nil }
