package meet

import (
	"slices"
	"strings"
	"time"

	"tandem/media"
)

const (
	maxPeople   = 1000 // participants and entries that are kept
	maxChat     = 20
	maxChatText = 2000
	maxName     = 100
)

// roster is who is in the meeting, as the channels tell it: participants have
// names, media entries have voices and pictures, in any order of arrival.
type roster struct {
	self    string // our own participant key
	people  map[int64]participant
	entries map[int64]mediaEntry
	chat    []media.ChatLine
	signs   indicators
	content content
}

// apply takes a message over and reports whether anything a person sees is new.
func (r *roster) apply(m *message, now time.Time) bool {
	changed := false
	for i := range m.Resources {
		changed = r.put(&m.Resources[i], now) || changed
	}
	for _, d := range m.Deleted {
		changed = changed || d.Participant || d.MediaEntry
		if d.Participant {
			delete(r.people, d.ID)
		}
		if d.MediaEntry {
			delete(r.entries, d.ID)
		}
	}
	return changed
}

func (r *roster) put(v *resource, now time.Time) bool {
	switch {
	case v.Participant != nil && v.ID != 0:
		if r.people == nil {
			r.people = map[int64]participant{}
		}
		return keep(r.people, v.ID, *v.Participant)
	case v.MediaEntry != nil && v.ID != 0:
		if r.entries == nil {
			r.entries = map[int64]mediaEntry{}
		}
		return keep(r.entries, v.ID, *v.MediaEntry)
	case v.ChatMessage != nil:
		r.say(v.ChatMessage, now)
		return true
	case v.Indicators != nil:
		r.signs = *v.Indicators
		return true
	case v.Content != nil:
		r.content = *v.Content
		return true
	}
	return false
}

// keep bounds what a service can make us remember.
func keep[T any](m map[int64]T, id int64, v T) bool {
	if _, known := m[id]; !known && len(m) >= maxPeople {
		return false
	}
	m[id] = v
	return true
}

func (r *roster) say(c *chatMessage, now time.Time) {
	at, err := time.Parse(time.RFC3339Nano, c.SendTime)
	if err != nil {
		at = now
	}
	r.addLine(media.ChatLine{From: oneLine(c.DisplayName, maxName), Text: oneLine(c.Text, maxChatText), At: at})
}

func (r *roster) addLine(l media.ChatLine) {
	r.chat = append(r.chat, l)
	if len(r.chat) > maxChat {
		r.chat = slices.Delete(r.chat, 0, len(r.chat)-maxChat)
	}
}

// list is everybody but ourselves, in the order in which they joined.
func (r *roster) list() []media.Person {
	byKey := make(map[string]*participant, len(r.people))
	for _, p := range r.people {
		byKey[p.Key] = &p
	}
	screens := make(map[string]uint32)
	for _, id := range sorted(r.entries) {
		if e := r.entries[id]; e.Screenshare {
			screens[e.ParticipantKey] = first(e.VideoCSRCs)
		}
	}
	var out []media.Person
	told := make(map[string]bool)
	for _, id := range sorted(r.entries) {
		e := r.entries[id]
		if e.Screenshare || e.ParticipantKey == r.self {
			continue
		}
		told[e.ParticipantKey] = true
		out = append(out, person(byKey[e.ParticipantKey], &e, screens[e.ParticipantKey]))
	}
	for _, id := range sorted(r.people) { // whose entry has not come yet
		if p := r.people[id]; !told[p.Key] && p.Key != r.self {
			out = append(out, person(&p, &mediaEntry{ParticipantKey: p.Key, AudioMuted: true, VideoMuted: true}, 0))
		}
	}
	return out
}

func sorted[T any](m map[int64]T) []int64 {
	ids := make([]int64, 0, len(m))
	for id := range m {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	return ids
}

func first(list []uint32) uint32 {
	if len(list) == 0 {
		return 0
	}
	return list[0]
}

// person joins what the two channels say; p may be nil.
func person(p *participant, e *mediaEntry, screen uint32) media.Person {
	out := media.Person{
		ID: e.ParticipantKey, Name: "Guest", AudioMuted: e.AudioMuted, VideoMuted: e.VideoMuted || len(e.VideoCSRCs) == 0,
		Presenting: e.Presenter || screen != 0, AudioCSRC: e.AudioCSRC, VideoCSRC: first(e.VideoCSRCs), ContentCSRC: screen,
	}
	if p == nil {
		return out
	}
	out.ID = or(p.Device, p.Key)
	for _, n := range []*named{p.SignedIn, p.Anonymous, p.Phone} {
		if n != nil {
			out.Name = or(oneLine(n.DisplayName, maxName), out.Name)
		}
	}
	out.Telephone = p.Phone != nil
	out.VideoMuted = out.VideoMuted || out.Telephone
	return out
}

// isDevice reports whether a resource name is a device of a space.
func isDevice(name string) bool {
	f := strings.Split(name, "/")
	return len(f) == 4 && f[0] == "spaces" && f[2] == "devices" && f[1] != "" && f[3] != "" && isWord(f[1]) && isWord(f[3])
}
