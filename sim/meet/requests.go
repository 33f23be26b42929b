package meet

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// message handles what a client says on a channel.
func (m *meeting) message(d *device, c *channel, b []byte, text bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if d.state == stateEnded {
		return
	}
	d.asked(c.label, b)
	if !text || len(b) > maxMessage {
		m.violatedLocked(d, c, "the message is binary, or longer than 64 KiB")
		return
	}
	r, err := parseRequest(b)
	if err != nil {
		m.violatedLocked(d, c, err.Error())
		return
	}
	now := time.Now()
	if no := c.accept(r, now); no.code != 0 {
		m.answerLocked(d, c, r, no)
		return
	}
	if d.state != stateJoined && !slices.Contains([]string{"leave", "setMediaState", "uploadMediaStats"}, r.verb) {
		m.answerLocked(d, c, r, failed(codePrecondition, "the client has not joined"))
		return
	}
	m.handleLocked(d, c, r, now)
}

func (m *meeting) violatedLocked(d *device, c *channel, why string) {
	d.violation("MEET-S10", "ended", "message on "+c.label, why)
	d.endLocked(ProtocolViolation, why, nil)
}

func (m *meeting) answerLocked(d *device, c *channel, r request, o outcome) {
	if o.code != 0 {
		d.violation("MEET-S10", fmt.Sprintf("status %d", o.code), c.label+" "+r.verb, o.text)
	}
	d.sendLocked(c.label, respond(r, o))
}

// accept checks the request's number and the rate.
func (c *channel) accept(r request, now time.Time) outcome {
	c.recent = slices.DeleteFunc(c.recent, func(t time.Time) bool { return now.Sub(t) > time.Second })
	if len(c.recent) >= maxRequestsASecond {
		return failed(codeExhausted, fmt.Sprintf("more than %d requests a second", maxRequestsASecond))
	}
	c.recent = append(c.recent, now)
	if r.id <= c.lastID {
		return failed(codeInvalid, fmt.Sprintf("requestId %d is not higher than %d", r.id, c.lastID))
	}
	c.lastID = r.id
	return outcome{}
}

func (m *meeting) handleLocked(d *device, c *channel, r request, now time.Time) {
	if c.label == chControl && r.verb == "leave" {
		d.endLocked(ClientLeft, "", &r)
		return
	}
	handlers := map[string]func(*device, json.RawMessage, time.Time) outcome{
		chControl + " setMediaState":    m.setMediaState,
		chStats + " uploadMediaStats":   m.uploadStats,
		chAssignment + " setAssignment": m.setAssignment,
		chChat + " send":                m.chat,
		chContent + " start":            m.startContent,
		chContent + " stop":             m.stopContent,
	}
	f := handlers[c.label+" "+r.verb]
	if f == nil || d.profile == mediaAPI && r.verb == "setMediaState" {
		m.answerLocked(d, c, r, failed(codeUnimplemented, fmt.Sprintf("%q is unknown on %s", r.verb, c.label)))
		return
	}
	out := f(d, r.body, now)
	m.answerLocked(d, c, r, out)
	if out.after != nil {
		out.after()
	}
}

func (m *meeting) setMediaState(d *device, body json.RawMessage, _ time.Time) outcome {
	var in struct{ AudioMuted, VideoMuted *bool }
	if err := json.Unmarshal(body, &in); err != nil {
		return failed(codeInvalid, err.Error())
	}
	if in.AudioMuted != nil {
		d.audio = *in.AudioMuted
		if !d.audio {
			d.forced = false // a person may unmute itself
		}
	}
	if in.VideoMuted != nil {
		d.noCamera = *in.VideoMuted
	}
	d.mutedLocked()
	out := done(struct{}{})
	if m.conf.VideoLocked && d.hasCamera && !d.noCamera {
		out.after = func() { d.endLocked(CameraLocked, videoIsOff, nil) }
	}
	return out
}

// uploadStats takes both spellings (reference 5.3).
func (m *meeting) uploadStats(d *device, body json.RawMessage, now time.Time) outcome {
	var in struct {
		Sections []map[string]json.RawMessage `json:"sections"`
	}
	if err := json.Unmarshal(body, &in); err != nil {
		return failed(codeInvalid, err.Error())
	}
	latest := map[string]any{}
	for i, section := range in.Sections {
		id, name, fields, why := readStats(section)
		if why != "" {
			return failed(codeInvalid, fmt.Sprintf("section %d: %s", i, why))
		}
		if len(latest) < 200 {
			latest[name+" "+id] = fields
		}
	}
	d.statsAt, d.lastStats = now, latest
	d.uploads++
	return done(struct{}{})
}

func readStats(section map[string]json.RawMessage) (id, name string, fields map[string]any, why string) {
	if json.Unmarshal(section["id"], &id) != nil || id == "" {
		return "", "", nil, "there is no id"
	}
	delete(section, "id")
	if len(section) != 1 {
		return "", "", nil, "want an id and exactly one object"
	}
	for k, raw := range section {
		name = strings.ReplaceAll(k, "_", "-")
		allowed, ok := statsAllowed[name]
		if !ok {
			return "", "", nil, fmt.Sprintf("%q is not in the allow-list", k)
		}
		if err := json.Unmarshal(raw, &fields); err != nil {
			return "", "", nil, err.Error()
		}
		for f := range fields {
			if !slices.ContainsFunc(allowed, func(a string) bool { return a == f || snake(a) == f }) {
				return "", "", nil, fmt.Sprintf("%s.%s is not in the allow-list", k, f)
			}
		}
	}
	return id, name, fields, ""
}

// snake is packetsReceived as packets_received.
func snake(s string) string {
	var b strings.Builder
	for _, r := range s {
		if r >= 'A' && r <= 'Z' {
			b.WriteByte('_')
			r += 'a' - 'A'
		}
		b.WriteRune(r)
	}
	return b.String()
}

func (m *meeting) chat(d *device, body json.RawMessage, now time.Time) outcome {
	var in struct{ Text string }
	if err := json.Unmarshal(body, &in); err != nil {
		return failed(codeInvalid, err.Error())
	}
	if n := utf8.RuneCountInString(in.Text); n < 1 || n > maxChatCharacters {
		return failed(codeInvalid, fmt.Sprintf("the text has %d characters, want 1 to %d", n, maxChatCharacters))
	}
	if m.conf.ChatOff {
		return failed(codeDenied, "the host has turned chat off")
	}
	d.chatTimes = slices.DeleteFunc(d.chatTimes, func(t time.Time) bool { return now.Sub(t) > 5*time.Second })
	if len(d.chatTimes) >= maxChatIn5Seconds {
		return failed(codeExhausted, "more than 5 messages in 5 seconds")
	}
	d.chatTimes = append(d.chatTimes, now)
	return done(map[string]string{"messageId": m.chatLocked(d.member, in.Text)})
}

func (m *meeting) startContent(d *device, _ json.RawMessage, _ time.Time) outcome {
	if !d.contentUp {
		return failed(codePrecondition, "the offer has no content-up section")
	}
	if m.conf.PresentLocked {
		return failed(codeDenied, "only hosts may present")
	}
	out := done(map[string]int{"mediaEntryId": d.member.shareEntry()})
	out.after = func() {
		m.shareLocked(d.member)
		d.session.in.needKey(roleContentUp, 0)
	}
	return out
}

func (m *meeting) stopContent(d *device, _ json.RawMessage, _ time.Time) outcome {
	out := done(struct{}{})
	out.after = func() { m.unshareLocked(d.member) }
	return out
}

// setAssignment is section 8.3; the pictures follow by [meeting.assignLocked].
func (m *meeting) setAssignment(d *device, body json.RawMessage, now time.Time) outcome {
	a := &d.video
	a.recent = slices.DeleteFunc(a.recent, func(t time.Time) bool { return now.Sub(t) > time.Second })
	if len(a.recent) >= maxAssignsASecond {
		return failed(codeExhausted, assignmentsLimitMsg)
	}
	a.recent = append(a.recent, now)
	in, why := parseAssignment(body, d)
	if why != "" {
		return failed(codeInvalid, why)
	}
	a.set(in)
	a.pushed = nil // every request is followed by the assignment
	out := done(struct{}{})
	out.after = func() { m.assignLocked(d, now) }
	return out
}
