// Package prompt holds the sentences the gateway speaks: a lobby, a mute key, a
// reception. They are small recordings built into the program; make.sh made them
// and LICENSE.md says from what. Start reading at [Get].
package prompt

import (
	"embed"
	"fmt"

	"tandem/media/codec"
)

// Name is a sentence.
type Name string

// The sentences.
const (
	Waiting    Name = "waiting"    // "You are waiting to be let in."
	Admitted   Name = "admitted"   // "You are in."
	Refused    Name = "refused"    // "You were not let in."
	Unanswered Name = "unanswered" // "Nobody answered."
	Muted      Name = "muted"      // "Muted."
	Unmuted    Name = "unmuted"    // "Unmuted."
	Alone      Name = "alone"      // "You are the only one here."
	Ended      Name = "ended"      // "The meeting has ended."
	Recording  Name = "recording"  // "This meeting is being recorded."
	Enter      Name = "enter"      // "Enter the meeting ID, followed by pound."
	Unknown    Name = "unknown"    // "There is no such meeting."
	Again      Name = "again"      // "Please try again."
	Goodbye    Name = "goodbye"    // "Goodbye."
	Connecting Name = "connecting" // "You are being connected."
	Silent     Name = "silent"     // "No meeting ID was entered."
	Full       Name = "full"       // "The meeting is full."

	Unavailable Name = "unavailable" // "The meeting service does not answer."
)

// Names are all sentences.
func Names() []Name {
	return []Name{Waiting, Admitted, Refused, Unanswered, Muted, Unmuted, Alone, Ended, Recording, Enter, Unknown, Again, Goodbye, Connecting, Silent, Full, Unavailable}
}

//go:embed audio/*.wav
var files embed.FS

// recorded is the rate of the files, in Hz.
const recorded = 16000

// Get returns a sentence as samples of 8000, 16000 or 48000 Hz, made anew: the
// caller may change them. It fails for a name or a rate that does not exist.
func Get(name Name, rate int) ([]int16, error) {
	file, err := files.ReadFile("audio/" + string(name) + ".wav")
	if err != nil {
		return nil, fmt.Errorf("prompt: there is no sentence %q", name)
	}
	octets, err := muLaw(file)
	if err != nil {
		return nil, fmt.Errorf("prompt: %s: %w", name, err)
	}
	pcm := codec.MuLaw.Expand(make([]int16, 0, len(octets)), octets)
	if rate == recorded {
		return pcm, nil
	}
	r, err := codec.NewResampler(recorded, rate)
	if err != nil {
		return nil, fmt.Errorf("prompt: %w", err)
	}
	return r.Resample(make([]int16, 0, len(pcm)*rate/recorded+1), pcm[:len(pcm)&^1]), nil
}
