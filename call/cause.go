package call

import "fmt"

// Cause is why a leg or a call ended. The table below maps it to and from SIP
// status and Q.850 cause, and to what a person reads; nothing else in the gateway does.
type Cause uint8

const (
	NormalClearing    Cause = iota
	Cancelled               // the caller gave up before the answer
	AnsweredElsewhere       // another device of the same group took the call
	TransferDone            // the far end transferred the call away
	NoRoute                 // no rule leads anywhere
	UnknownNumber           // nobody has the number, says the network that was asked
	NoAnswer                // nobody answered in time
	Busy
	Rejected       // a person, or the far end's policy, declined
	Unreachable    // the device is not registered, or does not answer the network
	InvalidNumber  // the number is incomplete or is none
	Forbidden      // the caller may not place this call
	Emergency      // an emergency number without an emergency trunk
	MediaFailed    // no common codec, ICE or DTLS failed
	MediaTimeout   // nothing came for too long
	NetworkFailure // the signalling connection was lost
	Unavailable    // a service the call needs is down: Google Voice, a trunk
	Congestion     // a limit was reached: calls, rate, capacity
	LoopDetected   // Max-Forwards ran out
	ProtocolError  // the far end sent what cannot be understood
	Shutdown       // the gateway shuts down
	Lost           // the gateway died with the call in it; only in records

	MeetingUnknown // no meeting has this ID
	MeetingFull
	MeetingOver      // the host ended it, or everybody left
	NotAdmitted      // somebody in the meeting said no
	LobbyTimeout     // nobody in the meeting said anything
	VideoRefused     // the host does not let rooms bring video
	Removed          // somebody in the meeting removed the caller
	CredentialsWrong // the meeting service does not accept the gateway's own tokens

	Barred // the guard against toll fraud lets nobody, or not this caller, call there
	Quota  // the caller places more calls than the guard against toll fraud allows

	causeCount
)

var causes = [causeCount]struct {
	label    string // metrics, records
	sip      int    // status toward a caller that waits for an answer
	q850     int    // Reason: Q.850;cause=
	sentence string // what a person reads
}{
	NormalClearing:    {"normal", 480, 16, "The call ended normally."},
	Cancelled:         {"cancelled", 487, 16, "The caller hung up before the call was answered."},
	AnsweredElsewhere: {"answered_elsewhere", 487, 26, "The call was answered on another device."},
	TransferDone:      {"transferred", 480, 16, "The call was transferred."},
	NoRoute:           {"no_route", 404, 3, "No rule of the dial plan leads to this number."},
	UnknownNumber:     {"unknown_number", 404, 1, "Nobody can be reached under this number. Check the number and dial again."},
	NoAnswer:          {"no_answer", 480, 19, "Nobody answered."},
	Busy:              {"busy", 486, 17, "The line is busy."},
	Rejected:          {"rejected", 603, 21, "The call was declined."},
	Unreachable:       {"unreachable", 480, 20, "The device cannot be reached; it may be switched off or not registered."},
	InvalidNumber:     {"invalid_number", 484, 28, "The number is not complete or not valid."},
	Forbidden:         {"forbidden", 403, 21, "This call is not allowed."},
	Emergency:         {"emergency_refused", 403, 21, "Emergency numbers cannot be dialled here. Hang up and use a mobile or landline telephone."},
	MediaFailed:       {"media_failed", 488, 65, "The two sides could not agree on audio or could not connect it."},
	MediaTimeout:      {"media_timeout", 480, 41, "No audio came from the other side for too long."},
	NetworkFailure:    {"network_failure", 503, 38, "The connection to the other side was lost."},
	Unavailable:       {"unavailable", 503, 41, "The service this call needs is not available at the moment. Try again shortly."},
	Congestion:        {"congestion", 503, 42, "Too many calls at the moment. Try again shortly."},
	LoopDetected:      {"loop", 483, 25, "The call went in a circle."},
	ProtocolError:     {"protocol_error", 500, 111, "The other side sent something that could not be understood."},
	Shutdown:          {"shutdown", 503, 41, "The gateway is shutting down."},
	Lost:              {"lost", 503, 41, "The gateway stopped while the call was running."},

	MeetingUnknown:   {"meeting_unknown", 404, 1, "There is no meeting with this ID. Check the ID and dial again."},
	MeetingFull:      {"meeting_full", 486, 17, "The meeting is full."},
	MeetingOver:      {"meeting_over", 480, 16, "The meeting is over."},
	NotAdmitted:      {"not_admitted", 603, 21, "You were not admitted to the meeting."},
	LobbyTimeout:     {"lobby_timeout", 480, 19, "Nobody in the meeting admitted you in time. Dial again when somebody is there."},
	VideoRefused:     {"video_refused", 480, 21, "Call rejected: the host of the meeting has turned off video for rooms."},
	Removed:          {"removed", 480, 21, "You were removed from the meeting."},
	CredentialsWrong: {"credentials_wrong", 503, 41, "The meeting service does not accept this gateway's credentials. Tell your administrator."},

	Barred: {"barred", 403, 21, "Calls to this destination are barred here. Ask your administrator."},
	Quota:  {"quota", 503, 42, "Too many calls were placed from here in a short time. Wait a little, then try again."},
}

// String returns the cause's label, as used in logs, metrics and call records.
func (c Cause) String() string {
	if c < causeCount {
		return causes[c].label
	}
	return fmt.Sprintf("Cause(%d)", uint8(c))
}

// SIP returns the status that refuses a SIP call because of c.
func (c Cause) SIP() int { return causes[c].sip }

// Q850 returns the ITU-T Q.850 cause value for a Reason header (RFC 3326).
func (c Cause) Q850() int { return causes[c].q850 }

// Sentence tells a person what happened.
func (c Cause) Sentence() string { return causes[c].sentence }

// MarshalText writes the label.
func (c Cause) MarshalText() ([]byte, error) { return []byte(c.String()), nil }

// UnmarshalText reads a label.
func (c *Cause) UnmarshalText(b []byte) error {
	for i := range causes {
		if causes[i].label == string(b) {
			*c = Cause(i)
			return nil
		}
	}
	return fmt.Errorf("%q is not a cause", b)
}

// CauseOfSIP translates the final status of a refused SIP request.
func CauseOfSIP(status int) Cause {
	switch status {
	case 401, 402, 403, 407:
		return Forbidden
	case 404, 410, 604:
		return UnknownNumber
	case 484, 416, 414, 485:
		return InvalidNumber
	case 408, 430, 480:
		return NoAnswer
	case 482, 483:
		return LoopDetected
	case 486, 600:
		return Busy
	case 487:
		return Cancelled
	case 415, 488, 606:
		return MediaFailed
	case 433, 603, 607, 608:
		return Rejected
	case 502, 503, 504:
		return Unavailable
	}
	switch {
	case status >= 600:
		return Rejected
	case status >= 300 && status < 400: // we do not follow redirections
		return Unreachable
	}
	return ProtocolError
}

// CauseOfQ850 translates the cause of a Reason header in a BYE or CANCEL;
// false when it says nothing more than that the call is over.
func CauseOfQ850(value int) (Cause, bool) {
	switch value {
	case 0, 16, 31:
		return NormalClearing, false
	case 26:
		return AnsweredElsewhere, true
	}
	for i := range causes {
		if causes[i].q850 == value {
			return Cause(i), true
		}
	}
	return NormalClearing, false
}

// CauseNames are the labels of all causes.
func CauseNames() []string {
	all := make([]string, 0, causeCount)
	for _, c := range causes {
		all = append(all, c.label)
	}
	return all
}
