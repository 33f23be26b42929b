package meet

import (
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/rtp"
)

// rtcpStats is RFC 3550 section 6.4 and appendix A for one stream.
type rtcpStats struct {
	count    int
	first    uint32 // extended sequence numbers
	highest  uint32
	jitter   float64 // timestamp units
	transit  float64
	lastSR   uint32 // middle of the NTP time
	lastSRAt time.Time
	priorExp int
	priorRec int
}

func (r *rtcpStats) received(p *rtp.Packet, at time.Time, clock int) {
	if r.count == 0 {
		r.first = 1<<16 | uint32(p.SequenceNumber)
		r.highest = r.first
	} else if d := int16(p.SequenceNumber - uint16(r.highest)); d > 0 {
		r.highest += uint32(d)
	}
	r.count++
	transit := float64(at.UnixNano())/1e9*float64(clock) - float64(p.Timestamp)
	if d := transit - r.transit; r.transit != 0 && d < float64(clock) && d > -float64(clock) {
		r.jitter += (max(d, -d) - r.jitter) / 16
	}
	r.transit = transit
}

func (r *rtcpStats) expected() int {
	if r.count == 0 {
		return 0
	}
	return int(r.highest-r.first) + 1
}

// fresh is what came and what did not since the last report.
func (r *rtcpStats) fresh() (received, lost int) {
	received = r.count - r.priorRec
	return received, max(r.expected()-r.priorExp-received, 0)
}

func (r *rtcpStats) lost() int { return max(r.expected()-r.count, 0) }

func (r *rtcpStats) report(ssrc uint32, now time.Time) rtcp.ReceptionReport {
	expected, received := r.expected()-r.priorExp, r.count-r.priorRec
	r.priorExp, r.priorRec = r.expected(), r.count
	out := rtcp.ReceptionReport{
		SSRC: ssrc, TotalLost: uint32(min(r.lost(), 1<<23-1)), LastSequenceNumber: r.highest - 1<<16, Jitter: uint32(r.jitter),
	}
	if expected > 0 && expected > received {
		out.FractionLost = uint8(min((expected-received)*256/expected, 255))
	}
	if !r.lastSRAt.IsZero() {
		out.LastSenderReport = r.lastSR
		out.Delay = uint32(now.Sub(r.lastSRAt) * 65536 / time.Second)
	}
	return out
}

// rtcp handles what a client says about the way down.
func (u *uplink) rtcp(in inPacket) {
	u.mu.Lock()
	if u.srtp == nil || u.closed {
		u.mu.Unlock()
		return
	}
	plain, err := u.srtp.DecryptRTCP(nil, in.b, nil)
	u.mu.Unlock()
	var packets []rtcp.Packet
	if err == nil {
		packets, err = rtcp.Unmarshal(plain)
	}
	s := u.s
	s.mu.Lock()
	s.sender.rtcpIn++
	if err != nil {
		s.sender.rtcpBad++
	}
	s.mu.Unlock()
	for _, p := range packets {
		u.control(p, in.at)
	}
}

func (u *uplink) control(p rtcp.Packet, now time.Time) {
	s := u.s
	switch p := p.(type) {
	case *rtcp.SenderReport:
		u.senderReport(p, now)
		s.receptionReports(p.Reports)
	case *rtcp.ReceiverReport:
		s.receptionReports(p.Reports)
	case *rtcp.PictureLossIndication:
		s.keyRequest(p.MediaSSRC, func(o *sender) { o.plis++ })
	case *rtcp.FullIntraRequest:
		for _, f := range p.FIR {
			s.keyRequest(f.SSRC, func(o *sender) { o.firs++ })
		}
	case *rtcp.TransportLayerNack:
		u.nack(p, now)
	case *rtcp.ReceiverEstimatedMaximumBitrate:
		s.mu.Lock()
		s.sender.rembs++
		s.sender.path.remb = max(int(p.Bitrate), leastPath)
		s.mu.Unlock()
	case *rtcp.TransportLayerCC:
		s.transportFeedback(p)
	}
}

func (u *uplink) senderReport(p *rtcp.SenderReport, now time.Time) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if t := u.tracks[p.SSRC]; t != nil && t.ssrc == p.SSRC {
		t.stats.lastSR, t.stats.lastSRAt = uint32(p.NTPTime>>16), now
		t.report.SenderReports++
	}
}

func (u *uplink) nack(p *rtcp.TransportLayerNack, now time.Time) {
	if _, ignored := u.s.mux.srv.fault(NackIgnored, u.s.dev); ignored {
		return
	}
	var seqs []uint16
	for _, pair := range p.Nacks {
		seqs = append(seqs, pair.PacketList()...)
	}
	u.s.resend(p.MediaSSRC, seqs, now)
}

func (s *session) receptionReports(reports []rtcp.ReceptionReport) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.sender.remoteRR == nil {
		s.sender.remoteRR = map[uint32]rtcp.ReceptionReport{}
	}
	for _, r := range reports {
		if s.sender.stream(r.SSRC) != nil {
			s.sender.remoteRR[r.SSRC] = r
		}
	}
}

// keyRequest notes that the client wants a keyframe; the meeting's clock serves it.
func (s *session) keyRequest(ssrc uint32, count func(*sender)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	count(&s.sender)
	if st := s.sender.stream(ssrc); st != nil {
		st.wantKey = true
	}
}

func (s *session) transportFeedback(p *rtcp.TransportLayerCC) {
	received, lost := 0, 0
	left := int(p.PacketStatusCount)
	add := func(symbol uint16, n int) {
		n = min(n, left)
		left -= n
		if symbol == rtcp.TypeTCCPacketNotReceived {
			lost += n
			return
		}
		received += n
	}
	for _, chunk := range p.PacketChunks {
		switch c := chunk.(type) {
		case *rtcp.RunLengthChunk:
			add(c.PacketStatusSymbol, int(c.RunLength))
		case *rtcp.StatusVectorChunk:
			for _, symbol := range c.SymbolList {
				add(symbol, 1)
			}
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sender.twccs++
	s.sender.path.feedback(received, lost, s.sender.rate)
}
