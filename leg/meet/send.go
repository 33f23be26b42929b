package meet

import (
	"encoding/binary"
	"time"

	"tandem/media"
	"tandem/media/rtp"
)

// lane is what shares a bit rate toward the service: the layers of the camera, or
// the content.
type lane struct {
	pacer   rtp.Pacer
	meter   meter
	ceiling int // bit/s of payload
	fed     time.Time
}

// meter counts the payload of the last second, so that the ceiling is never
// crossed: the service drops what is over it (contract, 6).
type meter struct {
	slots [10]int // octets of 100 ms each
	at    int64   // the slot in use, counted since the epoch
	sum   int
}

func (m *meter) turn(now time.Time) {
	at := now.UnixMilli() / 100
	for n := 0; m.at < at && n < len(m.slots); n++ {
		m.at++
		slot := &m.slots[m.at%int64(len(m.slots))]
		m.sum -= *slot
		*slot = 0
	}
	m.at = at
}

func (m *meter) add(now time.Time, octets int) {
	m.turn(now)
	m.slots[m.at%int64(len(m.slots))] += octets
	m.sum += octets
}

// room reports whether a full packet fits below the ceiling.
func (m *meter) room(now time.Time, ceiling int) bool {
	m.turn(now)
	return (m.sum+maxPayload)*8 <= ceiling
}

func (s *Session) laneOf(k *sink) *lane {
	if k.role == contentUp {
		return &s.slides
	}
	return &s.camera
}

// pump sends what the pacer lets go. out is held.
func (s *Session) pump(now time.Time, l *lane) {
	for l.meter.room(now, l.ceiling) {
		p := l.pacer.Pop(now)
		if p == nil {
			return
		}
		k := s.sinkOf(p.SSRC)
		if k == nil {
			continue
		}
		k.history.Keep(now, p)
		k.last = *p
		k.last.Payload = nil // lent
		s.send(now, k, p, false)
	}
}

func (s *Session) sinkOf(ssrc uint32) *sink {
	for _, k := range s.lines.Load().sinks {
		if k.ssrc == ssrc {
			return k
		}
	}
	return nil
}

// send writes one packet of ours on the wire. p has its place already; again says
// that it is a retransmission, on the stream's own SSRC for them (RFC 4588). out
// is held.
func (s *Session) send(now time.Time, k *sink, p *media.Packet, again bool) {
	if s.link == nil {
		return
	}
	b := s.build(now, k, p, again)
	s.packet = b[:0]
	if !s.link.sendRTP(b) {
		s.unsent++
		return
	}
	s.congestion.Sent(now, s.wide, len(b)+udpOverhead)
	s.wide++
	s.sentOctets += uint64(len(p.Payload))
	s.sentPackets++
	s.laneOf(k).meter.add(now, len(p.Payload)) // the voice counts with the camera
	if again {
		k.repairs++
		return
	}
	k.packets++
	k.octets += uint64(len(p.Payload))
	if k.role != audioUp {
		k.pictures.Packet(now, k.info.Codec, p.Timestamp, p.Payload)
	}
}

// udpOverhead is what IPv4 and UDP add to a packet, in octets.
const udpOverhead = 28

// build writes a packet into the buffer at hand, with room for the authentication tag.
func (s *Session) build(now time.Time, k *sink, p *media.Packet, again bool) []byte {
	pt, ssrc, seq := k.info.PayloadType, k.ssrc, p.Sequence
	if again {
		pt, ssrc, seq = ptRTX, k.rtx, k.rtxNext
		k.rtxNext++
	}
	b := append(s.packet[:0], 0x90, pt)
	if p.Marker {
		b[1] |= 0x80
	}
	b = binary.BigEndian.AppendUint16(b, seq)
	b = binary.BigEndian.AppendUint32(b, p.Timestamp)
	b = binary.BigEndian.AppendUint32(b, ssrc)
	b = s.appendExtension(b, now, k, p, again)
	if again {
		return rtp.AppendRTX(b, p)
	}
	return append(b, p.Payload...)
}

// appendExtension writes the header extension (RFC 8285): which layer it is until
// the service knows, how loud a voice is, and what congestion control needs.
func (s *Session) appendExtension(b []byte, now time.Time, k *sink, p *media.Packet, again bool) []byte {
	start := len(b)
	b = append(b, 0xbe, 0xde, 0, 0)
	b = rtp.AppendElement(b, extTWCC, []byte{byte(s.wide >> 8), byte(s.wide)})
	if k.role == audioUp {
		level := k.voiceLevel(p.Payload)
		if level < 60 {
			level |= 0x80 // voice
		}
		b = rtp.AppendElement(b, extLevel, []byte{level})
	} else {
		sent := rtp.AbsoluteSendTime(now)
		b = rtp.AppendElement(b, extSendTime, sent[:])
	}
	if k.role != audioUp && (!k.known || again) {
		b = append(append(b, extMID<<4|byte(len(k.mid)-1)), k.mid...)
		id := byte(extRID)
		if again {
			id = extRepaired
		}
		if k.rid != "" {
			b = append(append(b, id<<4|byte(len(k.rid)-1)), k.rid...)
		}
	}
	for (len(b)-start)%4 != 0 {
		b = append(b, 0)
	}
	binary.BigEndian.PutUint16(b[start+2:], uint16((len(b)-start)/4-1))
	return b
}

// wantPictures asks for a keyframe of every layer of a lane. out is held.
func (s *Session) wantPictures(l *lane) {
	for _, k := range s.lines.Load().sinks {
		if k.role != audioUp && s.laneOf(k) == l {
			k.keyframe.Store(true)
		}
	}
	s.wake()
}
