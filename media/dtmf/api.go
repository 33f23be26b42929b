// Package dtmf sends and receives digits: telephone-event (RFC 4733), SIP INFO
// bodies and tones in the audio. Start reading at [Sender] and [Receiver].
package dtmf

import (
	"time"

	"tandem/media"
)

// Published ahead of the code; each declaration moves to its own file.

// Digit is one key press: 0-9, *, #, A-D, or Flash.
type Digit struct {
	Key      rune
	Duration time.Duration
}

const Flash = '!'

// Sender paces queued digits. It has no clock: Next is called once per Packet (20 ms).
type Sender struct {
	Clock       int // Hz of the telephone-event
	PayloadType uint8
	Packet      time.Duration // 20 ms by default
}

func (s *Sender) Send(d Digit) error { return nil }   // ErrQueueFull after 64
func (s *Sender) Busy() bool         { return false } // a digit is going out: send no audio
// Next fills p (Payload lent until the next call) and says whether there is something
// to send on this tick. timestamp is the stream's time now, used when an event begins.
func (s *Sender) Next(timestamp uint32, p *media.Packet) bool { return false }

// Receiver reports each key once, when it ended (end packets, timeout, or the next key).
type Receiver struct {
	Clock int
}

func (r *Receiver) Receive(now time.Time, p *media.Packet) (Digit, bool) { return Digit{}, false }
func (r *Receiver) Tick(now time.Time) (Digit, bool)                     { return Digit{}, false } // lost end
func (r *Receiver) Down() (key rune, down bool)                          { return 0, false }

// Convert appends the event payload with its duration moved to another clock.
func Convert(dst, payload []byte, from, to int) []byte { return dst }

type Generator struct{}                    // in-band tones
func NewGenerator(rate int) *Generator     { return nil }
func (g *Generator) Send(d Digit) error    { return nil }
func (g *Generator) Fill(pcm []int16) bool { return false } // overwrites; false: nothing to send, pcm untouched

type Detector struct{}                               // in-band tones, Goertzel
func NewDetector(rate int) *Detector                 { return nil }
func (d *Detector) Detect(pcm []int16) (Digit, bool) { return Digit{}, false } // at most one per call; pcm up to 60 ms

func ParseInfo(contentType string, body []byte) (Digit, error)           { return Digit{}, nil }
func AppendInfo(dst []byte, contentType string, d Digit) ([]byte, error) { return dst, nil }

const (
	TypeRelay = "application/dtmf-relay"
	TypePlain = "application/dtmf"
)
