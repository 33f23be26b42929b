package sip

import (
	"bytes"
	"fmt"
	"strings"
)

// A ParseError says what is wrong with a message and how to answer it.
type ParseError struct {
	Status int    // of the answer to a request: 400, 416, 505, 513; 0: it cannot be answered, drop it
	Reason string // a sentence, fit for a Warning or a log; it may quote the peer
}

func (e *ParseError) Error() string { return "sip: " + e.Reason }

func badf(format string, args ...any) *ParseError {
	for i, a := range args {
		if s, ok := a.(string); ok && len(s) > 80 {
			args[i] = s[:80] + "…"
		}
	}
	return &ParseError{400, fmt.Sprintf(format, args...)}
}

// Limits bound what is parsed. A zero field stands for its default.
type Limits struct {
	Message int // bytes of a whole message; 64 KiB
	Header  int // bytes of the start line and of each header, folded lines together; 8 KiB
	Headers int // header lines; 256
	Via     int // Via elements; 70, the hops of RFC 3261 §8.1.1.6
}

func (l Limits) withDefaults() Limits {
	set := func(p *int, value int) {
		if *p <= 0 {
			*p = value
		}
	}
	set(&l.Message, 64<<10)
	set(&l.Header, 8<<10)
	set(&l.Headers, 256)
	set(&l.Via, 70)
	return l
}

// Parse parses one datagram or WebSocket frame. On an error, which is always a
// [*ParseError], the message may still be there with what could be read, so that
// an answer can be made; it is nil if nothing can be answered. Bytes of a datagram
// behind Content-Length are ignored (RFC 3261 §18.3). Nothing of b is kept.
//
// Parse applies the default [Limits]. It looks at syntax only; call [Check] next.
func Parse(b []byte) (*Message, error) { return Limits{}.Parse(b) }

// Parse is [Parse] with these limits.
func (l Limits) Parse(b []byte) (*Message, error) {
	p := parser{limits: l.withDefaults(), length: -1}
	if m, err := p.datagram(b); err != nil {
		return m, err
	} else {
		return m, nil
	}
}

// ParseFrame is for one datagram or WebSocket frame, which may also be a ping or a
// pong (RFC 7118 §6). It reports what is wrong in Frame.Fault.
func (l Limits) ParseFrame(b []byte) Frame {
	switch string(b) {
	case ping:
		return Frame{Kind: PingFrame, Data: b}
	case pong:
		return Frame{Kind: PongFrame, Data: b}
	}
	p := parser{limits: l.withDefaults(), length: -1}
	m, err := p.datagram(b)
	return Frame{Message: m, Fault: err, Data: b}
}

const headEnd = "\r\n\r\n"

// datagram parses a head and the body behind it.
func (p *parser) datagram(b []byte) (*Message, *ParseError) {
	for len(b) >= 2 && b[0] == '\r' && b[1] == '\n' {
		b = b[2:] // RFC 3261 §7.5
	}
	if len(b) > p.limits.Message {
		p.fail(513, "the message is longer than %d bytes", p.limits.Message)
		b = b[:p.limits.Message]
	}
	head, body := b, []byte(nil)
	if i := bytes.Index(b, []byte(headEnd)); i >= 0 {
		head, body = b[:i+2], b[i+len(headEnd):]
	} else {
		p.fail(400, "no empty line ends the headers")
	}
	m := p.head(string(head))
	if m == nil {
		return nil, p.result(m)
	}
	if p.length > len(body) {
		p.fail(400, "Content-Length is %d, but only %d bytes follow the headers", p.length, len(body))
	} else if p.length >= 0 {
		body = body[:p.length]
	}
	if len(body) > 0 {
		m.Body = bytes.Clone(body)
	}
	return m, p.result(m)
}

// A parser reads one head. It remembers the first thing that is wrong and goes
// on, to have the headers an answer needs.
type parser struct {
	limits Limits
	length int  // Content-Length, -1 if there is none
	via    int  // Via elements so far
	framed bool // false: the length cannot be trusted
	err    *ParseError
}

func (p *parser) fail(status int, format string, args ...any) {
	if p.err == nil {
		p.err = badf(format, args...)
		p.err.Status = status
	}
}

// result returns the first error. A response is never answered, nor is an ACK
// (RFC 3261 §17).
func (p *parser) result(m *Message) *ParseError {
	if p.err != nil && (m == nil || !answerable(m)) {
		p.err.Status = 0
	}
	return p.err
}

func answerable(m *Message) bool { return m.Method != "" && m.Method != "ACK" }

// head parses the start line and all headers. It returns nil for what is no SIP.
func (p *parser) head(s string) *Message {
	p.framed = true
	if strings.IndexByte(s, 0) >= 0 {
		p.checkNUL(s)
	}
	m := &Message{}
	line, rest := p.line(s)
	if !p.startLine(m, line) {
		return nil
	}
	m.Headers = make([]Header, 0, min(strings.Count(rest, "\n"), p.limits.Headers))
	for rest != "" {
		line, rest = p.line(rest)
		if rest != "" && isSpace(rest[0]) {
			line, rest = p.unfold(line, rest)
		}
		p.header(m, line)
	}
	return m
}

// checkNUL refuses a NUL unless it is a quoted pair (RFC 4475 §3.1.1.2).
func (p *parser) checkNUL(s string) {
	for line := range strings.SplitSeq(s, "\r\n") {
		for i := strings.IndexByte(line, 0); i >= 0; {
			if !quotedPair(line, i) {
				p.fail(400, "a header has a NUL byte")
				return
			}
			next := strings.IndexByte(line[i+1:], 0)
			if next < 0 {
				break
			}
			i += 1 + next
		}
	}
}

// line returns the first line without its end. Ends other than CRLF are refused:
// parsers that disagree on where a header ends can be played off against each
// other.
func (p *parser) line(s string) (line, rest string) {
	i := strings.IndexByte(s, '\n')
	if i < 0 {
		p.fail(400, "a line does not end with CRLF")
		return strings.TrimSuffix(s, "\r"), ""
	}
	line, rest = s[:i], s[i+1:]
	if n := len(line); n > 0 && line[n-1] == '\r' {
		line = line[:n-1]
	} else {
		p.fail(400, "a line ends with a bare LF")
		p.framed = false
	}
	if strings.IndexByte(line, '\r') >= 0 {
		p.fail(400, "a line has a bare CR")
		p.framed = false
	}
	if len(line) > p.limits.Header {
		p.fail(513, "a line is longer than %d bytes", p.limits.Header)
	}
	return line, rest
}

// unfold joins a line with those that continue it (RFC 3261 §7.3.1).
func (p *parser) unfold(line, rest string) (joined, left string) {
	b := make([]byte, 0, 256)
	b = append(b, line...)
	for rest != "" && isSpace(rest[0]) {
		line, rest = p.line(rest)
		if len(b)+len(line) <= p.limits.Header {
			b = append(append(b, ' '), trim(line)...)
		} else {
			p.fail(513, "a header is longer than %d bytes", p.limits.Header)
		}
	}
	return string(b), rest
}

// header parses one unfolded header line and adds it to m.
func (p *parser) header(m *Message, line string) {
	i := strings.IndexByte(line, ':')
	if i < 0 {
		p.fail(400, "a header has no colon: %q", line)
		p.framed = p.framed && !looksLikeLength(line)
		return
	}
	name := trim(line[:i])
	if !isToken(name) || isSpace(line[0]) {
		p.fail(400, "malformed header name: %q", line[:i])
		p.framed = p.framed && !looksLikeLength(line[:i])
		return
	}
	if len(m.Headers) >= p.limits.Headers {
		p.fail(513, "there are more than %d headers", p.limits.Headers)
		return
	}
	h := Header{CanonicalName(name), trim(line[i+1:])}
	switch h.Name {
	case "Content-Length":
		p.contentLength(h.Value)
	case "Via":
		if p.via += 1 + strings.Count(h.Value, ","); p.via > p.limits.Via {
			p.fail(513, "there are more than %d Via", p.limits.Via)
		}
	}
	m.Headers = append(m.Headers, h)
}

// looksLikeLength reports whether somebody else might read a malformed header as
// a Content-Length: it begins with those letters, whatever else is between them.
func looksLikeLength(s string) bool {
	rest := "contentlength"
	for i := 0; i < len(s) && rest != ""; i++ {
		switch c := s[i] | 0x20; {
		case c == rest[0]:
			rest = rest[1:]
		case 'a' <= c && c <= 'z':
			return false
		}
	}
	return rest == "" || rest == "contentlength" // nothing but other characters
}

// contentLength refuses a second Content-Length, even an equal one: a hop before
// us may have taken the other (RFC 4475 §3.3.9).
func (p *parser) contentLength(value string) {
	n, ok := parseDigits(value, 1<<31-1)
	switch {
	case !ok:
		p.fail(400, "malformed Content-Length: %q", value)
		p.framed = false
	case p.length >= 0:
		p.fail(400, "there are several Content-Length headers")
		p.framed = false
	case int(n) > p.limits.Message:
		p.fail(513, "a body of %d bytes is too long", int(n))
		p.framed = false
	default:
		p.length = int(n)
	}
}
