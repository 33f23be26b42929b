package gvoice

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"os"
	"strings"
	"time"

	"tandem/internal/public"
	"tandem/sip/flow"
	"tandem/token"
)

// An Account is one Google Voice number and the user's own credentials for it.
type Account struct {
	Name    string `yaml:"name"`              // how rules and the log call it
	Number  string `yaml:"number"`            // E.164, what callers dial
	Profile string `yaml:"profile,omitempty"` // "voice" (default) or "obihai"

	// User is the SIP user name; Google asks that it be unique per device.
	User  string `yaml:"user,omitempty"`  // default: made of the account's name
	Label string `yaml:"label,omitempty"` // device name on Google's settings page (obn); default "Tandem"

	ClientID     string       `yaml:"client_id,omitempty"`
	ClientSecret token.Secret `yaml:"client_secret,omitempty"`
	RefreshToken token.Secret `yaml:"refresh_token,omitempty"`
	TokenURL     string       `yaml:"token_url,omitempty"`     // default Google's
	Private      bool         `yaml:"allow_private,omitempty"` // token_url may be in a private network, or on this machine
	TokenCommand []string     `yaml:"token_command,omitempty"` // prints an access token; instead of the three above

	Registrar string   `yaml:"registrar,omitempty"` // instead of the profile's
	Proxies   []string `yaml:"proxies,omitempty"`   // host:port, instead of the profile's
	// Connect replaces the address a proxy name resolves to; the name stays what
	// the certificate is checked for. For simulators and tests.
	Connect string `yaml:"connect,omitempty"`

	Roots      string `yaml:"roots,omitempty"`       // PEM file with the only roots to trust
	TokenFirst bool   `yaml:"token_first,omitempty"` // write the Bearer parameters in Asterisk's order, token first (GV-C3)
	ClientCert string `yaml:"client_cert,omitempty"` // PEM file with certificate and key, the user's own
	WeakKeys   bool   `yaml:"weak_keys,omitempty"`   // allow a client certificate below 2048 bits

	Encrypt    bool             `yaml:"encrypt,omitempty"`   // take DTLS-SRTP when it is offered
	IPv4Only   bool             `yaml:"ipv4_only,omitempty"` // never use an IPv6 media path (GV-S47)
	PublicIP   netip.Addr       `yaml:"public_ip,omitempty"` // as one more host candidate
	STUN       []netip.AddrPort `yaml:"stun,omitempty"`      // asked for the public address
	MaxCalls   int              `yaml:"max_calls,omitempty"` // 0 is no limit
	Timing     Timing           `yaml:"timing,omitempty"`
	AskExpires time.Duration    `yaml:"expires,omitempty"` // default the profile's
}

// Timing are the account's intervals; zero fields are the defaults.
type Timing struct {
	KeepAlive time.Duration   `yaml:"keep_alive,omitempty"` // default the profile's
	Pong      time.Duration   `yaml:"pong,omitempty"`       // default 10 s (RFC 5626 §4.4.1)
	Backoff   time.Duration   `yaml:"backoff,omitempty"`    // first wait after a failure; default 1 s, doubling
	MaxWait   time.Duration   `yaml:"max_wait,omitempty"`   // default 30 s (GV-C10)
	Silence   []time.Duration `yaml:"silence,omitempty"`    // after 603/403; default 60, 300, 900, 1800 s
	Spacing   time.Duration   `yaml:"spacing,omitempty"`    // between REGISTERs, on average; default 10 s
	Media     time.Duration   `yaml:"media,omitempty"`      // silence that ends a call; default 30 s
}

// Validate names the field that is wrong.
func (a *Account) Validate() error {
	var errs []error
	bad := func(field, format string, args ...any) { errs = append(errs, fmt.Errorf(field+": "+format, args...)) }
	if a.Name == "" {
		bad("name", "an account needs a name")
	}
	if !strings.HasPrefix(a.Number, "+") || len(a.Number) < 8 || strings.Trim(a.Number[1:], "0123456789") != "" {
		bad("number", "%q is not in E.164, like +15551230000", a.Number)
	}
	if _, ok := Profiles()[a.profileName()]; !ok {
		bad("profile", "%q is neither voice nor obihai", a.Profile)
	}
	if strings.ContainsAny(a.User, "@:;<>\"' \t\r\n") {
		bad("user", "%q holds characters a SIP user name cannot have", a.User)
	}
	switch {
	case len(a.TokenCommand) > 0:
	case a.ClientID == "" || a.RefreshToken.IsZero():
		bad("refresh_token", "client_id, client_secret and refresh_token (or token_command) are needed; they are your own, see docs/03-google-voice.md")
	}
	if u, err := url.Parse(a.TokenURL); a.TokenURL != "" && (err != nil || u.Host == "") {
		bad("token_url", "%q is no address such as %s", a.TokenURL, token.GoogleURL)
	} else if err == nil && !a.Private && public.OwnHost(u.Hostname()) {
		bad("token_url", "%s is in a private network, or this machine; say so with allow_private: true", u.Hostname())
	}
	for i, p := range a.Proxies {
		if err := flow.CheckAddr(p); err != nil {
			bad(fmt.Sprintf("proxies[%d]", i), "%v", err)
		}
	}
	if err := flow.CheckAddr(a.connectOr("localhost:5061")); err != nil {
		bad("connect", "%v", err)
	}
	if _, err := a.tlsConfig(); err != nil {
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

func (a *Account) connectOr(s string) string {
	if a.Connect != "" {
		return a.Connect
	}
	return s
}

func (a *Account) profileName() string {
	if a.Profile == "" {
		return "voice"
	}
	return a.Profile
}

// profile is the built-in profile with the account's own changes.
func (a *Account) profile() Profile {
	p := Profiles()[a.profileName()]
	if a.Registrar != "" {
		p.Registrar = a.Registrar
	}
	if len(a.Proxies) > 0 {
		p.Proxies = a.Proxies
	}
	p.TokenFirst = p.TokenFirst || a.TokenFirst
	if a.AskExpires > 0 {
		p.Expires = a.AskExpires
	}
	if a.Timing.KeepAlive > 0 {
		p.KeepAlive = a.Timing.KeepAlive
	}
	return p
}

// user is the SIP user name: what was configured, else the account's name with
// what a user name cannot have left out.
func (a *Account) user() string {
	if a.User != "" {
		return a.User
	}
	return "tandem-" + strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || r == '-' {
			return r
		}
		return -1
	}, strings.ToLower(a.Name))
}

func (a *Account) label() string {
	if a.Label == "" {
		return "Tandem"
	}
	return a.Label
}

// tlsConfig is the account's own: roots, client certificate. The server name is
// set per proxy.
func (a *Account) tlsConfig() (*tls.Config, error) {
	c := &tls.Config{MinVersion: tls.VersionTLS12} // GV-C1
	if a.Roots != "" {
		pem, err := os.ReadFile(a.Roots)
		if err != nil {
			return nil, fmt.Errorf("roots: %w", err)
		}
		c.RootCAs = x509.NewCertPool()
		if !c.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("roots: %s holds no PEM certificate", a.Roots)
		}
	}
	if a.ClientCert != "" {
		cert, err := tls.LoadX509KeyPair(a.ClientCert, a.ClientCert)
		if err != nil {
			return nil, fmt.Errorf("client_cert: %w", err)
		}
		if err := a.checkKey(cert); err != nil {
			return nil, err
		}
		c.Certificates = []tls.Certificate{cert}
	}
	return c, nil
}
