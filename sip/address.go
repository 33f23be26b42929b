package sip

// An Address is a name-addr or addr-spec with its header parameters (RFC 3261
// §20.10): the value of From, To, Contact, Route and others.
type Address struct {
	Display string // without quotes and escapes
	URI     URI
	Params  Params // of the header, such as ;tag= and ;expires=, not of the URI
}

// ParseAddress parses one address. Parameters after an addr-spec without angle
// brackets are the header's (RFC 3261 §20). "*" gives the URI.Scheme "*". The error
// is a [*ParseError].
func ParseAddress(s string) (Address, error) { return Address{}, nil }

// String is the wire form, always with angle brackets.
func (a Address) String() string { return "" }

// Tag returns the tag parameter, or "".
func (a Address) Tag() string { t, _ := a.Params.Get("tag"); return t }

// WithTag returns a with the tag set.
func (a Address) WithTag(tag string) Address { a.Params = a.Params.With("tag", tag); return a }
