package sip

import "strings"

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
func ParseAddress(s string) (Address, error) {
	s = trim(s)
	if s == "*" {
		return Address{URI: URI{Scheme: "*"}}, nil
	}
	display, rest, err := cutDisplay(s)
	if err != nil {
		return Address{}, err
	}
	a := Address{Display: display}
	var uri, params string
	if strings.HasPrefix(rest, "<") {
		end := strings.IndexByte(rest, '>')
		if end < 0 {
			return Address{}, badf("an address has no closing angle bracket: %q", s)
		}
		uri, params = rest[1:end], trim(rest[end+1:])
	} else if uri, params, err = cutBare(rest); err != nil {
		return Address{}, err
	}
	if a.URI, err = ParseURI(uri); err != nil {
		return Address{}, err
	}
	if a.Params, err = parseParams(params); err != nil {
		return Address{}, err
	}
	return a, nil
}

// cutDisplay takes the display name off an address. What is left begins with "<"
// if there was one.
func cutDisplay(s string) (display, rest string, err error) {
	if strings.HasPrefix(s, `"`) {
		n := quotedEnd(s)
		if n < 0 {
			return "", "", badf("a quoted display name is not closed: %q", s)
		}
		if rest = trim(s[n:]); !strings.HasPrefix(rest, "<") {
			return "", "", badf("no angle bracket follows a display name: %q", s)
		}
		return unquote(s[:n]), rest, nil
	}
	i := strings.IndexByte(s, '<')
	if i < 0 {
		return "", s, nil
	}
	// RFC 3261 wants tokens here. Phones write "Jo (desk)" and raw UTF-8, which do
	// no harm; quotes, commas and semicolons do.
	display = trim(s[:i])
	if strings.ContainsAny(display, "\",;>\x00") {
		return "", "", badf("a display name needs quotes: %q", s)
	}
	return display, s[i:], nil
}

// cutBare splits an addr-spec without angle brackets from the header's parameters.
func cutBare(s string) (uri, params string, err error) {
	from := max(strings.IndexByte(s, '@'), 0) // a semicolon in the user part is the user's
	if i := strings.IndexByte(s[from:], ';'); i >= 0 {
		s, params = s[:from+i], s[from+i:]
	}
	if uri = trim(s); strings.ContainsAny(uri, "?,") {
		return "", "", badf("a URI with a comma or a question mark needs angle brackets: %q", uri)
	}
	return uri, params, nil
}

// String is the wire form, always with angle brackets and a quoted display name.
func (a Address) String() string {
	if a.URI.Scheme == "*" {
		return "*"
	}
	b := make([]byte, 0, 96)
	if a.Display != "" {
		b = append(append(b, Quote(a.Display)...), ' ')
	}
	b = append(b, '<')
	b = a.URI.AppendTo(b)
	b = append(b, '>')
	return string(append(b, a.Params...))
}

// Tag returns the tag parameter, or "".
func (a Address) Tag() string {
	tag, _ := a.Params.Get("tag")
	return tag
}

// WithTag returns a with the tag set.
func (a Address) WithTag(tag string) Address {
	a.Params = a.Params.With("tag", tag)
	return a
}
