package sip

import (
	"bytes"
	"errors"
	"io"
)

// FrameKind says what a [Reader] found.
type FrameKind uint8

const (
	MessageFrame FrameKind = iota
	PingFrame              // CRLFCRLF (RFC 5626 §3.5.1)
	PongFrame              // CRLF
)

const (
	ping = "\r\n\r\n"
	pong = "\r\n"
)

// A Frame is one thing on a stream. Data is lent until the next call of Next.
type Frame struct {
	Kind    FrameKind
	Message *Message    // of a MessageFrame; may be nil if Fault is set
	Fault   *ParseError // the message is malformed, but the stream goes on behind it
	Data    []byte      // its bytes
}

// A Reader cuts a stream (TCP, TLS) into messages by Content-Length (RFC 3261
// §18.3) and keep-alives (RFC 5626 §3.5.1). It holds no more than its limits allow,
// and takes memory only as bytes arrive, whatever a Content-Length promises.
type Reader struct {
	r      io.Reader
	limits Limits
	buf    []byte // buf[at:] is not read yet
	at     int
	seen   int   // bytes of buf[at:] known to hold no end of a head
	full   bool  // the last read filled the buffer: more may be waiting
	half   bool  // a pong was reported that may be the first half of a ping
	err    error // of the reader below; reported when buf is used up
	done   error // what ended this reader
}

// readSize is the room for one read; a TLS record holds up to 16 KiB, a SIP
// message is mostly below 4.
const readSize = 4 << 10

// NewReader returns a reader on r. The zero Limits are the defaults.
func NewReader(r io.Reader, l Limits) *Reader {
	return &Reader{r: r, limits: l.withDefaults()}
}

// Next returns the next frame. The error is io.EOF at the end between messages,
// io.ErrUnexpectedEOF inside one, a [*ParseError] if the end of a message cannot
// be known (bad, missing or doubled Content-Length, or too long: answer
// Frame.Message if it is there, and close), or what the underlying reader returned.
// After an error the reader is done and repeats it.
func (r *Reader) Next() (Frame, error) {
	if r.done != nil {
		return Frame{}, r.done
	}
	f, err := r.next()
	r.done = err
	return f, err
}

func (r *Reader) next() (Frame, error) {
	for {
		if f, ok := r.keepAlive(); ok {
			return f, nil
		}
		if i := r.headEnd(); i >= 0 {
			return r.message(i)
		}
		if len(r.rest()) > r.limits.Message {
			return r.tooLong()
		}
		if err := r.fill(); err != nil {
			return Frame{}, err
		}
	}
}

func (r *Reader) rest() []byte { return r.buf[r.at:] }

// headEnd returns where the empty line of the first head begins, or -1. It looks
// at no byte twice, for the sake of peers that send one at a time.
func (r *Reader) headEnd() int {
	from := max(r.seen-len(headEnd)+1, 0)
	if i := bytes.Index(r.rest()[from:], []byte(headEnd)); i >= 0 {
		return from + i
	}
	r.seen = len(r.rest())
	return -1
}

// take uses up n bytes and returns them.
func (r *Reader) take(n int) []byte {
	data := r.buf[r.at : r.at+n : r.at+n]
	r.at += n
	r.seen = 0
	return data
}

// keepAlive takes a ping or pong from the front. A single CRLF is a pong at once,
// because nothing need follow it; only if it was cut off at the end of a full
// buffer it may be half a ping, and then the next CRLF completes it.
func (r *Reader) keepAlive() (Frame, bool) {
	half := r.half
	b := r.rest()
	if len(b) < 2 || b[0] != '\r' || b[1] != '\n' {
		r.half = half && len(b) < 2
		return Frame{}, false
	}
	r.half = false
	if half {
		return Frame{Kind: PingFrame, Data: r.take(2)}, true
	}
	if bytes.HasPrefix(b, []byte(ping)) {
		return Frame{Kind: PingFrame, Data: r.take(4)}, true
	}
	r.half = len(b) <= 3 && r.full || len(b) == 3 && b[2] == '\r'
	return Frame{Kind: PongFrame, Data: r.take(2)}, true
}

// message parses the head that ends at i and waits for its body.
func (r *Reader) message(i int) (Frame, error) {
	p := parser{limits: r.limits, length: -1}
	head := i + len(headEnd)
	m := p.head(string(r.rest()[:i+2]))
	if m == nil {
		return Frame{Data: r.take(head)}, p.result(nil)
	}
	if p.length < 0 {
		p.fail(400, "Content-Length is missing")
		p.framed = false
	}
	if head+p.length > r.limits.Message {
		p.fail(513, "the message is longer than %d bytes", r.limits.Message)
		p.framed = false
	}
	if !p.framed {
		return Frame{Message: m, Data: r.take(head)}, p.result(m)
	}
	for len(r.rest()) < head+p.length {
		if err := r.fill(); err != nil {
			return Frame{Message: m, Data: r.rest()}, err
		}
	}
	data := r.take(head + p.length)
	if p.length > 0 {
		m.Body = bytes.Clone(data[head:])
	}
	return Frame{Message: m, Fault: p.result(m), Data: data}, nil
}

// tooLong ends the stream because of a head that does not end.
func (r *Reader) tooLong() (Frame, error) {
	p := parser{limits: r.limits, length: -1}
	p.fail(513, "the headers are longer than %d bytes", r.limits.Message)
	m := p.head(string(r.rest()[:r.limits.Message]))
	return Frame{Message: m, Data: r.rest()}, p.result(m)
}

// fill reads once. It makes room by moving what is left to the front, and by
// doubling when that is more than half.
func (r *Reader) fill() error {
	if r.err != nil {
		return r.ended()
	}
	left := len(r.rest())
	if cap(r.buf)-left < readSize {
		grown := make([]byte, left, max(2*cap(r.buf), left+readSize))
		copy(grown, r.rest())
		r.buf, r.at = grown, 0
	} else if r.at > 0 {
		r.buf, r.at = r.buf[:copy(r.buf, r.rest())], 0
	}
	for range 100 {
		n, err := r.r.Read(r.buf[len(r.buf):cap(r.buf)])
		r.buf = r.buf[:len(r.buf)+n]
		r.full = len(r.buf) == cap(r.buf)
		r.err = err
		if n > 0 {
			return nil
		}
		if err != nil {
			return r.ended()
		}
	}
	return io.ErrNoProgress
}

// ended tells an end between messages from one inside.
func (r *Reader) ended() error {
	if errors.Is(r.err, io.EOF) && len(r.rest()) > 0 {
		return io.ErrUnexpectedEOF
	}
	return r.err
}
