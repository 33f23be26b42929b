package meet

import (
	"encoding/binary"
	"image"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/pion/interceptor/pkg/twcc"
	"github.com/pion/rtcp"
	"github.com/pion/rtp"
	"github.com/pion/srtp/v3"

	"tandem/sim/audio"
	"tandem/sim/opus"
	"tandem/sim/picture"
	"tandem/sim/vp8"
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
	remb    int
	started time.Time
}

// uplinkPlan is what the offer says about the way up.
type uplinkPlan struct {
	audioMID, cameraMID, contentMID                 string
	audioPT, videoPT, rtxPT                         uint8
	layers                                          []string // rids, lowest first
	audioSSRC, contentSSRC, contentRTX              uint32
	levelID, twccID, midID, ridID, repairID, sendID uint8
}

// track is one stream up.
type track struct {
	kind  role
	layer int // of the camera, 0 the lowest
	rid   string
	ssrc  uint32
	rtx   uint32

	stats     rtcpStats
	asm       assembler
	decoder   *vp8.Decoder
	audio     *opus.Decoder
	meter     audio.Meter
	level     float64 // dBov, smoothed
	last      time.Time
	lastFrame time.Time
	image     *image.YCbCr
	asked     time.Time // for a keyframe
	askedAt   time.Time // the request that is still open
	wantKey   bool
	firSeq    uint8
	rate      rateMeter
	report    TrackReport
	rrSent    bool
	noted     map[string]bool
}

// rateMeter measures bit rate and frame rate over the last second.
type rateMeter struct {
	at             time.Time
	octets, frames int
	bits, fps      float64
}

func (r *rateMeter) add(octets, frames int, now time.Time) {
	if r.at.IsZero() {
		r.at = now
	}
	if span := now.Sub(r.at); span >= time.Second {
		r.bits, r.fps = float64(r.octets*8)/span.Seconds(), float64(r.frames)/span.Seconds()
		r.octets, r.frames, r.at = 0, 0, now
	}
	r.octets += octets
	r.frames += frames
}

func newUplink(s *session, plan uplinkPlan, limit int) *uplink {
	u := &uplink{s: s, plan: plan, limit: limit, tracks: map[uint32]*track{}, started: time.Now()}
	u.bucket = u.capacity()
	add := func(t *track) {
		t.noted = map[string]bool{}
		u.all = append(u.all, t)
		for _, ssrc := range []uint32{t.ssrc, t.rtx} {
			if ssrc != 0 {
				u.tracks[ssrc] = t
			}
		}
	}
	if plan.audioMID != "" {
		add(&track{kind: roleAudioUp, ssrc: plan.audioSSRC})
	}
	for i, rid := range plan.layers {
		add(&track{kind: roleCamera, layer: i, rid: rid})
	}
	if plan.contentMID != "" {
		add(&track{kind: roleContentUp, ssrc: plan.contentSSRC, rtx: plan.contentRTX})
	}
	return u
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
	if u.srtp == nil || u.closed {
		return arrival{}, false
	}
	plain, err := u.srtp.DecryptRTP(nil, in.b, nil)
	if err != nil {
		u.report.BadPackets++
		return arrival{}, false
	}
	p := &rtp.Packet{}
	if err := p.Unmarshal(plain); err != nil {
		u.report.BadPackets++
		return arrival{}, false
	}
	u.transportWide(p, in.at)
	t := u.trackOf(p)
	if t == nil {
		u.report.Unknown++
		return arrival{}, false
	}
	if len(p.Payload) == 0 { // a padding probe of the client's bandwidth estimation
		return arrival{}, false
	}
	if p = u.unwrap(t, p); p == nil {
		return arrival{}, false
	}
	if !u.police(t, len(p.Payload), in.at) {
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

func clockOf(r role) int {
	if r == roleAudioUp {
		return opus.EncodeRate
	}
	return 90000
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

// note makes an entry in the journal once for each track and text.
func (u *uplink) note(t *track, rule, text string) {
	if t.noted[text] {
		return
	}
	t.noted[text] = true
	u.s.dev.violation(rule, "noted", "RTP", text)
}

// strict looks at what the contract asks of packets (section 6).
func (u *uplink) strict(t *track, p *rtp.Packet) {
	if len(p.CSRC) > 0 {
		u.note(t, "MEET-S14", "packets up carry a CSRC")
	}
	if t.kind == roleAudioUp {
		if p.GetExtension(u.plan.levelID) == nil {
			u.note(t, "MEET-S14", "audio without the audio level extension (RFC 6464)")
		}
		return
	}
	d, rest, err := vp8.ParseDescriptor(p.Payload)
	switch {
	case err != nil:
		u.note(t, "MEET-S14", "a VP8 payload descriptor is cut off")
	case d.PictureID < 0 || !d.Wide:
		u.note(t, "MEET-S14", "a VP8 packet without a picture id of 15 bits")
	case d.TID >= 0 && d.TL0PicIdx < 0:
		u.note(t, "MEET-S14", "temporal layers without TL0PICIDX")
	case len(rest) == 0:
		u.note(t, "MEET-S14", "a VP8 packet without payload")
	}
	if t.kind == roleCamera && !t.rrSent && t.report.Retransmitted == 0 && u.plan.ridID != 0 && p.GetExtension(u.plan.ridID) == nil {
		u.note(t, "MEET-S14", "a packet without rid before the first receiver report")
	}
}

func (u *uplink) voice(t *track, p *rtp.Packet, muted bool, now time.Time) (arrival, bool) {
	level := -127.0
	var ext rtp.AudioLevelExtension
	if b := p.GetExtension(u.plan.levelID); u.plan.levelID != 0 && b != nil && ext.Unmarshal(b) == nil {
		level = -float64(ext.Level)
	}
	t.level += (level - t.level) / 4
	if !u.s.mux.srv.cfg.Options.NoDecode {
		u.listen(t, p.Payload)
	}
	if muted {
		u.report.Muted++
		return arrival{}, false
	}
	return arrival{track: t, voice: p, level: t.level}, true
}

func (u *uplink) listen(t *track, payload []byte) {
	if t.audio == nil {
		var err error
		if t.audio, err = opus.NewDecoder(); err != nil {
			return
		}
	}
	pcm, err := t.audio.Decode(payload)
	if err != nil {
		t.report.DecodeErrors++
		return
	}
	t.meter.Write(pcm)
}

func (u *uplink) video(t *track, p *rtp.Packet, now time.Time) (arrival, bool) {
	frames, lost := t.asm.push(p, now)
	if lost {
		t.wantKey = true
	}
	for _, f := range frames {
		u.frame(t, f, now)
	}
	return arrival{track: t, frames: frames}, len(frames) > 0
}

// frame measures a whole frame and decodes it.
func (u *uplink) frame(t *track, f frame, now time.Time) {
	t.report.Frames++
	t.rate.add(0, 1, now)
	if t.report.FirstFrame.IsZero() {
		t.report.FirstFrame = now
	}
	t.lastFrame = now
	if f.key {
		t.report.Keyframes++
		if !t.askedAt.IsZero() {
			t.report.KeyframeAfterMS = float64(now.Sub(t.askedAt).Microseconds()) / 1000
			t.askedAt = time.Time{}
		}
		t.wantKey = false
		if h, ok := vp8.ParseHeader(f.data); ok {
			t.report.Width, t.report.Height = h.Width, h.Height
		}
	}
	if u.s.mux.srv.cfg.Options.NoDecode {
		return
	}
	if t.decoder == nil {
		var err error
		if t.decoder, err = vp8.NewDecoder(); err != nil {
			return
		}
	}
	img, err := t.decoder.Decode(f.data, t.image)
	if err != nil {
		t.report.DecodeErrors++
		t.wantKey = true
		return
	}
	t.image = img
	t.report.Decoded++
	t.report.Width, t.report.Height = img.Bounds().Dx(), img.Bounds().Dy()
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

func (t *track) label() string {
	switch t.kind {
	case roleAudioUp:
		return "audio"
	case roleContentUp:
		return "content"
	}
	return t.rid
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

func (t *track) reportAt(now time.Time) TrackReport {
	r := t.report
	r.Name, r.SSRC, r.RTX = t.label(), t.ssrc, t.rtx
	r.Lost, r.JitterMS = t.stats.lost(), t.stats.jitter*1000/float64(clockOf(t.kind))
	r.Active = now.Sub(t.last) < time.Second && !t.last.IsZero()
	if r.Active {
		r.Bitrate, r.FPS = int(t.rate.bits), t.rate.fps
	}
	if t.kind == roleAudioUp {
		r.Level = t.level
		main := t.meter.Main()
		r.Tone, r.ToneLevel, r.Heard = main.Frequency, main.Level, t.meter.Segments()
	}
	if t.image != nil {
		r.AverageColour, r.Colour = picture.Hex(picture.Average(t.image)), picture.Hex(picture.Common(t.image))
	}
	return r
}

// feedback is what the edge says about the way up; the session sends it.
func (u *uplink) feedback(now time.Time, fir, storm bool, remb int) []rtcp.Packet {
	u.mu.Lock()
	defer u.mu.Unlock()
	rr := &rtcp.ReceiverReport{SSRC: 1}
	var more []rtcp.Packet
	var sources []uint32
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
