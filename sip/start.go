package sip

import "strings"

// startLine parses a request line or status line. It returns false if the line is
// no SIP, so that nobody is answered; what is wrong otherwise it notes.
func (p *parser) startLine(m *Message, line string) bool {
	if len(line) > 4 && strings.EqualFold(line[:4], "SIP/") {
		return p.statusLine(m, line)
	}
	return p.requestLine(m, line)
}

func (p *parser) statusLine(m *Message, line string) bool {
	version, rest, _ := strings.Cut(line, " ")
	code, reason, _ := strings.Cut(rest, " ") // a phone may leave out the space before an empty reason
	p.version(version)
	n, ok := parseDigits(code, 699)
	if !ok || len(code) != 3 || n < 100 {
		p.fail(400, "malformed status code: %q", code)
		return false
	}
	m.Status, m.Reason = int(n), reason
	return true
}

// requestLine parses "METHOD uri SIP/2.0" with single spaces.
func (p *parser) requestLine(m *Message, line string) bool {
	text := strings.TrimRight(line, " \t")
	first, last := strings.IndexByte(text, ' '), strings.LastIndexByte(text, ' ')
	if first < 0 || !isToken(text[:first]) || last+5 > len(text) || !strings.EqualFold(text[last+1:last+5], "SIP/") {
		p.fail(400, "this is no SIP message: %q", line)
		return false
	}
	m.Method = text[:first]
	if len(text) != len(line) {
		p.fail(400, "spaces end the request line")
	}
	p.version(text[last+1:])
	if first == last {
		p.fail(400, "the request line has no Request-URI")
		return true
	}
	uri, err := ParseURI(text[first+1 : last])
	if err != nil {
		p.fail(400, "malformed Request-URI: %q", text[first+1:last])
	}
	m.URI = uri
	return true
}

func (p *parser) version(s string) {
	if s == "SIP/2.0" || strings.EqualFold(s, "SIP/2.0") {
		return
	}
	major, minor, ok := strings.Cut(s[len("SIP/"):], ".")
	_, ok1 := parseDigits(major, 1<<20)
	_, ok2 := parseDigits(minor, 1<<20)
	if ok && ok1 && ok2 {
		p.fail(505, "the version %q is not supported", s)
		return
	}
	p.fail(400, "malformed version: %q", s)
}
