package bridge

import (
	"errors"
	"time"

	"tandem/media"
	"tandem/media/compose"
)

// ErrNoMeeting says that neither side is a meeting.
var ErrNoMeeting = errors.New("neither side of the call is a meeting")

// Mute says whether a meeting hears the room, as the room's own *6 does.
func (br *Bridge) Mute(on bool) error {
	c := br.conference
	if c == nil {
		return ErrNoMeeting
	}
	c.mu.Lock()
	if c.view.muted == on {
		c.mu.Unlock()
		return nil
	}
	name := c.obeyLocked(toggleMute, time.Now())
	mic, v := c.mic, c.voices
	c.mu.Unlock()
	if mic != nil {
		mic.mute(on)
	}
	c.say(v, name)
	c.poke()
	return nil
}

// Layout changes what a room sees of a meeting; names are those of [Options.Layout].
func (br *Bridge) Layout(name string) error {
	l, ok := compose.ParseLayout(name)
	if !ok {
		return errors.New("a layout is one of 1:7, 2:21, 4:0, 9:0, 16:0, 25:0, 1:0")
	}
	c := br.conference
	if c == nil {
		return ErrNoMeeting
	}
	c.mu.Lock()
	c.view.layout, c.dirty = l, true
	c.view.notice, c.until = "Layout "+layoutName(l), time.Now().Add(noticeFor)
	c.mu.Unlock()
	c.poke()
	return nil
}

// Roster is who is in the meeting; false when neither side is one.
func (br *Bridge) Roster() (media.Roster, bool) {
	if br.conference == nil {
		return media.Roster{}, false
	}
	br.conference.mu.Lock()
	defer br.conference.mu.Unlock()
	return br.conference.roster, true
}
