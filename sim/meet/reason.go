package meet

import (
	"fmt"
	"time"
)

// Reason is why the edge refuses a request; section 2.6 of the contract.
type Reason string

// The reasons of refusals.
const (
	InvalidRequest      Reason = "INVALID_REQUEST"
	InvalidOffer        Reason = "INVALID_OFFER"
	TokenMissing        Reason = "GATEWAY_TOKEN_MISSING"
	TokenMalformed      Reason = "GATEWAY_TOKEN_MALFORMED"
	TokenExpired        Reason = "GATEWAY_TOKEN_EXPIRED"
	TokenNotYetValid    Reason = "GATEWAY_TOKEN_NOT_YET_VALID"
	TokenBadSignature   Reason = "GATEWAY_TOKEN_BAD_SIGNATURE"
	TokenWrongIssuer    Reason = "GATEWAY_TOKEN_WRONG_ISSUER"
	TokenWrongAudience  Reason = "GATEWAY_TOKEN_WRONG_AUDIENCE"
	CertUntrusted       Reason = "GATEWAY_CERTIFICATE_UNTRUSTED"
	CertExpired         Reason = "GATEWAY_CERTIFICATE_EXPIRED"
	AccessMissing       Reason = "ACCESS_TOKEN_MISSING"
	AccessUnknown       Reason = "ACCESS_TOKEN_UNKNOWN"
	AccessRevoked       Reason = "ACCESS_TOKEN_REVOKED"
	AccessWrongType     Reason = "ACCESS_TOKEN_WRONG_TYPE"
	InteropDisabled     Reason = "INTEROP_DISABLED"
	DisabledByAdmin     Reason = "DISABLED_BY_ADMIN"
	DisabledByHost      Reason = "DISABLED_BY_HOST_CONTROL"
	VideoLocked         Reason = "VIDEO_LOCKED"
	DeviceControl       Reason = "DEVICE_CONTROL_DENIED"
	MeetingNotFound     Reason = "MEETING_NOT_FOUND"
	DeviceNotFound      Reason = "DEVICE_NOT_FOUND"
	ConferenceEnded     Reason = "CONFERENCE_ENDED"
	Encrypted           Reason = "DISABLED_DUE_TO_ENCRYPTION"
	Watermarked         Reason = "DISABLED_DUE_TO_WATERMARKING"
	MeetingFull         Reason = "MEETING_FULL"
	TooManyKnocks       Reason = "TOO_MANY_KNOCKS"
	RateLimited         Reason = "RATE_LIMITED"
	Internal            Reason = "INTERNAL"
	Unavailable         Reason = "UNAVAILABLE"
	Unauthenticated     Reason = "UNAUTHENTICATED"
	ScopeMissing        Reason = "ACCESS_TOKEN_SCOPE_INSUFFICIENT"
	NoActiveConference  Reason = "NO_ACTIVE_CONFERENCE"
	IncompatibleDevice  Reason = "INCOMPATIBLE_DEVICE"
	UnsupportedPlatform Reason = "UNSUPPORTED_PLATFORM_PRESENT"
	Exhausted           Reason = "CONNECTIONS_EXHAUSTED"
	ConsenterAbsent     Reason = "CONSENTER_ABSENT"
)

// reasons maps each reason to the HTTP code, the canonical status, the rule it
// follows and the sentence a person reads.
var reasons = map[Reason]struct {
	code               int
	status, rule, text string
}{
	InvalidRequest:      {400, "INVALID_ARGUMENT", "MEET-S1", "the request cannot be understood"},
	InvalidOffer:        {400, "INVALID_ARGUMENT", "MEET-S5", "the offer breaks a rule"},
	TokenMissing:        {401, "UNAUTHENTICATED", "MEET-S18", "the Authorization header has no bearer token"},
	TokenMalformed:      {401, "UNAUTHENTICATED", "MEET-S18", "the gateway token is not a JWT this edge takes"},
	TokenExpired:        {401, "UNAUTHENTICATED", "MEET-S18", "the gateway token has expired"},
	TokenNotYetValid:    {401, "UNAUTHENTICATED", "MEET-S18", "the gateway token is not valid yet"},
	TokenBadSignature:   {401, "UNAUTHENTICATED", "MEET-S18", "the gateway token's signature is wrong"},
	TokenWrongIssuer:    {401, "UNAUTHENTICATED", "MEET-S18", "the issuer is not the subject of the gateway's certificate"},
	TokenWrongAudience:  {401, "UNAUTHENTICATED", "MEET-S18", "the gateway token is for somebody else"},
	CertUntrusted:       {401, "UNAUTHENTICATED", "MEET-S18", "the gateway's certificate does not chain to the gateway authority"},
	CertExpired:         {401, "UNAUTHENTICATED", "MEET-S18", "the gateway's certificate is not valid now"},
	AccessMissing:       {401, "UNAUTHENTICATED", "MEET-S17", "there is no Meet-Access-Token header"},
	AccessUnknown:       {403, "PERMISSION_DENIED", "MEET-S17", "the interoperability token is not known"},
	AccessRevoked:       {403, "PERMISSION_DENIED", "MEET-S17", "the interoperability token has been revoked"},
	AccessWrongType:     {403, "PERMISSION_DENIED", "MEET-S17", "the token is not of the interoperability type of this gateway"},
	InteropDisabled:     {403, "PERMISSION_DENIED", "MEET-S14", "interoperability is off for the organiser's unit"},
	DisabledByAdmin:     {403, "PERMISSION_DENIED", "MEET-S4", "the administrator does not allow this"},
	DisabledByHost:      {403, "PERMISSION_DENIED", "MEET-S4", "the host does not allow this"},
	VideoLocked:         {403, "PERMISSION_DENIED", "MEET-S22", `the host has turned off "Turn on their video"`},
	DeviceControl:       {403, "PERMISSION_DENIED", "MEET-S21", "devices cannot be controlled"},
	MeetingNotFound:     {404, "NOT_FOUND", "MEET-S19", "no meeting has this id"},
	DeviceNotFound:      {404, "NOT_FOUND", "MEET-S21", "no such device"},
	ConferenceEnded:     {400, "FAILED_PRECONDITION", "MEET-S22", "the meeting is over"},
	Encrypted:           {400, "FAILED_PRECONDITION", "MEET-S4", "the meeting is end-to-end encrypted"},
	Watermarked:         {400, "FAILED_PRECONDITION", "MEET-S4", "the meeting is watermarked"},
	MeetingFull:         {429, "RESOURCE_EXHAUSTED", "MEET-S14", "the meeting is full"},
	TooManyKnocks:       {429, "RESOURCE_EXHAUSTED", "MEET-S14", "this device has knocked too often"},
	RateLimited:         {429, "RESOURCE_EXHAUSTED", "MEET-S12", "too many requests"},
	Internal:            {500, "INTERNAL", "MEET-S24", "something went wrong"},
	Unavailable:         {503, "UNAVAILABLE", "MEET-S24", "the service is not available now"},
	Unauthenticated:     {401, "UNAUTHENTICATED", "MEET-S3", "the request has no valid OAuth token"},
	ScopeMissing:        {403, "PERMISSION_DENIED", "MEET-S3", "the OAuth token has no media scope"},
	NoActiveConference:  {400, "FAILED_PRECONDITION", "MEET-S4", "nobody is in the call"},
	IncompatibleDevice:  {400, "FAILED_PRECONDITION", "MEET-S4", "somebody in the call may not be recorded"},
	UnsupportedPlatform: {400, "FAILED_PRECONDITION", "MEET-S4", "somebody in the call uses an old client"},
	Exhausted:           {429, "RESOURCE_EXHAUSTED", "MEET-S4", "another client is connected"},
	ConsenterAbsent:     {400, "FAILED_PRECONDITION", "MEET-S4", "nobody in the call may consent"},
}

// refusal is an error with a reason.
type refusal struct {
	reason  Reason
	text    string // instead of the reason's own
	rule    string // instead of the reason's own
	section int    // index of the m-section, with INVALID_OFFER; -1: none
	retry   time.Duration
}

func refused(r Reason, format string, args ...any) *refusal {
	out := &refusal{reason: r, section: -1}
	if format != "" {
		out.text = fmt.Sprintf(format, args...)
	}
	return out
}

func (r *refusal) Error() string { return string(r.reason) + ": " + or(r.text, reasons[r.reason].text) }

func (r *refusal) ruleName() string { return or(r.rule, reasons[r.reason].rule) }

// errorBody is the standard error of Google's APIs.
type errorBody struct {
	Error struct {
		Code    int    `json:"code"`
		Message string `json:"message"`
		Status  string `json:"status"`
		Details []any  `json:"details"`
	} `json:"error"`
}

type errorInfo struct {
	Type     string            `json:"@type"`
	Reason   Reason            `json:"reason"`
	Domain   string            `json:"domain"`
	Metadata map[string]string `json:"metadata"`
}

type retryInfo struct {
	Type  string `json:"@type"`
	Delay string `json:"retryDelay"`
}

// body is the refusal as JSON, with its HTTP code.
func (r *refusal) body() (int, errorBody) {
	row := reasons[r.reason]
	var b errorBody
	b.Error.Code, b.Error.Status, b.Error.Message = row.code, row.status, r.Error()
	meta := map[string]string{"rule": r.ruleName()}
	if r.section >= 0 {
		meta["section"] = fmt.Sprint(r.section)
	}
	b.Error.Details = []any{errorInfo{"type.googleapis.com/google.rpc.ErrorInfo", r.reason, "meet.googleapis.com", meta}}
	if r.retry > 0 {
		b.Error.Details = append(b.Error.Details, retryInfo{"type.googleapis.com/google.rpc.RetryInfo", seconds(r.retry)})
	}
	return row.code, b
}

// seconds is a duration in protobuf's JSON form.
func seconds(d time.Duration) string {
	return fmt.Sprintf("%gs", d.Round(time.Millisecond).Seconds())
}
