package meet

import (
	"strings"

	"tandem/call"
)

// again says whether, and how, a refused request is repeated.
type again uint8

const (
	never      again = iota
	renewToken       // once, with a fresh gateway token
	once             // once more
	backOff          // with growing waits, until the joining limit
)

// A verdict is what one refusal of the meeting service means here.
type verdict struct {
	cause call.Cause
	again again
	alarm bool   // a person must mend our tokens
	says  string // what the caller reads besides the cause's own sentence; may be empty
}

// Reasons that more is done about than to end the call.
const (
	reasonClientLeft    = "REASON_CLIENT_LEFT"
	reasonKnockTimeout  = "REASON_KNOCK_TIMEOUT"
	reasonTooManyKnocks = "TOO_MANY_KNOCKS"
	reasonVideoLocked   = "VIDEO_LOCKED"
)

// refusals is the table of reasons of a refused HTTPS request (contract, 2.6). All
// other GATEWAY_… reasons mean what GATEWAY_TOKEN_MISSING does.
var refusals = map[string]verdict{
	"INVALID_REQUEST":              {call.ProtocolError, never, false, "The meeting service did not understand the gateway."},
	"INVALID_OFFER":                {call.ProtocolError, never, false, "The meeting service did not understand the gateway."},
	"DEVICE_CONTROL_DENIED":        {call.ProtocolError, never, false, "The meeting service did not understand the gateway."},
	"GATEWAY_TOKEN_EXPIRED":        {call.CredentialsWrong, renewToken, true, ""},
	"ACCESS_TOKEN_MISSING":         {call.CredentialsWrong, never, true, ""},
	"ACCESS_TOKEN_UNKNOWN":         {call.CredentialsWrong, never, true, ""},
	"ACCESS_TOKEN_REVOKED":         {call.CredentialsWrong, never, true, ""},
	"ACCESS_TOKEN_WRONG_TYPE":      {call.CredentialsWrong, never, true, ""},
	"INTEROP_DISABLED":             {call.Forbidden, never, false, "The organiser's company does not let video rooms of other systems join."},
	"DISABLED_BY_ADMIN":            {call.Forbidden, never, false, "The administrator does not let gateways into this meeting."},
	"DISABLED_BY_HOST_CONTROL":     {call.Forbidden, never, false, "The host does not let gateways into this meeting."},
	"DISABLED_DUE_TO_ENCRYPTION":   {call.Forbidden, never, false, "This meeting is encrypted from end to end; a gateway cannot join it."},
	"DISABLED_DUE_TO_WATERMARKING": {call.Forbidden, never, false, "This meeting shows a watermark to everybody; a gateway cannot join it."},
	reasonVideoLocked:              {call.VideoRefused, never, false, ""},
	"MEETING_NOT_FOUND":            {call.MeetingUnknown, never, false, ""},
	"DEVICE_NOT_FOUND":             {call.NetworkFailure, never, false, "The meeting service has forgotten this call."},
	"CONFERENCE_ENDED":             {call.MeetingOver, never, false, ""},
	"MEETING_FULL":                 {call.MeetingFull, never, false, ""},
	reasonTooManyKnocks:            {call.LobbyTimeout, never, false, "You asked to be admitted too often. Wait a minute, then dial again."},
	"RATE_LIMITED":                 {call.Congestion, backOff, false, ""},
	"INTERNAL":                     {call.Unavailable, once, false, ""},
	"UNAVAILABLE":                  {call.Unavailable, backOff, false, ""},
	"GATEWAY_TOKEN_MISSING":        {call.CredentialsWrong, never, true, ""},
}

// refusalOf looks a reason up.
func refusalOf(reason string) (verdict, bool) {
	v, ok := refusals[reason]
	if !ok && strings.HasPrefix(reason, "GATEWAY_") {
		v, ok = refusals["GATEWAY_TOKEN_MISSING"]
	}
	return v, ok
}

// verdictOfStatus is for answers without a reason that is known.
func verdictOfStatus(status int) verdict {
	switch {
	case status == 401:
		return verdict{call.CredentialsWrong, never, true, ""}
	case status == 403:
		return verdict{call.Forbidden, never, false, ""}
	case status == 404:
		return verdict{call.MeetingUnknown, never, false, ""}
	case status == 429:
		return verdict{call.Congestion, backOff, false, ""}
	case status == 500:
		return verdict{call.Unavailable, once, false, ""}
	case status > 500:
		return verdict{call.Unavailable, backOff, false, ""}
	}
	return verdict{call.ProtocolError, never, false, "The meeting service answered what the gateway does not understand."}
}

// disconnects is the table of reasons why a session ended (contract, 8.1).
var disconnects = map[string]verdict{
	reasonClientLeft:            {cause: call.NormalClearing},
	"REASON_KNOCK_DENIED":       {cause: call.NotAdmitted},
	reasonKnockTimeout:          {cause: call.LobbyTimeout},
	"REASON_CONFERENCE_ENDED":   {cause: call.MeetingOver},
	"REASON_USER_STOPPED":       {cause: call.Removed},
	"REASON_VIDEO_LOCKED":       {cause: call.VideoRefused},
	"REASON_TOKEN_REVOKED":      {cause: call.CredentialsWrong, alarm: true},
	"REASON_PROTOCOL_VIOLATION": {cause: call.ProtocolError, says: "The meeting service did not understand the gateway."},
}

// unhealthy is what an unknown reason is taken for, as REASON_SESSION_UNHEALTHY.
var unhealthy = verdict{cause: call.NetworkFailure, says: "The meeting service lost the connection to the gateway."}

func disconnectOf(reason string) verdict {
	if v, ok := disconnects[reason]; ok {
		return v
	}
	return unhealthy
}
