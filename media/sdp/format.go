package sdp

import (
	"slices"
	"strconv"
	"strings"

	"tandem/media"
)

// telephoneEvent is the encoding name of RFC 4733.
const telephoneEvent = "TELEPHONE-EVENT"

// events are the telephone events we understand: 0-9, *, #, A-D.
const events = "0-15"

// format is one payload type of an m-line, with its encoding as it was written.
type format struct {
	Codec
	encoding string // "opus/48000/2"
}

// staticFormats are the payload types that need no rtpmap (RFC 3551 §6), as far as
// telephones still send them.
func staticFormat(pt uint8) string {
	switch pt {
	case 0:
		return "PCMU/8000"
	case 3:
		return "GSM/8000"
	case 4:
		return "G723/8000"
	case 8:
		return "PCMA/8000"
	case 9:
		return "G722/8000"
	case 13:
		return "CN/8000"
	case 15:
		return "G728/8000"
	case 18:
		return "G729/8000"
	}
	return ""
}

// formats are the m-line's payload types in order. A dynamic one without rtpmap
// is left out: nobody can know what it is.
func (m *Media) formats() []format {
	list := make([]format, 0, len(m.Formats))
	for _, s := range m.Formats {
		n, err := strconv.ParseUint(s, 10, 7)
		if err != nil || slices.ContainsFunc(list, func(f format) bool { return f.PayloadType == uint8(n) }) {
			continue
		}
		encoding := m.parameter("rtpmap", uint8(n))
		if encoding == "" {
			encoding = staticFormat(uint8(n))
		}
		f, ok := parseEncoding(encoding)
		if !ok {
			continue
		}
		f.PayloadType, f.FMTP = uint8(n), m.parameter("fmtp", uint8(n))
		list = append(list, f)
	}
	return list
}

// parameter is the text after "a=rtpmap:PT " or "a=fmtp:PT ".
func (m *Media) parameter(name string, pt uint8) string {
	for _, a := range m.Attributes {
		if !strings.EqualFold(a.Name, name) {
			continue
		}
		number, rest, _ := strings.Cut(a.Value, " ")
		if n, err := strconv.ParseUint(number, 10, 7); err == nil && uint8(n) == pt {
			return strings.TrimSpace(rest)
		}
	}
	return ""
}

func parseEncoding(s string) (format, bool) {
	// Only the first word: "PCMU/8000 ; comment" has been seen.
	for word := range strings.FieldsSeq(s) {
		s = word
		break
	}
	name, rest, ok := strings.Cut(s, "/")
	rate, channels, more := strings.Cut(rest, "/")
	if !ok || name == "" || strings.Contains(channels, "/") {
		return format{}, false
	}
	clock, err := strconv.ParseUint(rate, 10, 20)
	if err != nil || clock == 0 {
		return format{}, false
	}
	f := format{Codec{Name: strings.ToUpper(name), Clock: int(clock), Channels: 1}, s}
	if more {
		if n, err := strconv.ParseUint(channels, 10, 8); err == nil && n > 0 {
			f.Channels = int(n)
		}
	}
	// RFC 3551 §4.5.2: the clock of G.722 is 8000 by an old mistake; some phones
	// write 16000 and count 8000 all the same.
	if f.Name == "G722" && f.Clock == 16000 {
		f.Clock = 8000
	}
	return f, true
}

// same reports whether both name one encoding. Opus has two channels on the wire
// always (RFC 7587 §7), whatever an old phone writes.
func same(a, b Codec) bool {
	if !strings.EqualFold(a.Name, b.Name) || a.Clock != b.Clock {
		return false
	}
	if strings.EqualFold(a.Name, "H264") {
		return sameH264(a.FMTP, b.FMTP)
	}
	return strings.EqualFold(a.Name, "OPUS") || max(a.Channels, 1) == max(b.Channels, 1)
}

func (c Codec) encoding() string {
	name := strings.ToUpper(c.Name)
	switch name {
	case "OPUS":
		return "opus/" + strconv.Itoa(c.Clock) + "/2"
	case telephoneEvent:
		name = "telephone-event"
	}
	if name == "RTX" {
		name = "rtx" // as RFC 4588 and every browser writes it
	}
	s := name + "/" + strconv.Itoa(c.Clock)
	if c.Channels > 1 {
		s += "/" + strconv.Itoa(c.Channels)
	}
	return s
}

// common are the offered formats we have too, in our order, with our format
// parameters.
func common(ours []Codec, offered []format) []match {
	var list []match
	for _, c := range ours {
		for _, f := range offered {
			if same(c, f.Codec) {
				list = append(list, match{ours: c, theirs: f})
				break
			}
		}
	}
	return list
}

// match is one codec as both sides see it.
type match struct {
	ours   Codec
	theirs format
}

// put moves the codec of that name to the front.
func put(list []match, name string) {
	i := slices.IndexFunc(list, func(m match) bool { return strings.EqualFold(m.ours.Name, name) })
	if i > 0 {
		chosen := list[i]
		copy(list[1:i+1], list[:i])
		list[0] = chosen
	}
}

// eventFor picks the telephone-event format for a codec: of its own clock, else
// 8000 Hz (Google offers 8000 beside Opus, GV-S37), else any.
func eventFor(clock int, offered []format) (format, bool) {
	for _, want := range []int{clock, 8000, 0} {
		for _, f := range offered {
			if f.Name == telephoneEvent && (want == 0 || f.Clock == want) {
				return f, true
			}
		}
	}
	return format{}, false
}

func (f format) event() media.Event {
	return media.Event{PayloadType: f.PayloadType, Clock: f.Clock}
}

// addFormat lists one payload type with its rtpmap and fmtp.
func (m *Media) addFormat(pt uint8, encoding, fmtp string) {
	number := strconv.Itoa(int(pt))
	m.Formats = append(m.Formats, number)
	m.add("rtpmap", number+" "+encoding)
	if fmtp != "" {
		m.add("fmtp", number+" "+fmtp)
	}
}

func (m *Media) add(name, value string) {
	m.Attributes = append(m.Attributes, Attribute{name, value})
}
