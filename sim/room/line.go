package room

import (
	"net/netip"
	"slices"
	"strconv"
	"strings"
)

// line is what a room reads of an m-line.
type line struct {
	first      string // the m-line itself
	port, rtcp uint16
	host       netip.Addr
	codecs     []string // that have an rtpmap
	numbers    []uint8
	direction  string
	limit      int // bit/s
	attributes map[string]string
}

// common is the first format that a room knows, too; -1 for none.
func (m line) common(known []string) int {
	return slices.IndexFunc(m.codecs, func(c string) bool { return slices.Contains(known, c) })
}

func (m line) number(name string) uint64 {
	n, _ := strconv.ParseUint(strings.Fields(m.attributes[name] + " 0")[0], 10, 32)
	return n
}

// screen reports whether the line is of a shared screen (RFC 4796).
func (m line) screen() bool {
	return strings.HasPrefix(m.first, "m=video ") && m.attributes["content"] == "slides"
}

// floor reports whether the line is of floor control.
func (m line) floor() bool { return strings.Contains(m.first, "/BFCP ") }

// refusal is our line where we take nothing.
func (m line) refusal() string {
	f := strings.Fields(m.first)
	if len(f) < 4 {
		return ""
	}
	return f[0] + " 0 " + strings.Join(f[2:], " ") + "\r\n"
}

// parseLines cuts lines into m-lines with their attributes.
func parseLines(lines []string) (list []line) {
	for len(lines) > 0 {
		n := 1
		for n < len(lines) && !strings.HasPrefix(lines[n], "m=") {
			n++
		}
		list = append(list, parseLine(lines[:n]))
		lines = lines[n:]
	}
	return list
}

func parseLine(lines []string) line {
	m := line{first: lines[0], direction: "sendrecv", attributes: map[string]string{}}
	if f := strings.Fields(lines[0]); len(f) > 1 {
		n, _ := strconv.ParseUint(f[1], 10, 16)
		m.port, m.rtcp = uint16(n), uint16(n)+1
	}
	for _, l := range lines[1:] {
		key, v, _ := strings.Cut(l, "=")
		name, rest, _ := strings.Cut(v, ":")
		f := strings.Fields(rest)
		switch {
		case key == "c":
			if f := strings.Fields(v); len(f) == 3 {
				m.host, _ = netip.ParseAddr(f[2])
			}
		case key == "b" && name == "TIAS":
			m.limit, _ = strconv.Atoi(rest)
		case key != "a":
		case name == "rtpmap" && len(f) == 2:
			n, err := strconv.ParseUint(f[0], 10, 7)
			codec, _, _ := strings.Cut(strings.ToUpper(f[1]), "/")
			if err == nil {
				m.codecs, m.numbers = append(m.codecs, codec), append(m.numbers, uint8(n))
			}
		case name == "rtcp" && len(f) > 0:
			n, _ := strconv.ParseUint(f[0], 10, 16)
			m.rtcp = uint16(n)
		case v == "sendrecv" || v == "sendonly" || v == "recvonly" || v == "inactive":
			m.direction = v
		default:
			m.attributes[name] = rest
		}
	}
	return m
}
