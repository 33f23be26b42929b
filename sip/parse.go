package sip

// A ParseError says what is wrong with a message and how to answer it.
type ParseError struct {
	Status int    // of the answer to a request: 400, 413, 416, 505 …; 0: it cannot be answered, drop it
	Reason string // a sentence, fit for a reason phrase or a Warning
}

func (e *ParseError) Error() string { return "sip: " + e.Reason }

// Parse parses one datagram or WebSocket frame. On an error, which is always a
// [*ParseError], the message may still be there with what could be read, so that
// an answer can be made; it is nil if nothing can be answered. Bytes of a datagram
// behind Content-Length are ignored (RFC 3261 §18.3). Nothing of b is kept.
//
// Parse applies the default [Limits]. It looks at syntax only; call [Check] next.
func Parse(b []byte) (*Message, error) { return Limits{}.Parse(b) }

// Limits bound what is parsed. A zero field stands for its default.
type Limits struct {
	Message int // bytes of a whole message; 64 KiB
	Header  int // bytes of the start line and of each header, folded lines together; 8 KiB
	Headers int // header lines; 256
	Via     int // Via elements; 32
}

// Parse is [Parse] with these limits.
func (l Limits) Parse(b []byte) (*Message, error) { return nil, nil }
