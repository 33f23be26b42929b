package sdp

import (
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"
)

// H264Profile is what an encoder of H.264 may use. A decoder of a later one decodes
// the earlier ones too.
type H264Profile uint8

// The profiles of H.264 that telephony uses.
const (
	ConstrainedBaseline H264Profile = iota
	Baseline                        // with the tools for losses that nobody has
	Main
	ConstrainedHigh
	High
	OtherProfile // not one of ours
)

func (p H264Profile) String() string {
	return [...]string{"constrained baseline", "baseline", "main", "constrained high", "high", "other"}[p]
}

// H264 is what the format parameters of H.264 say (RFC 6184 §8.1).
type H264 struct {
	Profile      H264Profile
	ID           [3]byte // profile-level-id: profile_idc, profile-iop, level_idc
	Level        uint8   // level_idc; 9 is level 1b
	Mode         int     // packetization-mode
	Asymmetry    bool    // level-asymmetry-allowed
	Sets         [][]byte
	MaxFrameSize int // max-fs: macroblocks of a picture; 0: the level's
	MaxRate      int // max-mbps: macroblocks in a second; 0: the level's
	MaxBitrate   int // max-br in bit/s; 0: the level's
}

const (
	maxParameterSets = 8
	maxSet           = 512 // octets
	level1b          = 9
)

// ParseH264 reads an fmtp of H.264. What is absent has the defaults of RFC 6184:
// baseline profile, level 1, mode 0. Parameters that are broken are passed over, but
// not a profile-level-id: nobody could decode what it means.
func ParseH264(fmtp string) (H264, error) {
	h := H264{ID: [3]byte{66, 0, 10}}
	for _, part := range strings.Split(fmtp, ";") {
		name, value, _ := strings.Cut(strings.TrimSpace(part), "=")
		value = strings.TrimSpace(value)
		switch strings.ToLower(strings.TrimSpace(name)) {
		case "profile-level-id":
			b, err := hex.DecodeString(value)
			if err != nil || len(b) != 3 {
				return H264{}, fmt.Errorf("sdp: profile-level-id=%q is not six hexadecimal digits", value)
			}
			h.ID = [3]byte(b)
		case "packetization-mode":
			h.Mode = number(value, 2)
		case "level-asymmetry-allowed":
			h.Asymmetry = value == "1"
		case "sprop-parameter-sets":
			h.Sets = parameterSets(value)
		case "max-fs":
			h.MaxFrameSize = number(value, 1<<20)
		case "max-mbps":
			h.MaxRate = number(value, 1<<26)
		case "max-br":
			h.MaxBitrate = number(value, 1<<20) * 1000
		}
	}
	h.Profile, h.Level = h264Profile(h.ID)
	return h, nil
}

// number is a decimal number up to limit, or 0.
func number(s string, limit int) int {
	n, err := strconv.Atoi(s)
	if err != nil || n < 0 {
		return 0
	}
	return min(n, limit)
}

func parameterSets(value string) [][]byte {
	var sets [][]byte
	for _, s := range strings.Split(value, ",") {
		b, err := base64.StdEncoding.DecodeString(strings.TrimSpace(s))
		if err == nil && len(b) > 0 && len(b) <= maxSet && len(sets) < maxParameterSets {
			sets = append(sets, b)
		}
	}
	return sets
}

// h264Profile tells the profile of a profile-level-id by its profile_idc and the flags of
// profile-iop (RFC 6184, table 5), and its level.
func h264Profile(id [3]byte) (H264Profile, uint8) {
	iop, level := id[1], id[2]
	p := OtherProfile
	switch id[0] {
	case 66: // constraint_set1: also main, so constrained
		p = Baseline
		if iop&0x40 != 0 {
			p = ConstrainedBaseline
		}
	case 77: // constraint_set0: also baseline
		p = Main
		if iop&0x80 != 0 {
			p = ConstrainedBaseline
		}
	case 88:
		if iop&0xc0 == 0xc0 {
			p = ConstrainedBaseline
		}
	case 100:
		p = High
		if iop&0x0c == 0x0c {
			p = ConstrainedHigh
		}
	}
	if level == 11 && iop&0x10 != 0 && (id[0] == 66 || id[0] == 77 || id[0] == 88) {
		level = level1b
	}
	return p, level
}

// Matches says whether two configurations are of one format, as an answer needs it: the
// same profile and the same packetization mode. The levels may differ (RFC 6184 §8.2.2).
// Baseline is taken for constrained baseline: nobody sends what only it has.
func (h H264) Matches(o H264) bool {
	return h.Mode == o.Mode && h.Profile != OtherProfile && family(h.Profile) == family(o.Profile)
}

func family(p H264Profile) H264Profile {
	switch p {
	case Baseline:
		return ConstrainedBaseline
	case ConstrainedHigh:
		return High
	}
	return p
}

// Answer is the configuration that answers an offer which Matches: the offer's
// profile, and the lower level unless both sides may have their own.
func (h H264) Answer(offer H264) H264 {
	a := h
	a.ID, a.Profile, a.Mode = offer.ID, offer.Profile, offer.Mode
	a.Asymmetry = h.Asymmetry && offer.Asymmetry
	a.Level = h.Level
	if !a.Asymmetry {
		a.Level = min(h.Level, offer.Level)
	}
	a.ID[2] = a.Level
	a.ID[1] &^= 0x10
	if a.Level == level1b && offer.ID[0] != 100 {
		a.ID[1], a.ID[2] = a.ID[1]|0x10, 11
	}
	return a
}

// FMTP writes the parameters.
func (h H264) FMTP() string {
	b := fmt.Sprintf("profile-level-id=%x;packetization-mode=%d", h.ID, h.Mode)
	if h.Asymmetry {
		b += ";level-asymmetry-allowed=1"
	}
	for _, p := range []struct {
		name  string
		value int
	}{{"max-fs", h.MaxFrameSize}, {"max-mbps", h.MaxRate}, {"max-br", h.MaxBitrate / 1000}} {
		if p.value > 0 {
			b += fmt.Sprintf(";%s=%d", p.name, p.value)
		}
	}
	for i, set := range h.Sets {
		if i == 0 {
			b += ";sprop-parameter-sets="
		} else {
			b += ","
		}
		b += base64.StdEncoding.EncodeToString(set)
	}
	return b
}

// h264Level is a row of ITU-T H.264 table A-1.
type h264Level struct {
	level      uint8
	rate, size int // macroblocks in a second, of a picture
	bitrate    int // bit/s, of baseline and main
}

func h264Levels() []h264Level {
	return []h264Level{
		{level1b, 1485, 99, 128_000},
		{10, 1485, 99, 64_000},
		{11, 3000, 396, 192_000},
		{12, 6000, 396, 384_000},
		{13, 11880, 396, 768_000},
		{20, 11880, 396, 2_000_000},
		{21, 19800, 792, 4_000_000},
		{22, 20250, 1620, 4_000_000},
		{30, 40500, 1620, 10_000_000},
		{31, 108000, 3600, 14_000_000},
		{32, 216000, 5120, 20_000_000},
		{40, 245760, 8192, 20_000_000},
		{41, 245760, 8192, 50_000_000},
		{42, 522240, 8704, 50_000_000},
		{50, 589824, 22080, 135_000_000},
		{51, 983040, 36864, 240_000_000},
		{52, 2073600, 36864, 240_000_000},
	}
}

// Limits is what a decoder of this configuration takes: macroblocks of a picture and
// in a second, and bit/s.
func (h H264) Limits() (size, rate, bitrate int) {
	size, rate, bitrate = 99, 1485, 64_000
	for _, l := range h264Levels() {
		if l.level == h.Level || l.level < h.Level && l.size >= size {
			size, rate, bitrate = l.size, l.rate, l.bitrate
		}
	}
	return max(size, h.MaxFrameSize), max(rate, h.MaxRate), max(bitrate, h.MaxBitrate)
}

// Takes says whether a decoder of this configuration takes pictures of a size, and how
// many in a second.
func (h H264) Takes(width, height int) (frameRate int, ok bool) {
	size, rate, _ := h.Limits()
	blocks := (width + 15) / 16 * ((height + 15) / 16)
	if blocks == 0 || blocks > size || width*width > 8*size*256 || height*height > 8*size*256 {
		return 0, false
	}
	return rate / blocks, true
}
