package wire

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"

	"github.com/emiago/sipgo/sip"
)

// Header is one header line, unfolded, its name in long form but otherwise as
// it came.
type Header struct{ Name, Value string }

// Message is a SIP message that has passed sipgo's parser. Header values are
// kept verbatim and in order, because the simulators echo and compare them.
type Message struct {
	Method  string // request
	URI     string // request
	Status  int    // response
	Reason  string // response
	Headers []Header
	Body    []byte
	Raw     []byte
}

var longNames = map[string]string{
	"c": "Content-Type", "f": "From", "i": "Call-ID", "k": "Supported", "l": "Content-Length", "m": "Contact",
	"o": "Event", "r": "Refer-To", "s": "Subject", "t": "To", "u": "Allow-Events", "v": "Via", "x": "Session-Expires",
	"b": "Referred-By", "e": "Content-Encoding", "j": "Reject-Contact", "a": "Accept-Contact", "d": "Request-Disposition",
}

// parser judges syntax. Route and the like stay text: Google accepts a Route
// without angle brackets, and so must the simulator.
var parser = sip.NewParser(sip.WithHeadersParsers(strictHeaders()))

func strictHeaders() sip.HeadersParser {
	strict := sip.HeadersParser{}
	for name, parse := range sip.DefaultHeadersParser() {
		switch name {
		case "route", "record-route", "refer-to", "referred-by", "contact", "m":
		default:
			strict[name] = parse
		}
	}
	return strict
}

// Parse reads one whole message.
func Parse(raw []byte) (*Message, error) {
	parsed, err := parser.ParseSIP(raw)
	if err != nil {
		return nil, fmt.Errorf("sip: %w", err)
	}
	m := &Message{Raw: raw, Body: parsed.Body()}
	head, _, _ := bytes.Cut(raw, []byte("\r\n\r\n"))
	lines := strings.Split(string(head), "\r\n")
	m.readHeaders(lines[1:])
	switch p := parsed.(type) {
	case *sip.Request:
		m.Method = string(p.Method)
		m.URI = strings.Fields(lines[0])[1]
	case *sip.Response:
		m.Status, m.Reason = p.StatusCode, p.Reason
	}
	return m, m.check()
}

// Headers reads the headers of a message that Parse refused, as far as they can
// be read, so that it can be answered with a 400.
func Headers(raw []byte) *Message {
	head, _, _ := bytes.Cut(raw, []byte("\r\n\r\n"))
	m := &Message{Raw: raw}
	m.readHeaders(strings.Split(string(head), "\r\n")[1:])
	return m
}

func (m *Message) readHeaders(lines []string) {
	for _, line := range lines {
		if n := len(m.Headers); n > 0 && line != "" && (line[0] == ' ' || line[0] == '\t') {
			m.Headers[n-1].Value += " " + strings.TrimSpace(line)
			continue
		}
		name, value, _ := strings.Cut(line, ":")
		name = strings.TrimSpace(name)
		if long, ok := longNames[strings.ToLower(name)]; ok {
			name = long
		}
		m.Headers = append(m.Headers, Header{name, strings.TrimSpace(value)})
	}
}

// check demands the headers every message must have (RFC 3261 section 8.1.1).
func (m *Message) check() error {
	for _, name := range []string{"Via", "From", "To", "Call-ID", "CSeq"} {
		if m.Get(name) == "" {
			return fmt.Errorf("sip: no %s header", name)
		}
	}
	if _, method := m.CSeq(); m.Method != "" && method != m.Method {
		return fmt.Errorf("sip: CSeq is of %s but the request is %s", method, m.Method)
	}
	return nil
}

// Get is the first value of a header, or "".
func (m *Message) Get(name string) string {
	for _, h := range m.Headers {
		if strings.EqualFold(h.Name, name) {
			return h.Value
		}
	}
	return ""
}

// All is every value of a header as it stands on the wire, one per line.
func (m *Message) All(name string) []string {
	var out []string
	for _, h := range m.Headers {
		if strings.EqualFold(h.Name, name) {
			out = append(out, h.Value)
		}
	}
	return out
}

// List is every element of a list header; commas in quotes or angle brackets
// do not split.
func (m *Message) List(name string) []string {
	var out []string
	for _, v := range m.All(name) {
		out = append(out, splitList(v)...)
	}
	return out
}

func splitList(v string) []string {
	var out []string
	quoted, depth, start := false, 0, 0
	for i := 0; i < len(v); i++ {
		switch c := v[i]; {
		case c == '\\' && quoted:
			i++
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '<':
			depth++
		case c == '>':
			depth--
		case c == ',' && depth <= 0:
			out = append(out, strings.TrimSpace(v[start:i]))
			start = i + 1
		}
	}
	return append(out, strings.TrimSpace(v[min(start, len(v)):]))
}

// Has reports whether a list header holds an option tag.
func (m *Message) Has(name, tag string) bool {
	for _, v := range m.List(name) {
		if strings.EqualFold(v, tag) {
			return true
		}
	}
	return false
}

// CSeq is the number and method of the CSeq header; zero if it is broken.
func (m *Message) CSeq() (uint32, string) {
	number, method, _ := strings.Cut(m.Get("CSeq"), " ")
	n, err := strconv.ParseUint(number, 10, 32)
	if err != nil {
		return 0, ""
	}
	return uint32(n), strings.TrimSpace(method)
}

// CallID is the Call-ID.
func (m *Message) CallID() string { return m.Get("Call-ID") }

// FromTag and ToTag are the dialog's tags.
func (m *Message) FromTag() string { return Param(m.Get("From"), "tag") }

// ToTag is "" outside a dialog.
func (m *Message) ToTag() string { return Param(m.Get("To"), "tag") }

// Branch is the topmost Via's branch.
func (m *Message) Branch() string {
	if vias := m.List("Via"); len(vias) > 0 {
		return Param(vias[0], "branch")
	}
	return ""
}

// Summary is the message in a few words: "INVITE sip:…" or "200 OK (INVITE)".
func (m *Message) Summary() string {
	if m.Method != "" {
		return m.Method + " " + m.URI
	}
	_, method := m.CSeq()
	return fmt.Sprintf("%d %s (%s)", m.Status, m.Reason, method)
}
