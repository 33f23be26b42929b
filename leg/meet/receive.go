package meet

import (
	"encoding/binary"
	"time"

	"tandem/media"
	"tandem/media/rtp"
)

// receive implements linkUser: one RTP packet of the service. It runs on the
// socket's goroutine.
func (s *Session) receive(b []byte, now time.Time) {
	s.in.Lock()
	defer s.in.Unlock()
	h := &s.header
	payload, err := rtp.Parse(b, h)
	if err != nil {
		s.useless++
		return
	}
	for id, data := range h.Elements() {
		if n, ok := rtp.TransportSequence(data); id == extTWCC && ok {
			s.arrivals.Arrive(n, now)
		}
	}
	p := media.Packet{
		PayloadType: h.PayloadType, Marker: h.Marker, Sequence: h.Sequence, Timestamp: h.Timestamp, SSRC: h.SSRC,
		CSRC: speaker(h.CSRC), Payload: payload, Arrived: now,
	}
	to := s.judge(&p)
	if to == nil {
		s.useless++
		return
	}
	s.packetsIn++
	s.octetsIn += uint64(len(p.Payload))
	if s.firstIn.IsZero() {
		s.firstIn = now
	}
	s.lastIn = now
	if s.queue.put(to, &p) {
		s.wake()
	}
}

// judge finds the source of a packet, and turns one that was sent again into the one
// that was lost. It is nil for what is of no use: copies, and what probes the path
// (padding, SSRC 0; contract, 7). in is held.
func (s *Session) judge(p *media.Packet) *source {
	st, ok := s.streams[p.SSRC]
	if !ok {
		return nil
	}
	if st.again {
		lost, err := rtp.ParseRTX(p, st.source.ssrc, st.source.info.PayloadType)
		if err != nil {
			return nil
		}
		*p = lost
	}
	if p.PayloadType != st.source.info.PayloadType || len(p.Payload) == 0 || !st.source.arrive(p, st.again) {
		return nil
	}
	return st.source
}

// drain hands what has come to the receivers. It runs on the loop.
func (s *Session) drain(time.Time) {
	for {
		src, ok := s.queue.take(&s.taken)
		if !ok {
			break
		}
		src.deliver(&s.taken)
	}
	for _, k := range s.lines.Load().sinks {
		k.asked()
	}
}

// control implements linkUser: one compound RTCP packet of the service.
func (s *Session) control(b []byte, now time.Time) {
	s.in.Lock()
	defer s.in.Unlock()
	for part := range packets(b) {
		if s.compound.Parse(part) != nil {
			s.useless++
			return
		}
		if c := &s.compound; c.HasSender {
			if st, ok := s.streams[c.SSRC]; ok && !st.again {
				st.source.sender = c.Sender
				st.source.reports.SenderReport(now, c.Sender)
			}
		}
		s.reported(s.compound.Reports, now)
	}
	for f := range rtp.Feedbacks(b) {
		s.feedback(f, now)
	}
}

// packets yields the packets of a compound one by one; what is broken ends it.
func packets(b []byte) func(func([]byte) bool) {
	return func(yield func([]byte) bool) {
		for len(b) >= 4 {
			n := 4 + 4*int(binary.BigEndian.Uint16(b[2:]))
			if n > len(b) || !yield(b[:n]) {
				return
			}
			b = b[n:]
		}
	}
}

// reported takes what the service says of our streams. in is held.
func (s *Session) reported(blocks []rtp.ReportBlock, now time.Time) {
	s.out.Lock()
	defer s.out.Unlock()
	for _, b := range blocks {
		k := s.sinkOf(b.SSRC)
		if k == nil {
			continue
		}
		k.known, k.lost = true, b.Lost
		if trip, ok := b.RoundTrip(now); ok {
			s.roundTrip = trip
		}
		s.congestion.Report(now, b.Fraction, s.roundTrip)
	}
}

// feedback takes one feedback message. in is held.
func (s *Session) feedback(f rtp.Feedback, now time.Time) {
	s.out.Lock()
	defer s.out.Unlock()
	switch f.Kind {
	case rtp.Retransmission:
		if k := s.sinkOf(f.Media); k != nil && k.history != nil {
			s.resend(now, k, f)
		}
	case rtp.PictureLoss, rtp.FullIntra:
		for ssrc, number := range f.Streams() {
			k := s.sinkOf(ssrc)
			if k == nil || k.history == nil || f.Kind == rtp.FullIntra && k.hadFIR && k.fir == number {
				continue // ours are pictures; a FIR with the number of the last one repeats it
			}
			if f.Kind == rtp.FullIntra {
				k.fir, k.hadFIR = number, true
			}
			k.plis++
			k.keyframe.Store(true)
			s.wake()
		}
	case rtp.TransportArrivals:
		s.congestion.Acknowledge(now, f)
	case rtp.ReceiverBitrate:
		if rate, ok := f.Bitrate(); ok {
			s.congestion.SetRemote(rate)
		}
	}
}

// resend sends lost packets again, by RTX. out is held.
func (s *Session) resend(now time.Time, k *sink, f rtp.Feedback) {
	for seq := range f.Lost() {
		k.nacks++
		if p := k.history.Again(now, seq, s.roundTrip); p != nil && s.laneOf(k).meter.room(now, s.laneOf(k).ceiling) {
			s.send(now, k, p, true)
		}
	}
}
