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

// refusalOf is the table of reasons of a refused HTTPS request (contract, 2.6).
func refusalOf(reason string) (verdict, bool) {
	switch reason {
	case "INVALID_REQUEST", "INVALID_OFFER", "DEVICE_CONTROL_DENIED":
		return verdict{call.ProtocolError, never, false, "The meeting service did not understand the gateway."}, true
	case "GATEWAY_TOKEN_EXPIRED":
		return verdict{call.CredentialsWrong, renewToken, true, ""}, true
	case "ACCESS_TOKEN_MISSING", "ACCESS_TOKEN_UNKNOWN", "ACCESS_TOKEN_REVOKED", "ACCESS_TOKEN_WRONG_TYPE":
		return verdict{call.CredentialsWrong, never, true, ""}, true
	case "INTEROP_DISABLED":
		return verdict{call.Forbidden, never, false, "The organiser's company does not let video rooms of other systems join."}, true
	case "DISABLED_BY_ADMIN":
		return verdict{call.Forbidden, never, false, "The administrator does not let gateways into this meeting."}, true
	case "DISABLED_BY_HOST_CONTROL":
		return verdict{call.Forbidden, never, false, "The host does not let gateways into this meeting."}, true
	case "DISABLED_DUE_TO_ENCRYPTION":
		return verdict{call.Forbidden, never, false, "This meeting is encrypted from end to end; a gateway cannot join it."}, true
	case "DISABLED_DUE_TO_WATERMARKING":
		return verdict{call.Forbidden, never, false, "This meeting shows a watermark to everybody; a gateway cannot join it."}, true
	case "VIDEO_LOCKED":
		return verdict{call.VideoRefused, never, false, ""}, true
	case "MEETING_NOT_FOUND":
		return verdict{call.MeetingUnknown, never, false, ""}, true
	case "DEVICE_NOT_FOUND":
		return verdict{call.NetworkFailure, never, false, "The meeting service has forgotten this call."}, true
	case "CONFERENCE_ENDED":
		return verdict{call.MeetingOver, never, false, ""}, true
	case "MEETING_FULL":
		return verdict{call.MeetingFull, never, false, ""}, true
	case "TOO_MANY_KNOCKS":
		return verdict{call.LobbyTimeout, backOff, false, "You asked to be admitted too often. Wait a minute, then dial again."}, true
	case "RATE_LIMITED":
		return verdict{call.Congestion, backOff, false, ""}, true
	case "INTERNAL":
		return verdict{call.Unavailable, once, false, ""}, true
	case "UNAVAILABLE":
		return verdict{call.Unavailable, backOff, false, ""}, true
	}
	if strings.HasPrefix(reason, "GATEWAY_TOKEN_") || strings.HasPrefix(reason, "GATEWAY_CERTIFICATE_") {
		return verdict{call.CredentialsWrong, never, true, ""}, true
	}
	return verdict{}, false
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
// An unknown one is taken for REASON_SESSION_UNHEALTHY.
func disconnectOf(reason string) verdict {
	switch reason {
	case "REASON_CLIENT_LEFT":
		return verdict{cause: call.NormalClearing}
	case "REASON_KNOCK_DENIED":
		return verdict{cause: call.NotAdmitted}
	case "REASON_KNOCK_TIMEOUT":
		return verdict{cause: call.LobbyTimeout}
	case "REASON_CONFERENCE_ENDED":
		return verdict{cause: call.MeetingOver}
	case "REASON_USER_STOPPED":
		return verdict{cause: call.Removed}
	case "REASON_VIDEO_LOCKED":
		return verdict{cause: call.VideoRefused}
	case "REASON_TOKEN_REVOKED":
		return verdict{cause: call.CredentialsWrong, alarm: true}
	case "REASON_PROTOCOL_VIOLATION":
		return verdict{cause: call.ProtocolError, says: "The meeting service did not understand the gateway."}
	}
	return verdict{cause: call.NetworkFailure, says: "The meeting service lost the connection to the gateway."}
}
