package transport

import (
	"encoding/binary"
	"net/netip"
	"slices"
	"sync"
	"time"

	prtp "github.com/pion/rtp"
	"github.com/pion/srtp/v3"

	"tandem/media"
	"tandem/media/rtp"
	"tandem/media/sdp"
)

// comfortNoise is the static payload type of RFC 3389, for codecs with a clock of 8 kHz.
const comfortNoise = 13

// maxValid bounds the addresses that ICE has confirmed.
const maxValid = 8

// inbound is a session's way in. Everything is guarded by mu, which the worker
// holds while it reads and judges a datagram, and not while the receiver runs.
type inbound struct {
	mu     sync.Mutex
	open   bool      // something was agreed
	riders []*stream // that are bundled with this one
	hold   bool      // the far end is not meant to send
	held   bool      // one way at most: many phones send nothing while they hold, though their "sendonly" would allow it
	types  [128]bool
	codecs []sdp.Codec // the far end may change between them (RFC 3264 §6.1)
	codec  uint8       // payload type it uses now
	latch  latch       // plain RTP
	useICE bool
	valid  []netip.AddrPort // confirmed by an authenticated check
	secure bool
	keys   *srtp.Context
	header prtp.Header // scratch of keys

	seen    rtp.Duplicates
	reports *rtp.Reception
	sender  rtp.SenderInfo // of the far end's last sender report; NTP 0: none came
	rtx     uint8          // payload type of retransmissions; 0 without
	ssrc    uint32         // of the packets that came last
	rtcp    rtp.Compound   // scratch
	packet  media.Packet   // lent to the receiver; the worker's

	packets, octets, dropped uint64
	stray                    uint64        // of dropped
	lost                     uint64        // before reports began anew
	pictures                 *rtp.Pictures // nil for audio
	first, last              time.Time
	since                    time.Time // when the present state began, for the media timeout
	timedOut                 bool
	remoteLost               uint64
	roundTrip                time.Duration
}

// strayed counts a datagram that is no media and that nobody waits for.
func (in *inbound) strayed() {
	in.dropped++
	in.stray++
}

// datagram sorts one datagram by its first octet (RFC 7983 §7) and returns the stream
// whose in.packet is now a packet for its receiver, if any. in.mu is held.
func (s *stream) datagram(p *port, b []byte, from netip.AddrPort, now time.Time) *stream {
	switch c := b[0]; {
	case c < 4:
		s.stun(b, from)
	case c >= 20 && c < 64:
		s.dtlsRecord(b, from)
	case c >= 128 && c < 192:
		if p.rtcp || s.muxed.Load() && rtp.IsRTCP(b) {
			s.receiveRTCP(b, from, now)
			return nil
		}
		return s.receiveRTP(b, from, now)
	default:
		s.in.strayed()
	}
	return nil
}

// receiveRTP judges an RTP packet and finds its stream.
func (s *stream) receiveRTP(b []byte, from netip.AddrPort, now time.Time) *stream {
	in := &s.in
	var h rtp.Header
	payload, bad := s.authentic(b, from, now, &h)
	if bad {
		in.dropped++
		return nil
	}
	if len(in.riders) > 0 && !in.types[h.PayloadType] {
		return s.receiveRider(payload, now, &h)
	}
	if !s.take(payload, now, &h) {
		return nil
	}
	return s
}

// receiveRider gives a packet to the stream bundled with this one that knows its
// payload type (RFC 9143 §9.2).
func (s *stream) receiveRider(payload []byte, now time.Time, h *rtp.Header) *stream {
	r := s.in.rider(h.PayloadType)
	if r != nil {
		if set := r.layers.Load(); set != nil {
			r = set.of(h)
		}
	}
	if r == nil {
		s.in.dropped++
		return nil
	}
	r.in.mu.Lock()
	defer r.in.mu.Unlock()
	if !r.take(payload, now, h) {
		return nil
	}
	return r
}

// rider is the bundled stream with a payload type; nil when there is none.
func (in *inbound) rider(pt uint8) *stream {
	for _, r := range in.riders {
		if r.knows(pt) {
			return r
		}
	}
	return nil
}

func (s *stream) knows(pt uint8) bool {
	s.in.mu.Lock()
	defer s.in.mu.Unlock()
	return s.in.open && s.in.types[pt&0x7f]
}

// take counts a packet that is the far end's, and makes it in.packet. It is false for
// one that no receiver is to see.
func (s *stream) take(payload []byte, now time.Time, h *rtp.Header) bool {
	in := &s.in
	if in.rtx != 0 && h.PayloadType == in.rtx {
		return s.takeAgain(payload, now, h)
	}
	if in.seen.Seen(h.SSRC, h.Sequence) {
		in.dropped++
		return false
	}
	if h.PayloadType != in.codec {
		s.switchCodec(h.PayloadType)
	}
	in.reports.Receive(now, h.SSRC, h.Sequence, h.Timestamp)
	in.packets++
	in.octets += uint64(len(payload))
	if in.pictures != nil {
		in.pictures.Packet(now, s.source.info.Load().Codec, h.Timestamp, payload)
	}
	in.ssrc = h.SSRC
	s.heard(now)
	if s.picture != nil {
		s.picture.came(now, h.SSRC, h.Sequence)
	}
	if in.hold {
		return false
	}
	in.packet = media.Packet{
		PayloadType: h.PayloadType, Marker: h.Marker, Sequence: h.Sequence,
		Timestamp: h.Timestamp, SSRC: h.SSRC, Payload: payload, Arrived: now,
	}
	if len(h.CSRC) >= 4 {
		in.packet.CSRC = binary.BigEndian.Uint32(h.CSRC)
	}
	return true
}

// switchCodec follows a far end that changes between the codecs it has agreed to.
func (s *stream) switchCodec(pt uint8) {
	in := &s.in
	for _, c := range in.codecs {
		if c.PayloadType != pt {
			continue
		}
		info := *s.source.info.Load()
		if info.Clock != c.Clock {
			in.lost += in.reports.Lost()
			in.reports = newReception(c.Clock)
		}
		info.Codec, info.Clock, info.PayloadType, info.FMTP = c.Name, c.Clock, pt, c.FMTP
		s.source.info.Store(&info)
		in.codec = pt
		s.session.notify()
	}
}

// authentic is the one place that says which packets count: with ICE from a
// confirmed address, with SRTP with a valid tag, and else from where the latch says.
func (s *stream) authentic(b []byte, from netip.AddrPort, now time.Time, h *rtp.Header) (payload []byte, bad bool) {
	in := &s.in
	if !in.open || in.useICE && !in.isValid(from) {
		return nil, true
	}
	if in.secure {
		if in.keys == nil {
			return nil, true
		}
		var err error
		if b, err = in.keys.DecryptRTP(b, b, &in.header); err != nil {
			return nil, true
		}
	}
	payload, err := rtp.Parse(b, h)
	if err != nil || !in.types[h.PayloadType&0x7f] && in.rider(h.PayloadType) == nil {
		return nil, true
	}
	if s.session.tap.Load() != nil {
		s.show(false, false, now, s.ours(from, false), from, b)
	}
	switch {
	case in.useICE:
		return payload, false
	case in.secure:
		if from != in.latch.remote {
			s.follow(from, "valid SRTP")
		}
		return payload, false
	}
	return payload, !s.plainSource(from, h.SSRC, now)
}

// ours is the socket that a packet from there came to. in.mu is held.
func (s *stream) ours(from netip.AddrPort, rtcp bool) *socket {
	p := s.ports.rtp(from.Addr())
	if rtcp && s.ports.rtcp != nil {
		p = s.ports.rtcp
	}
	if p == nil {
		return nil
	}
	return p.sock
}

// plainSource asks the latch, and acts when it moved or settled.
func (s *stream) plainSource(from netip.AddrPort, ssrc uint32, now time.Time) bool {
	l := &s.in.latch
	was := l.settled
	switch l.packet(now, from, ssrc) {
	case drop:
		return false
	case moved:
		s.follow(from, "steady packets")
	}
	if l.settled && !was {
		s.pin(l.remote)
	}
	return true
}

// follow sends to where the far end sends from. It is logged, because it is how a
// call is heard, or hijacked.
func (s *stream) follow(to netip.AddrPort, why string) {
	l := &s.in.latch
	s.note("media source learnt", "sdp", l.sdp, "now", to, "was", l.remote, "by", why)
	l.remote = to
	s.aim(to)
}

// aim directs outgoing packets. in.mu is held.
func (s *stream) aim(to netip.AddrPort) {
	k := s.sink
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.connected {
		_ = k.port.sock.connect(netip.AddrPort{})
		k.connected = false
	}
	k.port = nil
	if p := s.ports.rtp(to.Addr()); to.IsValid() && p != nil {
		k.port, k.to = p, makeAddress(to)
	}
}

// pin connects the socket to a source that will not change any more: the kernel
// then drops strangers, and sends without looking up a route.
func (s *stream) pin(to netip.AddrPort) {
	k := s.sink
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.port != nil && !k.connected && k.port.sock.connect(to) == nil {
		k.connected = true
	}
}

func (in *inbound) isValid(a netip.AddrPort) bool { return slices.Contains(in.valid, a) }

// confirm adds an address that ICE has confirmed. in.mu is held.
func (in *inbound) confirm(a netip.AddrPort) {
	if in.isValid(a) {
		return
	}
	if len(in.valid) == maxValid {
		in.valid = slices.Delete(in.valid, 0, 1)
	}
	in.valid = append(in.valid, a)
}

// expect takes over what was agreed about the incoming stream.
func (in *inbound) expect(st *sdp.Stream) {
	in.types = [128]bool{}
	for _, c := range st.Codecs {
		in.types[c.PayloadType&0x7f] = true
	}
	in.types[st.Recv.PayloadType&0x7f] = true
	if in.rtx = st.RecvRTX; in.rtx != 0 {
		in.types[in.rtx&0x7f] = true
	}
	in.codecs, in.codec = st.Codecs, st.Recv.PayloadType
	if st.Recv.Clock == 8000 {
		in.types[comfortNoise] = true // gateways send it without having agreed to it
	}
	if st.RecvEvent.Clock != 0 {
		in.types[st.RecvEvent.PayloadType&0x7f] = true
	}
}

// heard notes that the far end is there. in.mu is held.
func (s *stream) heard(now time.Time) {
	in := &s.in
	if in.first.IsZero() {
		in.first = now
	}
	in.last = now
	if in.timedOut {
		in.timedOut = false
		s.emit(Event{Kind: MediaResumed})
	}
}
