package call

import (
	"time"

	"tandem/media"
)

// An Event is what a leg reports, or what it is asked to do. The set is closed
// and small on purpose: legs know nothing of each other but these.
type Event interface{ isEvent() }

type (
	// Progress says that the far end is being alerted; Early says that media flows already.
	Progress struct {
		Early bool
		Lobby bool   // somebody has to admit the caller; it is answered meanwhile, so that it sees and hears that it waits
		Codec string // audio codec of the leg that reports it, so that the other can answer with the same; "" for no wish
		Video Video
	}
	// Answered says that the call is up.
	Answered struct {
		Codec string // as in Progress
		Video Video
	}
	// Video is what the leg that reports it can do with pictures, so that the other
	// can answer alike.
	Video struct {
		None   bool         // it has no picture: it is a telephone, or video was refused
		Format string       // as in Request.Videos; "" for no wish
		Limits media.Limits // of the pictures it takes; zero for none
		Layers int          // of a camera's simulcast that it takes; 0: one picture
		Screen bool         // it takes a shared screen beside the picture; without a wish any other does, too
	}
	// Digit is one DTMF key that came, or is to go, by signalling. Keys inside the
	// media stream pass the bridge and never become events.
	Digit struct {
		Key  rune          // '0'…'9', '*', '#', 'A'…'D'
		Hold time.Duration // how long the key was held; 0 when unknown
	}
	// Transfer asks that the leg who reports it be replaced: a REFER, or a meeting
	// ID typed at the reception. The other leg stays.
	Transfer struct {
		To       string // alias to route
		Replaces string // ID of another leg of the same far end: join its other side (attended transfer); To is then ignored
		Leave    bool   // the leg goes at once instead of waiting for the outcome
		Wish     bool   // the other leg's own wish, which a reception passes on: it may go where that leg may call
	}
	// Transferred tells a leg how the transfer it asked for went. After a success
	// (NormalClearing) it is asked to end; after a failure the call goes on as before.
	Transferred struct{ Cause Cause }
	// Ended is the last event of a leg.
	Ended struct {
		Cause   Cause
		Text    string        // what the far end said, or a detail for the call record; may be empty
		Retry   time.Duration // when it makes sense to try again (Retry-After); 0 for not told
		Forward string        // alias the far end wants the call to go to instead (a phone with call forwarding); "" for none
	}
)

func (Progress) isEvent()    {}
func (Answered) isEvent()    {}
func (Digit) isEvent()       {}
func (Transfer) isEvent()    {}
func (Transferred) isEvent() {}
func (Ended) isEvent()       {}
