package meet

import (
	"strconv"
	"strings"
	"time"
	"unicode"
)

// streamFigures is what statistics say of one stream.
type streamFigures struct {
	id      string // unique within the session
	ssrc    uint32
	kind    string // "audio", "video"
	rid     string
	out     bool
	packets uint64
	octets  uint64
	lost    int64
	jitter  time.Duration
	repairs uint64 // packets sent again
	nacks   uint64
	plis    uint64
}

// pathFigures is what statistics say of the path.
type pathFigures struct {
	packetsIn, packetsOut, octetsIn, octetsOut uint64
	roundTrip                                  time.Duration
	bandwidth                                  int // bit/s
}

// sections are the statistics that were asked for, and nothing else (contract, 8.2).
func (c *configuration) sections(streams []streamFigures, p pathFigures) []map[string]any {
	out := []map[string]any{}
	add := func(section, id string, values map[string]any) {
		allowed, ok := c.Allowlist[section]
		if !ok {
			return
		}
		picked := map[string]any{}
		for _, key := range allowed.Keys {
			if v, ok := values[key]; ok && key != "id" {
				picked[snake(key)] = v
			}
		}
		if len(picked) > 0 {
			out = append(out, map[string]any{"id": id, snake(section): picked})
		}
	}
	for _, s := range streams {
		name, values := s.values()
		add(name, s.id, values)
	}
	add("candidate-pair", "CP", p.values())
	add("transport", "T", map[string]any{"selectedCandidatePairId": "CP", "packetsSent": p.packetsOut, "packetsReceived": p.packetsIn, "bytesSent": p.octetsOut, "bytesReceived": p.octetsIn})
	add("codec", "COpus", map[string]any{"mimeType": "audio/opus", "payloadType": ptOpus, "clockRate": 48000, "channels": 2})
	add("codec", "CVP8", map[string]any{"mimeType": "video/VP8", "payloadType": ptVP8, "clockRate": 90000})
	return out
}

func (s *streamFigures) values() (section string, v map[string]any) {
	codec := "COpus"
	if s.kind == "video" {
		codec = "CVP8"
	}
	v = map[string]any{"ssrc": s.ssrc, "kind": s.kind, "codecId": codec, "transportId": "T"}
	if s.out {
		v["packetsSent"], v["bytesSent"] = s.packets, s.octets
		v["retransmittedPacketsSent"], v["nackCount"], v["pliCount"] = s.repairs, s.nacks, s.plis
		if s.rid != "" {
			v["rid"] = s.rid
		}
		return "outbound-rtp", v
	}
	v["packetsReceived"], v["bytesReceived"], v["packetsLost"], v["jitter"] = s.packets, s.octets, s.lost, s.jitter.Seconds()
	v["nackCount"], v["pliCount"] = s.nacks, s.plis
	return "inbound-rtp", v
}

func (p *pathFigures) values() map[string]any {
	return map[string]any{
		"currentRoundTripTime": p.roundTrip.Seconds(), "availableOutgoingBitrate": p.bandwidth,
		"packetsSent": p.packetsOut, "packetsReceived": p.packetsIn, "bytesSent": p.octetsOut, "bytesReceived": p.octetsIn,
	}
}

// snake turns inbound-rtp and packetsReceived into inbound_rtp and packets_received.
func snake(s string) string {
	var b strings.Builder
	for _, r := range s {
		switch {
		case r == '-':
			b.WriteByte('_')
		case unicode.IsUpper(r):
			b.WriteByte('_')
			b.WriteRune(unicode.ToLower(r))
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}

func ssrcID(prefix string, ssrc uint32) string { return prefix + strconv.FormatUint(uint64(ssrc), 10) }
