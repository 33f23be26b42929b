package bridge

import (
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
	screen        bool // slides rather than people
}

// sizes of the picture a room gets, the best first, with the bit rate that looks good
// and the one below which the next smaller size looks better.
type size struct{ width, height, good, least int }

func sizes() [7]size {
	return [7]size{
		{1280, 720, 1_500_000, 600_000},
		{960, 540, 1_000_000, 400_000},
		{848, 480, 800_000, 300_000}, // as much as level 3 of H.264 takes
		{640, 360, 600_000, 150_000},
		{512, 288, 400_000, 140_000}, // max-fs=580 of VP8, as pjsip says by default
		{416, 234, 300_000, 120_000}, // as much as level 1.3 takes
		{320, 180, 200_000, 0},
	}
}

// formatFor picks the largest picture that the far end takes, and the path carries, at a
// rate that looks fluent.
func formatFor(i media.StreamInfo) format {
	most := i.Limits.Bitrate
	f := format{codec: i.Codec, single: i.Codec == "H264" && formatParameter(i.FMTP, "packetization-mode") != "1"}
	for _, s := range sizes() {
		rate := i.Limits.Rate(s.width, s.height, mostRate)
		f.width, f.height, f.rate, f.bitrate = s.width, s.height, max(rate, leastRate), s.good
		if most > 0 {
			f.bitrate = max(min(f.bitrate, most), leastBitrate)
		}
		if rate >= fluentRate && (most <= 0 || most >= s.least) {
			break
		}
	}
	return f
}

const (
	mostRate     = 30 // pictures per second
	fluentRate   = 15
	leastRate    = 5
	leastBitrate = 50_000 // bit/s; with less there is no picture
)

// formatParameter is the value of a format parameter; "" without it.
func formatParameter(fmtp, name string) string {
	for part := range strings.SplitSeq(fmtp, ";") {
		key, value, _ := strings.Cut(strings.TrimSpace(part), "=")
		if strings.EqualFold(key, name) {
			return value
		}
	}
	return ""
}
