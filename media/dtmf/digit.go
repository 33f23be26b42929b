// Package dtmf sends and receives digits in all three ways a call knows:
// telephone-event (RFC 4733), SIP INFO bodies and tones in the audio. Start
// reading at [Sender] and [Receiver]. Nothing here has a clock or a lock: what
// belongs to a stream belongs to the loop of the stream.
package dtmf

import (
	"errors"
	"strings"
	"time"
)

// Digit is one key press.
type Digit struct {
	Key      rune // 0-9, *, #, A-D, or Flash
	Duration time.Duration
}

// Flash is the key of a hook flash.
const Flash = '!'

// Keys are the keys in the order of their event codes (RFC 4733 table 3; 16 is flash).
const Keys = "0123456789*#ABCD!"

// What Send answers.
var (
	ErrKey       = errors.New("dtmf: a key is one of 0-9, *, #, A-D or ! (flash)")
	ErrQueueFull = errors.New("dtmf: 64 digits are waiting already")
)

const (
	maxQueue = 64
	// A digit shorter than 40 ms need not be recognized, nor two with less than that
	// between them (ITU-T Q.24); nobody holds a key longer than ten seconds.
	minDuration     = 40 * time.Millisecond
	defaultDuration = 100 * time.Millisecond
	maxDuration     = 10 * time.Second
	pauseBetween    = 60 * time.Millisecond
)

// Valid says whether key is one of Keys.
func Valid(key rune) bool { return key != 0 && strings.ContainsRune(Keys, key) }

// normal is d with a key in upper case and a duration that works.
func normal(d Digit) (Digit, error) {
	if d.Key >= 'a' && d.Key <= 'd' {
		d.Key += 'A' - 'a'
	}
	if !Valid(d.Key) {
		return d, ErrKey
	}
	if d.Duration <= 0 {
		d.Duration = defaultDuration
	}
	d.Duration = min(max(d.Duration, minDuration), maxDuration)
	return d, nil
}

// queue is the digits that wait to be sent.
type queue struct{ digits []Digit }

func (q *queue) push(d Digit) error {
	d, err := normal(d)
	if err != nil {
		return err
	}
	if len(q.digits) >= maxQueue {
		return ErrQueueFull
	}
	q.digits = append(q.digits, d)
	return nil
}

func (q *queue) pop() (Digit, bool) {
	if len(q.digits) == 0 {
		return Digit{}, false
	}
	d := q.digits[0]
	q.digits = append(q.digits[:0], q.digits[1:]...)
	return d, true
}
