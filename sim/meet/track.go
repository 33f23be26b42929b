package meet

import (
	"image"
	"time"

	"github.com/pion/rtp"

	"tandem/sim/audio"
	"tandem/sim/opus"
	"tandem/sim/picture"
	"tandem/sim/vp8"
)

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
	sizedAt   time.Time // when the size changed
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

func clockOf(r role) int {
	if r == roleAudioUp {
		return opus.EncodeRate
	}
	return 90000
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
			if t.report.Height != h.Height || t.report.Width != h.Width {
				t.sizedAt = now
			}
			t.report.Width, t.report.Height = h.Width, h.Height
			u.strictSize(t, now)
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

// strictSize: the layers are one picture in three sizes, lowest first. While a
// camera changes its size they may differ for a moment.
func (u *uplink) strictSize(t *track, now time.Time) {
	for _, o := range u.all {
		if t.kind != roleCamera || o.kind != roleCamera || o == t || o.report.Height == 0 {
			continue
		}
		if now.Sub(t.sizedAt) < time.Second || now.Sub(o.sizedAt) < time.Second {
			continue
		}
		low, high := t.report, o.report
		if t.layer > o.layer {
			low, high = high, low
		}
		if low.Height >= high.Height {
			u.note(t, "MEET-S14", "two layers have the same size, or they are in the wrong order")
		}
		// Rounding to even sizes is fine.
		if d := low.Width*high.Height - high.Width*low.Height; max(d, -d) > 4*high.Height {
			u.note(t, "MEET-S14", "the layers' aspect ratios differ")
		}
	}
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
