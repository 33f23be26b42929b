package compose

import (
	"slices"
	"time"
)

// State is everything a viewer sees. It is a value: give a new one to Show when
// something changes. The zero value is a meeting with nobody else in it.
type State struct {
	Layout       Layout
	Participants []Participant // the most relevant first; the viewer is not shown
	Speaker      string        // ID of who has the floor; "" is nobody yet
	// Presentation is the source of a presentation that is to be in this picture; ""
	// without one, or when it is sent as a picture of its own.
	Presentation string
	Presenter    string // name under the presentation
	Others       int    // participants in the meeting that are not in the list
	Indicators   Indicators
	Muted        bool   // the viewer's microphone
	Notice       string // a line of text over the picture, for as long as it is set
	Screen       Screen
}

// Participant is one person or room of a meeting.
type Participant struct {
	ID        string
	Name      string
	Self      bool // the viewer: never shown
	Muted     bool
	Camera    bool // there is, or will be, a picture of it: see Put
	Phone     bool // joined by telephone: shown by a sign at the side, not by a tile
	Hand      bool // raised
	Frozen    bool // its pictures have stopped: shown grey
	Presenter bool
}

// Indicators are what a viewer must know about the meeting.
type Indicators struct {
	Recording, Streaming, Transcribing, AI bool
}

// ScreenKind is what fills the picture.
type ScreenKind uint8

// The kinds of screens.
const (
	Meeting ScreenKind = iota // the participants; "you are alone" without any
	Lobby                     // waiting to be let in
	Splash                    // the reception: a meeting's number is being typed
	Message                   // a title and a text, such as why a call ended
)

// Screen is what fills the picture in place of the participants.
type Screen struct {
	Kind   ScreenKind
	Title  string    // of the meeting or the message
	Text   string    // what to do
	Digits string    // Splash: what was typed so far
	Length int       // Splash: how many digits a number has; 0: any
	Since  time.Time // Lobby: when the waiting began
}

// Equal says whether a viewer sees the same.
func (s *State) Equal(o *State) bool {
	return slices.Equal(s.Participants, o.Participants) &&
		s.Layout == o.Layout && s.Speaker == o.Speaker && s.Presentation == o.Presentation && s.Presenter == o.Presenter &&
		s.Others == o.Others && s.Indicators == o.Indicators && s.Muted == o.Muted && s.Notice == o.Notice && s.Screen == o.Screen
}
