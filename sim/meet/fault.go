package meet

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// FaultKind names something that can go wrong at the service or on the way.
type FaultKind string

// Faults of the HTTPS edge.
const (
	HTTPStatus  FaultKind = "http-status"  // every request gets Status, default 503, with a body of Reason or none
	HTTPSlow    FaultKind = "http-slow"    // answers take Delay longer, default 5 s
	HTTPSilent  FaultKind = "http-silent"  // requests are never answered
	HTTPGarbage FaultKind = "http-garbage" // 200 with a body that is not JSON
	JoinRefused FaultKind = "join-refused" // joins get Reason, and with Delay when to try again
	BadAnswer   FaultKind = "bad-answer"   // 200 with an answer that is no SDP
)

// Faults of ICE, DTLS and SCTP.
const (
	ICEDead         FaultKind = "ice-dead"         // checks are not answered any more
	DTLSSilent      FaultKind = "dtls-silent"      // DTLS gets no answer
	DTLSFingerprint FaultKind = "dtls-fingerprint" // new answers carry a wrong fingerprint
	ChannelsDead    FaultKind = "channels-dead"    // nothing more is said on data channels
	ChannelGarbage  FaultKind = "channel-garbage"  // once: every channel gets a message that is not JSON, and one of a future version
	SessionDrop     FaultKind = "session-drop"     // once: the edge forgets the session without a word
)

// Faults of the network; Direction "up" or "down" narrows them.
const (
	Loss    FaultKind = "loss"    // Percent
	Delay   FaultKind = "delay"   // Delay
	Jitter  FaultKind = "jitter"  // up to Delay
	Reorder FaultKind = "reorder" // Percent come 40 ms late
	Narrow  FaultKind = "narrow"  // Rate in bit/s
	Blocked FaultKind = "blocked"
)

// Faults of the media edge.
const (
	NoKeyframes  FaultKind = "no-keyframes" // keyframe starvation: none is sent, whatever is asked
	NackIgnored  FaultKind = "nack-ignored"
	NoFeedback   FaultKind = "no-feedback"   // no RR, NACK, REMB and transport-wide feedback
	LowREMB      FaultKind = "low-remb"      // REMB says Rate
	PLIStorm     FaultKind = "pli-storm"     // a keyframe is asked for every 100 ms
	CorruptVideo FaultKind = "corrupt-video" // Percent of the video packets down are damaged
	NoAudio      FaultKind = "no-audio"      // none is sent down
	NoVideo      FaultKind = "no-video"      // none is sent down
)

// Faults of the meeting; all act once.
const (
	MeetingEnds  FaultKind = "meeting-ends"  // of Meeting, or all
	TokenRevoked FaultKind = "token-revoked" // Token
)

// Fault is one fault to switch on. Meeting (space id, PIN or code) and Device
// (display name or resource name) narrow it; empty means all.
type Fault struct {
	Kind      FaultKind     `json:"kind"`
	Meeting   string        `json:"meeting,omitempty"`
	Device    string        `json:"device,omitempty"`
	Direction string        `json:"direction,omitempty"`
	Status    int           `json:"status,omitempty"`
	Reason    Reason        `json:"reason,omitempty"`
	Token     string        `json:"token,omitempty"`
	Percent   float64       `json:"percent,omitempty"`
	Rate      int           `json:"rate,omitempty"` // bit/s
	Delay     time.Duration `json:"delay,omitempty"`
	Times     int           `json:"times,omitempty"` // ends after so many uses; 0: when cleared
}

var faultKinds = []FaultKind{
	HTTPStatus, HTTPSlow, HTTPSilent, HTTPGarbage, JoinRefused, BadAnswer, ICEDead, DTLSSilent, DTLSFingerprint, ChannelsDead, ChannelGarbage, SessionDrop,
	Loss, Delay, Jitter, Reorder, Narrow, Blocked, NoKeyframes, NackIgnored, NoFeedback, LowREMB, PLIStorm, CorruptVideo, NoAudio, NoVideo,
	MeetingEnds, TokenRevoked,
}

// Validate reports an unknown kind, reason or direction.
func (f Fault) Validate() error {
	if !slices.Contains(faultKinds, f.Kind) {
		return fmt.Errorf("fault kind %q is unknown; known are %v", f.Kind, faultKinds)
	}
	if _, ok := reasons[f.Reason]; f.Reason != "" && !ok {
		return fmt.Errorf("reason %q is unknown", f.Reason)
	}
	if f.Kind == JoinRefused && f.Reason == "" {
		return fmt.Errorf("join-refused wants a reason")
	}
	if !slices.Contains([]string{"", string(up), string(down)}, f.Direction) {
		return fmt.Errorf("direction %q: want up or down", f.Direction)
	}
	return nil
}

// SetFault switches a fault on. Kinds marked "once" in their comments act at
// once and are not kept.
func (s *Server) SetFault(f Fault) error {
	if err := f.Validate(); err != nil {
		return err
	}
	s.log.Info("fault", "kind", string(f.Kind), "meeting", f.Meeting, "device", f.Device)
	switch f.Kind {
	case MeetingEnds:
		for _, m := range s.allMeetings() {
			if f.Meeting == "" || m.is(f.Meeting) {
				m.end()
			}
		}
		return nil
	case TokenRevoked:
		return s.RevokeToken(f.Token)
	case SessionDrop, ChannelGarbage:
		for _, m := range s.allMeetings() {
			m.actOnce(f)
		}
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = append(s.faults, &f)
	s.faulty.Store(true)
	return nil
}

// ClearFaults switches off faults of the given kinds, or all.
func (s *Server) ClearFaults(kinds ...FaultKind) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = slices.DeleteFunc(s.faults, func(f *Fault) bool { return len(kinds) == 0 || slices.Contains(kinds, f.Kind) })
	s.faulty.Store(len(s.faults) > 0)
}

// fault reports whether a fault is on for a device (nil: nobody in particular),
// and uses it up once if it is limited.
func (s *Server) fault(kind FaultKind, d *device) (Fault, bool) {
	if !s.faulty.Load() {
		return Fault{}, false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, f := range s.faults {
		if f.Kind != kind || !f.applies(d) {
			continue
		}
		got := *f
		if f.Times > 0 {
			if f.Times--; f.Times == 0 {
				s.faults = slices.Delete(s.faults, i, i+1)
				s.faulty.Store(len(s.faults) > 0)
			}
		}
		return got, true
	}
	return Fault{}, false
}

func (f Fault) applies(d *device) bool {
	if d == nil {
		return f.Meeting == "" && f.Device == ""
	}
	return (f.Meeting == "" || d.meeting.is(f.Meeting)) && (f.Device == "" || strings.EqualFold(f.Device, d.displayName) || f.Device == d.name)
}

// impairment sums up the network faults of one direction of a session.
func (s *Server) impairment(of *session, way direction) impairment {
	var out impairment
	if !s.faulty.Load() {
		return out
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, f := range s.faults {
		if f.Direction != "" && f.Direction != string(way) || !f.applies(of.dev) {
			continue
		}
		switch f.Kind {
		case Loss:
			out.loss += f.Percent
		case Reorder:
			out.reorder += f.Percent
		case Delay:
			out.delay += f.Delay
		case Jitter:
			out.jitter += f.Delay
		case Narrow:
			out.rate = f.Rate
		case Blocked:
			out.blocked = true
		}
	}
	return out
}
