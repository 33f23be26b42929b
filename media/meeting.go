package media

import "time"

// A Meeting is a session with more than one person behind it, or a screen made
// here in place of them (a lobby, a reception). Its sources are the voices and
// pictures of several people; a bridge mixes and composes them for the other leg.
//
// Changed tells when Roster differs, as it does for sources and sinks.
type Meeting interface {
	Session
	// Roster returns who is there and how the meeting stands. The caller must not
	// change what it holds.
	Roster() Roster
	// Show asks for the pictures a layout has room for, the most important first.
	// What is not asked for is not sent. It does not wait; asking for the same again
	// costs nothing, and changes are rate limited.
	Show(views []View)
	// Mute tells the others that the person on our side is not heard, or not seen.
	Mute(audio, video bool)
}

// A View is a place for one picture.
type View struct {
	Width, Height int  // pixels at which it is shown
	Content       bool // a shared screen is wanted here rather than a camera
}

// A Stage is what the person in front of the screen is to see.
type Stage uint8

const (
	Joined   Stage = iota // the meeting itself
	Joining               // connecting; nothing is known yet
	Waiting               // in the lobby: somebody in the meeting has to admit us
	Typing                // at the reception: a meeting ID is being typed
	Refused               // it did not work; Roster.Notice says why
	Finished              // the meeting is over
)

func (s Stage) String() string {
	return [...]string{"joined", "joining", "waiting", "typing", "refused", "finished"}[s]
}

// A Roster is a meeting as it stands.
type Roster struct {
	Stage  Stage
	Title  string    // of the meeting; may be empty
	Since  time.Time // when Stage began
	Until  time.Time // when Stage ends by itself (the lobby's limit); zero when it does not
	Notice string    // a sentence for the screen; may be empty
	Typed  string    // digits typed so far, when Stage is Typing
	People []Person  // without ourselves, in a stable order

	Recording, Streaming, Transcribing, AI bool // signs the law or good manners ask for

	// What the meeting knows of our own side: muted by [Meeting.Mute], or by a host.
	OwnAudioMuted, OwnVideoMuted bool

	Chat []ChatLine // the last few, oldest first
}

// A Person is somebody in a meeting, with one device.
type Person struct {
	ID         string // "spaces/<id>/devices/<id>"
	Name       string // as shown to others
	AudioMuted bool
	VideoMuted bool // no picture: shown by name only
	Presenting bool // shares a screen
	Telephone  bool // dialled in: never has a picture

	// Packets of this person carry one of these contributing sources (RFC 3550
	// §5.1), whatever stream they come on; zero when unknown.
	AudioCSRC, VideoCSRC, ContentCSRC uint32
}

// A ChatLine is one message of the meeting's chat.
type ChatLine struct {
	From, Text string
	At         time.Time
}
