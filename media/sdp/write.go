package sdp

import (
	"bytes"
	"strconv"
	"strings"
)

// Append appends the description's wire form, with CRLF and in the order of RFC
// 8866 §5.
func (d *Description) Append(dst []byte) []byte {
	dst = append(dst, "v=0\r\n"...)
	o := d.Origin
	dst = appendLine(dst, 'o', or(o.Username, "-")+" "+or(o.Session, "0")+" "+or(o.Version, "0")+" "+network(o.Address))
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

// String is the wire form. It may hold SDES keys: not for logs.
func (d *Description) String() string { return string(d.Append(nil)) }

func (m *Media) append(dst []byte) []byte {
	port := strconv.Itoa(int(m.Port))
	if m.Ports > 1 {
		port += "/" + strconv.Itoa(m.Ports)
	}
	formats := or(strings.Join(m.Formats, " "), "0") // the grammar wants at least one
	dst = appendLine(dst, 'm', m.Kind+" "+port+" "+m.Profile+" "+formats)
	dst = appendExtra(dst, m.Extra, "i", true)
	dst = appendConnection(dst, m.Connection)
	for _, b := range m.Bandwidth {
		dst = appendLine(dst, 'b', b)
	}
	dst = appendExtra(dst, m.Extra, "i", false)
	return appendAttributes(dst, m.Attributes)
}

func appendLine(dst []byte, kind byte, value string) []byte {
	dst = append(dst, kind, '=')
	dst = append(dst, value...)
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
	return appendLine(dst, 'c', network(c.Address))
}

func appendAttributes(dst []byte, list []Attribute) []byte {
	for _, a := range list {
		if a.Value == "" {
			dst = appendLine(dst, 'a', a.Name)
			continue
		}
		dst = appendLine(dst, 'a', a.Name+":"+a.Value)
	}
	return dst
}

func network(address string) string {
	if strings.Contains(address, ":") {
		return "IN IP6 " + address
	}
	return "IN IP4 " + or(address, "0.0.0.0")
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
