package transport

import (
	"errors"
	"time"

	"tandem/media"
	"tandem/media/dtmf"
)

// errNoEvents is told to whoever presses a key; the other leg may use the audio.
var errNoEvents = errors.New("the far end takes no telephone-events")

// SendDigit queues a telephone-event on the outgoing stream (RFC 4733). It fails
// when the far end agreed to none, or when too many wait.
func (s *Session) SendDigit(key rune, d time.Duration) error { return s.audio.sendDigit(key, d) }

func (s *stream) sendDigit(key rune, d time.Duration) error {
	k := s.sink
	k.mu.Lock()
	defer k.mu.Unlock()
	if s.digits.Clock == 0 {
		return errNoEvents
	}
	if err := s.digits.Send(dtmf.Digit{Key: key, Duration: d}); err != nil {
		return err
	}
	if !k.digits {
		k.digits = true
		s.worker.clock.while(20*time.Millisecond, s.digitTick)
	}
	return nil
}

// digitTick sends the next packet of the digits that wait. It runs on the worker.
// Timestamps count in the audio's clock, the duration in the event's: so do the
// browsers when the two differ (GV-C22, telephone-event/8000 beside Opus).
func (s *stream) digitTick(now time.Time) (more bool) {
	k := s.sink
	k.mu.Lock()
	defer k.mu.Unlock()
	var p media.Packet
	if k.open() && s.digits.Next(k.rebase.now(now), &p) {
		seq := k.rebase.insert(now, digitOrigin, p.Timestamp)
		k.send(s.digits.PayloadType, p.Marker, seq, p.Timestamp, p.Payload)
	}
	k.digits = k.port != nil && s.digits.Pending() // through the pauses between them, too
	return k.digits
}
