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

// The largest RTP payloads that are sent. Larger ones would be fragmented on the way,
// and rooms fill a whole Ethernet frame.
const (
	maxPayload      = 1400
	maxVideoPayload = 1500 - 20 - 8 - 12
)

// sink is a session's outgoing stream.
type sink struct {
	session *stream
	info    atomic.Pointer[media.StreamInfo]

	request atomic.Pointer[func()] // called when the far end asks for a keyframe

	mu        sync.Mutex // guards what follows; only base's is taken while it is held
	base      *sink      // whose path this one shares; nil: it has its own
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
	lastReport               uint64        // packets at the last report
	pictures                 *rtp.Pictures // nil for audio
	again                    *again        // what may be asked for again; nil for audio
	reported                 bool          // a report was sent
}

var _ media.Sink = (*sink)(nil)

func newSink(s *stream) *sink {
	k := &sink{session: s, rebase: newRebase()}
	k.info.Store(&media.StreamInfo{})
	return k
}

// Info implements [media.Sink].
func (k *sink) Info() media.StreamInfo { return *k.info.Load() }

// Figures implements [media.Measured].
func (k *sink) Figures(now time.Time) (f media.Figures) {
	in := &k.session.in
	in.mu.Lock()
	f.Lost = in.remoteLost
	in.mu.Unlock()
	k.mu.Lock()
	defer k.mu.Unlock()
	f.Packets = k.packets
	if k.pictures != nil {
		k.pictures.Figures(now, &f)
	}
	return f
}

// OnKeyframeRequest implements [media.Sink].
func (k *sink) OnKeyframeRequest(f func()) {
	if f == nil {
		k.request.Store(nil)
		return
	}
	k.request.Store(&f)
}

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
	video := k.session.kind != media.Audio
	if n := len(p.Payload); n > maxPayload && !(video && n <= maxVideoPayload) {
		k.dropped++
		return
	}
	info := k.info.Load()
	pt := info.PayloadType
	event := info.Event.Clock != 0 && p.PayloadType == info.Event.PayloadType
	if event {
		pt = p.PayloadType
	}
	// The timestamps of pictures go back where some refer to later ones; like a digit's
	// they move no timeline.
	seq, timestamp, fresh := k.rebase.move(now, p, event || video)
	// The marker begins a talk spurt, and ends a picture.
	marker := p.Marker || fresh && !video
	k.send(pt, marker, seq, timestamp, p.Payload)
	if k.pictures != nil {
		k.pictures.Packet(now, info.Codec, timestamp, p.Payload)
	}
	if k.again != nil {
		k.again.keep(now, pt, marker, seq, timestamp, p.Payload)
	}
}

// open reports whether a packet may leave now.
func (k *sink) open() bool {
	if k.mute {
		return false
	}
	if k.base != nil {
		k.base.mu.Lock()
		defer k.base.mu.Unlock()
		return k.base.ready()
	}
	return k.ready()
}

// ready reports whether the path is there.
func (k *sink) ready() bool { return k.port != nil && (!k.secure || k.keys != nil) }

func (k *sink) send(pt uint8, marker bool, seq uint16, timestamp uint32, payload []byte) {
	if !k.sendAs(k.rebase.ssrc, pt, marker, seq, timestamp, payload) {
		k.dropped++
		return
	}
	k.packets++
	k.octets += uint64(len(payload))
}

// sendAs sends a packet of any of our SSRCs; false when it could not leave.
func (k *sink) sendAs(ssrc uint32, pt uint8, marker bool, seq uint16, timestamp uint32, payload []byte) bool {
	if k.buf == nil { // many a call ends before anybody speaks
		k.buf = make([]byte, 0, maxDatagram)
	}
	b := append(k.buf[:0], 0x80, pt&0x7f, byte(seq>>8), byte(seq))
	if marker {
		b[1] |= 0x80
	}
	b = append32(append32(b, timestamp), ssrc)
	b = append(b, payload...)
	if k.base != nil {
		k.base.mu.Lock()
		defer k.base.mu.Unlock()
		return k.base.ready() && k.base.out(b)
	}
	return k.out(b)
}

// out protects a packet and sends it.
func (k *sink) out(b []byte) bool {
	if k.session.session.tap.Load() != nil {
		k.session.show(true, false, time.Now(), k.port.sock, k.to.ap, b)
	}
	if k.secure {
		var err error
		if b, err = k.keys.EncryptRTP(b, b, &k.header); err != nil {
			return false
		}
	}
	return k.transmit(b) == 0
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
	if k.base != nil {
		k.base.mu.Lock()
		defer k.base.mu.Unlock()
		k.base.sendRTCP(b)
		return
	}
	if k.port == nil || k.secure && k.keys == nil {
		return
	}
	if k.session.session.tap.Load() != nil {
		k.showRTCP(b)
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

// showRTCP is show for a report that leaves.
func (k *sink) showRTCP(b []byte) {
	p, to := k.port, k.to.ap
	if k.rtcpPort != nil && !k.session.muxed.Load() {
		p, to = k.rtcpPort, k.rtcpTo.ap
	}
	k.session.show(true, true, time.Now(), p.sock, to, b)
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
	stream *stream
	info   atomic.Pointer[media.StreamInfo]

	mu       sync.Mutex // held while receiver runs
	receiver media.Receiver
}

var _ media.Source = (*source)(nil)

func newSource(t *stream) *source {
	s := &source{stream: t}
	s.info.Store(&media.StreamInfo{})
	return s
}

// Info implements [media.Source].
func (s *source) Info() media.StreamInfo { return *s.info.Load() }

// Figures implements [media.Measured].
func (s *source) Figures(now time.Time) (f media.Figures) {
	in := &s.stream.in
	in.mu.Lock()
	defer in.mu.Unlock()
	f.Packets, f.Lost, f.Jitter = in.packets, in.lost+in.reports.Lost(), in.reports.Jitter()
	if in.pictures != nil {
		in.pictures.Figures(now, &f)
	}
	return f
}

// Attach implements [media.Source].
func (s *source) Attach(r media.Receiver) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.receiver = r
}

// RequestKeyframe implements [media.Source].
func (s *source) RequestKeyframe() { s.stream.requestKeyframe() }

// Limit asks the far end to send no more than so many bit/s of pictures from now on
// (TMMBR or REMB); 0 takes the wish back.
func (s *source) Limit(bitrate int) { s.stream.limit(bitrate) }

func (s *source) deliver(p *media.Packet) {
	s.mu.Lock()
	if s.receiver != nil {
		s.receiver.Receive(p)
	}
	s.mu.Unlock()
}
