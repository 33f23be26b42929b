package sip

import "strings"

// CSeq is the value of a CSeq header (RFC 3261 §20.16).
type CSeq struct {
	Seq    uint32
	Method string
}

// Via returns the topmost Via. The error is a [*ParseError].
func (m *Message) Via() (Via, error) {
	value := m.Get("Via")
	if value == "" {
		return Via{}, badf("the Via header is missing")
	}
	element, _, _ := cutElement(value)
	return ParseVia(element)
}

// From returns the From header. The error is a [*ParseError].
func (m *Message) From() (Address, error) { return m.address("From") }

// To returns the To header. The error is a [*ParseError].
func (m *Message) To() (Address, error) { return m.address("To") }

func (m *Message) address(name string) (Address, error) {
	value := m.Get(name)
	if value == "" {
		return Address{}, badf("the %s header is missing", name)
	}
	return ParseAddress(value)
}

// CallID returns the Call-ID, or "".
func (m *Message) CallID() string { return m.Get("Call-ID") }

// CSeq returns the CSeq header. The error is a [*ParseError].
func (m *Message) CSeq() (CSeq, error) { return parseCSeq(m.Get("CSeq")) }

func parseCSeq(value string) (CSeq, error) {
	i := strings.IndexAny(value, " \t")
	if i < 0 {
		return CSeq{}, badf("malformed CSeq: %q", value)
	}
	// RFC 3261 §8.1.1.5 demands a number below 2**31. Up to 2**32-1 is read, because
	// it harms nobody and is sent.
	n, ok := parseDigits(value[:i], 1<<32-1)
	method := trim(value[i:])
	if !ok || !isToken(method) {
		return CSeq{}, badf("malformed CSeq: %q", value)
	}
	return CSeq{uint32(n), method}, nil
}

// Contacts returns all Contact addresses, none if there is no Contact. The
// Contact "*" (RFC 3261 §10.2.2) is an address whose URI.Scheme is "*". The error
// is a [*ParseError].
func (m *Message) Contacts() ([]Address, error) { return m.Addresses("Contact") }

// Addresses returns the addresses of any header made of them: Route,
// Record-Route, Path, Service-Route, P-Asserted-Identity and so on. The error is
// a [*ParseError]; the addresses before the malformed one are returned with it.
func (m *Message) Addresses(name string) ([]Address, error) {
	var all []Address
	for _, value := range m.Values(name) {
		a, err := ParseAddress(value)
		if err != nil {
			return all, err
		}
		all = append(all, a)
	}
	return all, nil
}

// Option reports whether tag is among the option tags of header: Supported,
// Require, Proxy-Require, Unsupported, or the methods of Allow.
func (m *Message) Option(header, tag string) bool {
	for _, value := range m.Values(header) {
		if strings.EqualFold(value, tag) {
			return true
		}
	}
	return false
}

// Unsupported returns the option tags that m requires and supported does not
// hold: the Unsupported header of a 420 (RFC 3261 §8.2.2.3).
func (m *Message) Unsupported(supported ...string) []string {
	var missing []string
	for _, tag := range m.Values("Require") {
		known := false
		for _, s := range supported {
			known = known || strings.EqualFold(s, tag)
		}
		if !known {
			missing = append(missing, tag)
		}
	}
	return missing
}
