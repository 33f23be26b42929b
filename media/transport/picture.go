package transport

import (
	"sync/atomic"
	"time"

	"tandem/media"
	"tandem/media/rtp"
	"tandem/media/sdp"
)

const (
	pictureTick = 10 * time.Millisecond
	// keyframeGap is the least time between two requests of ours: a keyframe costs as
	// much as a second of other pictures, and needs its time on the way.
	keyframeGap = 250 * time.Millisecond
	limitEvery  = time.Second // how often a limit is told again, for a receiver that missed it
)

// picture is what a stream of video has and one of audio has not: keyframe requests,
// packets asked for again, and limits of the bit rate. What is asked for on the way
// in is done by tick, which holds no lock that somebody else's stream could want.
type picture struct {
	want  atomic.Bool  // we are to ask for a keyframe
	asked atomic.Bool  // the far end has asked for one
	limit atomic.Int64 // bit/s that we ask the far end to keep to; 0 is none

	// Guarded by the stream's in.mu.
	messages  sdp.Messages
	agreed    media.Limits // of what we send
	told      int          // bit/s that the far end asked us to keep to; 0 is none
	holes     holes
	requested time.Time // when we asked for a keyframe
	number    uint8     // of our last FIR
	theirs    uint8     // of the far end's last FIR
	hasFIR    bool
	limitSent int64
	limitAt   time.Time

	watching bool // tick runs; guarded by ctl
}

func newPicture() *picture { return new(picture) }

// watchPicture takes over what was agreed about feedback. ctl is held.
func (s *stream) watchPicture(st *sdp.Stream) {
	p := s.picture
	s.in.mu.Lock()
	p.messages, p.agreed = st.Messages, st.SendLimits
	if !st.Messages.NACK {
		p.holes = holes{}
	}
	s.sink.mu.Lock()
	switch {
	case !st.Messages.NACK:
		s.sink.again = nil
	case s.sink.again == nil:
		s.sink.again = newAgain()
	}
	if a := s.sink.again; a != nil {
		a.pt = st.SendRTX
	}
	s.sink.mu.Unlock()
	s.tellLimits()
	s.in.mu.Unlock()
	if !p.watching {
		p.watching = true
		s.stops = append(s.stops, s.worker.clock.Every(pictureTick, s.pictureTick))
	}
}

// requestKeyframe asks the far end for a new picture, soon. It may be called with any
// lock held.
func (s *stream) requestKeyframe() {
	if s.picture != nil {
		s.picture.want.Store(true)
	}
}

func (s *stream) limit(bitrate int) {
	if s.picture != nil {
		s.picture.limit.Store(int64(max(bitrate, 0)))
	}
}

// KeyframeRequested tells that the far end of a stream asked for a new picture by
// signalling (RFC 5168).
func (s *Session) KeyframeRequested() {
	if t := s.streams[media.Video].Load(); t != nil {
		t.picture.asked.Store(true)
	}
}

// pictureTick runs on the worker.
func (s *stream) pictureTick(now time.Time) {
	p := s.picture
	if p.asked.Swap(false) {
		if f := s.sink.request.Load(); f != nil {
			(*f)()
		}
	}
	s.in.mu.Lock()
	defer s.in.mu.Unlock()
	if !s.in.open || s.in.packets == 0 {
		return
	}
	if p.want.Load() && now.Sub(p.requested) >= keyframeGap {
		p.want.Store(false)
		p.requested = now
		s.askKeyframe()
	}
	if lost := p.holes.ask(now, s.in.roundTrip); len(lost) > 0 {
		s.sendFeedback(func(b []byte, ours, theirs uint32) []byte { return rtp.AppendNACK(b, ours, theirs, lost) })
	}
	s.askLimit(now)
}

// askKeyframe asks in the best way that was agreed. in.mu is held.
func (s *stream) askKeyframe() {
	p := s.picture
	switch {
	case p.messages.PLI:
		s.sendFeedback(rtp.AppendPLI)
	case p.messages.FIR:
		p.number++
		s.sendFeedback(func(b []byte, ours, theirs uint32) []byte { return rtp.AppendFIR(b, ours, theirs, p.number) })
	default:
		s.emit(Event{Kind: KeyframeNeeded})
	}
}

// askLimit tells the far end what it may send. in.mu is held.
func (s *stream) askLimit(now time.Time) {
	p := s.picture
	limit := p.limit.Load()
	if limit == p.limitSent && (limit == 0 || now.Sub(p.limitAt) < limitEvery) || limit == 0 && p.limitSent == 0 {
		return
	}
	if p.messages.REMB || p.messages.TMMBR {
		rate := uint64(limit)
		if limit == 0 {
			rate = 1 << 40
		}
		s.sendFeedback(func(b []byte, ours, theirs uint32) []byte {
			if p.messages.REMB {
				return rtp.AppendREMB(b, ours, rate, theirs)
			}
			return rtp.AppendTMMBR(b, ours, rtp.RateLimit{SSRC: theirs, Bitrate: rate, Overhead: 40})
		})
	}
	p.limitSent, p.limitAt = limit, now
}

// sendFeedback sends one message, in a compound packet as RFC 4585 §3.1 wants it. in.mu
// is held.
func (s *stream) sendFeedback(build func(b []byte, ours, theirs uint32) []byte) {
	k := s.sink
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.buf == nil {
		k.buf = make([]byte, 0, maxDatagram)
	}
	b := rtp.AppendReceiverReport(k.buf[:0], k.rebase.ssrc)
	b = rtp.AppendDescription(b, k.rebase.ssrc, s.session.cname)
	k.sendRTCP(build(b, k.rebase.ssrc, s.in.ssrc))
}

// heardFeedback does what the far end asks for. in.mu is held.
func (s *stream) heardFeedback(b []byte, now time.Time) {
	p, k := s.picture, s.sink
	k.mu.Lock()
	ours, shared := k.rebase.ssrc, k.base != nil
	k.mu.Unlock()
	// A room that has not seen our SSRC yet writes 0 or its own.
	mine := func(ssrc uint32) bool { return ssrc == ours || !shared }
	for f := range rtp.Feedbacks(b) {
		switch f.Kind {
		case rtp.PictureLoss, rtp.FullIntra:
			for ssrc, number := range f.Streams() {
				if mine(ssrc) && !p.repeated(f.Kind, number) {
					p.asked.Store(true)
				}
			}
		case rtp.Retransmission:
			if f.Media == ours {
				s.sendAgain(f, now)
			}
		case rtp.ReceiverBitrate:
			if s.rid != "" {
				continue // it is about what we send
			}
			if rate, ok := f.Bitrate(); ok && p.messages.REMB {
				s.heardLimit(rate)
			}
		case rtp.RateRequest:
			for l := range f.RateLimits() {
				if mine(l.SSRC) {
					s.heardLimit(l.Bitrate)
					s.sendFeedback(func(b []byte, ours, _ uint32) []byte {
						return rtp.AppendTMMBN(b, ours, rtp.RateLimit{SSRC: f.Sender, Bitrate: l.Bitrate, Overhead: l.Overhead})
					})
				}
			}
		}
	}
}

// repeated reports that a FIR is one that came before (RFC 5104 §4.3.1.2).
func (p *picture) repeated(kind rtp.FeedbackKind, number uint8) bool {
	if kind != rtp.FullIntra {
		return false
	}
	again := p.hasFIR && p.theirs == number
	p.theirs, p.hasFIR = number, true
	return again
}

// minLimit is less than any picture can be sent with; a lower wish is a mistake or an
// attack.
const minLimit = 32_000 // bit/s

// heardLimit notes what the far end asked for. in.mu is held.
func (s *stream) heardLimit(rate uint64) {
	s.picture.told = int(min(max(rate, minLimit), 1<<30))
	s.tellLimits()
}

// tellLimits publishes how much may be sent now. in.mu is held.
func (s *stream) tellLimits() {
	p := s.picture
	l := p.agreed
	if p.told > 0 && (l.Bitrate == 0 || p.told < l.Bitrate) {
		l.Bitrate = p.told
	}
	info := *s.sink.info.Load()
	if info.Limits == l {
		return
	}
	info.Limits = l
	s.sink.info.Store(&info)
	s.session.notify()
}

// SenderReport is the far end's last one, which says at what time of its clock a
// timestamp was captured; false before the first. Streams of one far end share the
// clock: that is what lip sync is made of.
func (s *source) SenderReport() (rtp.SenderInfo, bool) {
	in := &s.stream.in
	in.mu.Lock()
	defer in.mu.Unlock()
	return in.sender, in.sender.NTP != 0
}
