// Package sip holds SIP messages (RFC 3261): it parses, checks, builds and
// writes them. It has no goroutine and opens no socket. Start reading at
// [Parse] for datagrams and WebSocket frames, at [Reader] for streams, and at
// [Message] for what both give.
//
// It is strict in what it writes and tolerant in what it reads. What it must
// refuse it refuses with a [ParseError], which carries the status of the answer.
package sip

import (
	"slices"
	"strings"
)

// A Message is a request or a response. It is a plain value owned by whoever
// made it; nothing in it is shared with the buffer it was parsed from. It is not
// safe for concurrent use while somebody changes it.
type Message struct {
	Method  string   // of a request, as on the wire; "" in a response
	URI     URI      // of a request
	Status  int      // of a response, 100 to 699
	Reason  string   // of a response; may be empty
	Headers []Header // in wire order; Append ignores a Content-Length here and computes it
	Body    []byte
}

// A Header is one header line. Name is the canonical spelling of a name we know
// (compact names are expanded), and as it came otherwise. Value is unfolded and
// trimmed; a comma list is kept as it came.
type Header struct{ Name, Value string }

// NewRequest returns a request with no headers, and room for as many as most have.
func NewRequest(method string, uri URI) *Message {
	return &Message{Method: method, URI: uri, Headers: make([]Header, 0, 12)}
}

// NewResponse returns a response to req with what RFC 3261 §8.2.6.2 copies: all
// Via, From, To, Call-ID, CSeq, and Timestamp in a 100. It adds no To tag. An
// empty reason stands for the status's standard phrase.
func NewResponse(req *Message, status int, reason string) *Message {
	if reason == "" {
		reason = ReasonPhrase(status)
	}
	m := &Message{Status: status, Reason: reason, Headers: make([]Header, 0, 12)}
	for _, h := range req.Headers {
		switch h.Name {
		case "Via", "From", "To", "Call-ID", "CSeq":
			m.Headers = append(m.Headers, h)
		case "Timestamp":
			if status == 100 {
				m.Headers = append(m.Headers, h)
			}
		}
	}
	return m
}

// IsRequest reports whether m is a request.
func (m *Message) IsRequest() bool { return m.Status == 0 }

// index returns the place of the first header called name, which is canonical,
// or -1.
func (m *Message) index(name string) int {
	for i := range m.Headers {
		if sameName(m.Headers[i].Name, name) {
			return i
		}
	}
	return -1
}

func sameName(a, b string) bool {
	return a == b || len(a) == len(b) && strings.EqualFold(a, b)
}

// Get returns the value of the first header called name, or "". Names compare
// without case; compact names are understood.
func (m *Message) Get(name string) string {
	if i := m.index(CanonicalName(name)); i >= 0 {
		return m.Headers[i].Value
	}
	return ""
}

// Has reports whether there is a header called name.
func (m *Message) Has(name string) bool { return m.index(CanonicalName(name)) >= 0 }

// Values returns every element of the headers called name, in order. Comma lists
// are split for headers that are lists (RFC 3261 §7.3.1); commas inside quotes and
// angle brackets do not count. Other headers give one element a line. Empty
// elements are left out.
func (m *Message) Values(name string) []string {
	var all []string
	known := lookupName(name)
	for _, h := range m.Headers {
		if !sameName(h.Name, known.name) {
			continue
		}
		if !known.list {
			all = append(all, h.Value)
			continue
		}
		for rest, more := h.Value, true; more; {
			var element string
			if element, rest, more = cutElement(rest); element != "" {
				all = append(all, element)
			}
		}
	}
	return all
}

// Add adds a header after the last one of that name, or at the end.
func (m *Message) Add(name, value string) {
	name = CanonicalName(name)
	for i := len(m.Headers) - 1; i >= 0; i-- {
		if sameName(m.Headers[i].Name, name) {
			m.Headers = slices.Insert(m.Headers, i+1, Header{name, value})
			return
		}
	}
	m.Headers = append(m.Headers, Header{name, value})
}

// Prepend adds a header before the first one of that name, or before all others.
// It is for Via, Route and Record-Route.
func (m *Message) Prepend(name, value string) {
	name = CanonicalName(name)
	m.Headers = slices.Insert(m.Headers, max(m.index(name), 0), Header{name, value})
}

// Set replaces all headers of that name by one, at the place of the first.
func (m *Message) Set(name, value string) {
	name = CanonicalName(name)
	i := m.index(name)
	if i < 0 {
		m.Headers = append(m.Headers, Header{name, value})
		return
	}
	m.Headers[i] = Header{name, value}
	rest := slices.DeleteFunc(m.Headers[i+1:], func(h Header) bool { return sameName(h.Name, name) })
	m.Headers = m.Headers[:i+1+len(rest)]
}

// Del removes all headers called name.
func (m *Message) Del(name string) {
	name = CanonicalName(name)
	m.Headers = slices.DeleteFunc(m.Headers, func(h Header) bool { return sameName(h.Name, name) })
}

// RemoveFirst removes the first element of a list header, which may be a whole
// line or a part of one.
func (m *Message) RemoveFirst(name string) {
	known := lookupName(name)
	i := m.index(known.name)
	if i < 0 {
		return
	}
	if _, rest, more := cutElement(m.Headers[i].Value); known.list && more && rest != "" {
		m.Headers[i].Value = rest
		return
	}
	m.Headers = slices.Delete(m.Headers, i, i+1)
}

// Clone returns a copy that shares nothing that can be changed.
func (m *Message) Clone() *Message {
	c := *m
	c.Headers = slices.Clone(m.Headers)
	c.Body = slices.Clone(m.Body)
	return &c
}
