package sip

import (
	"net/netip"
	"strconv"
	"strings"
)

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
func ParseURI(s string) (URI, error) {
	scheme, rest, ok := strings.Cut(s, ":")
	if !ok || !isScheme(scheme) || rest == "" {
		return URI{}, badf("not a URI: %q", s)
	}
	for i := range len(rest) {
		if c := rest[i]; c <= ' ' || c == 0x7f || c == '<' || c == '>' || c == '"' {
			return URI{}, badf("a URI has a character that must be escaped: %q", s)
		}
	}
	u := URI{Scheme: strings.ToLower(scheme)}
	switch u.Scheme {
	case "sip", "sips":
		return u.parseSIP(rest)
	case "tel":
		if i := strings.IndexByte(rest, ';'); i >= 0 {
			rest, u.Params = rest[:i], Params(rest[i:])
		}
	}
	u.User = rest
	return u, nil
}

func isScheme(s string) bool {
	if s == "" || s[0]|0x20 < 'a' || s[0]|0x20 > 'z' {
		return false
	}
	for i := range len(s) {
		c := s[i]
		if c != '+' && c != '-' && c != '.' && (classes[c]&hostByte == 0 || c == '_') {
			return false
		}
	}
	return true
}

func (u URI) parseSIP(s string) (URI, error) {
	// The user part may hold ";", "?" and "/", so the "@" is looked for first. Two of
	// them are refused: parsers disagree on which one begins the host.
	if i := strings.IndexByte(s, '@'); i >= 0 {
		u.User, s = s[:i], s[i+1:]
		u.User, u.Password, _ = strings.Cut(u.User, ":")
		if u.User == "" || strings.IndexByte(s, '@') >= 0 {
			return URI{}, badf("malformed user part in a URI before %q", s)
		}
	}
	if i := strings.IndexByte(s, '?'); i >= 0 {
		s, u.Headers = s[:i], s[i+1:]
	}
	if i := strings.IndexByte(s, ';'); i >= 0 {
		s, u.Params = s[:i], Params(s[i:])
	}
	var ok bool
	if u.Host, u.Port, ok = parseHostPort(s); !ok {
		return URI{}, badf("malformed host in a URI: %q", s)
	}
	return u, nil
}

// parseHostPort parses "host", "host:5060", "[2001:db8::1]" and "[2001:db8::1]:5060".
func parseHostPort(s string) (host string, port int, ok bool) {
	var rest string
	if strings.HasPrefix(s, "[") {
		i := strings.IndexByte(s, ']')
		if i < 0 || !isIPv6(s[1:i]) {
			return "", 0, false
		}
		host, rest = s[1:i], s[i+1:]
	} else {
		i := strings.IndexByte(s, ':')
		if i < 0 {
			i = len(s)
		}
		host, rest = s[:i], s[i:]
		if !isAll(host, hostByte) {
			return "", 0, false
		}
	}
	if rest == "" {
		return host, 0, true
	}
	n, ok := parseDigits(rest[1:], 65535)
	return host, int(n), ok && rest[0] == ':' && n > 0
}

// isIPv6 also takes ":::" for "::", which the grammar of RFC 3261 generates by a
// mistake (RFC 5118 §4.10).
func isIPv6(s string) bool {
	a, err := netip.ParseAddr(strings.Replace(s, ":::", "::", 1))
	return err == nil && a.Is6() && a.Zone() == ""
}

// String is the wire form.
func (u URI) String() string { return string(u.AppendTo(nil)) }

// AppendTo appends the wire form to dst. Bytes that may not stand in a URI are
// escaped.
func (u URI) AppendTo(dst []byte) []byte {
	if u.Scheme == "*" {
		return append(dst, '*')
	}
	dst = appendURIPart(dst, u.Scheme)
	dst = append(dst, ':')
	dst = appendURIPart(dst, u.User)
	if u.Password != "" {
		dst = append(dst, ':')
		dst = appendURIPart(dst, u.Password)
	}
	if u.Host != "" {
		if u.User != "" {
			dst = append(dst, '@')
		}
		dst = appendHostPort(dst, u.Host, u.Port)
	}
	dst = appendURIPart(dst, string(u.Params))
	if u.Headers != "" {
		dst = append(dst, '?')
		dst = appendURIPart(dst, u.Headers)
	}
	return dst
}

func appendHostPort(dst []byte, host string, port int) []byte {
	if strings.IndexByte(host, ':') >= 0 && !strings.HasPrefix(host, "[") {
		dst = append(dst, '[')
		dst = appendURIPart(dst, host)
		dst = append(dst, ']')
	} else {
		dst = appendURIPart(dst, host)
	}
	if port > 0 {
		dst = append(dst, ':')
		dst = strconv.AppendInt(dst, int64(port), 10)
	}
	return dst
}

// appendURIPart escapes what would end the URI or the line it stands in.
func appendURIPart(dst []byte, s string) []byte {
	for i := range len(s) {
		if c := s[i]; c <= ' ' || c >= 0x7f || c == '<' || c == '>' || c == '"' {
			dst = appendEscaped(dst, c)
		} else {
			dst = append(dst, c)
		}
	}
	return dst
}

func appendEscaped(dst []byte, c byte) []byte {
	const hex = "0123456789ABCDEF"
	return append(dst, '%', hex[c>>4], hex[c&15])
}

// IsZero reports whether u is no URI at all.
func (u URI) IsZero() bool { return u == URI{} }

// Secure reports whether the scheme is sips.
func (u URI) Secure() bool { return u.Scheme == "sips" }

// Unescape replaces %xx escapes. Malformed ones are kept as they are.
func Unescape(s string) string {
	if strings.IndexByte(s, '%') < 0 {
		return s
	}
	b := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		if s[i] == '%' && i+2 < len(s) {
			hi, ok1 := unhex(s[i+1])
			lo, ok2 := unhex(s[i+2])
			if ok1 && ok2 {
				b = append(b, hi<<4|lo)
				i += 2
				continue
			}
		}
		b = append(b, s[i])
	}
	return string(b)
}

func unhex(c byte) (byte, bool) {
	switch {
	case '0' <= c && c <= '9':
		return c - '0', true
	case 'a' <= c|0x20 && c|0x20 <= 'f':
		return c | 0x20 - 'a' + 10, true
	}
	return 0, false
}

// EscapeUser escapes what may not stand in the user part of a SIP URI, a percent
// sign included. Google Voice's clients also escape "=", which the RFC does not
// ask for and which stays here (reference §5.2).
func EscapeUser(s string) string {
	if isAll(s, userByte) {
		return s
	}
	b := make([]byte, 0, len(s)+8)
	for i := range len(s) {
		if classes[s[i]]&userByte == 0 {
			b = appendEscaped(b, s[i])
		} else {
			b = append(b, s[i])
		}
	}
	return string(b)
}
