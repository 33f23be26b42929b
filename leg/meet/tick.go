package meet

import (
	"time"

	"tandem/media/rtp"
)

const (
	tickEvery     = 10 * time.Millisecond
	askTicks      = 2   // NACK and PLI, every 20 ms
	feedbackTicks = 10  // transport-wide feedback, every 100 ms
	reportTicks   = 100 // sender and receiver reports, every second
	maxRTCP       = 1200
	maxBlocks     = 31
)

// tick is the session's clock, on its loop.
func (s *Session) tick(now time.Time) {
	s.ticks++
	s.drain(now)
	s.flow(now)
	if s.ticks%askTicks == 0 {
		s.in.Lock()
		b := s.questions(now, s.ticks%feedbackTicks == 0)
		s.in.Unlock()
		s.sendControl(b)
	}
	if s.ticks%reportTicks == 0 {
		s.report(now)
	}
}

// flow sends what waits for its time, and ends a presentation nobody feeds.
func (s *Session) flow(now time.Time) {
	s.out.Lock()
	defer s.out.Unlock()
	if s.link == nil || !s.takesCamera && !s.takesContent {
		return
	}
	rate := s.congestion.Target()
	for _, l := range []*lane{&s.camera, &s.slides} {
		l.pacer.SetTarget(min(rate, l.ceiling))
		s.pump(now, l)
	}
	s.probe(now)
	if s.show.idle(now) {
		s.show.on = false
		s.asks(present{false})
	}
}

// questions is feedback that is due: lost packets, keyframes, and arrivals. It is
// nil when there is none. in is held.
func (s *Session) questions(now time.Time, arrivals bool) []byte {
	us := s.voice().ssrc
	b := append(s.rtcp[:0], s.preamble...) // no reduced-size RTCP was agreed (RFC 4585 §3.1)
	trip := s.trip()
	for _, src := range s.lines.Load().sources {
		if src.role == audioDown || src.ssrc == 0 || len(b) > maxRTCP-300 {
			continue
		}
		if lost := src.gaps.Missing(now, trip); len(lost) > 0 {
			src.nacks += uint64(len(lost))
			b = rtp.AppendNACK(b, us, src.ssrc, lost)
		}
		if src.gate.Due(now) {
			src.plis++
			b = rtp.AppendPLI(b, us, src.ssrc)
		}
	}
	if arrivals {
		b, _ = s.arrivals.Append(b, us, 0)
	}
	s.rtcp = b[:0]
	if len(b) == len(s.preamble) {
		return nil
	}
	return b
}

// trip is the round trip, 0 when unknown.
func (s *Session) trip() time.Duration {
	s.out.Lock()
	defer s.out.Unlock()
	return s.roundTrip
}

// sendControl sends a compound packet.
func (s *Session) sendControl(b []byte) {
	if b == nil {
		return
	}
	s.out.Lock()
	defer s.out.Unlock()
	if s.link != nil {
		s.link.sendRTCP(b)
	}
}

// report sends what RFC 3550 §6 asks for: a sender report for each of our streams
// that has sent something, the first with what we know of theirs.
func (s *Session) report(now time.Time) {
	blocks := s.blocks(now)
	s.out.Lock()
	defer s.out.Unlock()
	if s.link == nil {
		return
	}
	told := false
	for _, k := range s.lines.Load().sinks {
		if k.packets == 0 {
			continue
		}
		info := rtp.SenderInfo{SSRC: k.ssrc, NTP: rtp.NTP(now), RTP: k.place.Now(now), Packets: uint32(k.packets), Octets: uint32(k.octets)}
		b := rtp.AppendSenderReport(nil, info, blocks...)
		s.link.sendRTCP(rtp.AppendDescription(b, k.ssrc, cname))
		blocks, told = nil, true
	}
	if !told && len(blocks) > 0 {
		us := s.voice().ssrc
		s.link.sendRTCP(rtp.AppendDescription(rtp.AppendReceiverReport(nil, us, blocks...), us, cname))
	}
}

// blocks is what we know of the service's streams.
func (s *Session) blocks(now time.Time) []rtp.ReportBlock {
	s.in.Lock()
	defer s.in.Unlock()
	var out []rtp.ReportBlock
	for _, src := range s.lines.Load().sources {
		if b, ok := src.reports.Report(now); ok && src.ssrc != 0 && len(out) < maxBlocks {
			out = append(out, b)
		}
	}
	return out
}

// figures is the session for the service's statistics.
func (s *Session) figures() ([]streamFigures, pathFigures) {
	var list []streamFigures
	kind := map[bool]string{true: "audio", false: "video"}
	s.in.Lock()
	p := pathFigures{packetsIn: s.packetsIn, octetsIn: s.octetsIn}
	for _, src := range s.lines.Load().sources {
		if src.packets == 0 {
			continue
		}
		list = append(list, streamFigures{
			id: ssrcID("I", src.ssrc), ssrc: src.ssrc, kind: kind[src.role == audioDown], packets: src.packets, octets: src.octets,
			lost: int64(src.reports.Lost()), jitter: src.reports.Jitter(), repairs: src.repaired, nacks: src.nacks, plis: src.plis,
		})
	}
	s.in.Unlock()
	s.out.Lock()
	defer s.out.Unlock()
	for _, k := range s.lines.Load().sinks {
		if k.packets == 0 {
			continue
		}
		list = append(list, streamFigures{
			id: ssrcID("O", k.ssrc), ssrc: k.ssrc, kind: kind[k.role == audioUp], rid: k.rid, out: true,
			packets: k.packets, octets: k.octets, repairs: k.repairs, nacks: k.nacks, plis: k.plis,
		})
	}
	p.packetsOut, p.octetsOut, p.roundTrip, p.bandwidth = s.sentPackets, s.sentOctets, s.roundTrip, s.congestion.Target()
	return list, p
}
