package sip

import "strings"

// Check says whether a parsed message has what RFC 3261 §8.1.1 and §8.2 demand
// beyond syntax: the mandatory headers, once each; a CSeq whose method is the
// request's; a Request-URI scheme we can route; addresses, Via and numbers that
// can be used. It returns nil, or the status a request is to be answered with; a
// response that fails, and an ACK, have Status 0 and are dropped.
//
// What RFC 2543 left out is not asked for: tags, branches and Max-Forwards
// (RFC 4475 §3.4.1). Check knows nothing of methods, option tags (see
// [Message.Unsupported]) or body types that the caller supports.
func Check(m *Message) *ParseError {
	var c checker
	c.start(m)
	for i := range m.Headers {
		c.header(m, &m.Headers[i])
	}
	c.missing()
	c.cseqMethod(m)
	if c.err != nil && !answerable(m) {
		c.err.Status = 0
	}
	return c.err
}

// A checker goes over the headers once and keeps the first error.
type checker struct {
	err  *ParseError
	seen uint16
	cseq CSeq
}

const (
	seenVia = 1 << iota
	seenFrom
	seenTo
	seenCallID
	seenCSeq
	seenMaxForwards
	seenContentLength
	seenContentType
)

func (c *checker) fail(err error) {
	if e, ok := err.(*ParseError); ok && e != nil && c.err == nil {
		c.err = e
	}
}

// once notes a header that must not come twice (RFC 4475 §3.3.8).
func (c *checker) once(bit uint16, name string) {
	if c.seen&bit != 0 {
		c.fail(badf("there are several %s headers", name))
	}
	c.seen |= bit
}

func (c *checker) start(m *Message) {
	if !m.IsRequest() {
		if m.Status < 100 || m.Status > 699 {
			c.fail(badf("the status %d is out of range", m.Status))
		}
		return
	}
	switch m.URI.Scheme {
	case "sip", "sips":
		// RFC 3261 §19.1.1 has no headers in a Request-URI (RFC 4475 §3.1.2.11).
		if m.URI.Headers != "" {
			c.fail(badf("the Request-URI has headers"))
		}
	case "tel":
	default:
		c.fail(&ParseError{416, "the scheme of the Request-URI is not supported"})
	}
}

func (c *checker) header(m *Message, h *Header) {
	switch h.Name {
	case "Via":
		c.seen |= seenVia
		c.vias(h.Value)
	case "From":
		c.once(seenFrom, h.Name)
		c.party(m, h)
	case "To":
		c.once(seenTo, h.Name)
		c.party(m, h)
	case "Call-ID":
		c.once(seenCallID, h.Name)
		if h.Value == "" || strings.ContainsAny(h.Value, " \t") {
			c.fail(badf("malformed Call-ID: %q", h.Value))
		}
	case "CSeq":
		c.once(seenCSeq, h.Name)
		var err error
		c.cseq, err = parseCSeq(h.Value)
		c.fail(err)
	case "Max-Forwards":
		c.once(seenMaxForwards, h.Name)
		if _, ok := parseDigits(h.Value, 255); !ok {
			c.fail(badf("malformed Max-Forwards: %q", h.Value))
		}
	case "Content-Length":
		c.once(seenContentLength, h.Name)
	case "Content-Type":
		c.once(seenContentType, h.Name)
	case "Contact", "Route", "Record-Route", "Path", "Service-Route":
		c.addresses(h.Value)
	}
}

func (c *checker) vias(value string) {
	for more := true; more; {
		var element string
		element, value, more = cutElement(value)
		v, err := ParseVia(element)
		c.fail(err)
		// The cookie without an identifier says nothing (RFC 4475 §3.2.1).
		if err == nil && v.Branch() == branchCookie {
			c.fail(badf("the branch has no identifier"))
		}
	}
}

// party checks From and To. An address-of-record is a SIP URI (RFC 3261 §10.2,
// RFC 4475 §3.3.4).
func (c *checker) party(m *Message, h *Header) {
	a, err := ParseAddress(h.Value)
	c.fail(err)
	if err != nil {
		return
	}
	if a.URI.Scheme == "*" {
		c.fail(badf("%s is no address", h.Name))
	}
	if m.Method == "REGISTER" && h.Name == "To" && a.URI.Scheme != "sip" && a.URI.Scheme != "sips" {
		c.fail(badf("the address of record is no SIP URI"))
	}
}

func (c *checker) addresses(value string) {
	for more := true; more; {
		var element string
		element, value, more = cutElement(value)
		_, err := ParseAddress(element)
		c.fail(err)
	}
}

func (c *checker) missing() {
	for _, h := range [...]struct {
		bit  uint16
		name string
	}{{seenVia, "Via"}, {seenFrom, "From"}, {seenTo, "To"}, {seenCallID, "Call-ID"}, {seenCSeq, "CSeq"}} {
		if c.seen&h.bit == 0 {
			c.fail(badf("the %s header is missing", h.name))
		}
	}
}

func (c *checker) cseqMethod(m *Message) {
	if m.IsRequest() && c.cseq.Method != "" && c.cseq.Method != m.Method {
		c.fail(badf("CSeq is of %s, the request is %s", c.cseq.Method, m.Method))
	}
}
