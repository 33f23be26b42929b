package meet

import (
	"encoding/binary"
	"strconv"
	"sync"
	"time"

	"tandem/media"
	"tandem/media/rtp"
)

// loudest is the contributing source that marks the loudest speaker's packets; it
// is nobody's (MEET-C8).
const loudest = 42

// source is one stream of the service: a voice or a picture of whoever its
// packets' CSRC names.
type source struct {
	session *Session
	info    media.StreamInfo
	role    role

	mu       sync.Mutex // held while receiver runs
	receiver media.Receiver

	// Guarded by session.in.
	ssrc, rtx uint32 // 0: the service has no stream for it
	seen      rtp.Duplicates
	gaps      rtp.Gaps
	reports   *rtp.Reception
	gate      rtp.KeyframeGate
	sender    rtp.SenderInfo // the last sender report
	packets   uint64
	octets    uint64
	repaired  uint64
	nacks     uint64
	plis      uint64
	pictures  rtp.Pictures
}

var _ media.Source = (*source)(nil)

func newSource(s *Session, r role, n int) *source {
	src := &source{session: s, role: r, reports: rtp.NewReception(90000)}
	src.info = media.StreamInfo{Kind: media.Video, Codec: "VP8", Clock: 90000, PayloadType: ptVP8, Direction: media.RecvOnly}
	switch r {
	case audioDown:
		src.info = media.StreamInfo{
			Kind: media.Audio, Codec: "OPUS", Clock: 48000, PayloadType: ptOpus, Packet: 20 * time.Millisecond,
			FMTP: "minptime=10;useinbandfec=1", Direction: media.RecvOnly,
		}
		src.info.ID = "a" + strconv.Itoa(n)
		src.reports = rtp.NewReception(48000)
	case contentDown:
		src.info.Kind, src.info.ID = media.Content, "c0"
	default:
		src.info.ID = "v" + strconv.Itoa(n)
	}
	return src
}

// Info implements [media.Source].
func (s *source) Info() media.StreamInfo { return s.info }

// Figures implements [media.Measured].
func (s *source) Figures(now time.Time) media.Figures {
	s.session.in.Lock()
	defer s.session.in.Unlock()
	f := media.Figures{Packets: s.packets, Lost: s.reports.Lost(), Jitter: s.reports.Jitter()}
	s.pictures.Figures(now, &f)
	return f
}

// Attach implements [media.Source].
func (s *source) Attach(r media.Receiver) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.receiver = r
}

// RequestKeyframe implements [media.Source]: a PLI, at most one every half second.
func (s *source) RequestKeyframe() {
	if s.role == audioDown {
		return
	}
	s.session.in.Lock()
	defer s.session.in.Unlock()
	s.gate.Request(time.Now()) // sent by the next tick
}

// SenderClock is where the stream's timeline stands on the sender's wall clock, by
// its last sender report: the NTP time of an RTP timestamp (RFC 3550 §6.4.1). It is
// false until one came. Voices and pictures of one person share the wall clock.
func (s *source) SenderClock() (ntp uint64, timestamp uint32, ok bool) {
	s.session.in.Lock()
	defer s.session.in.Unlock()
	return s.sender.NTP, s.sender.RTP, s.sender.NTP != 0
}

func (s *source) deliver(p *media.Packet) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.receiver != nil {
		s.receiver.Receive(p)
	}
}

// arrive judges a packet of the stream: false for one that came before. It is
// called with session.in held. again says that it was sent again.
func (s *source) arrive(p *media.Packet, again bool) bool {
	if s.role == audioDown {
		if s.seen.Seen(p.SSRC, p.Sequence) {
			return false
		}
	} else if !s.gaps.Receive(p.Arrived, p.Sequence) {
		return false
	}
	s.packets++
	s.octets += uint64(len(p.Payload))
	if s.role != audioDown {
		s.pictures.Packet(p.Arrived, s.info.Codec, p.Timestamp, p.Payload)
	}
	if again {
		s.repaired++
		return true
	}
	s.reports.Receive(p.Arrived, p.SSRC, p.Sequence, p.Timestamp)
	return true
}

// speaker is the contributing source a packet is really from; 0 when none is told.
func speaker(csrcs []byte) uint32 {
	for ; len(csrcs) >= 4; csrcs = csrcs[4:] {
		if c := binary.BigEndian.Uint32(csrcs); c != loudest {
			return c
		}
	}
	return 0
}
