package gvoice

import (
	"fmt"
	"time"
)

// Config says how the edge is set up. The zero value is a working edge on
// free ports of 127.0.0.1 with no accounts.
type Config struct {
	Bind        string // IPv4 address of all listeners; default 127.0.0.1
	SIPPort     int    // TLS; Google's is 5061; 0 takes a free one
	ControlPort int    // HTTP: control endpoint, and the token endpoint in clear
	TokenPort   int    // HTTPS: token endpoint
	MediaPort   int    // UDP; Google's is 19305; 0 takes a free one
	NoIPv6      bool   // offer only the IPv4 candidate's socket; the IPv6 candidate stays in the SDP but is dead

	Accounts []Account
	People   []Person // far persons by number, looked at before [DefaultPeople]
	Options  Options
	Timing   Timing
}

// Account is one Google Voice number. Its devices are the SIP user names that
// register with access tokens of this account.
type Account struct {
	Number       string   `json:"number"` // E.164
	ClientID     string   `json:"client_id"`
	ClientSecret string   `json:"client_secret"`
	RefreshToken string   `json:"refresh_token"`
	Devices      []Device `json:"devices"` // known beforehand; others are added when they register
}

// Device is a SIP user name of an account, as on the user's settings page.
type Device struct {
	User      string `json:"user"`
	Label     string `json:"label,omitempty"` // replaced by the Contact's obn
	NoInbound bool   `json:"no_inbound,omitempty"`
}

// Validate reports the first account that cannot work.
func (a Account) Validate() error {
	switch {
	case len(a.Number) < 3 || a.Number[0] != '+':
		return fmt.Errorf("account number %q: want E.164 with a plus", a.Number)
	case a.RefreshToken == "":
		return fmt.Errorf("account %s: refresh_token is missing", a.Number)
	case a.ClientID == "":
		return fmt.Errorf("account %s: client_id is missing", a.Number)
	}
	return nil
}

// Options are the open questions of the telephony edge (reference, section
// 17). The zero value is the stated default of each; the names in the comments
// are the reference's.
type Options struct {
	BadToken        BadToken      // telephony.bad_token
	MissingOutbound RefusalMode   // telephony.missing_outbound: 421, 400, drop
	Expires         int           // telephony.expires, seconds; default 3600
	FlowTimer       int           // telephony.flow_timer, seconds; 0: absent
	IdleTimeout     time.Duration // telephony.idle_timeout; default 600 s
	RewriteContact  bool          // telephony.contact_rewrite: sent-by instead of echo
	AltHosts        int           // telephony.alt_hosts; 0 means 1, negative none
	ClientCert      ClientCert    // telephony.client_cert
	OptionsRoute    bool          // telephony.options_needs_route
	Reliable        bool          // telephony.100rel
	SessionTimer    time.Duration // telephony.session_timer; 0: off, Google's is 90 s
	WrongRoute      WrongRoute    // in_dialog.wrong_route
	Withheld        Withheld      // incoming.withheld
	NoTakeover      bool          // incoming.voicemail_takeover: none
	AcceptRefer     bool          // transfer: accept-refer instead of reject-501
	MWI             bool          // mwi: notify
	ConcurrentCalls int           // limits.concurrent_calls; 0 means 1, negative unlimited
	CallLength      time.Duration // limits.call_length; 0: off
	RegisterRate    int           // limits.register_per_minute; 0 means 10, negative unlimited
	Billing         Billing       // billing.refusal, for numbers outside +1
	NoEarlyRTP      bool          // media.early_rtp: off
	Echo            bool          // media.echo: every far person sends the client's audio back

	// Opus makes the edge prefer Opus where it is offered and offer it before
	// PCMU. The simulator has no Opus codec: it sends silence frames or, with
	// echo, the frames it got.
	Opus bool
	// EmptyAnswer leaves the body of the 200 to INVITE empty after a reliable
	// 183 with SDP, as the web edge does (GV-C14).
	EmptyAnswer bool
	// StrictSupported drops an INVITE without "Supported: outbound, path".
	// Asterisk sends none and Google accepts it (reference, section 20), so
	// the default only notes it.
	StrictSupported bool
	// RotateRoutes issues new Service-Routes with every REGISTER.
	RotateRoutes bool
}

// Timing holds the edge's own times, so that tests need not wait for them.
type Timing struct {
	EarlyMedia      time.Duration // no RTP before the answer ends the call with 603 (GV-S40); default 25 s
	AnsweredMedia   time.Duration // no RTP after the answer ends it with BYE (GV-S40); default 7 s
	RingTime        time.Duration // incoming.ring_time: voicemail takes over (GV-S27); default 25 s
	ThrottleRelease time.Duration // limits.throttle_release (GV-S42); default 15 min
	TokenLife       time.Duration // of access tokens; default 3600 s
	T1              time.Duration // RFC 3261 T1; default 500 ms
}

// BadToken is the answer to a REGISTER with a bad or expired token (GV-S7).
type BadToken string

// The answers to a bad token; the first is the default.
const (
	BadTokenChallenge BadToken = ""
	BadTokenForbidden BadToken = "403"
	BadTokenDrop      BadToken = "drop"
)

// RefusalMode is the answer to a REGISTER without Supported: path, outbound (GV-S9).
type RefusalMode string

// The refusals; the first is the default.
const (
	Refuse421  RefusalMode = ""
	Refuse400  RefusalMode = "400"
	RefuseDrop RefusalMode = "drop"
)

// ClientCert says which hosts ask for a client certificate (GV-S2).
type ClientCert string

// The hosts that ask; the first is the default.
const (
	ClientCertObihai ClientCert = ""
	ClientCertAll    ClientCert = "all"
	ClientCertNone   ClientCert = "none"
)

// WrongRoute is what becomes of an in-dialog request whose Route set is not the
// dialog's (GV-S22).
type WrongRoute string

// The treatments; the first is the default.
const (
	WrongRouteDrop   WrongRoute = ""
	WrongRoute481    WrongRoute = "481"
	WrongRouteAccept WrongRoute = "accept"
)

// Withheld is the SIP form of a withheld caller number (GV-S26).
type Withheld string

// The forms; the first is the default.
const (
	WithheldAnonymous   Withheld = ""
	WithheldEmptyUser   Withheld = "empty-user"
	WithheldUnavailable Withheld = "unavailable"
)

// Billing is what a call that would cost money gets (GV-S48).
type Billing string

// The refusals; the first is the default.
const (
	BillingOff          Billing = ""
	Billing403          Billing = "403"
	Billing603          Billing = "603"
	BillingAnnouncement Billing = "announcement" // early media tone, then 603
)

func or[T comparable](v, def T) T {
	var zero T
	if v == zero {
		return def
	}
	return v
}

func (c Config) withDefaults() Config {
	c.Bind = or(c.Bind, "127.0.0.1")
	o, t := &c.Options, &c.Timing
	o.Expires = or(o.Expires, 3600)
	o.IdleTimeout = or(o.IdleTimeout, 600*time.Second)
	o.AltHosts = or(o.AltHosts, 1)
	o.ConcurrentCalls = or(o.ConcurrentCalls, 1)
	o.RegisterRate = or(o.RegisterRate, 10)
	t.EarlyMedia = or(t.EarlyMedia, 25*time.Second)
	t.AnsweredMedia = or(t.AnsweredMedia, 7*time.Second)
	t.RingTime = or(t.RingTime, 25*time.Second)
	t.ThrottleRelease = or(t.ThrottleRelease, 15*time.Minute)
	t.TokenLife = or(t.TokenLife, 3600*time.Second)
	t.T1 = or(t.T1, 500*time.Millisecond)
	return c
}
