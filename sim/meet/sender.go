package meet

import (
	"crypto/rand"
	"encoding/binary"
	"math"
	mrand "math/rand/v2"
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/rtp"

	"tandem/sim/vp8"
)

// sender is everything sent to one client. Its session's mutex guards it.
type sender struct {
	start    time.Time // of the RTP clocks
	streams  []*stream
	twccID   uint8
	sendID   uint8
	levelID  uint8
	twccSeq  uint16
	path     pathEstimate
	octets   int // since rateAt, for the rate
	rateAt   time.Time
	rate     int // bit/s
	nacked   int
	resent   int
	plis     int
	firs     int
	twccs    int
	rembs    int
	rtcpIn   int
	rtcpBad  int
	remoteRR map[uint32]rtcp.ReceptionReport
	ssrc     uint32 // of RTCP that belongs to no stream
}

// stream is one SSRC down, with its retransmission SSRC. Sequence numbers and
// timestamps go on over all changes of source.
type stream struct {
	ssrc, rtxSSRC uint32
	pt, rtxPT     uint8
	clock         int // Hz
	base          uint32
	seq, rtxSeq   uint16
	picture       uint16
	tl0           uint8
	history       []sentPacket // by sequence number; video only

	source  any    // of the last packet
	offset  uint32 // from the source's timestamps to ours
	lastTS  uint32
	lastAt  time.Time
	packets uint32
	octets  uint32
	frames  int
	keys    int
	silent  bool // audio: nothing was sent lately
	wantKey bool // PLI or FIR came
	keyAt   time.Time
}

// sentPacket is kept for retransmission.
type sentPacket struct {
	p  *rtp.Packet
	at time.Time
}

// maxHistory is more than a second of the fastest stream, in packets. It divides
// the space of sequence numbers.
const maxHistory = 1024

func newStream(ssrc uint32, clock int, pt, rtxPT uint8) *stream {
	var b [12]byte
	_, _ = rand.Read(b[:])
	return &stream{
		ssrc: ssrc, rtxSSRC: ssrc + 1, clock: clock, pt: pt, rtxPT: rtxPT, silent: true,
		base: binary.BigEndian.Uint32(b[:]), seq: binary.BigEndian.Uint16(b[4:]), rtxSeq: binary.BigEndian.Uint16(b[6:]),
		picture: binary.BigEndian.Uint16(b[8:]) & 0x7fff, tl0: b[10],
	}
}

// clockAt is the stream's RTP time of a moment, before any source shifted it.
func (st *stream) clockAt(start, now time.Time) uint32 {
	return st.base + uint32(int64(now.Sub(start))*int64(st.clock)/int64(time.Second))
}

// stamp converts a source's timestamp. A new source, or one whose clock jumped,
// goes on at the present time.
func (st *stream) stamp(source any, ts uint32, start, now time.Time) uint32 {
	here := st.clockAt(start, now)
	out := ts + st.offset
	off := int32(out - here)
	if limit := int32(st.clock / 2); st.source != source || off > limit || off < -limit {
		st.source = source
		if out = here; !st.lastAt.IsZero() && int32(out-st.lastTS) <= 0 {
			out = st.lastTS + 1
		}
		st.offset = out - ts
	}
	return out
}

// sendAudio sends one packet of somebody's voice. ts is the source's timestamp.
func (s *session) sendAudio(st *stream, source any, payload []byte, ts uint32, level float64, now time.Time, csrc ...uint32) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, ok := s.mediaWayLocked(now); !ok {
		return
	}
	marker := st.silent || now.Sub(st.lastAt) > 150*time.Millisecond
	st.silent = false
	p := &rtp.Packet{Header: rtp.Header{Version: 2, Marker: marker, PayloadType: st.pt, SequenceNumber: st.seq, SSRC: st.ssrc, CSRC: csrc}, Payload: payload}
	p.Timestamp = st.stamp(source, ts, s.sender.start, now)
	st.seq++
	if id := s.sender.levelID; id != 0 {
		b, err := rtp.AudioLevelExtension{Level: uint8(min(max(-level, 0), 127)), Voice: true}.Marshal()
		if err == nil {
			_ = p.SetExtension(id, b)
		}
	}
	s.transmitLocked(st, p, now)
}

// maxPayload keeps packets below the usual path MTU.
const maxPayload = 1100

// sendFrame sends a VP8 frame. corrupt damages its packets.
func (s *session) sendFrame(st *stream, source any, f frame, csrc uint32, now time.Time, corrupt bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, ok := s.mediaWayLocked(now); !ok {
		return
	}
	d := vp8.Descriptor{PictureID: int(st.picture), TID: f.tid, TL0PicIdx: -1}
	if f.tid >= 0 {
		if f.tid == 0 {
			st.tl0++
		}
		d.TL0PicIdx, d.Droppable, d.Sync = int(st.tl0), f.tid > 0, f.tid > 0
	}
	st.picture = (st.picture + 1) & 0x7fff
	ts := st.stamp(source, f.stamp, s.sender.start, now)
	parts := vp8.Split(f.data, d, maxPayload)
	for i, part := range parts {
		if corrupt {
			part[len(part)-1-mrand.IntN(len(part)/2)] ^= 0x55
		}
		p := &rtp.Packet{Header: rtp.Header{
			Version: 2, Marker: i == len(parts)-1, PayloadType: st.pt, SequenceNumber: st.seq, Timestamp: ts, SSRC: st.ssrc, CSRC: []uint32{csrc},
		}, Payload: part}
		st.seq++
		st.remember(p, now)
		s.transmitLocked(st, p, now)
	}
	st.frames++
	if f.key {
		st.keys++
		st.keyAt, st.wantKey = now, false
	}
}

// transmitLocked counts, numbers, encrypts and sends.
func (s *session) transmitLocked(st *stream, p *rtp.Packet, now time.Time) {
	st.packets++
	st.octets += uint32(len(p.Payload))
	st.lastTS, st.lastAt = p.Timestamp, now
	s.writeLocked(p.Clone(), now)
}

func (s *session) writeLocked(p *rtp.Packet, now time.Time) {
	to, ok := s.mediaWayLocked(now)
	if !ok {
		return
	}
	out := &s.sender
	if out.sendID != 0 {
		_ = p.SetExtension(out.sendID, sendTime(now))
	}
	if out.twccID != 0 {
		_ = p.SetExtension(out.twccID, binary.BigEndian.AppendUint16(nil, out.twccSeq))
		out.twccSeq++
	}
	b, err := p.Marshal()
	if err != nil {
		return
	}
	sealed, err := s.out.EncryptRTP(nil, b, &p.Header)
	if err != nil {
		return
	}
	out.octets += len(sealed)
	if span := now.Sub(out.rateAt); span >= time.Second {
		out.rate = int(float64(out.octets*8) / span.Seconds())
		out.octets, out.rateAt = 0, now
	}
	s.send(sealed, to)
}

// sendTime is the abs-send-time extension: 6.18 fixed point seconds.
func sendTime(now time.Time) []byte {
	v := uint64(now.UnixNano()) % (64 * 1e9) << 18 / 1e9
	return []byte{byte(v >> 16), byte(v >> 8), byte(v)}
}

// resend answers a NACK (RFC 4588), for packets not older than a second.
func (s *session) resend(ssrc uint32, seqs []uint16, now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	st := s.sender.stream(ssrc)
	if st == nil {
		return
	}
	for _, seq := range seqs {
		s.sender.nacked++
		old := st.sent(seq, now)
		if old == nil {
			continue
		}
		p := old.Clone()
		if st.rtxPT != 0 {
			p.PayloadType, p.SSRC, p.SequenceNumber = st.rtxPT, st.rtxSSRC, st.rtxSeq
			p.Payload = append(binary.BigEndian.AppendUint16(nil, seq), old.Payload...)
			st.rtxSeq++
		}
		s.sender.resent++
		s.writeLocked(p, now)
	}
}

func (st *stream) remember(p *rtp.Packet, now time.Time) {
	if st.history == nil {
		st.history = make([]sentPacket, maxHistory)
	}
	st.history[p.SequenceNumber%maxHistory] = sentPacket{p, now}
}

// sent finds a packet that is not older than a second.
func (st *stream) sent(seq uint16, now time.Time) *rtp.Packet {
	if st.history == nil {
		return nil
	}
	old := st.history[seq%maxHistory]
	if old.p == nil || old.p.SequenceNumber != seq || now.Sub(old.at) > time.Second {
		return nil
	}
	return old.p
}

func (o *sender) stream(ssrc uint32) *stream {
	for _, st := range o.streams {
		if st.ssrc == ssrc {
			return st
		}
	}
	return nil
}

// reports is a sender report of every stream that has sent, each a compound of its
// own with the SDES that RFC 3550 section 6.1 wants.
func (s *session) reports(now time.Time) [][]rtcp.Packet {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out [][]rtcp.Packet
	for _, st := range s.sender.streams {
		if st.lastAt.IsZero() || now.Sub(st.lastAt) > 5*time.Second {
			continue
		}
		elapsed := uint32(int64(now.Sub(st.lastAt)) * int64(st.clock) / int64(time.Second))
		out = append(out, []rtcp.Packet{
			&rtcp.SenderReport{SSRC: st.ssrc, NTPTime: ntp(now), RTPTime: st.lastTS + elapsed, PacketCount: st.packets, OctetCount: st.octets},
			description1(st.ssrc),
		})
	}
	return out
}

func description1(ssrc uint32) *rtcp.SourceDescription {
	return &rtcp.SourceDescription{Chunks: []rtcp.SourceDescriptionChunk{{
		Source: ssrc, Items: []rtcp.SourceDescriptionItem{{Type: rtcp.SDESCNAME, Text: "edge"}},
	}}}
}

// ntp is the 64 bit form of RFC 3550 section 4.
func ntp(t time.Time) uint64 {
	const since1900 = 2208988800
	ns := uint64(t.Nanosecond())
	return uint64(t.Unix()+since1900)<<32 | uint64(math.Round(float64(ns)/1e9*(1<<32)))&0xffffffff
}

// sendRTCP sends a compound packet.
func (s *session) sendRTCP(packets []rtcp.Packet, now time.Time) {
	b, err := rtcp.Marshal(packets)
	if err != nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	to, ok := s.mediaWayLocked(now)
	if !ok {
		return
	}
	if sealed, err := s.out.EncryptRTCP(nil, b, nil); err == nil {
		s.send(sealed, to)
	}
}

// probe sends what a client must ignore: padding with SSRC 0 on the rtx payload
// type, RTCP APP and XR, as a public capture of the real edge shows them.
func (s *session) probe(now time.Time) {
	s.mu.Lock()
	var rtx uint8
	for _, st := range s.sender.streams {
		rtx = max(rtx, st.rtxPT)
	}
	if rtx != 0 {
		s.writeLocked(&rtp.Packet{Header: rtp.Header{Version: 2, PayloadType: rtx, SequenceNumber: uint16(mrand.Uint32()), Padding: true, PaddingSize: 224}}, now)
	}
	ssrc := s.sender.ssrc
	s.mu.Unlock()
	s.sendRTCP([]rtcp.Packet{
		&rtcp.ReceiverReport{SSRC: ssrc}, description1(ssrc),
		&rtcp.ApplicationDefined{SubType: 1, SSRC: ssrc, Name: "goog", Data: []byte{0, 0, 0, 0}},
		&rtcp.ExtendedReport{SenderSSRC: ssrc, Reports: []rtcp.ReportBlock{&rtcp.ReceiverReferenceTimeReportBlock{NTPTimestamp: ntp(now)}}},
	}, now)
}
