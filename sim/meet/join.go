package meet

import (
	"crypto/rand"
	"fmt"
	"net/http"
	"strings"
	"time"
	"unicode/utf8"
)

type joinRequest struct {
	Offer       string `json:"offer"`
	DisplayName string `json:"displayName"`
	Kind        string `json:"kind"`
	RequestID   string `json:"requestId"`
	Device      string `json:"device"`
}

type joinAnswer struct {
	Answer         string      `json:"answer"`
	TraceID        string      `json:"traceId"`
	Device         string      `json:"device,omitempty"`
	ParticipantKey string      `json:"participantKey,omitempty"`
	Space          *spaceInfo  `json:"space,omitempty"`
	Admission      string      `json:"admission,omitempty"`
	LobbyTimeout   string      `json:"lobbyTimeout,omitempty"`
	Limits         *joinLimits `json:"limits,omitempty"`
}

type joinLimits struct {
	MaxAudios       int `json:"maxAudios"`
	MaxVideos       int `json:"maxVideos"`
	UplinkBitrate   int `json:"uplinkBitrate"`
	ContentBitrate  int `json:"contentBitrate"`
	MaxMessageBytes int `json:"maxMessageBytes"`
}

// savedAnswer is repeated when a join is (section 2.3, requestId).
type savedAnswer struct {
	at     time.Time
	answer joinAnswer
}

const (
	answerLife = 60 * time.Second
	knockSpan  = 60 * time.Second
	maxKnocks  = 3
)

// join is section 2.3.
func (s *Server) join(r *http.Request, c caller, alias string) (any, *refusal) {
	var in joinRequest
	if no := readBody(r, &in); no != nil {
		return nil, no
	}
	if no := in.check(); no != nil {
		return nil, no
	}
	m := s.meeting(alias)
	if m == nil {
		return nil, refused(MeetingNotFound, "")
	}
	key := strings.Join([]string{c.issuer, m.id, in.RequestID}, "\n")
	if old, ok := s.saved(key); ok && in.RequestID != "" {
		return old, nil
	}
	offer, no := parseSDP(in.Offer)
	if no == nil {
		no = offer.check(interop, s.cfg.Options.MaxVideos)
	}
	if no != nil {
		return nil, no
	}
	d := s.newDevice(m, offer, interop)
	d.displayName, d.kind, d.token, d.issuer, d.remote = strings.TrimSpace(in.DisplayName), in.Kind, c.token.Value, c.issuer, r.RemoteAddr
	if in.Kind == "PHONE" && (d.hasCamera || len(d.cameras) > 0) {
		return nil, refused(InvalidRequest, "a telephone has no video sections")
	}
	d.trusted = m.trusts(c.token)
	out, no := m.welcome(d, c, in.Device)
	if no == nil {
		s.save(key, out)
		return out, nil
	}
	d.session.cancel()
	return nil, no
}

func (in *joinRequest) check() *refusal {
	name := strings.TrimSpace(in.DisplayName)
	switch in.Kind {
	case "":
		in.Kind = "ROOM"
	case "ROOM", "PHONE", "BROWSER":
	default:
		return refused(InvalidRequest, "kind %q is unknown", in.Kind)
	}
	switch n := utf8.RuneCountInString(name); {
	case n < 1 || n > 100:
		return refused(InvalidRequest, "displayName has %d characters, want 1 to 100", n)
	case len(in.RequestID) > 64:
		return refused(InvalidRequest, "requestId has more than 64 characters")
	case in.Offer == "":
		return refused(InvalidRequest, "there is no offer")
	}
	return nil
}

func (s *Server) saved(key string) (joinAnswer, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	a, ok := s.answers[key]
	return a.answer, ok && time.Since(a.at) < answerLife
}

func (s *Server) save(key string, a joinAnswer) {
	if strings.HasSuffix(key, "\n") {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.answers) >= maxAnswers {
		clear(s.answers)
	}
	s.answers[key] = savedAnswer{time.Now(), a}
}

// newDevice makes a device and its session from a checked offer. Nothing runs yet.
func (s *Server) newDevice(m *meeting, offer *description, p profile) *device {
	d := &device{
		srv: s, meeting: m, profile: p, created: time.Now(), outbox: make(chan outMessage, maxOutbox),
		channels: map[string]*channel{}, sent: map[string]int{}, session: s.media.newSession(offer),
	}
	d.session.dev = d
	d.session.sender.start, d.session.sender.rateAt, d.session.sender.ssrc = time.Now(), time.Now(), 1
	plan := d.streams(offer, 0, uplinkPlan{})
	d.session.in = newUplink(d.session, plan, s.cfg.Options.UplinkBitrate)
	d.slots = make([]slot, len(d.voices))
	return d
}

// streams makes the streams down of the sections from the n-th on and says what comes up
// besides plan.
func (d *device) streams(offer *description, n int, plan uplinkPlan) uplinkPlan {
	out := &d.session.sender
	for _, s := range offer.sections[n:] {
		if s.role == roleChannels {
			continue
		}
		ext := s.extensions()
		if s.role.up() {
			plan.take(s, ext)
			d.hasCamera = d.hasCamera || s.role == roleCamera
			d.contentUp = d.contentUp || s.role == roleContentUp
			continue
		}
		out.twccID, out.sendID = max(out.twccID, ext[extTWCC]), max(out.sendID, ext[extSendTime])
		st := d.streamFor(s)
		if s.kind == "audio" {
			out.levelID = max(out.levelID, ext[extLevel])
		}
		out.streams = append(out.streams, st)
	}
	return plan
}

func (d *device) streamFor(s *section) *stream {
	if s.kind == "audio" {
		c, _ := s.codec(opusName)
		st := newStream(uint32(firstAudioSSRC+len(d.voices)), 48000, c.pt, 0)
		d.voices = append(d.voices, st)
		return st
	}
	c, _ := s.codec(vp8Name)
	rtx, _ := s.rtx(c.pt)
	if s.role == roleContentDown {
		d.content = newStream(contentSSRC, 90000, c.pt, rtx.pt)
		return d.content
	}
	st := newStream(uint32(firstVideoSSRC+2*len(d.cameras)), 90000, c.pt, rtx.pt)
	d.cameras = append(d.cameras, st)
	return st
}

func (p *uplinkPlan) take(s *section, ext map[string]uint8) {
	p.twccID, p.midID, p.sendID = max(p.twccID, ext[extTWCC]), max(p.midID, ext[extMID]), max(p.sendID, ext[extSendTime])
	if s.kind == "audio" {
		c, _ := s.codec(opusName)
		p.audioMID, p.audioPT, p.levelID = s.mid(), c.pt, ext[extLevel]
		p.audioSSRC, _ = s.ssrcs()
		return
	}
	c, _ := s.codec(vp8Name)
	rtx, _ := s.rtx(c.pt)
	p.videoPT, p.rtxPT = c.pt, rtx.pt
	if s.role == roleContentUp {
		p.contentMID = s.mid()
		p.contentSSRC, p.contentRTX = s.ssrcs()
		return
	}
	p.cameraMID, p.ridID, p.repairID = s.mid(), ext[extRID], ext[extRepairRID]
	p.layers, _ = s.layers()
}

// welcome checks the meeting's own conditions and takes the device in.
func (m *meeting) welcome(d *device, c caller, comeback string) (joinAnswer, *refusal) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.nameLocked(d, comeback)
	if no := m.conditionsLocked(d); no != nil {
		return joinAnswer{}, no
	}
	now := time.Now()
	m.lastNumber++
	d.number = m.lastNumber
	d.admitted = d.trusted
	d.lobby = lobby{since: now, until: now.Add(m.lobbyTimeout)}
	info := m.infoLocked(c)
	out := joinAnswer{
		Answer: d.answer(), TraceID: rand.Text()[:16], Device: d.name, ParticipantKey: fmt.Sprintf("participants/p%d", d.number),
		Space: &info, Admission: "JOINED",
		Limits: &joinLimits{len(d.voices), m.srv.cfg.Options.MaxVideos, m.srv.cfg.Options.UplinkBitrate, m.srv.cfg.Options.UplinkBitrate, maxMessage},
	}
	if !d.admitted {
		out.Admission, out.LobbyTimeout = "LOBBY", seconds(m.lobbyTimeout)
	}
	m.takeInLocked(d)
	return out, nil
}

func (m *meeting) takeInLocked(d *device) {
	m.devices = append(m.devices, d)
	d.session.start()
	select {
	case m.wake <- struct{}{}:
	default:
	}
}

func (m *meeting) resourceName(n int) string {
	return fmt.Sprintf("spaces/%s/devices/%x", m.id, 0x1000+n)
}

// nameLocked gives a device its name: the one it had if it comes back.
func (m *meeting) nameLocked(d *device, comeback string) {
	for _, old := range m.past {
		if old.name == comeback && old.issuer == d.issuer && comeback != "" {
			d.name = comeback
			return
		}
	}
	m.lastDevice++
	d.name = m.resourceName(m.lastDevice | 0x10000)
}

func (m *meeting) conditionsLocked(d *device) *refusal {
	if f, on := m.srv.fault(JoinRefused, d); on {
		no := refused(f.Reason, "")
		no.retry = f.Delay
		return no
	}
	now := time.Now()
	knocks := 0
	for _, at := range m.knocks[d.name] {
		if now.Sub(at) < knockSpan {
			knocks++
		}
	}
	switch {
	case m.over:
		return refused(ConferenceEnded, "")
	case m.conf.Refuse != "":
		return refused(m.conf.Refuse, "")
	case m.conf.VideoLocked && d.hasCamera:
		return refused(VideoLocked, "")
	case len(m.members) >= m.maxParticipants:
		return refused(MeetingFull, "")
	case knocks >= maxKnocks:
		no := refused(TooManyKnocks, "")
		no.retry = knockSpan - now.Sub(m.knocks[d.name][len(m.knocks[d.name])-knocks])
		return no
	}
	return nil
}

// answer is the SDP answer to the session's present offer.
func (d *device) answer() string {
	s := d.session
	s.mu.Lock()
	defer s.mu.Unlock()
	a := answer{
		offer: s.offer, addr: s.mux.addr, ufrag: s.ufrag, pwd: s.pwd, fingerprint: s.mux.fingerprint, version: s.version,
		uplink: d.srv.cfg.Options.UplinkBitrate, shape: d.srv.cfg.Options.Shape, noVideo: d.noVideo,
	}
	if _, on := d.srv.fault(DTLSFingerprint, d); on {
		a.fingerprint = fingerprint([]byte("not the edge's certificate"))
	}
	if _, on := d.srv.fault(BadAnswer, d); on {
		return "this is no session description"
	}
	return a.String()
}

// restart is section 2.4.
func (s *Server) restart(r *http.Request, d *device) (any, *refusal) {
	var in joinRequest
	if no := readBody(r, &in); no != nil {
		return nil, no
	}
	offer, no := parseSDP(in.Offer)
	if no == nil {
		no = offer.check(d.profile, s.cfg.Options.MaxVideos)
	}
	if no != nil {
		return nil, no
	}
	d.session.mu.Lock()
	old := d.session.offer
	d.session.mu.Unlock()
	if no := offer.sameButICE(old); no != nil {
		return nil, no
	}
	d.meeting.mu.Lock()
	defer d.meeting.mu.Unlock()
	if d.state == stateEnded {
		return nil, refused(DeviceNotFound, "")
	}
	d.session.restart(offer)
	return joinAnswer{Answer: d.answer(), TraceID: rand.Text()[:16]}, nil
}
