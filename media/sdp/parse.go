package sdp

import (
	"fmt"
	"strconv"
	"strings"
)

// Bounds of what is read. The largest real description seen (a browser with many
// streams) has 10 KiB and 400 lines.
const (
	maxSize   = 64 << 10 // octets
	maxLines  = 2048
	maxMedia  = 64
	maxFormat = 256 // formats of one m-line
)

// Parse reads a description. Unknown lines are kept, missing ones forgiven, and
// lines may end in LF or CRLF. The error is an [*Error]: status 413 for one that is
// too big, 400 for what is no description at all or has an m-line nobody can read.
func Parse(b []byte) (*Description, error) {
	if len(b) > maxSize {
		return nil, &Error{413, fmt.Sprintf("the session description is larger than %d KiB", maxSize>>10)}
	}
	p := parser{d: &Description{}}
	rest := string(b) // what is kept are parts of this one string
	for n := 0; rest != ""; n++ {
		if n == maxLines {
			return nil, &Error{413, fmt.Sprintf("the session description has more than %d lines", maxLines)}
		}
		var line string
		line, rest, _ = strings.Cut(rest, "\n")
		if err := p.line(clean(line)); err != nil {
			return nil, err
		}
	}
	if !p.version && len(p.d.Media) == 0 {
		return nil, &Error{400, "the body is not a session description: it has neither v= nor m="}
	}
	return p.d, nil
}

// clean removes what no line may contain, so that nothing read here can add a line
// when it is written back.
func clean(line string) string {
	line = strings.TrimSuffix(line, "\r")
	if !plain(line) {
		line = strings.Map(func(r rune) rune {
			if r < ' ' && r != '\t' || r == 0x7f {
				return -1
			}
			return r
		}, strings.ToValidUTF8(line, "?"))
	}
	return strings.TrimSpace(line)
}

// plain reports whether a line is of ASCII that can be printed, as nearly all are.
func plain(line string) bool {
	for i := range len(line) {
		if c := line[i]; c < ' ' && c != '\t' || c >= 0x7f {
			return false
		}
	}
	return true
}

type parser struct {
	d       *Description
	version bool
}

func (p *parser) line(s string) error {
	if len(s) < 2 || s[1] != '=' {
		return nil // an empty line, or noise
	}
	kind, value := s[0], strings.TrimSpace(s[2:])
	if kind == 'm' {
		return p.media(value)
	}
	if n := len(p.d.Media); n > 0 {
		p.inMedia(&p.d.Media[n-1], kind, value)
		return nil
	}
	p.inSession(kind, value)
	return nil
}

func (p *parser) inSession(kind byte, value string) {
	d := p.d
	switch kind {
	case 'v':
		p.version = true
	case 'o':
		d.Origin = parseOrigin(value)
	case 's':
		d.Name = value
	case 'c':
		if d.Connection.Address == "" {
			d.Connection = parseConnection(value)
		}
	case 'b':
		d.Bandwidth = append(d.Bandwidth, value)
	case 't':
		if d.Timing == "" {
			d.Timing = value
		}
	case 'a':
		d.Attributes = appendAttribute(d.Attributes, value)
	default:
		d.Extra = append(d.Extra, Line{kind, value})
	}
}

func (p *parser) inMedia(m *Media, kind byte, value string) {
	switch kind {
	case 'c':
		if m.Connection.Address == "" {
			m.Connection = parseConnection(value)
		}
	case 'b':
		m.Bandwidth = append(m.Bandwidth, value)
	case 'a':
		m.Attributes = appendAttribute(m.Attributes, value)
	default:
		m.Extra = append(m.Extra, Line{kind, value})
	}
}

func (p *parser) media(value string) error {
	if len(p.d.Media) == maxMedia {
		return &Error{413, fmt.Sprintf("the session description has more than %d m-lines", maxMedia)}
	}
	f := strings.Fields(value)
	if len(f) < 3 {
		return &Error{400, fmt.Sprintf("the m-line %q has no port or no profile", shorten(value))}
	}
	if len(f)-3 > maxFormat {
		return &Error{413, fmt.Sprintf("an m-line has more than %d formats", maxFormat)}
	}
	port, ports, err := parsePort(f[1])
	if err != nil {
		return &Error{400, fmt.Sprintf("the m-line %q has a port that is not a number from 0 to 65535", shorten(value))}
	}
	p.d.Media = append(p.d.Media, Media{
		Kind: strings.ToLower(f[0]), Port: port, Ports: ports, Profile: f[2], Formats: f[3:],
	})
	return nil
}

func parsePort(s string) (port uint16, ports int, err error) {
	first, count, ranged := strings.Cut(s, "/")
	n, err := strconv.ParseUint(first, 10, 16)
	if err != nil {
		return 0, 0, err
	}
	if !ranged {
		return uint16(n), 0, nil
	}
	k, err := strconv.ParseUint(count, 10, 16)
	return uint16(n), int(k), err
}

// parseOrigin reads from the right: some phones have spaces in the user name.
func parseOrigin(value string) Origin {
	f := strings.Fields(value)
	for len(f) < 6 {
		f = append([]string{"-"}, f...)
	}
	n := len(f)
	return Origin{Username: strings.Join(f[:n-5], "_"), Session: f[n-5], Version: f[n-4], Address: f[n-1]}
}

// parseConnection reads "IN IP4 192.0.2.1". A line without an address is no
// connection.
func parseConnection(value string) Connection {
	f := strings.Fields(value)
	if len(f) < 3 {
		return Connection{}
	}
	return Connection{Address: f[2]}
}

func appendAttribute(list []Attribute, value string) []Attribute {
	name, v, _ := strings.Cut(value, ":")
	name = strings.TrimSpace(name)
	if name == "" {
		return list
	}
	return append(list, Attribute{name, strings.TrimSpace(v)})
}

func shorten(s string) string {
	const enough = 40
	if len(s) > enough {
		return strings.ToValidUTF8(s[:enough], "") + "…"
	}
	return s
}
