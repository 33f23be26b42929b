package meet

import (
	"slices"
	"time"

	"github.com/pion/rtcp"
)

// needKey asks the client for a keyframe of a stream.
func (u *uplink) needKey(kind role, layer int) {
	u.mu.Lock()
	defer u.mu.Unlock()
	for _, t := range u.all {
		if t.kind == kind && t.layer == layer && t.ssrc != 0 {
			t.wantKey = true
		}
	}
}

// feedback is what the edge says about the way up; the session sends it.
func (u *uplink) feedback(now time.Time, fir, storm bool, remb int) []rtcp.Packet {
	u.mu.Lock()
	defer u.mu.Unlock()
	rr := &rtcp.ReceiverReport{SSRC: 1}
	var more []rtcp.Packet
	var sources []uint32
	remb = u.pathUp(now, remb)
	for _, t := range u.all {
		if t.ssrc == 0 || t.stats.count == 0 {
			continue
		}
		if len(rr.Reports) < 31 {
			rr.Reports = append(rr.Reports, t.stats.report(t.ssrc, now))
			t.rrSent = true
		}
		if t.kind == roleAudioUp {
			continue
		}
		sources = append(sources, t.ssrc)
		if storm || t.wantKey && now.Sub(t.asked) >= keyframeAgain {
			more = append(more, t.askKey(now, fir))
		}
	}
	out := append([]rtcp.Packet{rr, description1(1)}, more...)
	if remb > 0 && len(sources) > 0 {
		out = append(out, &rtcp.ReceiverEstimatedMaximumBitrate{SenderSSRC: 1, Bitrate: float32(remb), SSRCs: sources})
	}
	if u.twcc != nil && !u.s.mux.srv.cfg.Options.NoTWCC {
		out = append(out, u.twcc.BuildFeedbackPacket()...)
	}
	return out
}

// pathUp lowers what REMB allows when much of what the client sends is lost.
func (u *uplink) pathUp(now time.Time, limit int) int {
	received, lost, rate := 0, 0, 0.0
	for _, t := range u.all {
		r, l := t.stats.fresh()
		received, lost, rate = received+r, lost+l, rate+t.rate.bits
	}
	if lost*50 > received {
		u.lossAt = now
	}
	if now.Sub(u.judged) >= time.Second {
		u.judged = now
		u.path.feedback(received, lost, int(rate))
		if now.Sub(u.lossAt) >= forgetLoss {
			u.path.loss = 0 // transport-wide feedback tells the client the rest
		}
	}
	if limit <= 0 {
		return 0
	}
	return min(limit, u.path.budget())
}

// forgetLoss is for how long REMB remembers what was lost.
const forgetLoss = 3 * time.Second

const keyframeAgain = 500 * time.Millisecond

func (t *track) askKey(now time.Time, fir bool) rtcp.Packet {
	t.asked = now
	if t.askedAt.IsZero() {
		t.askedAt = now
	}
	t.report.KeyRequests++
	if fir {
		t.firSeq++
		return &rtcp.FullIntraRequest{SenderSSRC: 1, MediaSSRC: t.ssrc, FIR: []rtcp.FIREntry{{SSRC: t.ssrc, SequenceNumber: t.firSeq}}}
	}
	return &rtcp.PictureLossIndication{SenderSSRC: 1, MediaSSRC: t.ssrc}
}

// nacks is what is missing on the way up.
func (u *uplink) nacks(now time.Time) []rtcp.Packet {
	u.mu.Lock()
	defer u.mu.Unlock()
	var out []rtcp.Packet
	for _, t := range u.all {
		if t.kind == roleAudioUp || len(t.asm.missing) == 0 || !t.asm.started {
			continue
		}
		if seqs := t.asm.nacks(now); len(seqs) > 0 {
			slices.Sort(seqs)
			t.report.Nacked += len(seqs)
			out = append(out, &rtcp.TransportLayerNack{SenderSSRC: 1, MediaSSRC: t.ssrc, Nacks: rtcp.NackPairsFromSequenceNumbers(seqs)})
		}
	}
	if len(out) > 0 {
		out = append([]rtcp.Packet{&rtcp.ReceiverReport{SSRC: 1}, description1(1)}, out...)
	}
	return out
}
