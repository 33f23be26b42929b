package transport

import (
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	prtp "github.com/pion/rtp"
	"github.com/pion/srtp/v3"

	"tandem/media"
	"tandem/media/rtp"
)

// maxPayload is the largest RTP payload that is sent. What is larger would be
// fragmented on the way.
const maxPayload = 1400

// sink is a session's outgoing stream.
type sink struct {
	session *Session
	info    atomic.Pointer[media.StreamInfo]

	mu        sync.Mutex // guards what follows; nothing else is locked while it is held
	port      *port      // nil: no path
	to        address    // the far end
	connected bool       // the port's socket knows it
	rtcpPort  *port      // nil: with RTP
	rtcpTo    address
	mute      bool // hold: we may not send
	secure    bool // nothing leaves without keys
	keys      *srtp.Context
	header    prtp.Header // scratch of keys
	buf       []byte      // the packet at hand

	rebase                   rebase
	silence                  silence
	digits                   bool // a digit goes out: audio waits
	lastWrite                time.Time
	packets, octets, dropped uint64
	lastReport               uint64 // packets at the last report
	reported                 bool   // a report was sent
}

var _ media.Sink = (*sink)(nil)

func newSink(s *Session) *sink {
	k := &sink{session: s, rebase: newRebase()}
	k.info.Store(&media.StreamInfo{})
	return k
}

// Info implements [media.Sink].
func (k *sink) Info() media.StreamInfo { return *k.info.Load() }

// OnKeyframeRequest implements [media.Sink]; audio has no pictures.
func (k *sink) OnKeyframeRequest(func()) {}

// Write implements [media.Sink].
func (k *sink) Write(p *media.Packet) {
	now := p.Arrived
	if now.IsZero() {
		now = time.Now()
	}
	k.mu.Lock()
	k.write(now, p)
	k.mu.Unlock()
}

// write, like all methods below, is called with k.mu held.
func (k *sink) write(now time.Time, p *media.Packet) {
	k.lastWrite = now
	if !k.open() || k.digits {
		return
	}
	if len(p.Payload) > maxPayload {
		k.dropped++
		return
	}
	info := k.info.Load()
	pt := info.PayloadType
	event := info.Event.Clock != 0 && p.PayloadType == info.Event.PayloadType
	if event {
		pt = p.PayloadType
	}
	seq, timestamp, fresh := k.rebase.move(now, p, event)
	k.send(pt, p.Marker || fresh, seq, timestamp, p.Payload)
}

// open reports whether a packet may leave now.
func (k *sink) open() bool { return k.port != nil && !k.mute && (!k.secure || k.keys != nil) }

func (k *sink) send(pt uint8, marker bool, seq uint16, timestamp uint32, payload []byte) {
	if k.buf == nil { // many a call ends before anybody speaks
		k.buf = make([]byte, 0, maxDatagram)
	}
	b := append(k.buf[:0], 0x80, pt&0x7f, byte(seq>>8), byte(seq))
	if marker {
		b[1] |= 0x80
	}
	b = append32(append32(b, timestamp), k.rebase.ssrc)
	b = append(b, payload...)
	if k.secure {
		var err error
		if b, err = k.keys.EncryptRTP(b, b, &k.header); err != nil {
			k.dropped++
			return
		}
	}
	if k.transmit(b) != 0 {
		k.dropped++
		return
	}
	k.packets++
	k.octets += uint64(len(payload))
}

func append32(b []byte, v uint32) []byte {
	return append(b, byte(v>>24), byte(v>>16), byte(v>>8), byte(v))
}

func (k *sink) transmit(b []byte) syscall.Errno {
	to := &k.to
	if k.connected {
		to = nil
	}
	e := k.port.sock.send(b, to)
	if e == syscall.ECONNREFUSED {
		// What an earlier packet met with; the kernel tells it once.
		e = k.port.sock.send(b, to)
	}
	return e
}

// sendRTCP sends a compound packet. b has room for the authentication tag.
func (k *sink) sendRTCP(b []byte) {
	if k.port == nil || k.secure && k.keys == nil {
		return
	}
	if k.secure {
		var err error
		if b, err = k.keys.EncryptRTCP(nil, b, nil); err != nil {
			return
		}
	}
	switch {
	case k.rtcpPort == nil && k.session.muxed.Load():
		_ = k.transmit(b)
	case k.rtcpPort != nil && k.rtcpTo.ap.IsValid():
		_ = k.rtcpPort.sock.send(b, &k.rtcpTo)
	}
}

// senderInfo is what a sender report says of us at an instant.
func (k *sink) senderInfo(now time.Time) rtp.SenderInfo {
	return rtp.SenderInfo{
		SSRC: k.rebase.ssrc, NTP: rtp.NTP(now), RTP: k.rebase.now(now),
		Packets: uint32(k.packets), Octets: uint32(k.octets),
	}
}

// source is a session's incoming stream.
type source struct {
	info atomic.Pointer[media.StreamInfo]

	mu       sync.Mutex // held while receiver runs
	receiver media.Receiver
}

var _ media.Source = (*source)(nil)

func newSource() *source {
	s := new(source)
	s.info.Store(&media.StreamInfo{})
	return s
}

// Info implements [media.Source].
func (s *source) Info() media.StreamInfo { return *s.info.Load() }

// Attach implements [media.Source].
func (s *source) Attach(r media.Receiver) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.receiver = r
}

// RequestKeyframe implements [media.Source]; audio has no pictures.
func (s *source) RequestKeyframe() {}

func (s *source) deliver(p *media.Packet) {
	s.mu.Lock()
	if s.receiver != nil {
		s.receiver.Receive(p)
	}
	s.mu.Unlock()
}
