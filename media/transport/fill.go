package transport

import (
	"time"

	"tandem/media"
)

const (
	fillAfter = 60 * time.Millisecond
	// Origins of our own packets on a sink's timeline; a far end's SSRC that equals
	// one only looks like more of the same.
	silenceOrigin = 0x53494c45
	digitOrigin   = 0x44544d46
)

// fill sends one packet of silence when nobody writes (GV-C16: Google Voice drops
// a call whose caller is silent on the wire). It runs on the worker every 20 ms.
func (s *stream) fill(now time.Time) {
	k := s.sink
	k.mu.Lock()
	defer k.mu.Unlock()
	if !k.open() || k.digits || now.Sub(k.lastWrite) < fillAfter {
		return
	}
	info := k.info.Load()
	packet := info.Packet
	if packet <= 0 || info.Codec == "OPUS" { // our Opus frame has 20 ms; any packet time is allowed (RFC 7587 §4.2)
		packet = 20 * time.Millisecond
	}
	// Every packet's length in 20 ms ticks: 10 ms packets go out in pairs, 40 ms
	// ones every second time.
	if k.silence.rest += 20 * time.Millisecond; now.Sub(k.silence.last) > fillAfter {
		k.silence.rest = packet
	}
	for ; k.silence.rest >= packet; k.silence.rest -= packet {
		n := int(packet * time.Duration(info.Clock) / time.Second)
		k.silence.payload = appendSilence(k.silence.payload[:0], info.Codec, packet)
		k.silence.seq++
		k.silence.timestamp += uint32(n)
		if len(k.silence.payload) == 0 {
			return // a codec whose silence we do not know
		}
		p := &k.silence.packet
		*p = media.Packet{SSRC: silenceOrigin, Sequence: k.silence.seq, Timestamp: k.silence.timestamp, Payload: k.silence.payload}
		seq, timestamp, fresh := k.rebase.move(now, p, false)
		k.send(info.PayloadType, fresh, seq, timestamp, p.Payload)
	}
	k.silence.last = now
}

// silence makes packets of silence.
type silence struct {
	seq       uint16
	timestamp uint32
	payload   []byte
	packet    media.Packet
	rest      time.Duration
	last      time.Time
}

// appendSilence appends d of silence in a codec; nothing for an unknown one.
func appendSilence(dst []byte, codec string, d time.Duration) []byte {
	var value byte
	switch codec {
	case "PCMU":
		value = 0xff
	case "PCMA":
		value = 0xd5
	case "G722":
		value = 0xfd // the smallest positive step of both bands: a decoder at rest stays at zero
	case "OPUS":
		// One CELT frame, full band, 20 ms, mono, that says "silence" (RFC 6716 §3.1, §4.3).
		return append(dst, 0xf8, 0xff, 0xfe)
	default:
		return dst
	}
	for range d * 8000 / time.Second {
		dst = append(dst, value)
	}
	return dst
}
