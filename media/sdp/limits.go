package sdp

import (
	"strconv"
	"strings"

	"tandem/media"
)

// limit fills in what both sides take.
func (s *Stream) limit(theirs section, ours int) {
	s.SendLimits = limits(s.Send)
	if b := theirs.bitrate(); b > 0 && (s.SendLimits.Bitrate == 0 || b < s.SendLimits.Bitrate) {
		s.SendLimits.Bitrate = b
	}
	if v, ok := theirs.m.Attribute("framerate"); ok {
		if f, err := strconv.ParseFloat(v, 32); err == nil && f >= 1 && f <= 240 && (s.SendLimits.FrameRate == 0 || int(f) < s.SendLimits.FrameRate) {
			s.SendLimits.FrameRate = int(f)
		}
	}
	s.RecvLimits = limits(s.Recv)
	if ours > 0 && (s.RecvLimits.Bitrate == 0 || ours < s.RecvLimits.Bitrate) {
		s.RecvLimits.Bitrate = ours
	}
}

// limits is what the receiver of a format takes, as its parameters have it.
func limits(c Codec) media.Limits {
	var l media.Limits
	switch strings.ToUpper(c.Name) {
	case "H264":
		if h, err := ParseH264(c.FMTP); err == nil {
			l.FrameSize, l.BlockRate, l.Bitrate = h.Limits()
		}
	case "VP8": // RFC 7741 §6.1
		l.FrameSize = number(fmtpValue(c.FMTP, "max-fs"), 1<<20)
		l.FrameRate = number(fmtpValue(c.FMTP, "max-fr"), 240)
	}
	return l
}

func fmtpValue(fmtp, name string) string {
	for _, part := range strings.Split(fmtp, ";") {
		n, v, _ := strings.Cut(strings.TrimSpace(part), "=")
		if strings.EqualFold(strings.TrimSpace(n), name) {
			return strings.TrimSpace(v)
		}
	}
	return ""
}

// sessionAudio is taken off a limit for the whole session, in bit/s.
const sessionAudio = 64_000

// bitrate is how much the far end wants to receive on this stream, in bit/s of
// payload; 0 when it does not say. TIAS leaves headers out (RFC 3890); AS counts those
// of IP, UDP and RTP, a twentieth of full video packets.
func (s section) bitrate() int {
	if b := bandwidth(s.m.Bandwidth, "TIAS"); b > 0 {
		return b
	}
	if b := bandwidth(s.m.Bandwidth, "AS"); b > 0 {
		return b * 950
	}
	if b := bandwidth(s.d.Bandwidth, "TIAS"); b > 2*sessionAudio {
		return b - sessionAudio
	}
	for _, kind := range []string{"AS", "CT"} {
		if b := bandwidth(s.d.Bandwidth, kind); b*1000 > 2*sessionAudio {
			return b*950 - sessionAudio
		}
	}
	return 0
}

func bandwidth(lines []string, kind string) int {
	for _, l := range lines {
		k, v, _ := strings.Cut(l, ":")
		if strings.EqualFold(strings.TrimSpace(k), kind) {
			return number(strings.TrimSpace(v), 1<<30)
		}
	}
	return 0
}

// addBitrate tells the far end how much we take, in both ways (RFC 3890 §6.2.2).
func (m *Media) addBitrate(limit int) {
	if limit > 0 {
		m.Bandwidth = append(m.Bandwidth, "AS:"+strconv.Itoa(limit/950), "TIAS:"+strconv.Itoa(limit))
	}
}

// within is a format of ours whose parameters ask for no more than l.
func (c Codec) within(l media.Limits) Codec {
	switch strings.ToUpper(c.Name) {
	case "H264":
		if h, err := ParseH264(c.FMTP); err == nil && l.FrameSize > 0 {
			c.FMTP = h.within(l).FMTP()
		}
	case "VP8":
		size, rate := limits(c).FrameSize, limits(c).FrameRate
		c.FMTP = vp8FMTP(least(size, l.FrameSize), least(rate, l.FrameRate))
	}
	return c
}

func vp8FMTP(size, rate int) string {
	var parts []string
	if rate > 0 {
		parts = append(parts, "max-fr="+strconv.Itoa(rate))
	}
	if size > 0 {
		parts = append(parts, "max-fs="+strconv.Itoa(size))
	}
	return strings.Join(parts, ";")
}

// least is the lower of two limits, of which 0 is none.
func least(a, b int) int {
	if a == 0 || b > 0 && b < a {
		return b
	}
	return a
}

// within is h at a level that l covers, and not above its own.
func (h H264) within(l media.Limits) H264 {
	size, rate, _ := h.Limits()
	if size <= l.FrameSize && (l.BlockRate == 0 || rate <= l.BlockRate) {
		return h
	}
	size, rate = min(size, l.FrameSize), least(rate, l.BlockRate)
	low := H264{ID: h.ID, Profile: h.Profile, Level: 10, Mode: h.Mode, Asymmetry: h.Asymmetry, Sets: h.Sets}
	for _, v := range h264Levels() {
		if v.level != level1b && v.level <= h.Level && v.size <= size && v.rate <= rate {
			low.Level = v.level
		}
	}
	low.ID[2] = low.Level
	low.ID[1] &^= 0x10
	atSize, atRate, _ := low.Limits() // what the other leg has beyond the level (RFC 6184 §8.1)
	if size > atSize {
		low.MaxFrameSize = size
	}
	if rate > atRate {
		low.MaxRate = rate
	}
	return low
}
