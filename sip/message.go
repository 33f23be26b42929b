// Package sip holds SIP messages (RFC 3261): it parses, checks, builds and
// writes them. It has no goroutine and opens no socket. Start reading at
// [Parse] for datagrams and WebSocket frames, at [Reader] for streams, and at
// [Message] for what both give.
//
// It is strict in what it writes and tolerant in what it reads. What it must
// refuse it refuses with a [ParseError], which carries the status of the answer.
package sip

// A Message is a request or a response. It is a plain value owned by whoever
// made it; nothing in it is shared with the buffer it was parsed from. It is not
// safe for concurrent use while somebody changes it.
type Message struct {
	Method  string   // of a request, as on the wire; "" in a response
	URI     URI      // of a request
	Status  int      // of a response, 100 to 699
	Reason  string   // of a response; may be empty
	Headers []Header // in wire order, without Content-Length's role: Append computes that one
	Body    []byte
}

// A Header is one header line. Name is the canonical spelling of a name we know
// (compact names are expanded), and as it came otherwise. Value is unfolded and
// trimmed; a comma list is kept as it came.
type Header struct{ Name, Value string }

// CSeq is the value of a CSeq header (RFC 3261 §20.16).
type CSeq struct {
	Seq    uint32
	Method string
}

// NewRequest returns a request with no headers.
func NewRequest(method string, uri URI) *Message { return &Message{Method: method, URI: uri} }

// NewResponse returns a response to req with what RFC 3261 §8.2.6.2 copies: all
// Via, From, To, Call-ID, CSeq, and Timestamp in a 100. It adds no To tag. An
// empty reason stands for the status's standard phrase.
func NewResponse(req *Message, status int, reason string) *Message { return nil }

// IsRequest reports whether m is a request.
func (m *Message) IsRequest() bool { return m.Status == 0 }

// Get returns the value of the first header called name, or "". Names compare
// without case; compact names are understood.
func (m *Message) Get(name string) string { return "" }

// Has reports whether there is a header called name.
func (m *Message) Has(name string) bool { return false }

// Values returns every element of the headers called name, in order. Comma lists
// are split for headers that are lists (RFC 3261 §7.3.1); commas inside quotes and
// angle brackets do not count. Other headers give one element a line.
func (m *Message) Values(name string) []string { return nil }

// Add adds a header after the last one of that name, or at the end.
func (m *Message) Add(name, value string) {}

// Prepend adds a header before the first one of that name, or before all others.
// It is for Via, Route and Record-Route.
func (m *Message) Prepend(name, value string) {}

// Set replaces all headers of that name by one, at the place of the first.
func (m *Message) Set(name, value string) {}

// Del removes all headers called name.
func (m *Message) Del(name string) {}

// RemoveFirst removes the first element of a list header, which may be a whole
// line or a part of one.
func (m *Message) RemoveFirst(name string) {}

// Clone returns a copy that shares nothing that can be changed.
func (m *Message) Clone() *Message { return nil }

// Append appends the wire form to dst. Content-Length is computed from Body. A
// CR, LF or NUL in any part is written as a space, so that no value can add a
// header; a header whose name is no token is left out.
func (m *Message) Append(dst []byte) []byte { return dst }

// String is the wire form with the values of Authorization and
// Proxy-Authorization redacted, for logs.
func (m *Message) String() string { return "" }

// Via returns the topmost Via. The error is a [*ParseError].
func (m *Message) Via() (Via, error) { return Via{}, nil }

// From returns the From header. The error is a [*ParseError].
func (m *Message) From() (Address, error) { return Address{}, nil }

// To returns the To header. The error is a [*ParseError].
func (m *Message) To() (Address, error) { return Address{}, nil }

// CallID returns the Call-ID, or "".
func (m *Message) CallID() string { return m.Get("Call-ID") }

// CSeq returns the CSeq header. The error is a [*ParseError].
func (m *Message) CSeq() (CSeq, error) { return CSeq{}, nil }

// Contacts returns all Contact addresses, none if there is no Contact. The
// Contact "*" (RFC 3261 §10.2.2) is an address whose URI.Scheme is "*". The error
// is a [*ParseError].
func (m *Message) Contacts() ([]Address, error) { return nil, nil }

// Addresses returns the addresses of any header made of them: Route,
// Record-Route, Path, Service-Route, P-Asserted-Identity and so on. The error is
// a [*ParseError].
func (m *Message) Addresses(name string) ([]Address, error) { return nil, nil }

// Option reports whether tag is among the option tags of header: Supported,
// Require, Proxy-Require, Unsupported, or the methods of Allow.
func (m *Message) Option(header, tag string) bool { return false }

// ReasonPhrase returns the standard phrase of a status, or that of its class.
func ReasonPhrase(status int) string { return "" }
