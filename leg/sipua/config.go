package sipua

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"time"

	"tandem/sip"
	"tandem/sip/flow"
	"tandem/token"
)

// Config is the SIP side of the gateway as a person writes it.
type Config struct {
	Listen   []Listen      `yaml:"listen,omitempty"`  // default UDP and TCP 5060 on all addresses
	Domains  []string      `yaml:"domains,omitempty"` // host names that are ours; our addresses always are
	Realm    string        `yaml:"realm,omitempty"`   // digest realm; default the first domain, else "tandem"
	Digest   []string      `yaml:"digest,omitempty"`  // algorithms offered, in order: md5, sha-256; default md5 alone
	Guests   bool          `yaml:"guests,omitempty"`  // take calls from callers nobody knows; rules decide where they may go
	Register Register      `yaml:"register,omitempty"`
	Guard    Guard         `yaml:"guard,omitempty"`
	Timer    time.Duration `yaml:"session_timer,omitempty"` // Session-Expires we ask for; default 30m, negative is none
	Media    time.Duration `yaml:"media_timeout,omitempty"` // silence that ends a call; default 60s, hold excepted
	Devices  []Device      `yaml:"devices,omitempty"`
	Trunks   []Trunk       `yaml:"trunks,omitempty"`
	Proxies  []Proxy       `yaml:"proxies,omitempty"`  // take calls to SIP addresses elsewhere
	External External      `yaml:"external,omitempty"` // such calls without a proxy
}

// Listen is one socket that takes SIP.
type Listen struct {
	Network   string   `yaml:"network"`             // udp, tcp, tls, ws or wss
	Addr      string   `yaml:"addr"`                // "0.0.0.0:5060", "[::]:5061"
	Cert      string   `yaml:"cert,omitempty"`      // PEM file with the certificate chain, for tls and wss
	Key       string   `yaml:"key,omitempty"`       // PEM file with its key; default the same file
	Advertise string   `yaml:"advertise,omitempty"` // host or host:port that far ends shall use
	Origins   []string `yaml:"origins,omitempty"`   // browsers' origins a WebSocket takes
}

// Register bounds registrations.
type Register struct {
	Min      time.Duration `yaml:"min,omitempty"`      // shorter ones get 423; default 60s
	Max      time.Duration `yaml:"max,omitempty"`      // longer ones are cut; default 1h
	Default  time.Duration `yaml:"default,omitempty"`  // for devices that do not say; default 1h
	Contacts int           `yaml:"contacts,omitempty"` // of one device at once; default 10
	Qualify  time.Duration `yaml:"qualify,omitempty"`  // between pings that keep a NAT open; default 25s
}

// Guard is what happens to sources that try passwords, or, where guests may call,
// numbers.
type Guard struct {
	Failures int           `yaml:"failures,omitempty"` // wrong passwords, and numbers of guests that lead nowhere, of one address before it is shut out; default 20
	Within   time.Duration `yaml:"within,omitempty"`   // default 10m
	Block    time.Duration `yaml:"block,omitempty"`    // default 15m
	Off      bool          `yaml:"off,omitempty"`
	Allow    []string      `yaml:"allow,omitempty"` // addresses and networks that are never shut out
}

// A Device is a phone, ATA, room or softphone that registers with us.
type Device struct {
	Name     string       `yaml:"name"`                // its SIP user name, and how rules call it
	Password token.Secret `yaml:"password"`            //
	CallerID string       `yaml:"caller_id,omitempty"` // number shown to others; default the name
	Display  string       `yaml:"display,omitempty"`   // name shown to others; default what the device says
	MaxCalls int          `yaml:"max_calls,omitempty"` // further calls are busy; default 4 (call waiting), 1 turns call waiting off
	// NoForward ignores call forwarding that is set on the device (302); else its
	// calls go where it says, if the dial plan lets the device call there.
	NoForward bool       `yaml:"no_forward,omitempty"`
	RPID      bool       `yaml:"remote_party_id,omitempty"` // shows callers by Remote-Party-ID, too, for devices that know no P-Asserted-Identity
	Encrypt   Encryption `yaml:"encrypt,omitempty"`         // media; default optional
	Codecs    []string   `yaml:"codecs,omitempty"`          // in order of preference; default opus, g722, pcmu, pcma
	Video     *bool      `yaml:"video,omitempty"`           // pictures too, when the other side has some; default true
	Bitrate   int        `yaml:"max_bitrate,omitempty"`     // kbit/s of video, each way; default 4000
	Tag       string     `yaml:"tag,omitempty"`             // rules can ask for it
	Digits    string     `yaml:"digits,omitempty"`          // INFO body when telephone-event is not agreed: relay (default), plain, none
	// Dial is what its calls are addressed to: "name" (default) is the address it has
	// registered; "number" is the dialled number there, for a PBX that has many.
	Dial string `yaml:"dial,omitempty"`
}

// A Trunk is another SIP system: a PBX, a carrier, an emergency service.
type Trunk struct {
	Name     string        `yaml:"name"`
	Server   string        `yaml:"server"`              // where calls go: a SIP URI or host[:port]; resolved by RFC 3263
	Peers    []string      `yaml:"peers,omitempty"`     // addresses or prefixes that calls come from; default the server's
	Register bool          `yaml:"register,omitempty"`  // register with the server
	User     string        `yaml:"user,omitempty"`      // for registration and challenges
	AuthUser string        `yaml:"auth_user,omitempty"` // when it differs from user
	Password token.Secret  `yaml:"password,omitempty"`
	Realm    string        `yaml:"realm,omitempty"`     // the only realm our password is given to; default the server's host
	Domain   string        `yaml:"domain,omitempty"`    // in From and To; default the server's host
	CallerID string        `yaml:"caller_id,omitempty"` // shown instead of the caller's
	Trusted  bool          `yaml:"trusted,omitempty"`   // believe and send P-Asserted-Identity
	Plus     bool          `yaml:"plus,omitempty"`      // send numbers with their +; default digits only
	Qualify  time.Duration `yaml:"qualify,omitempty"`   // between OPTIONS that watch the server; 0 sends none
	MaxCalls int           `yaml:"max_calls,omitempty"` // 0 is no limit
	Encrypt  Encryption    `yaml:"encrypt,omitempty"`   // media; default optional
	Codecs   []string      `yaml:"codecs,omitempty"`
	Video    *bool         `yaml:"video,omitempty"`       // as for devices
	Bitrate  int           `yaml:"max_bitrate,omitempty"` // as for devices
	Roots    string        `yaml:"roots,omitempty"`       // PEM file with the only roots to trust, for TLS
}

// Encryption is a policy for media encryption.
type Encryption string

const (
	Optional Encryption = ""     // take the best of what is offered; offer plain RTP (with keys, RFC 8643)
	Off      Encryption = "off"  // plain RTP only
	SDES     Encryption = "sdes" // SRTP with keys in the SDP, nothing less
	DTLS     Encryption = "dtls" // DTLS-SRTP, nothing less

	// dtlsAVP is DTLS without RTCP feedback, tried after DTLS: Asterisk takes one of
	// both, by its use_avpf.
	dtlsAVP Encryption = "dtls, RTP/SAVP"
)

// codecNames are the names a configuration can use.
var codecNames = [...]string{"opus", "g722", "pcmu", "pcma"}

// Validate names the fields that are wrong, all at once.
func (c *Config) Validate() error {
	var errs []error
	bad := func(field, format string, args ...any) {
		errs = append(errs, fmt.Errorf("%s: %s", field, fmt.Sprintf(format, args...)))
	}
	for i, l := range c.Listen {
		l.validate(fmt.Sprintf("listen[%d]", i), bad)
	}
	seen := make(map[string]bool)
	name := func(field, s string) {
		switch {
		case s == "" || strings.ContainsAny(s, "@:;<>\"' \t\r\n"):
			bad(field+".name", "%q cannot be a SIP user name", s)
		case seen[s]:
			bad(field+".name", "%q is used twice; devices and trunks share their names", s)
		}
		seen[s] = true
	}
	for i := range c.Devices {
		f := fmt.Sprintf("devices[%d]", i)
		name(f, c.Devices[i].Name)
		c.Devices[i].validate(f, bad)
	}
	for i := range c.Trunks {
		f := fmt.Sprintf("trunks[%d]", i)
		name(f, c.Trunks[i].Name)
		c.Trunks[i].validate(f, bad)
	}
	proxies := make(map[string]bool)
	for i := range c.Proxies {
		f, p := fmt.Sprintf("proxies[%d]", i), &c.Proxies[i]
		if p.Name == "" || proxies[p.Name] {
			bad(f+".name", "%q is empty, or used twice", p.Name)
		}
		proxies[p.Name] = true
		p.validate(f, bad)
	}
	checkMedia("external", c.External.Encrypt, nil, bad)
	for i, a := range c.Guard.Allow {
		if _, err := network(a); err != nil {
			bad(fmt.Sprintf("guard.allow[%d]", i), "%q is neither an address nor a network such as 192.0.2.0/24", a)
		}
	}
	for i, d := range c.Digest {
		if !slices.Contains([]string{"MD5", "SHA-256"}, strings.ToUpper(d)) {
			bad(fmt.Sprintf("digest[%d]", i), "%q is none of md5, sha-256", d)
		}
	}
	if c.Register.Min < 0 || c.Register.Max < 0 || c.Register.Max > 0 && c.Register.Max < c.Register.Min {
		bad("register", "min %v and max %v are no range", c.Register.Min, c.Register.Max)
	}
	return errors.Join(errs...)
}

func (l *Listen) validate(field string, bad func(field, format string, args ...any)) {
	if !slices.Contains([]string{"udp", "tcp", "tls", "ws", "wss"}, l.Network) {
		bad(field+".network", "%q is none of udp, tcp, tls, ws, wss", l.Network)
	}
	if err := flow.CheckAddr(l.Addr); err != nil {
		bad(field+".addr", "%v", err)
	}
	if _, _, err := net.SplitHostPort(l.Advertise); err == nil { // else it has no port
		if err := flow.CheckAddr(l.Advertise); err != nil {
			bad(field+".advertise", "%v", err)
		}
	}
	if (l.Network == "tls" || l.Network == "wss") && l.Cert == "" {
		bad(field+".cert", "%s needs a certificate", l.Network)
	}
}

func (d *Device) validate(field string, bad func(field, format string, args ...any)) {
	if d.Password.IsZero() {
		bad(field+".password", "a device without password could be anybody")
	}
	if d.MaxCalls < 0 {
		bad(field+".max_calls", "must not be negative")
	}
	if !slices.Contains([]string{"", "relay", "plain", "none"}, d.Digits) {
		bad(field+".digits", "%q is none of relay, plain, none", d.Digits)
	}
	if !slices.Contains([]string{"", "name", "number"}, d.Dial) {
		bad(field+".dial", "%q is neither name nor number", d.Dial)
	}
	checkMedia(field, d.Encrypt, d.Codecs, bad)
	checkBitrate(field, d.Bitrate, bad)
}

func (t *Trunk) validate(field string, bad func(field, format string, args ...any)) {
	if t.Server == "" {
		bad(field+".server", "a trunk needs the address of the other system")
	} else if _, err := t.serverURI(); err != nil {
		bad(field+".server", "%v", err)
	}
	for i, p := range t.Peers {
		if _, err := parsePeer(p); err != nil {
			bad(fmt.Sprintf("%s.peers[%d]", field, i), "%q is no address or prefix", p)
		}
	}
	if t.Register && (t.User == "" || t.Password.IsZero()) {
		bad(field+".register", "registering needs user and password")
	}
	checkMedia(field, t.Encrypt, t.Codecs, bad)
	checkBitrate(field, t.Bitrate, bad)
}

// serverURI is the server as a URI.
func (t *Trunk) serverURI() (sip.URI, error) {
	uri := t.Server
	if !strings.HasPrefix(uri, "sip:") && !strings.HasPrefix(uri, "sips:") {
		uri = "sip:" + uri
	}
	return sip.ParseURI(uri)
}

func checkMedia(field string, e Encryption, codecs []string, bad func(field, format string, args ...any)) {
	if !slices.Contains([]Encryption{Optional, Off, SDES, DTLS}, e) {
		bad(field+".encrypt", "%q is none of off, sdes, dtls (or left out)", e)
	}
	for i, name := range codecs {
		if !slices.Contains(codecNames[:], strings.ToLower(name)) {
			bad(fmt.Sprintf("%s.codecs[%d]", field, i), "%q is none of %v", name, codecNames)
		}
	}
}

// checkBitrate wants what a picture can be sent with.
func checkBitrate(field string, kbits int, bad func(field, format string, args ...any)) {
	if kbits != 0 && (kbits < 64 || kbits > 50_000) {
		bad(field+".max_bitrate", "%d kbit/s is not between 64 and 50000", kbits)
	}
}

// parsePeer reads an address or a prefix.
func parsePeer(s string) (netip.Prefix, error) {
	if a, err := netip.ParseAddr(s); err == nil {
		return netip.PrefixFrom(a, a.BitLen()), nil
	}
	return netip.ParsePrefix(s)
}
