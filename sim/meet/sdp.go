package meet

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// maxSDP and maxSections bound an offer (contract, section 3, rule 12).
const (
	maxSDP      = 64 << 10
	maxSections = 64
	maxLines    = 4000
)

// attribute is an a= line.
type attribute struct{ name, value string }

// codec is a payload type of a section.
type codec struct {
	pt   uint8
	name string // as written, with clock and channels: "opus/48000/2"
	fmtp string
	fb   []string
}

// section is an m-section of an offer.
type section struct {
	index  int
	kind   string // "audio", "video", "application"
	port   string
	proto  string
	fmts   []string
	attrs  []attribute
	codecs []codec

	role role
}

// description is a parsed offer.
type description struct {
	version  uint64 // of the session
	attrs    []attribute
	sections []*section
}

// parseSDP reads a description. It knows no rules; [description.check] does.
func parseSDP(text string) (*description, *refusal) {
	if len(text) > maxSDP {
		return nil, badOffer("MEET-S5", -1, "the offer has %d octets, at most %d", len(text), maxSDP)
	}
	lines := strings.Split(strings.ReplaceAll(text, "\r\n", "\n"), "\n")
	if len(lines) > maxLines {
		return nil, badOffer("MEET-S5", -1, "the offer has %d lines", len(lines))
	}
	d := &description{}
	seen := map[byte]bool{}
	for i, line := range lines {
		if line == "" && i == len(lines)-1 {
			break
		}
		if len(line) < 2 || line[1] != '=' {
			return nil, badOffer("MEET-S5", len(d.sections)-1, "line %d is no type=value line", i+1)
		}
		seen[line[0]] = true
		if err := d.line(line[0], line[2:]); err != nil {
			return nil, err
		}
	}
	for _, k := range []byte("vost") {
		if !seen[k] {
			return nil, badOffer("MEET-S5", -1, "there is no %c= line", k)
		}
	}
	for _, s := range d.sections {
		if err := s.readCodecs(); err != nil {
			return nil, err
		}
	}
	return d, nil
}

func badOffer(rule string, section int, format string, args ...any) *refusal {
	r := refused(InvalidOffer, format, args...)
	r.rule, r.section = rule, section
	return r
}

func (d *description) line(kind byte, value string) *refusal {
	switch kind {
	case 'o':
		f := strings.Fields(value)
		if len(f) != 6 {
			return badOffer("MEET-S5", -1, "the o= line has %d fields, want 6", len(f))
		}
		d.version, _ = strconv.ParseUint(f[2], 10, 64)
	case 'm':
		return d.media(value)
	case 'a':
		name, v, _ := strings.Cut(value, ":")
		if n := len(d.sections); n > 0 {
			d.sections[n-1].attrs = append(d.sections[n-1].attrs, attribute{name, v})
			return nil
		}
		d.attrs = append(d.attrs, attribute{name, v})
	}
	return nil
}

func (d *description) media(value string) *refusal {
	f := strings.Fields(value)
	n := len(d.sections)
	if len(f) < 4 {
		return badOffer("MEET-S5", n, "the m= line %q is cut off", value)
	}
	if n >= maxSections {
		return badOffer("MEET-S5", n, "more than %d sections", maxSections)
	}
	d.sections = append(d.sections, &section{index: n, kind: f[0], port: f[1], proto: f[2], fmts: f[3:]})
	return nil
}

func (s *section) readCodecs() *refusal {
	if s.kind != "audio" && s.kind != "video" {
		return nil
	}
	for _, f := range s.fmts {
		pt, err := strconv.ParseUint(f, 10, 7)
		if err != nil {
			return badOffer("MEET-S5", s.index, "payload type %q", f)
		}
		s.codecs = append(s.codecs, codec{pt: uint8(pt)})
	}
	for _, a := range s.attrs {
		pt, rest, _ := strings.Cut(a.value, " ")
		i := slices.IndexFunc(s.codecs, func(c codec) bool { return strconv.Itoa(int(c.pt)) == pt })
		if i < 0 {
			continue
		}
		switch a.name {
		case "rtpmap":
			s.codecs[i].name = rest
		case "fmtp":
			s.codecs[i].fmtp = rest
		case "rtcp-fb":
			s.codecs[i].fb = append(s.codecs[i].fb, rest)
		}
	}
	return nil
}

// get is the value of the section's attribute, or of the session's.
func (d *description) get(s *section, name string) string {
	if v, ok := s.attr(name); ok {
		return v
	}
	for _, a := range d.attrs {
		if a.name == name {
			return a.value
		}
	}
	return ""
}

func (s *section) attr(name string) (string, bool) {
	for _, a := range s.attrs {
		if a.name == name {
			return a.value, true
		}
	}
	return "", false
}

func (s *section) has(name string) bool { _, ok := s.attr(name); return ok }

func (s *section) all(name string) []string {
	var out []string
	for _, a := range s.attrs {
		if a.name == name {
			out = append(out, a.value)
		}
	}
	return out
}

func (s *section) mid() string { v, _ := s.attr("mid"); return v }

// direction is sendrecv if nothing is said (RFC 8866 section 6.7).
func (s *section) direction() string {
	for _, a := range s.attrs {
		switch a.name {
		case "sendrecv", "sendonly", "recvonly", "inactive":
			return a.name
		}
	}
	return "sendrecv"
}

// codec finds a codec by its rtpmap, without regard to case.
func (s *section) codec(name string) (codec, bool) {
	for _, c := range s.codecs {
		if strings.EqualFold(c.name, name) {
			return c, true
		}
	}
	return codec{}, false
}

// rtx finds the retransmission codec of a payload type (RFC 4588 section 8.6).
func (s *section) rtx(pt uint8) (codec, bool) {
	for _, c := range s.codecs {
		if strings.EqualFold(c.name, "rtx/90000") && slices.Contains(strings.Split(c.fmtp, ";"), fmt.Sprintf("apt=%d", pt)) {
			return c, true
		}
	}
	return codec{}, false
}

// extensions is the section's extmap: URI to id.
func (s *section) extensions() map[string]uint8 {
	out := map[string]uint8{}
	for _, v := range s.all("extmap") {
		id, rest, _ := strings.Cut(v, " ")
		id, _, _ = strings.Cut(id, "/")
		uri, _, _ := strings.Cut(rest, " ")
		if n, err := strconv.ParseUint(id, 10, 8); err == nil && n > 0 {
			out[uri] = uint8(n)
		}
	}
	return out
}

// ssrcs is the section's sources and, if there is a FID group, its repair source.
func (s *section) ssrcs() (media, repair uint32) {
	for _, v := range s.all("ssrc-group") {
		f := strings.Fields(v)
		if len(f) == 3 && f[0] == "FID" {
			return parseSSRC(f[1]), parseSSRC(f[2])
		}
	}
	for _, v := range s.all("ssrc") {
		id, _, _ := strings.Cut(v, " ")
		if n := parseSSRC(id); n != 0 {
			return n, 0
		}
	}
	return 0, 0
}

func parseSSRC(s string) uint32 {
	n, _ := strconv.ParseUint(s, 10, 32)
	return uint32(n)
}
