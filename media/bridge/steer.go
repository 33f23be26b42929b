package bridge

import (
	"errors"
	"time"

	"tandem/media"
	"tandem/media/compose"
)

// ErrNoMeeting says that neither side is a meeting.
var ErrNoMeeting = errors.New("neither side of the call is a meeting")

// ErrMeeting says that who is in a meeting cannot be muted from here.
var ErrMeeting = errors.New("the people of a meeting are muted in the meeting; from here the room can be")

// Mute says whether the other side hears a, or b. A meeting is told, as by the room's
// own *6; elsewhere the other side gets silence, so that it does not take the call
// for dead. Keys pass all the same.
func (br *Bridge) Mute(b, on bool) error {
	c := br.conference
	switch {
	case c == nil:
		br.hush(b, on)
		return nil
	case b != br.meetingIsA:
		return ErrMeeting
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

// hush is Mute between two legs.
func (br *Bridge) hush(b, on bool) {
	i := 0
	if b {
		i = 1
	}
	br.mu.Lock()
	br.muted[i] = on
	br.mu.Unlock()
	br.poke()
}

// Muted reports whether a, and b, are not heard by the other side.
func (br *Bridge) Muted() (a, b bool) {
	if c := br.conference; c != nil {
		c.mu.Lock()
		defer c.mu.Unlock()
		return c.view.muted && !br.meetingIsA, c.view.muted && br.meetingIsA
	}
	br.mu.Lock()
	defer br.mu.Unlock()
	return br.muted[0], br.muted[1]
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
