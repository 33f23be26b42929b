package sip

import "io"

// FrameKind says what a [Reader] found.
type FrameKind uint8

const (
	MessageFrame FrameKind = iota
	PingFrame              // CRLFCRLF (RFC 5626 §3.5.1)
	PongFrame              // CRLF
)

// A Frame is one thing on a stream. Data is lent until the next call of Next.
type Frame struct {
	Kind    FrameKind
	Message *Message    // of a MessageFrame; may be nil if Fault is set
	Fault   *ParseError // the message is malformed, but the stream goes on behind it
	Data    []byte      // its bytes
}

// A Reader cuts a stream (TCP, TLS) into messages by Content-Length (RFC 3261
// §18.3) and keep-alives (RFC 5626 §3.5.1). It reads no more than its limits allow.
type Reader struct{ r io.Reader }

// NewReader returns a reader on r. The zero Limits are the defaults.
func NewReader(r io.Reader, l Limits) *Reader { return &Reader{r: r} }

// Next returns the next frame. The error is io.EOF at the end between messages,
// io.ErrUnexpectedEOF inside one, a [*ParseError] if the end of a message cannot
// be known (bad, missing or doubled Content-Length, or too long: answer
// Frame.Message if it is there, and close), or what the underlying reader returned.
// After an error the reader is done.
func (r *Reader) Next() (Frame, error) { return Frame{}, io.EOF }

// ParseFrame is for one datagram or WebSocket frame, which may also be a ping or a
// pong (RFC 7118 §6). It never returns an error other than in Frame.Fault.
func (l Limits) ParseFrame(b []byte) Frame { return Frame{} }
