package gvoice

import "time"

// Config says how the edge is set up. The zero value is a working edge on
// free ports of 127.0.0.1 with no accounts.
type Config struct {
	Bind        string `json:"bind,omitempty"`         // IPv4 address of all listeners; default 127.0.0.1
	SIPPort     int    `json:"sip_port,omitempty"`     // TLS; Google's is 5061; 0 takes a free one
	ControlPort int    `json:"control_port,omitempty"` // HTTP: control endpoint, and the token endpoint in clear
	TokenPort   int    `json:"token_port,omitempty"`   // HTTPS: token endpoint
	MediaPort   int    `json:"media_port,omitempty"`   // UDP; Google's is 19305; 0 takes a free one
	NoIPv6      bool   `json:"no_ipv6,omitempty"`      // offer only the IPv4 candidate's socket; the IPv6 candidate stays in the SDP but is dead

	Accounts []Account `json:"accounts,omitempty"`
	People   []Person  `json:"people,omitempty"` // far persons by number, looked at before [DefaultPeople]
	Options  Options   `json:"options,omitempty"`
	Timing   Timing    `json:"timing,omitempty"`
}

// Account is one Google Voice number. Its devices are the SIP user names that
// register with access tokens of this account.
type Account struct {
	Number       string   `json:"number"` // E.164
	ClientID     string   `json:"client_id"`
	ClientSecret string   `json:"client_secret"`
	RefreshToken string   `json:"refresh_token"`
	Redirects    []string `json:"redirect_uris,omitempty"` // of the client; left out: any that could be one
	Devices      []Device `json:"devices"`                 // known beforehand; others are added when they register
}

// Device is a SIP user name of an account, as on the user's settings page.
type Device struct {
	User      string `json:"user"`
	Label     string `json:"label,omitempty"` // replaced by the Contact's obn
	NoInbound bool   `json:"no_inbound,omitempty"`
}

// Options are the open questions of the telephony edge (reference, section
// 17). The zero value is the stated default of each; the JSON names are the
// reference's, but for switches that are named after what they turn on.
type Options struct {
	BadToken        BadToken      `json:"telephony.bad_token,omitempty"`
	MissingOutbound RefusalMode   `json:"telephony.missing_outbound,omitempty"` // 421, 400, drop
	Expires         int           `json:"telephony.expires,omitempty"`          // seconds; default 3600
	FlowTimer       int           `json:"telephony.flow_timer,omitempty"`       // seconds; 0: absent
	IdleTimeout     time.Duration `json:"telephony.idle_timeout,omitempty"`     // default 600 s
	RewriteContact  bool          `json:"telephony.contact_rewrite,omitempty"`  // sent-by instead of echo
	AltHosts        int           `json:"telephony.alt_hosts,omitempty"`        // 0 means 1, negative none
	ClientCert      ClientCert    `json:"telephony.client_cert,omitempty"`
	OptionsRoute    bool          `json:"telephony.options_needs_route,omitempty"`
	Reliable        bool          `json:"telephony.100rel,omitempty"`
	SessionTimer    time.Duration `json:"telephony.session_timer,omitempty"` // 0: off, Google's is 90 s
	WrongRoute      WrongRoute    `json:"in_dialog.wrong_route,omitempty"`
	Withheld        Withheld      `json:"incoming.withheld,omitempty"`
	NoTakeover      bool          `json:"incoming.no_voicemail_takeover,omitempty"` // none
	AcceptRefer     bool          `json:"transfer.accept_refer,omitempty"`          // accept-refer instead of reject-501
	MWI             bool          `json:"mwi.notify,omitempty"`                     // notify
	ConcurrentCalls int           `json:"limits.concurrent_calls,omitempty"`        // 0 means 1, negative unlimited
	CallLength      time.Duration `json:"limits.call_length,omitempty"`             // 0: off
	RegisterRate    int           `json:"limits.register_per_minute,omitempty"`     // 0 means 10, negative unlimited
	Billing         Billing       `json:"billing.refusal,omitempty"`                // for numbers outside +1
	NoEarlyRTP      bool          `json:"media.no_early_rtp,omitempty"`             // off
	Echo            bool          `json:"media.echo,omitempty"`                     // every far person sends the client's audio back

	// Opus makes the edge prefer Opus where it is offered and offer it before
	// PCMU. The simulator has no Opus codec: it sends silence frames or, with
	// echo, the frames it got.
	Opus bool `json:"media.opus,omitempty"`
	// EmptyAnswer leaves the body of the 200 to INVITE empty after a reliable
	// 183 with SDP, as the web edge does (GV-C14).
	EmptyAnswer bool `json:"telephony.empty_answer,omitempty"`
	// StrictSupported drops an INVITE without "Supported: outbound, path".
	// Asterisk sends none and Google accepts it (reference, section 20), so
	// the default only notes it.
	StrictSupported bool `json:"telephony.strict_supported,omitempty"`
	// RotateRoutes issues new Service-Routes with every REGISTER.
	RotateRoutes bool `json:"telephony.rotate_routes,omitempty"`
}

// Timing holds the edge's own times, so that tests need not wait for them.
type Timing struct {
	EarlyMedia      time.Duration `json:"early_media,omitempty"`      // no RTP before the answer ends the call with 603 (GV-S40); default 25 s
	AnsweredMedia   time.Duration `json:"answered_media,omitempty"`   // no RTP after the answer ends it with BYE (GV-S40); default 7 s
	RingTime        time.Duration `json:"ring_time,omitempty"`        // incoming.ring_time: voicemail takes over (GV-S27); default 25 s
	ThrottleRelease time.Duration `json:"throttle_release,omitempty"` // limits.throttle_release (GV-S42); default 15 min
	TokenLife       time.Duration `json:"token_life,omitempty"`       // of access tokens; default 3600 s
	T1              time.Duration `json:"t1,omitempty"`               // RFC 3261 T1; default 500 ms
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
