package meet

import (
	"encoding/binary"
	"image"
	"strings"
	"sync"
	"time"

	"github.com/pion/interceptor/pkg/twcc"
	"github.com/pion/rtp"
	"github.com/pion/srtp/v3"

	"tandem/sim/picture"
)

// uplink is everything received from one client: a voice, three layers of a
// camera, and content.
type uplink struct {
	s     *session
	plan  uplinkPlan
	limit int // bit/s of camera and voice

	mu      sync.Mutex // guards everything below
	srtp    *srtp.Context
	tracks  map[uint32]*track // by SSRC, of media and of retransmission
	all     []*track
	twcc    *twcc.Recorder
	bucket  float64 // octets that may still come
	filled  time.Time
	report  UplinkReport
	closed  bool
	started time.Time
	path    pathEstimate
	judged  time.Time // when path was
	lossAt  time.Time // when something was lost
}

// uplinkPlan is what the offer says about the way up.
type uplinkPlan struct {
	audioMID, cameraMID, contentMID                 string
	audioPT, videoPT, rtxPT                         uint8
	layers                                          []string // rids, lowest first
	audioSSRC, contentSSRC, contentRTX              uint32
	levelID, twccID, midID, ridID, repairID, sendID uint8
}

func newUplink(s *session, plan uplinkPlan, limit int) *uplink {
	u := &uplink{s: s, limit: limit, tracks: map[uint32]*track{}, started: time.Now()}
	u.bucket = u.capacity()
	u.extend(plan)
	return u
}

// extend takes over a plan that has more than the one before.
func (u *uplink) extend(plan uplinkPlan) {
	old := u.plan
	u.plan = plan
	if plan.audioMID != old.audioMID {
		u.add(&track{kind: roleAudioUp, ssrc: plan.audioSSRC})
	}
	if plan.cameraMID != old.cameraMID {
		for i, rid := range plan.layers {
			u.add(&track{kind: roleCamera, layer: i, rid: rid})
		}
	}
	if plan.contentMID != old.contentMID {
		u.add(&track{kind: roleContentUp, ssrc: plan.contentSSRC, rtx: plan.contentRTX})
	}
}

func (u *uplink) add(t *track) {
	t.noted = map[string]bool{}
	u.all = append(u.all, t)
	for _, ssrc := range []uint32{t.ssrc, t.rtx} {
		if ssrc != 0 {
			u.tracks[ssrc] = t
		}
	}
}

// capacity is one second of the limit and 10 percent, in octets.
func (u *uplink) capacity() float64 { return float64(u.limit) / 8 * 1.1 }

func (u *uplink) open(c *srtp.Context) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.srtp = c
	u.twcc = twcc.NewRecorder(1)
}

func (u *uplink) count(f func(*UplinkReport)) {
	u.mu.Lock()
	defer u.mu.Unlock()
	f(&u.report)
}

// close frees the decoders.
func (u *uplink) close() {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.closed = true
	for _, t := range u.all {
		if t.decoder != nil {
			t.decoder.Close()
		}
		if t.audio != nil {
			t.audio.Close()
		}
	}
}

// receive handles RTP and RTCP until the session ends.
func (s *session) receive() {
	defer s.in.close()
	for {
		select {
		case <-s.ctx.Done():
			return
		case p := <-s.inbox:
			if len(p.b) > 1 && p.b[1] >= 192 && p.b[1] <= 223 {
				s.in.rtcp(p)
				continue
			}
			s.in.rtp(p)
		}
	}
}

// arrival is what a packet led to, delivered without the uplink's lock.
type arrival struct {
	track  *track
	frames []frame
	voice  *rtp.Packet
	level  float64
}

func (u *uplink) rtp(in inPacket) {
	a, ok := u.take(in)
	if !ok {
		return
	}
	d := u.s.dev
	if a.voice != nil {
		d.meeting.heard(d, a.voice, a.level, in.at)
	}
	for _, f := range a.frames {
		d.meeting.seen(d, a.track.kind == roleContentUp, a.track.layer, f, in.at)
	}
}

func (u *uplink) take(in inPacket) (arrival, bool) {
	joined, presenting, muted := u.s.dev.uplinkGate()
	u.mu.Lock()
	defer u.mu.Unlock()
	t, p := u.identify(in)
	if p == nil || !u.police(t, len(p.Payload), in.at) {
		return arrival{}, false
	}
	u.strict(t, p)
	t.stats.received(p, in.at, clockOf(t.kind))
	t.last = in.at
	t.report.Packets++
	t.report.Octets += len(p.Payload)
	t.rate.add(len(p.Payload), 0, in.at)
	switch {
	case !joined:
		u.report.BeforeJoined++
		return arrival{}, false
	case t.kind == roleContentUp && !presenting:
		u.report.NotPresenting++
		return arrival{}, false
	case t.kind == roleAudioUp:
		return u.voice(t, p, muted, in.at)
	}
	return u.video(t, p, in.at)
}

// identify decrypts a packet and finds its stream; the packet is nil when there is none,
// or nothing in it.
func (u *uplink) identify(in inPacket) (*track, *rtp.Packet) {
	if u.srtp == nil || u.closed {
		return nil, nil
	}
	p := &rtp.Packet{}
	plain, err := u.srtp.DecryptRTP(nil, in.b, nil)
	if err == nil {
		err = p.Unmarshal(plain)
	}
	if err != nil {
		u.report.BadPackets++
		return nil, nil
	}
	u.transportWide(p, in.at)
	t := u.trackOf(p)
	if t == nil {
		u.report.Unknown++
		return nil, nil
	}
	if len(p.Payload) == 0 { // a padding probe of the client's bandwidth estimation
		return nil, nil
	}
	return t, u.unwrap(t, p)
}

func (u *uplink) transportWide(p *rtp.Packet, at time.Time) {
	if b := p.GetExtension(u.plan.twccID); u.plan.twccID != 0 && len(b) >= 2 && u.twcc != nil {
		u.twcc.Record(p.SSRC, binary.BigEndian.Uint16(b), at.Sub(u.started).Microseconds())
	}
}

// trackOf finds the stream of a packet: by its SSRC, or for a new one by rid or mid.
func (u *uplink) trackOf(p *rtp.Packet) *track {
	if t := u.tracks[p.SSRC]; t != nil {
		return t
	}
	ext := func(id uint8) string {
		if id == 0 {
			return ""
		}
		return strings.TrimRight(string(p.GetExtension(id)), "\x00")
	}
	rid, repair, mid := ext(u.plan.ridID), ext(u.plan.repairID), ext(u.plan.midID)
	for _, t := range u.all {
		switch {
		case t.kind == roleCamera && rid != "" && t.rid == rid && repair == "" && p.PayloadType == u.plan.videoPT:
			return u.learn(t, &t.ssrc, p.SSRC)
		case t.kind == roleCamera && repair != "" && t.rid == repair:
			return u.learn(t, &t.rtx, p.SSRC)
		case t.kind == roleAudioUp && t.ssrc == 0 && mid != "" && mid == u.plan.audioMID:
			return u.learn(t, &t.ssrc, p.SSRC)
		case t.kind == roleContentUp && mid != "" && mid == u.plan.contentMID && p.PayloadType == u.plan.videoPT:
			return u.learn(t, &t.ssrc, p.SSRC)
		case t.kind == roleContentUp && mid != "" && mid == u.plan.contentMID && p.PayloadType == u.plan.rtxPT:
			return u.learn(t, &t.rtx, p.SSRC)
		}
	}
	return nil
}

func (u *uplink) learn(t *track, where *uint32, ssrc uint32) *track {
	if *where != 0 {
		delete(u.tracks, *where)
		u.note(t, "MEET-S14", "the SSRC of a stream changed in mid-call")
	}
	*where = ssrc
	u.tracks[ssrc] = t
	return t
}

// unwrap turns a retransmission back (RFC 4588 section 4).
func (u *uplink) unwrap(t *track, p *rtp.Packet) *rtp.Packet {
	want := u.plan.videoPT
	if t.kind == roleAudioUp {
		want = u.plan.audioPT
	}
	if p.PayloadType == want && p.SSRC == t.ssrc {
		return p
	}
	if p.PayloadType != u.plan.rtxPT || u.plan.rtxPT == 0 || t.kind == roleAudioUp || len(p.Payload) < 3 {
		u.report.Unknown++
		return nil
	}
	t.report.Retransmitted++
	p.SequenceNumber = binary.BigEndian.Uint16(p.Payload)
	p.Payload = p.Payload[2:]
	p.SSRC, p.PayloadType = t.ssrc, want
	return p
}

// police enforces the uplink's rate (MEET-S20).
func (u *uplink) police(t *track, size int, now time.Time) bool {
	if t.kind == roleContentUp {
		return true
	}
	if !u.filled.IsZero() {
		u.bucket = min(u.bucket+now.Sub(u.filled).Seconds()*u.capacity(), u.capacity())
	}
	u.filled = now
	if u.bucket < float64(size) {
		u.report.Policed++
		u.note(u.all[0], "MEET-S20", "more than the uplink's bit rate was sent; the rest is dropped")
		return false
	}
	u.bucket -= float64(size)
	return true
}

// layerHeights is what the camera's layers have now, lowest first; 0 for one that
// sends nothing.
func (u *uplink) layerHeights(now time.Time) []int {
	u.mu.Lock()
	defer u.mu.Unlock()
	var out []int
	for _, t := range u.all {
		if t.kind != roleCamera {
			continue
		}
		h := t.report.Height
		if now.Sub(t.lastFrame) > time.Second {
			h = 0
		}
		out = append(out, h)
	}
	return out
}

// rateOf is the bit rate of a layer.
func (u *uplink) rateOf(kind role, layer int) int {
	u.mu.Lock()
	defer u.mu.Unlock()
	for _, t := range u.all {
		if t.kind == kind && t.layer == layer {
			return int(t.rate.bits)
		}
	}
	return 0
}

// snapshot is a copy of the last picture of a stream ("audio" has none).
func (u *uplink) snapshot(name string) *image.YCbCr {
	u.mu.Lock()
	defer u.mu.Unlock()
	for _, t := range u.all {
		if t.image != nil && t.label() == name {
			img := picture.New(t.image.Bounds().Dx(), t.image.Bounds().Dy())
			copy(img.Y, t.image.Y)
			copy(img.Cb, t.image.Cb)
			copy(img.Cr, t.image.Cr)
			return img
		}
	}
	return nil
}

// Report is the state of the measurement.
func (u *uplink) Report(now time.Time) UplinkReport {
	u.mu.Lock()
	defer u.mu.Unlock()
	out := u.report
	for _, t := range u.all {
		out.Tracks = append(out.Tracks, t.reportAt(now))
	}
	return out
}
