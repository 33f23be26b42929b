package wire

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// MaxMessage bounds a message on a stream.
const MaxMessage = 64 << 10 // bytes

// ErrTooLarge ends a stream: there is no boundary to skip to.
var ErrTooLarge = errors.New("sip: message is larger than 64 KiB")

// Frame is what a stream yields: a message, or Ping, or Pong.
type Frame struct {
	Raw  []byte // a whole message; nil for Ping and Pong
	Ping bool   // CRLFCRLF, RFC 5626 section 3.5.1
	Pong bool   // a lone CRLF
}

// Reader cuts a stream into frames (RFC 3261 section 18.3).
type Reader struct{ r *bufio.Reader }

// NewReader reads from r.
func NewReader(r io.Reader) *Reader { return &Reader{bufio.NewReaderSize(r, 8<<10)} }

// Next blocks for the next frame. A lone CRLF that is not at once followed by
// another one is a Pong.
func (r *Reader) Next() (Frame, error) {
	first, err := r.line()
	if err != nil {
		return Frame{}, err
	}
	if len(first) == 2 {
		return r.crlf()
	}
	raw, length := bytes.Clone(first), -1
	for {
		line, err := r.line()
		if err != nil {
			return Frame{}, unexpected(err)
		}
		raw = append(raw, line...)
		if len(raw) > MaxMessage {
			return Frame{}, ErrTooLarge
		}
		if len(line) == 2 {
			break
		}
		if n, ok, err := contentLength(line); err != nil {
			return Frame{Raw: raw}, err
		} else if ok {
			length = n
		}
	}
	if length < 0 {
		return Frame{Raw: raw}, errors.New("sip: no Content-Length on a stream (RFC 3261 section 18.3)")
	}
	if len(raw)+length > MaxMessage {
		return Frame{}, ErrTooLarge
	}
	body := make([]byte, length)
	if _, err := io.ReadFull(r.r, body); err != nil {
		return Frame{}, unexpected(err)
	}
	return Frame{Raw: append(raw, body...)}, nil
}

func (r *Reader) crlf() (Frame, error) {
	// A ping comes in one write; waiting for the second half would turn a
	// pong into a hang.
	if r.r.Buffered() >= 2 {
		if next, _ := r.r.Peek(2); string(next) == "\r\n" {
			_, _ = r.r.Discard(2)
			return Frame{Ping: true}, nil
		}
	}
	return Frame{Pong: true}, nil
}

func (r *Reader) line() ([]byte, error) {
	line, err := r.r.ReadSlice('\n')
	if errors.Is(err, bufio.ErrBufferFull) {
		return nil, fmt.Errorf("sip: a line is longer than 8 KiB: %w", ErrTooLarge)
	}
	if err != nil {
		return nil, err
	}
	if len(line) == 1 || line[len(line)-2] != '\r' {
		return nil, errors.New("sip: a line ends without CR")
	}
	return line, nil
}

func contentLength(line []byte) (int, bool, error) {
	name, value, ok := strings.Cut(string(line), ":")
	if name = strings.TrimSpace(name); !ok || !strings.EqualFold(name, "Content-Length") && !strings.EqualFold(name, "l") {
		return 0, false, nil
	}
	n, err := strconv.Atoi(strings.TrimSpace(value))
	if err != nil || n < 0 {
		return 0, false, fmt.Errorf("sip: Content-Length %q is not a length", strings.TrimSpace(value))
	}
	return n, true, nil
}

func unexpected(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}
