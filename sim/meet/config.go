package meet

import (
	"fmt"
	"image"
	"image/color"
	"net"
	"slices"
	"strings"
	"time"

	"tandem/sim/picture"
)

// Config says how the edge is set up. The zero value is a working edge on
// 127.0.0.1 without meetings and tokens.
type Config struct {
	Bind        string // IPv4 address of all listeners; default 127.0.0.1
	EdgePort    int    // HTTPS of the edge; 0 takes a free one
	ControlPort int    // HTTP of the control endpoint; 0 takes a free one
	MediaPort   int    // UDP; 0 takes the first free one of 19302 to 19309, or any if all are taken
	Network     Network
	Seed        uint64 // of the dice of network faults; 0 means 1

	Tokens   []AccessToken
	Meetings []Meeting
	Options  Options
	Timing   Timing
}

// Network opens sockets; nil means the machine's own. Tests in virtual time
// bring one that is kept in memory.
type Network interface {
	Listen(network, address string) (net.Listener, error)
	ListenPacket(network, address string) (net.PacketConn, error)
}

// AccessToken is an interoperability token of a Workspace tenant (MEET-S17).
type AccessToken struct {
	Value   string `json:"value"`
	Tenant  string `json:"tenant"`
	Type    string `json:"type,omitempty"` // "" is the type of gateways; any other is refused
	Trusted bool   `json:"trusted"`
	Revoked bool   `json:"revoked,omitempty"`
}

// Validate reports a token that cannot be used.
func (t AccessToken) Validate() error {
	if n := len(t.Value); n < 16 || n > 100 {
		return fmt.Errorf("access token of tenant %q: want 16 to 100 characters, not %d", t.Tenant, n)
	}
	if strings.ContainsFunc(t.Value, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return fmt.Errorf("access token of tenant %q: want printable ASCII", t.Tenant)
	}
	return nil
}

// Meeting is one simulated conference.
type Meeting struct {
	ID     string `json:"id,omitempty"`   // space id; made up if empty
	PIN    string `json:"pin"`            // 13 digits
	Code   string `json:"code,omitempty"` // abc-mnop-xyz; made up if empty
	Title  string `json:"title,omitempty"`
	Tenant string `json:"tenant,omitempty"`

	People          []Person      `json:"people,omitempty"`
	MaxParticipants int           `json:"max_participants,omitempty"` // default 100
	LobbyTimeout    time.Duration `json:"lobby_timeout,omitempty"`    // default Timing.Lobby
	Admit           Admission     `json:"admit,omitzero"`
	StartNow        bool          `json:"start_now,omitempty"` // scripts begin now, not when the first device has joined

	Ended         bool   `json:"ended,omitempty"`
	Refuse        Reason `json:"refuse,omitempty"` // every join gets it, as INTEROP_DISABLED
	VideoLocked   bool   `json:"video_locked,omitempty"`
	PresentLocked bool   `json:"present_locked,omitempty"` // only hosts present
	ChatOff       bool   `json:"chat_off,omitempty"`
	Indicators    Signs  `json:"indicators,omitzero"`
	// Consent is who answers the Media API's question (section 10 of the
	// contract): "auto" (the default), "manual", "denied".
	Consent string `json:"consent,omitempty"`
}

// Admission is what the people in the meeting do about somebody who knocks. The zero
// value leaves it to [Server.Admit] and [Server.Deny].
type Admission struct {
	After  time.Duration `json:"after,omitempty"`  // since the knock
	Action string        `json:"action,omitempty"` // "admit", "deny", "" for nothing
}

// Signs are the indicators of a meeting.
type Signs struct {
	Recording     bool `json:"recording"`
	Streaming     bool `json:"streaming"`
	Transcription bool `json:"transcription"`
	Notes         bool `json:"notes"`
}

// Validate reports the first thing that cannot work.
func (m Meeting) Validate() error {
	if len(m.PIN) != 13 || strings.Trim(m.PIN, "0123456789") != "" {
		return fmt.Errorf("meeting %q: the PIN has 13 digits, not %q", m.Title, m.PIN)
	}
	if m.Code != "" && len(plainCode(m.Code)) != 10 {
		return fmt.Errorf("meeting %s: the code %q is not like abc-mnop-xyz", m.PIN, m.Code)
	}
	if m.Refuse != "" {
		if _, ok := reasons[m.Refuse]; !ok {
			return fmt.Errorf("meeting %s: the reason %q is unknown", m.PIN, m.Refuse)
		}
	}
	if !slices.Contains([]string{"", "admit", "deny"}, m.Admit.Action) {
		return fmt.Errorf("meeting %s: admit.action is admit or deny, not %q", m.PIN, m.Admit.Action)
	}
	if !slices.Contains([]string{"", "auto", "manual", "denied"}, m.Consent) {
		return fmt.Errorf("meeting %s: consent is auto, manual or denied, not %q", m.PIN, m.Consent)
	}
	names := map[string]bool{}
	for _, p := range m.People {
		if err := p.Validate(); err != nil {
			return fmt.Errorf("meeting %s: %w", m.PIN, err)
		}
		if names[p.Name] {
			return fmt.Errorf("meeting %s: two people are called %q", m.PIN, p.Name)
		}
		names[p.Name] = true
	}
	return nil
}

// plainCode is a meeting code without hyphens in small letters; "" if it is none.
func plainCode(s string) string {
	s = strings.ToLower(strings.ReplaceAll(s, "-", ""))
	if len(s) != 10 || strings.Trim(s, "abcdefghijklmnopqrstuvwxyz") != "" {
		return ""
	}
	return s
}

// Options are the open questions of the reference (section 14) and of the
// contract. The zero value is the default of each.
type Options struct {
	JWT           JWTMode       // interop.jwt
	Shape         AnswerShape   // answer.shape
	MaxVideos     int           // interop.max_videos; 0 means 8
	UplinkBitrate int           // bit/s; 0 means 2,000,000
	StatsInterval time.Duration // stats_interval; 0 means 10 s, negative: no statistics wanted
	StatsMissing  string        // stats_missing: "unhealthy" (default), "violation", "ignore"
	FPS           int           // of scripted cameras: 10, 15 or 30; 0 means 30
	UseFIR        bool          // ask for keyframes by FIR instead of PLI
	NoProbes      bool          // no padding probes, APP and XR packets
	NoDecode      bool          // do not decode what clients send: saves CPU in benchmarks, no pictures in reports
	NoREMB        bool          // send no REMB
	NoTWCC        bool          // send no transport-wide feedback
	// Film draws picture n of every scripted camera, in place of the person's scene: for
	// benchmarks, in which all codecs are to see the same.
	Film         func(img *image.YCbCr, n int) `json:"-"`
	DirectReject bool                          // canvas.direct: reject instead of as relevant when it names nobody
}

// Timing holds the edge's own times, so that tests need not wait for them.
type Timing struct {
	Lobby      time.Duration // interop.lobby_limit; default 30 s
	FirstCheck time.Duration // default 15 s
	Handshake  time.Duration // DTLS after the nomination; default 10 s
	Channels   time.Duration // mandatory channels after DTLS; default 10 s
	Consent    time.Duration // the session ends after so long without a check; default 30 s
	Exhausted  time.Duration // CONNECTIONS_EXHAUSTED after an unclean loss; default 30 s
}

// JWTMode says what the edge makes of gateway tokens (MEET-S18).
type JWTMode string

// The modes; the first is the default.
const (
	JWTRequired   JWTMode = ""
	JWTTransition JWTMode = "transition" // a missing one is only noted
	JWTOff        JWTMode = "off"        // not looked at
)

// AnswerShape is the form of the answer (MEET-S6).
type AnswerShape string

// The forms; the first is the default.
const (
	StrictMeet AnswerShape = ""
	PlainRFC   AnswerShape = "plain-rfc"
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
	c.Seed = or(c.Seed, 1)
	if c.Network == nil {
		c.Network = machine{}
	}
	o, t := &c.Options, &c.Timing
	o.MaxVideos = or(o.MaxVideos, 8)
	o.UplinkBitrate = or(o.UplinkBitrate, 2_000_000)
	o.FPS = or(o.FPS, 30)
	o.StatsInterval = max(or(o.StatsInterval, 10*time.Second), 0)
	t.Lobby = or(t.Lobby, 30*time.Second)
	t.FirstCheck = or(t.FirstCheck, 15*time.Second)
	t.Handshake = or(t.Handshake, 10*time.Second)
	t.Channels = or(t.Channels, 10*time.Second)
	t.Consent = or(t.Consent, 30*time.Second)
	t.Exhausted = or(t.Exhausted, 30*time.Second)
	return c
}

// machine is the machine's own network.
type machine struct{}

func (machine) Listen(network, address string) (net.Listener, error) {
	return net.Listen(network, address)
}

func (machine) ListenPacket(network, address string) (net.PacketConn, error) {
	return net.ListenPacket(network, address)
}

// paint gives people without a colour one that differs from the others'.
func paint(i int) color.RGBA {
	palette := [...]string{"#c03020", "#2060c0", "#208040", "#e0a020", "#8030a0", "#20a0a0", "#804020", "#d060a0", "#607080", "#a0c030", "#203060", "#e07040"}
	c, _ := picture.ParseHex(palette[i%len(palette)])
	return c
}
