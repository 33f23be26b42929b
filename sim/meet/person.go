package meet

import (
	"fmt"
	"slices"
	"time"
	"unicode/utf8"

	"tandem/sim/picture"
)

// Person is a scripted participant. The zero value but for Name is somebody
// signed in who has the camera on and says nothing.
type Person struct {
	Name   string     `json:"name"`
	Kind   PersonKind `json:"kind,omitempty"`
	Colour string     `json:"colour,omitempty"` // "#rrggbb" of most of the picture; default from a palette
	Tone   float64    `json:"tone,omitempty"`   // Hz of the voice; default 300, 350, …
	Level  float64    `json:"level,omitempty"`  // dBov of the voice; default -25
	Width  int        `json:"width,omitempty"`  // of the camera; default 1280
	Height int        `json:"height,omitempty"` // default 720
	Guest  bool       `json:"guest,omitempty"`  // cannot admit anybody

	Absent   bool `json:"absent,omitempty"` // not there until a join step
	Muted    bool `json:"muted,omitempty"`
	NoCamera bool `json:"no_camera,omitempty"`
	Talking  bool `json:"talking,omitempty"`

	Steps  []Step        `json:"steps,omitempty"`
	Repeat time.Duration `json:"repeat,omitempty"` // do the steps again every so often; 0: once
}

// PersonKind is how a person has joined.
type PersonKind string

// The kinds of people; the first is the default.
const (
	SignedIn  PersonKind = ""
	Anonymous PersonKind = "anonymous"
	Phone     PersonKind = "phone" // no camera; the name is a masked number
)

// Step is something a person does, At some time after the script's beginning.
type Step struct {
	At   time.Duration `json:"at,omitempty"`
	Do   Action        `json:"do"`
	For  time.Duration `json:"for,omitempty"`  // talk, share: stop by oneself
	Text string        `json:"text,omitempty"` // chat
}

// Action is what a step does.
type Action string

// The actions.
const (
	Talk      Action = "talk"
	Hush      Action = "hush"
	Mute      Action = "mute"
	Unmute    Action = "unmute"
	CameraOn  Action = "camera-on"
	CameraOff Action = "camera-off"
	Share     Action = "share"
	Unshare   Action = "unshare"
	Freeze    Action = "freeze" // sends no more pictures, without saying so
	Thaw      Action = "thaw"
	Say       Action = "chat"
	Join      Action = "join"
	Leave     Action = "leave"
)

var actions = []Action{Talk, Hush, Mute, Unmute, CameraOn, CameraOff, Share, Unshare, Freeze, Thaw, Say, Join, Leave}

// Validate reports an unknown action.
func (s Step) Validate() error {
	if !slices.Contains(actions, s.Do) {
		return fmt.Errorf("action %q is unknown; known are %v", s.Do, actions)
	}
	return nil
}

// Validate reports the first thing that cannot work.
func (p Person) Validate() error {
	if p.Name == "" || utf8.RuneCountInString(p.Name) > 100 {
		return fmt.Errorf("person %q: want a name of 1 to 100 characters", p.Name)
	}
	if !slices.Contains([]PersonKind{SignedIn, Anonymous, Phone}, p.Kind) {
		return fmt.Errorf("person %s: kind %q is unknown", p.Name, p.Kind)
	}
	if p.Colour != "" {
		if _, err := picture.ParseHex(p.Colour); err != nil {
			return fmt.Errorf("person %s: %w", p.Name, err)
		}
	}
	if p.Width < 0 || p.Height < 0 || p.Width > 1920 || p.Height > 1920 || p.Width%16 != 0 || p.Height%8 != 0 {
		return fmt.Errorf("person %s: a camera of %dx%d; want at most 1920, width in steps of 16, height of 8", p.Name, p.Width, p.Height)
	}
	for _, s := range p.Steps {
		if err := s.Validate(); err != nil {
			return fmt.Errorf("person %s: %w", p.Name, err)
		}
	}
	return nil
}

// script is a person's steps as they become due.
type script struct {
	steps  []Step
	repeat time.Duration
	next   int
	round  int
}

func newScript(p Person) script {
	var steps []Step
	for _, s := range p.Steps {
		steps = append(steps, s)
		if s.For > 0 && (s.Do == Talk || s.Do == Share) {
			steps = append(steps, Step{At: s.At + s.For, Do: map[Action]Action{Talk: Hush, Share: Unshare}[s.Do]})
		}
	}
	slices.SortStableFunc(steps, func(a, b Step) int { return int(a.At - b.At) })
	return script{steps: steps, repeat: p.Repeat}
}

// due returns what is to be done since the last call, at elapsed.
func (s *script) due(elapsed time.Duration) []Step {
	var out []Step
	for len(out) < 100 {
		if s.next >= len(s.steps) {
			if s.repeat <= 0 || len(s.steps) == 0 {
				return out
			}
			s.next, s.round = 0, s.round+1
		}
		step := s.steps[s.next]
		if step.At+time.Duration(s.round)*s.repeat > elapsed {
			return out
		}
		out = append(out, step)
		s.next++
	}
	return out
}
