package sip

import "strings"

// A Via is one element of a Via header (RFC 3261 §20.42).
type Via struct {
	Transport string // upper case: "UDP", "TCP", "TLS", "WS", "WSS"
	Host      string // name or address of sent-by; IPv6 without brackets
	Port      int    // of sent-by, 0 is none
	Params    Params
}

// ParseVia parses one element. Spaces may stand around "/", ":", ";" and "=". The
// error is a [*ParseError].
func ParseVia(s string) (Via, error) {
	name, rest, _ := strings.Cut(s, "/")
	version, rest, _ := strings.Cut(rest, "/")
	if !strings.EqualFold(trim(name), "SIP") || trim(version) != "2.0" {
		return Via{}, badf("a Via is not of SIP/2.0: %q", s)
	}
	rest = trim(rest)
	i := strings.IndexAny(rest, " \t")
	if i < 0 || !isToken(rest[:i]) {
		return Via{}, badf("a Via has no transport: %q", s)
	}
	v := Via{Transport: strings.ToUpper(rest[:i])}
	sentBy, params := rest[i:], ""
	if i := strings.IndexByte(sentBy, ';'); i >= 0 {
		sentBy, params = sentBy[:i], sentBy[i:]
	}
	var ok bool
	if v.Host, v.Port, ok = parseHostPort(unspaceColon(trim(sentBy))); !ok {
		return Via{}, badf("a Via has a malformed sent-by: %q", s)
	}
	var err error
	if v.Params, err = parseParams(params); err != nil {
		return Via{}, err
	}
	return v, nil
}

// unspaceColon takes out the spaces that RFC 3261 allows around the colon of
// sent-by.
func unspaceColon(s string) string {
	if !strings.ContainsAny(s, " \t") {
		return s
	}
	i := strings.LastIndexByte(s, ':')
	if i < 0 {
		return s
	}
	return trim(s[:i]) + ":" + trim(s[i+1:])
}

// String is the wire form.
func (v Via) String() string {
	b := make([]byte, 0, 96)
	b = append(b, "SIP/2.0/"...)
	b = append(b, v.Transport...)
	b = append(b, ' ')
	b = appendHostPort(b, v.Host, v.Port)
	return string(append(b, v.Params...))
}

// Branch returns the branch parameter, or "".
func (v Via) Branch() string {
	branch, _ := v.Params.Get("branch")
	return branch
}
