package meet

import (
	"slices"
	"time"
)

// participant is the resource of section 8.4.
func (m *meeting) participant(who *member, p profile) participantResource {
	out := participantResource{ID: who.id, Key: who.key()}
	if p == interop {
		out.Device = m.deviceName(who)
	}
	switch who.kind {
	case SignedIn:
		out.SignedIn = &userName{who.user, who.name}
	case Phone:
		out.Phone = &userName{DisplayName: who.name}
	default:
		out.Anonymous = &userName{DisplayName: who.name}
	}
	return out
}

func (m *meeting) deviceName(who *member) string {
	if who.device != nil {
		return who.device.name
	}
	return m.resourceName(who.id)
}

// entries is a member's resources of section 8.5: the device, and what it shares.
func (m *meeting) entries(who *member) []map[string]any {
	session := who.key() + "/participantSessions/s1"
	out := []map[string]any{resource(who.entry(), "mediaEntry", mediaEntry{
		ParticipantID: who.id, ParticipantKey: who.key(), SessionName: session,
		AudioCSRC: who.audioCSRC(), VideoCSRCs: []uint32{who.videoCSRC()},
		Presenter: who.sharing, AudioMuted: who.audioMuted, VideoMuted: who.videoMuted,
	})}
	if who.sharing {
		out = append(out, resource(who.shareEntry(), "mediaEntry", mediaEntry{
			ParticipantID: who.id, ParticipantKey: who.key(), SessionName: session,
			VideoCSRCs: []uint32{who.shareCSRC()}, Screenshare: true, AudioMuted: true,
		}))
	}
	return out
}

func (m *meeting) tellMemberLocked(who *member) {
	m.eachJoinedLocked(func(d *device) {
		if d.member != who {
			d.sendLocked(chParticipants, message{Resources: []map[string]any{resource(who.id, "participant", m.participant(who, d.profile))}})
		}
	})
}

func (m *meeting) tellEntryLocked(who *member) {
	m.eachJoinedLocked(func(d *device) {
		if d.member != who {
			d.sendLocked(chEntries, message{Resources: m.entries(who)})
		}
	})
}

func (m *meeting) entryChangedLocked(who *member) {
	if who.present {
		m.tellEntryLocked(who)
	}
}

func (m *meeting) tellContentLocked() {
	m.eachJoinedLocked(func(d *device) {
		d.sendLocked(chContent, message{Resources: []map[string]any{resource(0, "content", m.contentFor(d))}})
	})
}

func (m *meeting) contentFor(d *device) contentState {
	p := m.presenter
	if p == nil {
		return contentState{State: "STATE_STOPPED"}
	}
	return contentState{State: "STATE_STARTED", PresenterKey: p.key(), DisplayName: p.name, MediaEntryID: p.shareEntry(), Own: p == d.member}
}

// opened registers a channel of a device and says what is to be said at its
// opening; false if the channel is open already. A device that has left in the
// meantime cannot know yet that nobody serves its channel: that is no fault.
func (m *meeting) opened(d *device, c *channel) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	if d.state == stateEnded {
		_ = c.dc.Close()
		return true
	}
	if d.channels[c.label] != nil {
		return false
	}
	d.channels[c.label] = c
	m.srv.spawn(func() { d.read(c) })
	if c.label == chStats {
		d.sendLocked(chStats, message{Resources: []map[string]any{resource(0, "configuration", statsConfiguration(m.srv.cfg.Options.StatsInterval))}})
	}
	if c.label == chControl && d.farewell != nil {
		d.endLocked(d.farewell.reason, d.farewell.text, nil)
		return true
	}
	if c.label == chControl && d.state == stateJoining {
		if !d.admitted {
			d.state = stateWaiting
			m.lobbyLocked(d, time.Now())
			return true
		}
		m.admitLocked(d)
		return true
	}
	if d.state == stateJoined {
		d.welcomeLocked(c.label)
	}
	return true
}

func (m *meeting) closedChannel(d *device, c *channel) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if d.channels[c.label] != c {
		return
	}
	delete(d.channels, c.label)
	if c.label == chControl && d.state != stateEnded && d.session.ctx.Err() == nil {
		d.lostLocked("the client closed session-control")
	}
}

// welcomeLocked sends a channel's whole state to a device that has joined.
func (d *device) welcomeLocked(label string) {
	m := d.meeting
	var out []map[string]any
	switch label {
	case chParticipants:
		for _, who := range m.members {
			if who != d.member {
				out = append(out, resource(who.id, "participant", m.participant(who, d.profile)))
			}
		}
	case chEntries:
		// Only after the participants (reference, trap 5).
		if d.channels[chParticipants] != nil && d.sent[chParticipants+" edge"] == 0 {
			d.welcomeLocked(chParticipants)
		}
		for _, who := range m.members {
			if who != d.member {
				out = append(out, m.entries(who)...)
			}
		}
	case chIndicators:
		out = append(out, resource(0, "indicators", indicators{m.conf.Indicators, m.conf.VideoLocked}))
	case chContent:
		out = append(out, resource(0, "content", m.contentFor(d)))
	}
	d.sendAllLocked(label, out)
}

// lobbyLocked tells a waiting device how it stands, at a change and every 5 s.
func (m *meeting) lobbyLocked(d *device, now time.Time) {
	position := 1
	for _, other := range m.devices {
		if other == d {
			break
		}
		if other.state == stateWaiting {
			position++
		}
	}
	info := lobbyInfo{
		Position: position, ExpiresIn: seconds(max(d.lobby.until.Sub(now).Round(time.Second), 0)),
		CanBeAdmitted: slices.ContainsFunc(m.members, func(x *member) bool { return x.host() }),
	}
	same := info.Position == d.lobby.last.Position && info.CanBeAdmitted == d.lobby.last.CanBeAdmitted
	if same && now.Sub(d.lobby.told) < lobbyProgress {
		return
	}
	d.lobby.told, d.lobby.last = now, info
	s := sessionStatus{State: "STATE_WAITING"}
	if d.profile == interop {
		s.Lobby = &info
	}
	d.sendLocked(chControl, message{Resources: []map[string]any{resource(0, "sessionStatus", s)}})
}

const lobbyProgress = 5 * time.Second

// statsConfiguration is section 8.2; the key is "keys" (reference, trap 8).
func statsConfiguration(interval time.Duration) map[string]any {
	allow := map[string]any{}
	for section, keys := range statsAllowed {
		allow[section] = map[string]any{"keys": keys}
	}
	return map[string]any{"uploadIntervalSeconds": int(interval.Seconds() + 0.999), "allowlist": allow}
}

var statsAllowed = map[string][]string{
	"inbound-rtp":    {"ssrc", "kind", "packetsReceived", "packetsLost", "jitter", "framesDecoded", "codecId"},
	"outbound-rtp":   {"ssrc", "kind", "rid", "packetsSent", "bytesSent", "frameWidth", "frameHeight", "framesPerSecond"},
	"candidate-pair": {"currentRoundTripTime", "availableOutgoingBitrate"},
	"codec":          {"mimeType", "payloadType"},
	"transport":      {"selectedCandidatePairId"},
}
