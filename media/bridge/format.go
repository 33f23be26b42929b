package bridge

import (
	"strconv"
	"strings"

	"tandem/media"
)

// format is what a room's video stream is to look like.
type format struct {
	codec         string
	width, height int
	rate          int  // pictures per second
	bitrate       int  // bit/s
	single        bool // H.264 packetization mode 0
}

// sizes of the picture a room gets, the best first, with the bit rate that looks good
// and the one below which the next smaller size looks better.
type size struct{ width, height, good, least int }

func sizes() [4]size {
	return [4]size{
		{1280, 720, 1_500_000, 600_000},
		{960, 540, 1_000_000, 400_000},
		{640, 360, 600_000, 150_000},
		{320, 180, 200_000, 0},
	}
}

// limits are what a far end can decode.
type limits struct {
	blocks    int // macroblocks of a picture
	perSecond int // macroblocks of a second
	rate      int // pictures per second
	bitrate   int // bit/s; 0: not said
}

// formatFor picks the largest picture that the far end decodes and the path carries at
// a rate that looks fluent. target is in bit/s; 0 when the path is not known.
func formatFor(i media.StreamInfo, target int) format {
	l := limitsOf(i)
	most := target
	if l.bitrate > 0 && (most == 0 || l.bitrate < most) {
		most = l.bitrate
	}
	f := format{codec: i.Codec, single: i.Codec == "H264" && parameter(i.FMTP, "packetization-mode") != "1"}
	for _, s := range sizes() {
		blocks := ((s.width + 15) / 16) * ((s.height + 15) / 16)
		rate := min(30, l.rate, l.perSecond/blocks)
		f.width, f.height, f.rate, f.bitrate = s.width, s.height, max(rate, 5), s.good
		if most > 0 {
			f.bitrate = min(f.bitrate, most)
		}
		if blocks <= l.blocks && rate >= 15 && (most == 0 || most >= s.least) {
			break
		}
	}
	return f
}

func limitsOf(i media.StreamInfo) limits {
	l := limits{blocks: 3600, perSecond: 108000, rate: 30}
	if i.Codec == "H264" {
		l = levelLimits(level(parameter(i.FMTP, "profile-level-id")))
		l.perSecond = max(l.perSecond, number(i.FMTP, "max-mbps"))
		l.bitrate = max(l.bitrate, number(i.FMTP, "max-br")*1000)
		l.blocks = max(l.blocks, number(i.FMTP, "max-fs"))
		return l
	}
	if n := number(i.FMTP, "max-fs"); n > 0 { // RFC 7741 §6.1
		l.blocks = n
	}
	if n := number(i.FMTP, "max-fr"); n > 0 {
		l.rate = n
	}
	return l
}

// level is level_idc of a profile-level-id; 10 (level 1) without one (RFC 6184 §8.1).
func level(id string) int {
	n, err := strconv.ParseUint(id, 16, 24)
	if err != nil || len(id) != 6 {
		return 10
	}
	if n&0xff == 11 && n>>8&0x10 != 0 { // level 1b
		return 10
	}
	return int(n & 0xff)
}

// levelLimits is table A-1 of ITU-T H.264, up to what is ever sent here.
func levelLimits(level int) limits {
	switch {
	case level >= 31:
		return limits{3600, 108000, 30, 14_000_000}
	case level >= 30:
		return limits{1620, 40500, 30, 10_000_000}
	case level >= 22:
		return limits{1620, 20250, 30, 4_000_000}
	case level >= 21:
		return limits{792, 19800, 30, 4_000_000}
	case level >= 20:
		return limits{396, 11880, 30, 2_000_000}
	case level >= 13:
		return limits{396, 11880, 30, 768_000}
	case level >= 12:
		return limits{396, 6000, 30, 384_000}
	}
	// Levels 1 to 1.1 decode no picture of 320x180 fluently; who answers with them
	// mostly forgot to say what it can.
	return limits{396, 3000, 30, 192_000}
}

func number(fmtp, name string) int {
	n, err := strconv.Atoi(parameter(fmtp, name))
	if err != nil || n < 0 || n > 1<<24 {
		return 0
	}
	return n
}

// parameter is the value of a format parameter; "" without it.
func parameter(fmtp, name string) string {
	for part := range strings.SplitSeq(fmtp, ";") {
		key, value, _ := strings.Cut(strings.TrimSpace(part), "=")
		if strings.EqualFold(key, name) {
			return value
		}
	}
	return ""
}
