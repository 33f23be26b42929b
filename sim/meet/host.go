package meet

import (
	"fmt"
	"slices"
	"time"
)

// emptyLocked ends the meeting when the last person has left and only gateways'
// devices are there.
func (m *meeting) emptyLocked() {
	if slices.ContainsFunc(m.members, func(x *member) bool { return x.person != nil }) {
		return
	}
	m.endLocked()
}

func (m *meeting) end() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.endLocked()
}

func (m *meeting) endLocked() {
	if m.over {
		return
	}
	m.over = true
	for _, d := range slices.Clone(m.devices) {
		d.endLocked(MeetingOver, "the meeting is over", nil)
	}
}

// lockVideo is the host's switch "Turn on their video".
func (m *meeting) lockVideo(on bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.conf.VideoLocked == on {
		return
	}
	m.conf.VideoLocked = on
	m.signsLocked()
	for _, d := range slices.Clone(m.devices) {
		if on && d.hasCamera && !d.noCamera {
			d.endLocked(CameraLocked, videoIsOff, nil)
		}
	}
}

func (m *meeting) setSigns(s Signs) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.conf.Indicators = s
	m.signsLocked()
}

func (m *meeting) signsLocked() {
	m.eachJoinedLocked(func(d *device) { d.welcomeLocked(chIndicators) })
}

// shareLocked makes somebody the presenter.
func (m *meeting) shareLocked(who *member) {
	if old := m.presenter; old != nil && old != who {
		m.unshareLocked(old)
	}
	if who.sharing {
		return
	}
	who.sharing, m.presenter = true, who
	if who.device != nil {
		who.device.gatePresenting.Store(true)
	}
	m.tellEntryLocked(who)
	m.tellContentLocked()
}

func (m *meeting) unshareLocked(who *member) {
	if !who.sharing {
		return
	}
	who.sharing = false
	if who.device != nil {
		who.device.gatePresenting.Store(false)
	}
	m.eachJoinedLocked(func(d *device) {
		if d.member != who {
			d.sendLocked(chEntries, message{Deleted: []map[string]any{{"id": who.shareEntry(), "mediaEntry": true}}})
		}
	})
	if m.presenter == who {
		m.presenter = nil
		m.tellContentLocked()
	}
	m.entryChangedLocked(who)
}

// doLocked does a step of a scripted person.
func (m *meeting) doLocked(who *member, step Step) {
	m.srv.log.Debug("step", "meeting", m.id, "person", who.name, "do", string(step.Do))
	switch step.Do {
	case Join:
		if !who.present && !m.over {
			m.enterLocked(who)
		}
		return
	case Leave:
		m.leaveLocked(who)
		m.emptyLocked()
		return
	case Talk, Hush:
		who.talking = step.Do == Talk
		return
	case Freeze, Thaw:
		who.frozen = step.Do == Freeze
		return
	case Say:
		m.chatLocked(who, step.Text)
		return
	}
	if !who.present {
		return
	}
	switch step.Do {
	case Mute, Unmute:
		who.audioMuted = step.Do == Mute
	case CameraOn, CameraOff:
		who.videoMuted = step.Do == CameraOff || who.kind == Phone
	case Share:
		m.shareLocked(who)
		return
	case Unshare:
		m.unshareLocked(who)
		return
	}
	m.entryChangedLocked(who)
}

func (m *meeting) chatLocked(from *member, text string) string {
	m.chatID++
	msg := chatMessage{
		MessageID: fmt.Sprintf("m%d", m.chatID), ParticipantKey: from.key(), DisplayName: from.name, Text: text,
		SendTime: time.Now().UTC().Format("2006-01-02T15:04:05.000Z"),
	}
	m.eachJoinedLocked(func(d *device) {
		if d.member != from {
			d.sendLocked(chChat, message{Resources: []map[string]any{resource(m.chatID, "chatMessage", msg)}})
		}
	})
	return msg.MessageID
}

// videoIsOff is what a camera meets when the host has locked video.
const videoIsOff = `the host turned off "Turn on their video"`
