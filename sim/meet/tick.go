package meet

import (
	"math/rand/v2"
	"slices"
	"time"

	"github.com/pion/rtp"
)

// tick is 10 ms of the meeting: scripts, limits, sound, pictures, feedback.
func (m *meeting) tick(now time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.scriptsLocked(now)
	for _, d := range slices.Clone(m.devices) {
		m.limitsLocked(d, now)
	}
	if m.start.IsZero() {
		return
	}
	elapsed := now.Sub(m.start)
	if n := int(elapsed / (20 * time.Millisecond)); n > m.audioTick {
		m.audioTick = n
		m.audioLocked(now)
	}
	if n := int(elapsed * time.Duration(m.fps) / time.Second); n > m.videoTick {
		m.videoTick = n
		m.videoLocked(now)
	}
	m.eachJoinedLocked(func(d *device) { m.feedbackLocked(d, now) })
}

func (m *meeting) scriptsLocked(now time.Time) {
	if m.start.IsZero() || m.over {
		return
	}
	for _, p := range m.people {
		for _, step := range p.script.due(now.Sub(m.start)) {
			m.doLocked(p, step)
		}
	}
}

// limitsLocked ends devices that let a time limit pass, and serves the lobby.
func (m *meeting) limitsLocked(d *device, now time.Time) {
	t, s := m.srv.cfg.Timing, d.session
	s.mu.Lock()
	created, nominated, secured, checked := s.created, s.nominated, s.secured, s.checkedAt
	s.mu.Unlock()
	switch {
	case d.state == stateEnded:
		return
	case checked.IsZero() && now.Sub(created) > t.FirstCheck:
		d.violation("MEET-S7", "ended", "session", "no valid STUN check within "+t.FirstCheck.String())
		d.lostLocked("no valid STUN check came")
		return
	case !nominated.IsZero() && secured.IsZero() && now.Sub(nominated) > t.Handshake:
		d.violation("MEET-S7", "ended", "session", "no DTLS within "+t.Handshake.String())
		d.lostLocked("the DTLS handshake took too long")
		return
	case !secured.IsZero() && now.Sub(secured) > t.Channels && (d.channels[chControl] == nil || d.channels[chStats] == nil):
		d.violation("MEET-S11", "ended", "session", "session-control and media-stats are not open")
		d.endLocked(SessionUnhealthy, "mandatory channels are missing", nil)
		return
	case !checked.IsZero() && now.Sub(checked) > t.Consent:
		d.violation("MEET-S7", "ended", "session", "no consent check for "+t.Consent.String())
		d.endLocked(SessionUnhealthy, "no consent", nil)
		return
	}
	if d.state != stateJoined {
		m.waitLocked(d, now)
		return
	}
	m.statsDueLocked(d, now)
}

// waitLocked is the lobby's clock.
func (m *meeting) waitLocked(d *device, now time.Time) {
	if d.admitted || d.farewell != nil {
		return
	}
	admit := m.conf.Admit
	someone := slices.ContainsFunc(m.members, func(x *member) bool { return x.host() })
	switch {
	case admit.Action == "admit" && someone && now.Sub(d.lobby.since) >= admit.After:
		m.admitLocked(d)
	case admit.Action == "deny" && someone && now.Sub(d.lobby.since) >= admit.After:
		m.denyLocked(d)
	case !now.Before(d.lobby.until):
		m.knockedLocked(d)
		d.endLocked(KnockTimeout, "nobody admitted the caller in time", nil)
	case d.state == stateWaiting:
		m.lobbyLocked(d, now)
	}
}

func (m *meeting) denyLocked(d *device) {
	m.knockedLocked(d)
	d.endLocked(KnockDenied, "somebody in the meeting refused", nil)
}

// knockedLocked remembers a knock in vain.
func (m *meeting) knockedLocked(d *device) {
	if len(m.knocks) > 1000 {
		clear(m.knocks)
	}
	m.knocks[d.name] = append(m.knocks[d.name], time.Now())
}

func (m *meeting) statsDueLocked(d *device, now time.Time) {
	interval := m.srv.cfg.Options.StatsInterval
	if interval <= 0 || now.Sub(d.statsAt) <= 3*interval {
		return
	}
	reason := SessionUnhealthy
	switch m.srv.cfg.Options.StatsMissing {
	case "ignore":
		return
	case "violation":
		reason = ProtocolViolation
	}
	d.violation("MEET-S10", "ended", "session", "no statistics for three intervals")
	d.endLocked(reason, "no statistics", nil)
}

// audioLocked is 20 ms of sound.
func (m *meeting) audioLocked(now time.Time) {
	m.voices = m.voices[:0]
	for _, x := range m.members {
		if x.audioMuted {
			continue
		}
		if x.person != nil && x.talking || x.device != nil && now.Sub(x.heard) < 200*time.Millisecond && x.level > audible {
			m.voices = append(m.voices, voice{x.id, x.level})
		}
	}
	top := m.loud.step(now, m.voices)
	if top != 0 {
		m.spoke[top] = now
	}
	m.eachJoinedLocked(func(d *device) {
		own := 0
		if d.member != nil {
			own = d.member.id
		}
		assignSlots(d.slots, now, slices.DeleteFunc(slices.Clone(m.voices), func(v voice) bool { return v.id == own }))
	})
	for _, v := range m.voices {
		if x := m.memberLocked(v.id); x.person != nil {
			m.speakLocked(x, now)
		}
	}
}

// speakLocked sends the next packet of a scripted voice.
func (m *meeting) speakLocked(x *member, now time.Time) {
	speech := m.srv.gallery.voice(x.tone, x.level)
	if speech.err != nil {
		return
	}
	i := x.at % len(speech.frames)
	x.at++
	m.spreadLocked(x, speech.frames[i], uint32(m.audioTick)*960, speech.levels[i], now)
}

// spreadLocked sends a packet of somebody's voice to all who have a slot for it.
func (m *meeting) spreadLocked(x *member, payload []byte, ts uint32, level float64, now time.Time) {
	csrc := []uint32{x.audioCSRC()}
	if m.loud.id == x.id {
		csrc = append(csrc, 42)
	}
	m.eachJoinedLocked(func(d *device) {
		i := slices.IndexFunc(d.slots, func(s slot) bool { return s.id == x.id })
		if i < 0 || d.member == x {
			return
		}
		if _, off := m.srv.fault(NoAudio, d); !off {
			d.session.sendAudio(d.voices[i], x.id, payload, ts, level, now, csrc...)
		}
	})
}

// videoLocked is one frame of every scripted picture that somebody looks at.
func (m *meeting) videoLocked(now time.Time) {
	m.eachJoinedLocked(func(d *device) {
		if _, off := m.srv.fault(NoVideo, d); off {
			return
		}
		for _, v := range d.video.views {
			who := m.memberLocked(v.key.id)
			if who == nil || v.stream == nil || who.person == nil || who.frozen || !v.key.share && who.videoMuted {
				continue
			}
			m.showLocked(d, v, who, now)
		}
	})
}

// source is what a stream's timestamps come from.
type source struct {
	key   pictureKey
	layer int
}

const (
	keyframeEvery = 300 * time.Millisecond // at most, down
	slidesFPS     = 10
)

// showLocked sends the next frame of a scripted person on a view.
func (m *meeting) showLocked(d *device, v *view, who *member, now time.Time) {
	fps := m.fps
	if v.key.share {
		if fps = min(fps, slidesFPS); m.videoTick%(m.fps/fps) != 0 {
			return
		}
	}
	_, starve := m.srv.fault(NoKeyframes, d)
	d.session.mu.Lock()
	asked := v.stream.wantKey && now.Sub(v.stream.keyAt) >= keyframeEvery
	d.session.mu.Unlock()
	if v.reel == nil || v.layer != v.want || asked && !starve {
		size := who.sizes(v.key.share)[v.want]
		v.reel = m.srv.gallery.reel(reelKey{who.name, who.colour, v.key.share, size[0], size[1], fps})
		v.layer, v.at = v.want, 0
		if starve {
			v.at = 1
		}
	}
	data, err := v.reel.at(v.at)
	if err != nil {
		return
	}
	f := frame{data: data, key: v.at == 0, tid: v.at & 1, stamp: uint32(m.videoTick) * uint32(90000/m.fps)}
	v.at = v.reel.next(v.at)
	if f.tid == 1 && d.video.limit.FrameRate > 0 && d.video.limit.FrameRate < fps {
		return
	}
	v.started = true
	d.session.sendFrame(v.stream, v.key, f, m.csrcOf(who, v.key.share), now, m.corrupts(d))
}

func (m *meeting) csrcOf(who *member, share bool) uint32 {
	if share {
		return who.shareCSRC()
	}
	return who.videoCSRC()
}

func (m *meeting) corrupts(d *device) bool {
	f, on := m.srv.fault(CorruptVideo, d)
	return on && rand.Float64()*100 < f.Percent
}

// feedbackLocked is RTCP, and a new look at the assignment.
func (m *meeting) feedbackLocked(d *device, now time.Time) {
	_, none := m.srv.fault(NoFeedback, d)
	if !none {
		if nacks := d.session.in.nacks(now); nacks != nil {
			d.session.sendRTCP(nacks, now)
		}
	}
	if now.Sub(d.feedback) < 100*time.Millisecond {
		return
	}
	d.feedback = now
	m.assignLocked(d, now)
	m.keysUpLocked(d)
	if !none {
		_, storm := m.srv.fault(PLIStorm, d)
		d.session.sendRTCP(d.session.in.feedback(now, m.srv.cfg.Options.UseFIR, storm, m.remb(d)), now)
	}
	if now.Sub(d.reports) >= time.Second {
		d.reports = now
		for _, r := range d.session.reports(now) {
			d.session.sendRTCP(r, now)
		}
	}
	if !m.srv.cfg.Options.NoProbes && now.Sub(d.probed) >= 5*time.Second {
		d.probed = now
		d.session.probe(now)
	}
}

func (m *meeting) remb(d *device) int {
	if f, on := m.srv.fault(LowREMB, d); on {
		return f.Rate
	}
	if m.srv.cfg.Options.NoREMB {
		return 0
	}
	return m.srv.cfg.Options.UplinkBitrate
}

// keysUpLocked asks clients for the keyframes that the viewers of their pictures need.
func (m *meeting) keysUpLocked(d *device) {
	for _, v := range d.video.views {
		who := m.memberLocked(v.key.id)
		if who == nil || who.device == nil || v.stream == nil {
			continue
		}
		d.session.mu.Lock()
		asked := v.stream.wantKey
		d.session.mu.Unlock()
		if v.started && v.layer == v.want && !asked {
			continue
		}
		kind := roleCamera
		if v.key.share {
			kind = roleContentUp
		}
		who.device.session.in.needKey(kind, v.want)
	}
}

// heard spreads a packet of a client's voice.
func (m *meeting) heard(d *device, p *rtp.Packet, level float64, now time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	x := d.member
	if x == nil || !x.present || x.audioMuted {
		return
	}
	x.heard, x.level = now, level
	if level > audible {
		m.spreadLocked(x, p.Payload, p.Timestamp, level, now)
	}
}

// seen hands a frame of a client's camera or screen to those who look at it.
func (m *meeting) seen(d *device, share bool, layer int, f frame, now time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	x := d.member
	if x == nil || !x.present || x.videoMuted && !share {
		return
	}
	key := pictureKey{x.id, share}
	m.eachJoinedLocked(func(viewer *device) {
		for _, v := range viewer.video.views {
			if v.key == key && v.stream != nil {
				m.relayLocked(viewer, v, x, layer, f, now)
			}
		}
	})
}

// relayLocked sends a client's frame on a view, if it is of the layer shown.
func (m *meeting) relayLocked(viewer *device, v *view, x *member, layer int, f frame, now time.Time) {
	if f.key && layer == v.want && (!v.started || v.layer != layer) {
		v.layer, v.started = layer, true
	}
	if !v.started || v.layer != layer {
		return
	}
	if _, off := m.srv.fault(NoVideo, viewer); off {
		return
	}
	viewer.session.sendFrame(v.stream, source{v.key, layer}, f, m.csrcOf(x, v.key.share), now, m.corrupts(viewer))
}
