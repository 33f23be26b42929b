package transport

import (
	"errors"
	"math/rand/v2"
	"net/netip"
	"time"

	"tandem/media"
	"tandem/media/rtp"
)

// reportInterval is the mean time between our reports; each is varied by half
// (RFC 3550 §6.2).
const reportInterval = 5 * time.Second

func newReception(clock int) *rtp.Reception {
	if clock <= 0 {
		clock = 8000
	}
	return rtp.NewReception(clock)
}

// everySecond runs on the worker.
func (s *stream) everySecond(now time.Time) {
	s.checkTimeouts(now)
	s.in.mu.Lock()
	defer s.in.mu.Unlock()
	if !s.in.open || now.Before(s.rtcpDue) {
		return
	}
	first := s.rtcpDue.IsZero()
	s.rtcpDue = now.Add(reportInterval/2 + rand.N(reportInterval))
	if !first {
		s.report(now, false)
	}
}

// checkTimeouts reports a path that never came up, and media that stopped.
func (s *stream) checkTimeouts(now time.Time) {
	in := &s.in
	in.mu.Lock()
	defer in.mu.Unlock()
	if !s.connectBy.IsZero() && now.After(s.connectBy) {
		s.giveUp(errors.New("no connection within the time: ICE or DTLS did not finish"))
	}
	if s.kind != media.Audio || s.opts.Timeout <= 0 || !in.open || in.held || in.timedOut {
		return
	}
	since := in.since
	if in.last.After(since) {
		since = in.last
	}
	if now.Sub(since) >= s.opts.Timeout {
		in.timedOut = true
		s.emit(Event{Kind: MediaTimeout})
	}
}

// giveUp reports once that the path failed. in.mu is held.
func (s *stream) giveUp(err error) {
	s.connectBy = time.Time{}
	s.emit(Event{Kind: Failed, Err: err})
}

// report sends a sender or receiver report. in.mu is held.
func (s *stream) report(now time.Time, bye bool) {
	k := s.sink
	var blocks [1]rtp.ReportBlock
	n := 0
	if block, ok := s.in.reports.Report(now); ok {
		blocks[0], n = block, 1
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	b := k.buf[:0] // nothing else uses it now
	if k.packets != k.lastReport {
		b = rtp.AppendSenderReport(b, k.senderInfo(now), blocks[:n]...)
	} else {
		b = rtp.AppendReceiverReport(b, k.rebase.ssrc, blocks[:n]...)
	}
	k.lastReport, k.reported = k.packets, true
	b = rtp.AppendDescription(b, k.rebase.ssrc, s.session.cname)
	if bye {
		b = rtp.AppendBye(b, k.rebase.ssrc, "")
	}
	k.sendRTCP(b)
}

// sendBye says that our stream ends. Who has sent nothing must not say so
// (RFC 3550 §6.3.7).
func (s *stream) sendBye() {
	s.in.mu.Lock()
	defer s.in.mu.Unlock()
	s.sink.mu.Lock()
	heard := s.sink.packets > 0 || s.sink.reported
	s.sink.mu.Unlock()
	if s.in.open && heard {
		s.report(time.Now(), true)
	}
}

// receiveRTCP takes the statistics of a report. BYE changes nothing: the
// signalling ends a call, and nobody else. in.mu is held.
func (s *stream) receiveRTCP(b []byte, from netip.AddrPort, now time.Time) {
	in := &s.in
	b, ok := s.authenticRTCP(b, from)
	if !ok || in.rtcp.Parse(b) != nil {
		in.dropped++
		return
	}
	if s.session.tap.Load() != nil {
		s.show(false, true, now, s.ours(from, true), from, b)
	}
	s.sink.mu.Lock()
	if s.sink.rtcpPort != nil && s.sink.rtcpTo.ap != from {
		s.sink.rtcpTo = makeAddress(from)
	}
	s.sink.mu.Unlock()
	s.heardReports(b, &in.rtcp, now)
	for _, r := range in.riders {
		r.in.mu.Lock()
		if r.in.open {
			r.heardReports(b, &in.rtcp, now)
		}
		r.in.mu.Unlock()
	}
}

// heardReports takes what a compound packet says of this stream. in.mu is held.
func (s *stream) heardReports(b []byte, c *rtp.Compound, now time.Time) {
	in := &s.in
	s.sink.mu.Lock()
	ours, alone := s.sink.rebase.ssrc, s.sink.base == nil && len(in.riders) == 0
	s.sink.mu.Unlock()
	if c.HasSender && (alone || c.Sender.SSRC == in.ssrc) {
		in.reports.SenderReport(now, c.Sender)
		in.sender = c.Sender
	}
	for _, r := range c.Reports {
		if r.SSRC != ours {
			continue
		}
		in.remoteLost = uint64(max(r.Lost, 0))
		if rtt, ok := r.RoundTrip(now); ok {
			in.roundTrip = rtt
		}
	}
	if s.picture != nil {
		s.heardFeedback(b, now)
	}
}

// authenticRTCP says whether an RTCP packet is the far end's. It teaches nothing
// about where RTP goes.
func (s *stream) authenticRTCP(b []byte, from netip.AddrPort) ([]byte, bool) {
	in := &s.in
	if !in.open || in.useICE && !in.isValid(from) {
		return nil, false
	}
	if in.secure {
		if in.keys == nil {
			return nil, false
		}
		plain, err := in.keys.DecryptRTCP(nil, b, nil)
		return plain, err == nil
	}
	return b, in.useICE || s.plainRTCP(from)
}

// plainRTCP reports whether unprotected RTCP comes from where it was announced. A
// NAT, once RTP has shown that there is one, may map the second port anywhere.
func (s *stream) plainRTCP(from netip.AddrPort) bool {
	l := &s.in.latch
	if l.remote != l.sdp {
		return from.Addr() == l.remote.Addr()
	}
	s.sink.mu.Lock()
	defer s.sink.mu.Unlock()
	if s.sink.rtcpPort == nil {
		return from == l.remote
	}
	return from == s.sink.rtcpTo.ap
}
