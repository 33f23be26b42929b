package transport

import (
	"time"

	"tandem/media"
	"tandem/media/sdp"
)

// A Session is the media end of one leg: one audio stream, its ports and its
// security. Offer, AnswerTo and SetAnswer follow RFC 3264 and are called one at a
// time; everything is safe for concurrent use. The leg that made it closes it.
type Session struct{}

var _ media.Session = (*Session)(nil)

// Offer makes our offer, the first or a later one. It opens the ports on first use.
func (s *Session) Offer() ([]byte, error) { return nil, nil }

// AnswerTo answers the far end's offer, the first or a later one. prefer names the
// codec the other leg speaks, "" when it is not known. An error that the far end
// is to be told is an [*sdp.Error] with the SIP status; the session then stays as
// it was. Identical offers get identical answers (GV-C24).
func (s *Session) AnswerTo(offer []byte, prefer string) ([]byte, error) { return nil, nil }

// SetAnswer takes the far end's answer to our last Offer. The same answer again
// (183, then 200) changes nothing. The error is as AnswerTo's.
func (s *Session) SetAnswer(answer []byte) error { return nil }

// Rollback forgets an Offer that was refused (491, 488); the session stays as it was.
func (s *Session) Rollback() {}

// SetDirection sets the direction of the next Offer or answer: local hold.
func (s *Session) SetDirection(d media.Direction) {}

// SetFull makes the next Offer list every codec again (a transfer, RFC 3725).
func (s *Session) SetFull() {}

// Agreed is the result of the last offer/answer; Streams is empty before.
func (s *Session) Agreed() sdp.Agreed { return sdp.Agreed{} }

// OnEvent registers f. It is called one event at a time from the session's
// goroutines: it must not block and must not call Close. nil unregisters.
func (s *Session) OnEvent(f func(Event)) {}

// SendDigit queues a telephone-event on the outgoing stream (RFC 4733). It fails
// when the far end agreed to none, or when too many wait.
func (s *Session) SendDigit(key rune, d time.Duration) error { return nil }

// Close sends BYE (RTCP), gives the ports back and waits until nothing of the
// session runs. A second Close does nothing.
func (s *Session) Close() {}

func (s *Session) Sources() []media.Source  { return nil }
func (s *Session) Sinks() []media.Sink      { return nil }
func (s *Session) Changed() <-chan struct{} { return nil }
func (s *Session) Loop() media.Loop         { return nil }
func (s *Session) Stats() media.Stats       { return media.Stats{} }
func (s *Session) String() string           { return "" }
