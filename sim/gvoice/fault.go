package gvoice

import "time"

// FaultKind names something that can go wrong at Google's side or on the way.
type FaultKind string

// Faults of the token endpoint.
const (
	TokenInvalidGrant FaultKind = "token-invalid-grant" // GV-S5
	TokenError        FaultKind = "token-error"         // HTTP status Status, default 503
	TokenGarbage      FaultKind = "token-garbage"       // 200 with a body that is not JSON
	TokenSlow         FaultKind = "token-slow"          // waits Delay, default 11 s (GV-S5)
	TokenExpired      FaultKind = "token-expired"       // once: every token issued so far is dead (GV-S46)
)

// Faults of the registrar.
const (
	RegisterThrottle FaultKind = "register-throttle" // once: 603 until a silence of Timing.ThrottleRelease (GV-S42)
	RegisterStatus   FaultKind = "register-status"   // Status, default 503
	RegisterSilent   FaultKind = "register-silent"
)

// Faults of the connection. DeadFlow and HalfOpen apply to existing connections
// of Host and User as long as they are set; Reset acts once on them.
const (
	DeadFlow   FaultKind = "dead-flow"   // everything is swallowed both ways
	HalfOpen   FaultKind = "half-open"   // the edge has forgotten the connection: nothing is read, the binding is gone (GV-S44)
	Reset      FaultKind = "reset"       // once: TCP RST (GV-S44)
	NoPong     FaultKind = "no-pong"     // CRLFCRLF stays unanswered
	HostDown   FaultKind = "host-down"   // new connections to Host are reset in the handshake (GV-S45)
	CloseFlows FaultKind = "close-flows" // once: orderly close
)

// Faults of the certificates (GV-S44, GV-S2).
const (
	UnknownCA      FaultKind = "unknown-ca"
	ExpiredCert    FaultKind = "expired-cert"
	WrongName      FaultKind = "wrong-name"
	RotateCert     FaultKind = "rotate-cert" // once: new CA and certificates; /ca.pem has both CAs
	NeedClientCert FaultKind = "client-cert" // on Host, whatever Options.ClientCert says
)

// Faults of calls.
const (
	InviteStatus  FaultKind = "invite-status" // outgoing calls get Status, default 503
	InviteSilent  FaultKind = "invite-silent"
	EarlyHangup   FaultKind = "early-hangup"   // the far end hangs up Delay after the answer
	RingAfter183  FaultKind = "ring-after-183" // 180 Delay after 183, and no early media
	NoEarlyMedia  FaultKind = "no-early-media"
	IPv6BlackHole FaultKind = "ipv6-blackhole" // the IPv6 candidate answers nothing (GV-S47)
	IPv6NoMedia   FaultKind = "ipv6-no-media"  // it answers checks but loses all media (GV-S47)
	MediaBlocked  FaultKind = "media-blocked"  // no media packet passes either way; checks do
	LateAnswer    FaultKind = "late-answer"    // answers take Delay longer
)

// Fault is one fault to switch on. Host and User narrow it; empty means all.
type Fault struct {
	Kind   FaultKind     `json:"kind"`
	Host   string        `json:"host,omitempty"` // server name asked for by SNI
	User   string        `json:"user,omitempty"` // device
	Status int           `json:"status,omitempty"`
	Reason string        `json:"reason,omitempty"` // phrase of Status
	Delay  time.Duration `json:"delay,omitempty"`
	Times  int           `json:"times,omitempty"` // ends after so many uses; 0: when cleared
}

var faultKinds = []FaultKind{
	TokenInvalidGrant, TokenError, TokenGarbage, TokenSlow, TokenExpired, RegisterThrottle, RegisterStatus,
	RegisterSilent, DeadFlow, HalfOpen, Reset, NoPong, HostDown, CloseFlows, UnknownCA, ExpiredCert, WrongName,
	RotateCert, NeedClientCert, InviteStatus, InviteSilent, EarlyHangup, RingAfter183, NoEarlyMedia,
	IPv6BlackHole, IPv6NoMedia, MediaBlocked, LateAnswer,
}
