package sip

import "strings"

const (
	tokenByte = 1 << iota // token (RFC 3261 §25.1)
	userByte              // unreserved and user-unreserved
	hostByte              // of a host name; "_" is no RFC but in use
)

// classes is built once and never changed.
var classes = func() (t [256]uint8) {
	mark := func(set string, class uint8) {
		for i := range len(set) {
			t[set[i]] |= class
		}
	}
	for c := range 256 {
		if '0' <= c && c <= '9' || 'a' <= c|0x20 && c|0x20 <= 'z' && c < 0x80 {
			t[c] = tokenByte | userByte | hostByte
		}
	}
	mark("-.!%*_+`'~", tokenByte)
	mark("-_.!~*'()&=+$,;?/", userByte)
	mark("-._", hostByte)
	return t
}()

func isAll(s string, class uint8) bool {
	for i := range len(s) {
		if classes[s[i]]&class == 0 {
			return false
		}
	}
	return s != ""
}

func isToken(s string) bool { return isAll(s, tokenByte) }

func isSpace(c byte) bool { return c == ' ' || c == '\t' }

// trim removes spaces and tabs at both ends.
func trim(s string) string {
	for s != "" && isSpace(s[0]) {
		s = s[1:]
	}
	for s != "" && isSpace(s[len(s)-1]) {
		s = s[:len(s)-1]
	}
	return s
}

// quotedEnd returns the index behind the quoted string that begins s, or -1 if
// nothing closes it.
func quotedEnd(s string) int {
	for i := 1; i < len(s); i++ {
		switch s[i] {
		case '\\':
			i++
		case '"':
			return i + 1
		}
	}
	return -1
}

// unquote returns the content of a quoted string, or s if it is none.
func unquote(s string) string {
	if len(s) < 2 || s[0] != '"' || s[len(s)-1] != '"' {
		return s
	}
	s = s[1 : len(s)-1]
	if strings.IndexByte(s, '\\') < 0 {
		return s
	}
	b := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' && i+1 < len(s) {
			i++
		}
		b = append(b, s[i])
	}
	return string(b)
}

// Quote returns s as a quoted string (RFC 3261 §25.1); line breaks become spaces.
func Quote(s string) string {
	b := make([]byte, 0, len(s)+2)
	b = append(b, '"')
	for i := range len(s) {
		switch c := s[i]; c {
		case '"', '\\':
			b = append(b, '\\', c)
		case '\r', '\n':
			b = append(b, ' ')
		default:
			b = append(b, c)
		}
	}
	return string(append(b, '"'))
}

// cutElement returns the first element of a comma list, trimmed, and the rest.
// Commas in quotes and in angle brackets do not separate.
func cutElement(s string) (element, rest string, more bool) {
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case ',':
			return trim(s[:i]), trim(s[i+1:]), true
		case '"':
			n := quotedEnd(s[i:])
			if n < 0 {
				return trim(s), "", false
			}
			i += n - 1
		case '<':
			n := strings.IndexByte(s[i:], '>')
			if n < 0 {
				return trim(s), "", false
			}
			i += n
		}
	}
	return trim(s), "", false
}

// parseDigits parses a number of digits only. It reports false for anything else,
// and for a number above limit.
func parseDigits(s string, limit uint64) (uint64, bool) {
	if s == "" {
		return 0, false
	}
	var n uint64
	for i := range len(s) {
		d := s[i] - '0'
		if d > 9 {
			return 0, false
		}
		if n = n*10 + uint64(d); n > limit {
			return 0, false
		}
	}
	return n, true
}
