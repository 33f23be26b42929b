package sdp

import (
	"bytes"
	"strconv"
	"strings"
)

// Append appends the description's wire form, with CRLF and in the order of RFC
// 8866 §5.
func (d *Description) Append(dst []byte) []byte {
	if dst == nil {
		dst = make([]byte, 0, usualSize)
	}
	dst = append(dst, "v=0\r\n"...)
	o := d.Origin
	dst = appendLine(dst, 'o', or(o.Username, "-"), " ", or(o.Session, "0"), " ", or(o.Version, "0"), " ", addressType(o.Address), or(o.Address, anywhere))
	dst = appendLine(dst, 's', or(d.Name, "-"))
	dst = appendExtra(dst, d.Extra, "iuep", true)
	dst = appendConnection(dst, d.Connection)
	for _, b := range d.Bandwidth {
		dst = appendLine(dst, 'b', b)
	}
	dst = appendLine(dst, 't', or(d.Timing, "0 0"))
	dst = appendExtra(dst, d.Extra, "iuep", false)
	dst = appendAttributes(dst, d.Attributes)
	for i := range d.Media {
		dst = d.Media[i].append(dst)
	}
	return dst
}

// usualSize is enough for a description of one audio stream, in octets.
const usualSize = 1024

// String is the wire form. It may hold SDES keys: not for logs.
func (d *Description) String() string { return string(d.Append(nil)) }

func (m *Media) append(dst []byte) []byte {
	dst = append(dst, "m="...)
	dst = append(dst, m.Kind...)
	dst = strconv.AppendUint(append(dst, ' '), uint64(m.Port), 10)
	if m.Ports > 1 {
		dst = strconv.AppendInt(append(dst, '/'), int64(m.Ports), 10)
	}
	dst = append(append(dst, ' '), m.Profile...)
	for _, f := range m.Formats {
		dst = append(append(dst, ' '), f...)
	}
	if len(m.Formats) == 0 {
		dst = append(dst, " 0"...) // the grammar wants at least one
	}
	dst = append(dst, "\r\n"...)
	dst = appendExtra(dst, m.Extra, "i", true)
	dst = appendConnection(dst, m.Connection)
	for _, b := range m.Bandwidth {
		dst = appendLine(dst, 'b', b)
	}
	dst = appendExtra(dst, m.Extra, "i", false)
	return appendAttributes(dst, m.Attributes)
}

// appendLine appends a line; its value may be in parts.
func appendLine(dst []byte, kind byte, value ...string) []byte {
	dst = append(dst, kind, '=')
	for _, part := range value {
		dst = append(dst, part...)
	}
	return append(dst, '\r', '\n')
}

// appendExtra appends the lines whose type is, or is not, in kinds.
func appendExtra(dst []byte, lines []Line, kinds string, in bool) []byte {
	for _, l := range lines {
		if (strings.IndexByte(kinds, l.Type) >= 0) == in {
			dst = appendLine(dst, l.Type, l.Value)
		}
	}
	return dst
}

func appendConnection(dst []byte, c Connection) []byte {
	if c.Address == "" {
		return dst
	}
	return appendLine(dst, 'c', addressType(c.Address), c.Address)
}

func appendAttributes(dst []byte, list []Attribute) []byte {
	for _, a := range list {
		if a.Value == "" {
			dst = appendLine(dst, 'a', a.Name)
			continue
		}
		dst = appendLine(dst, 'a', a.Name, ":", a.Value)
	}
	return dst
}

// anywhere stands for an address that is not known.
const anywhere = "0.0.0.0"

// addressType is what precedes an address.
func addressType(address string) string {
	if strings.Contains(address, ":") {
		return "IN IP6 "
	}
	return "IN IP4 "
}

func or(s, fallback string) string {
	if s == "" {
		return fallback
	}
	return s
}

// follow makes d the successor of last: the same o= line, and a version that
// rises by one exactly when something changed (RFC 3264 §8).
func (d *Description) follow(last *Description) {
	if last == nil {
		return
	}
	d.Origin = last.Origin
	if bytes.Equal(d.Append(nil), last.Append(nil)) {
		return
	}
	n, _ := strconv.ParseUint(last.Origin.Version, 10, 62)
	d.Origin.Version = strconv.FormatUint(n+1, 10)
}
