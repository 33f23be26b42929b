package sip

// A URI is a SIP, SIPS, tel or any other URI (RFC 3261 §19.1). Its parts are as
// on the wire, escapes included. It is comparable with ==, which is text
// comparison; [URI.Equal] follows the RFC's rules. The zero URI is no URI.
//
// A tel URI has its number in User and no Host. A URI of an unknown scheme has
// everything after the colon in User. The Contact "*" has the Scheme "*".
type URI struct {
	Scheme   string // lower case
	User     string // escaped
	Password string // escaped; without its colon
	Host     string // name or address; IPv6 without brackets
	Port     int    // 0 is none
	Params   Params
	Headers  string // what follows "?", escaped
}

// ParseURI parses a URI. The error is a [*ParseError]: 400 for bad syntax.
func ParseURI(s string) (URI, error) { return URI{}, nil }

// String is the wire form.
func (u URI) String() string { return "" }

// AppendTo appends the wire form to dst. Bytes that may not stand in a URI are
// escaped.
func (u URI) AppendTo(dst []byte) []byte { return dst }

// IsZero reports whether u is no URI at all.
func (u URI) IsZero() bool { return u == URI{} }

// Secure reports whether the scheme is sips.
func (u URI) Secure() bool { return u.Scheme == "sips" }

// Equal compares by RFC 3261 §19.1.4.
func (u URI) Equal(v URI) bool { return false }

// Unescape replaces %xx escapes. Malformed ones are kept as they are.
func Unescape(s string) string { return s }

// EscapeUser escapes what may not stand in the user part of a SIP URI, a percent
// sign included.
func EscapeUser(s string) string { return s }
