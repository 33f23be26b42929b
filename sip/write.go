package sip

import (
	"strconv"
	"strings"
)

// Append appends the wire form to dst. Content-Length is computed from Body. A
// CR, LF or NUL in any part is written as a space, so that no value can add a
// header; a header whose name is no token is left out.
func (m *Message) Append(dst []byte) []byte {
	dst = m.appendStart(dst)
	for i := range m.Headers {
		h := &m.Headers[i]
		if !sameName(h.Name, "Content-Length") {
			dst = appendHeader(dst, h.Name, h.Value)
		}
	}
	dst = append(dst, "Content-Length: "...)
	dst = strconv.AppendInt(dst, int64(len(m.Body)), 10)
	dst = append(dst, "\r\n\r\n"...)
	return append(dst, m.Body...)
}

func (m *Message) appendStart(dst []byte) []byte {
	if m.IsRequest() {
		dst = appendClean(dst, m.Method)
		dst = append(dst, ' ')
		dst = m.URI.AppendTo(dst)
		return append(dst, " SIP/2.0\r\n"...)
	}
	dst = append(dst, "SIP/2.0 "...)
	dst = strconv.AppendInt(dst, int64(m.Status), 10)
	dst = append(dst, ' ')
	dst = appendClean(dst, m.Reason)
	return append(dst, "\r\n"...)
}

func appendHeader(dst []byte, name, value string) []byte {
	if !isToken(name) {
		return dst
	}
	dst = append(dst, name...)
	dst = append(dst, ": "...)
	dst = appendClean(dst, value)
	return append(dst, "\r\n"...)
}

// appendClean appends s with CR, LF and NUL as spaces. A NUL that is a quoted
// pair stays: RFC 3261 allows it (RFC 4475 §3.1.1.2).
func appendClean(dst []byte, s string) []byte {
	if !strings.ContainsAny(s, "\r\n\x00") {
		return append(dst, s...)
	}
	for i := range len(s) {
		c := s[i]
		if c == '\r' || c == '\n' || c == 0 && !quotedPair(s, i) {
			c = ' '
		}
		dst = append(dst, c)
	}
	return dst
}

// quotedPair reports whether the byte at i is escaped by a backslash inside a
// quoted string.
func quotedPair(s string, i int) bool {
	quoted := false
	for j := 0; j < i; j++ {
		switch {
		case s[j] == '"':
			quoted = !quoted
		case s[j] == '\\' && quoted:
			if j+1 == i {
				return true
			}
			j++
		}
	}
	return false
}

// String is the wire form with the credentials of Authorization and
// Proxy-Authorization redacted, for logs.
func (m *Message) String() string {
	c := *m
	c.Headers = make([]Header, len(m.Headers))
	for i, h := range m.Headers {
		if sameName(h.Name, "Authorization") || sameName(h.Name, "Proxy-Authorization") {
			scheme, _, _ := strings.Cut(h.Value, " ")
			h.Value = scheme + " [redacted]"
		}
		c.Headers[i] = h
	}
	return string(c.Append(nil))
}
