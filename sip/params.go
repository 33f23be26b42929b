package sip

import "strings"

// Params are parameters in wire form, ";transport=tls;lr", their order kept. The
// empty string has none.
type Params string

// Get returns a parameter's value without quotes, and whether the parameter is
// there. Names compare without case. A parameter without value gives "", true.
// Percent escapes of a URI parameter's value stay; see [Unescape].
func (p Params) Get(name string) (value string, ok bool) {
	for rest := string(p); rest != ""; {
		var raw string
		raw, rest = cutParam(rest)
		if n, v, _ := strings.Cut(raw, "="); sameParam(n, name) {
			return unquote(v), true
		}
	}
	return "", false
}

// sameParam compares a parameter's name on the wire with one we look for. A name
// in a URI may be escaped: ";%6C%72" is ";lr" (RFC 4475 §3.1.1.3).
func sameParam(wire, name string) bool {
	if len(wire) == len(name) {
		return wire == name || strings.EqualFold(wire, name)
	}
	return strings.IndexByte(wire, '%') >= 0 && strings.EqualFold(Unescape(wire), name)
}

// Has reports whether the parameter is there.
func (p Params) Has(name string) bool {
	_, ok := p.Get(name)
	return ok
}

// With returns p with the parameter set, in its old place or at the end. An empty
// value makes a parameter without "=". A value that is neither token nor host is
// quoted.
func (p Params) With(name, value string) Params {
	param := ";" + name
	if value != "" {
		param += "=" + quoteIfNeeded(value)
	}
	var b strings.Builder
	found := false
	for rest := string(p); rest != ""; {
		var raw string
		raw, rest = cutParam(rest)
		if n, _, _ := strings.Cut(raw, "="); !sameParam(n, name) {
			b.WriteString(";" + raw)
		} else if !found {
			b.WriteString(param)
			found = true
		}
	}
	if !found {
		b.WriteString(param)
	}
	return Params(b.String())
}

func quoteIfNeeded(value string) string {
	for i := range len(value) {
		// Brackets and colons are an IPv6 address's, in received= and maddr=.
		if c := value[i]; classes[c]&tokenByte == 0 && c != ':' && c != '[' && c != ']' {
			return Quote(value)
		}
	}
	return value
}

// Without returns p without the parameter.
func (p Params) Without(name string) Params {
	if !p.Has(name) {
		return p
	}
	var b strings.Builder
	for rest := string(p); rest != ""; {
		var raw string
		raw, rest = cutParam(rest)
		if n, _, _ := strings.Cut(raw, "="); !sameParam(n, name) {
			b.WriteString(";" + raw)
		}
	}
	return Params(b.String())
}

// All calls yield with each name and unquoted value, in order.
func (p Params) All(yield func(name, value string) bool) {
	for rest := string(p); rest != ""; {
		var raw string
		raw, rest = cutParam(rest)
		if n, v, _ := strings.Cut(raw, "="); !yield(n, unquote(v)) {
			return
		}
	}
}

// cutParam returns the first parameter of s without its semicolon, and the rest
// with one.
func cutParam(s string) (param, rest string) {
	s = strings.TrimPrefix(s, ";")
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case ';':
			return s[:i], s[i:]
		case '"':
			n := quotedEnd(s[i:])
			if n < 0 {
				return s, ""
			}
			i += n - 1
		}
	}
	return s, ""
}

// parseParams checks the parameters of a header, which begin with a semicolon or
// are empty, and takes the spaces out that RFC 3261 allows around ";" and "=".
func parseParams(s string) (Params, error) {
	spaced := false
	for rest := s; rest != ""; {
		if rest[0] != ';' {
			return "", badf("a parameter does not begin with a semicolon: %q", rest)
		}
		var raw string
		raw, rest = cutParam(rest)
		name, value, assigned := strings.Cut(raw, "=")
		n, v := trim(name), trim(value)
		if !isToken(n) || assigned && !isParamValue(v) {
			return "", badf("malformed parameter: %q", raw)
		}
		spaced = spaced || len(n) != len(name) || len(v) != len(value)
	}
	if !spaced {
		return Params(s), nil
	}
	return compactParams(s), nil
}

// isParamValue is wider than the RFC's gen-value: phones leave quotes out.
func isParamValue(v string) bool {
	if v == "" {
		return false
	}
	if v[0] == '"' {
		return quotedEnd(v) == len(v)
	}
	for i := range len(v) {
		if c := v[i]; c <= ' ' || c == 0x7f || c == '"' {
			return false
		}
	}
	return true
}

func compactParams(s string) Params {
	var b strings.Builder
	for s != "" {
		var raw string
		raw, s = cutParam(s)
		name, value, assigned := strings.Cut(raw, "=")
		b.WriteString(";" + trim(name))
		if assigned {
			b.WriteString("=" + trim(value))
		}
	}
	return Params(b.String())
}
