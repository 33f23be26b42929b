package meet

import (
	"math/rand/v2"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"tandem/media"
	"tandem/media/rtp"
	"tandem/media/transport"
)

const (
	maxPayload = 1200                  // octets; what is larger would not fit with everything around it
	pictures   = 33 * time.Millisecond // between two pictures, about
)

// sink is one stream of ours: the voice, a layer of the camera, or shared content.
type sink struct {
	session *Session
	info    media.StreamInfo
	role    role
	mid     string
	rid     string

	keyframe atomic.Bool // somebody asked for a picture
	keyMu    sync.Mutex  // guards onKey
	onKey    func()

	level atomic.Uint32 // -dBov, plus one; 0 is not told

	// Guarded by session.out.
	ssrc, rtx uint32
	place     *transport.Renumber
	history   *rtp.History // video
	rtxNext   uint16
	last      media.Packet // that was sent; its payload is not kept
	known     bool         // the service has reported about us: no need to name the layer any more
	fir       uint8
	hadFIR    bool
	packets   uint64
	octets    uint64
	repairs   uint64
	nacks     uint64
	plis      uint64
	lost      int32
	pictures  rtp.Pictures
}

var _ media.Sink = (*sink)(nil)

func newSink(s *Session, r role, layer int, mid string) *sink {
	k := &sink{session: s, role: r, mid: mid, ssrc: newSSRC()}
	if r == audioUp {
		k.info = media.StreamInfo{
			ID: "up", Kind: media.Audio, Codec: "OPUS", Clock: 48000, PayloadType: ptOpus, Packet: 20 * time.Millisecond,
			FMTP: "minptime=10;useinbandfec=1", Direction: media.SendOnly,
		}
		k.place = transport.NewRenumber(k.ssrc, 48000, 20*time.Millisecond)
		return k
	}
	k.info = media.StreamInfo{ID: "content", Kind: media.Content, Codec: "VP8", Clock: 90000, PayloadType: ptVP8, Direction: media.SendOnly}
	if r == cameraUp {
		k.rid = rids[layer]
		k.info.ID, k.info.Kind, k.info.Layer = "camera"+strconv.Itoa(layer), media.Video, layer
	}
	k.rtx, k.history = newSSRC(), new(rtp.History)
	k.place = transport.NewRenumber(k.ssrc, 90000, pictures)
	return k
}

// newSSRC never collides with those of the service, which are small.
func newSSRC() uint32 { return rand.Uint32() | 1<<31 }

// Info implements [media.Sink].
func (k *sink) Info() media.StreamInfo { return k.info }

// Figures implements [media.Measured].
func (k *sink) Figures(now time.Time) media.Figures {
	k.session.out.Lock()
	defer k.session.out.Unlock()
	f := media.Figures{Packets: k.packets, Lost: uint64(max(k.lost, 0))}
	k.pictures.Figures(now, &f)
	return f
}

// OnKeyframeRequest implements [media.Sink].
func (k *sink) OnKeyframeRequest(f func()) {
	k.keyMu.Lock()
	defer k.keyMu.Unlock()
	k.onKey = f
}

// SetLevel tells how loud the voice is that is written from now on, in -dBov: 0 is
// the loudest, 127 silence (RFC 6464). The service finds the loudest speaker by it.
// Without it a packet counts as loud when it is too large for silence.
func (k *sink) SetLevel(level uint8) { k.level.Store(uint32(min(level, 127)) + 1) }

// voiceLevel is the level of a packet.
func (k *sink) voiceLevel(payload []byte) uint8 {
	if v := k.level.Load(); v != 0 {
		return uint8(v - 1)
	}
	if len(payload) <= 10 { // DTX or coded silence
		return 127
	}
	return 30
}

// asked calls whoever makes pictures; on the loop.
func (k *sink) asked() {
	if !k.keyframe.CompareAndSwap(true, false) {
		return
	}
	k.keyMu.Lock()
	f := k.onKey
	k.keyMu.Unlock()
	if f != nil {
		f()
	}
}

// Write implements [media.Sink].
func (k *sink) Write(p *media.Packet) {
	s := k.session
	now := time.Now()
	s.out.Lock()
	defer s.out.Unlock()
	if !k.mayWrite(p, now) {
		s.unsent++
		k.place.Interrupt()
		return
	}
	q := *p
	var fresh bool
	q.Sequence, q.Timestamp, fresh = k.place.Move(now, p)
	q.SSRC, q.PayloadType = k.ssrc, k.info.PayloadType
	if k.role == audioUp {
		q.Marker = p.Marker || fresh
		s.send(now, k, &q, false)
		return
	}
	lane := s.laneOf(k)
	lane.fed = now
	if !lane.pacer.Push(&q) { // everything that waited is lost
		s.unsent++
		s.wantPictures(lane)
		return
	}
	s.pump(now, lane)
}

// mayWrite says whether a packet can leave now. session.out is held.
func (k *sink) mayWrite(p *media.Packet, now time.Time) bool {
	s := k.session
	if s.link == nil || !s.live || len(p.Payload) == 0 || len(p.Payload) > maxPayload+200 {
		return false
	}
	switch k.role {
	case audioUp:
		return !s.muted.AudioMuted
	case cameraUp:
		return s.takesCamera && !s.muted.VideoMuted
	}
	return s.takesContent && s.show.written(now)
}
