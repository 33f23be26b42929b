package bridge

import (
	"tandem/media"
	"tandem/media/compose"
)

// view is what a room has chosen, and what is known of the streams.
type view struct {
	layout  compose.Layout
	muted   bool
	toggled bool   // *4: the presentation is where it is not at first
	second  bool   // the room has a second screen, where presentations are at first
	speaker string // who has the floor
	notice  string // for a while
	most    int    // people that are shown, for want of time; 0: as many as the layout has
	blind   bool   // no pictures, for want of time
	slots   int    // video streams that the far end has
	streams []seen // what comes on them
}

// seen is who is on a video stream.
type seen struct {
	id      string // Person.ID
	content bool
	frozen  bool
}

// contentID names somebody's presentation as a source of the compositor.
func contentID(person string) string { return "content " + person }

// stateOf is what the room sees. It is pure.
func stateOf(r *media.Roster, v *view) compose.State {
	s := compose.State{
		Layout: v.layout, Speaker: v.speaker, Muted: v.muted, Notice: v.notice,
		Screen: screenOf(r),
		Indicators: compose.Indicators{
			Recording: r.Recording, Streaming: r.Streaming, Transcribing: r.Transcribing, AI: r.AI,
		},
	}
	if s.Screen.Kind != compose.Meeting {
		s.Notice = ""
		return s
	}
	if v.blind {
		s.Screen = compose.Screen{Kind: compose.Message, Title: "Sound only", Text: "The gateway is too busy for pictures. They come back by themselves."}
		return s
	}
	s.Presentation, s.Presenter = presentation(r, v)
	places := v.layout.Places()
	switch {
	case v.most == 1:
		s.Layout, places = compose.OnePlusZero, 1
	case v.most > 0:
		places = min(places, v.most)
	}
	if s.Presentation != "" {
		places = min(places, besidePresentation)
	}
	s.Participants, s.Others = participants(r, v, places)
	return s
}

// besidePresentation is how many people are seen beside a presentation.
const besidePresentation = 5

// presentation is the shared screen that is in the picture: what comes, or what is
// announced.
func presentation(r *media.Roster, v *view) (id, name string) {
	if v.toggled != v.second {
		return "", ""
	}
	for i := range r.People {
		p := &r.People[i]
		if p.Presenting || v.stream(p.ID, true) != nil {
			return contentID(p.ID), p.Name
		}
	}
	return "", ""
}

// stream is what comes of somebody; nil when nothing does.
func (v *view) stream(person string, content bool) *seen {
	for i := range v.streams {
		if s := &v.streams[i]; s.id == person && s.content == content {
			return s
		}
	}
	return nil
}

// rank orders those who want a place.
type rank uint8

const (
	speaks   rank = iota
	pictured      // a picture comes
	expected      // a picture may come on a stream that is free
	named         // no picture
	ranks
)

// participants are those who get a place, the most relevant first: who speaks, whose
// picture comes, whose picture may come on a stream that is free, and the others;
// telephones have no place and are told apart. Of who gets none the number is told.
func participants(r *media.Roster, v *view, places int) (list []compose.Participant, others int) {
	var ranked [ranks][]compose.Participant
	phones := []compose.Participant{}
	free := v.freeSlots()
	for i := range r.People {
		p := &r.People[i]
		c := compose.Participant{ID: p.ID, Name: p.Name, Muted: p.AudioMuted, Phone: p.Telephone, Presenter: p.Presenting}
		if p.Telephone {
			phones = append(phones, c)
			continue
		}
		at := v.rank(p, &c, &free)
		ranked[at] = append(ranked[at], c)
	}
	for _, l := range ranked {
		list = append(list, l...)
	}
	if len(list) > places {
		others = len(list) - places
		list = list[:places]
	}
	return append(list, phones...), others
}

// freeSlots is how many cameras' streams carry nobody.
func (v *view) freeSlots() int {
	free := v.slots
	for i := range v.streams {
		if !v.streams[i].content {
			free--
		}
	}
	return free
}

// rank is where somebody stands; free are the streams that are still nobody's. It
// notes in c whether there is a picture, and how it stands.
func (v *view) rank(p *media.Person, c *compose.Participant, free *int) rank {
	at := named
	switch s := v.stream(p.ID, false); {
	case p.VideoMuted:
	case s != nil:
		c.Camera, c.Frozen, at = true, s.frozen, pictured
	case *free > 0:
		c.Camera, at = true, expected
		*free--
	}
	if p.ID == v.speaker {
		return speaks
	}
	return at
}

func screenOf(r *media.Roster) compose.Screen {
	switch r.Stage {
	case media.Joining:
		return compose.Screen{Kind: compose.Message, Title: or(r.Title, "Joining the meeting"), Text: or(r.Notice, "One moment, please")}
	case media.Waiting:
		return compose.Screen{Kind: compose.Lobby, Title: r.Title, Text: r.Notice, Since: r.Since}
	case media.Typing:
		return compose.Screen{Kind: compose.Splash, Title: r.Title, Text: r.Notice, Digits: r.Typed}
	case media.Refused:
		return compose.Screen{Kind: compose.Message, Title: "You cannot join this meeting", Text: r.Notice}
	case media.Finished:
		return compose.Screen{Kind: compose.Message, Title: "The meeting has ended", Text: r.Notice}
	}
	return compose.Screen{Kind: compose.Meeting, Title: r.Title}
}

func or(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}
