package meet

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/url"
	"os"
	"time"

	"tandem/token"
)

// Config is the way into Google Meet as a person writes it. The zero value has no
// access tokens, and leads nowhere.
type Config struct {
	Edge    string         `yaml:"edge,omitempty"`          // base URL of the interop edge
	Roots   string         `yaml:"roots,omitempty"`         // PEM file with the only roots to trust
	Gateway string         `yaml:"gateway_token,omitempty"` // folder of the gateway's key and certificate
	Tokens  []token.Access `yaml:"access_tokens,omitempty"` // of the organisations whose meetings are joined

	Lobby  time.Duration `yaml:"lobby,omitempty"`  // how long somebody may wait to be admitted; default 30 s
	Join   time.Duration `yaml:"join,omitempty"`   // how long joining may take until the lobby or the meeting; default 20 s
	Notice time.Duration `yaml:"notice,omitempty"` // how long a refusal is shown after the lobby; default 4 s

	Bitrate int `yaml:"bitrate,omitempty"`  // ceiling of audio and camera toward Meet in bit/s; default 2,000,000
	Content int `yaml:"content,omitempty"`  // ceiling of shared content toward Meet in bit/s; default 2,000,000
	Audios  int `yaml:"audios,omitempty"`   // voices that can be heard at once, 1 to 32; default 16
	Videos  int `yaml:"videos,omitempty"`   // pictures that can be seen at once, 1 to 8; default 8
	PortMin int `yaml:"port_min,omitempty"` // UDP ports, both included; default 40000 to 49999
	PortMax int `yaml:"port_max,omitempty"`
}

// Defaults of Config.
const (
	defaultLobby   = 30 * time.Second // MEET-C19
	defaultJoin    = 20 * time.Second
	defaultNotice  = 4 * time.Second
	defaultBitrate = 2_000_000 // MEET-C18
	defaultAudios  = 16
	defaultVideos  = 8
	maxAudios      = 32
	maxVideos      = 8
)

// Validate names the fields that are wrong.
func (c *Config) Validate() error {
	var errs []error
	bad := func(field, format string, args ...any) { errs = append(errs, fmt.Errorf(field+": "+format, args...)) }
	c.checkTokens(bad)
	c.checkLimits(bad)
	if _, err := c.base(); err != nil {
		errs = append(errs, err)
	}
	if _, err := c.tls(); err != nil {
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

func (c *Config) checkTokens(bad func(field, format string, args ...any)) {
	names := make(map[string]bool)
	for i := range c.Tokens {
		a := &c.Tokens[i]
		if err := a.Validate(); err != nil {
			bad(fmt.Sprintf("access_tokens[%d]", i), "%w", err)
		}
		if names[a.Name] {
			bad(fmt.Sprintf("access_tokens[%d].name", i), "%q is used twice", a.Name)
		}
		names[a.Name] = true
	}
	if len(c.Tokens) > 0 && c.Edge == "" {
		bad("edge", "access tokens are of no use without the address of the meeting service")
	}
}

func (c *Config) checkLimits(bad func(field, format string, args ...any)) {
	for field, d := range map[string]time.Duration{"lobby": c.Lobby, "join": c.Join, "notice": c.Notice} {
		if d < 0 {
			bad(field, "must not be negative")
		}
	}
	if c.Audios < 0 || c.Audios > maxAudios {
		bad("audios", "%d is not between 1 and %d", c.Audios, maxAudios)
	}
	if c.Videos < 0 || c.Videos > maxVideos {
		bad("videos", "%d is not between 1 and %d", c.Videos, maxVideos)
	}
	for field, n := range map[string]int{"bitrate": c.Bitrate, "content": c.Content} {
		if n != 0 && n < 100_000 {
			bad(field, "%d bit/s is too little; at least 100000 are needed", n)
		}
	}
	if c.PortMin < 0 || c.PortMax > 65535 || c.PortMin > c.PortMax || c.PortMax > 0 && c.PortMin == 0 {
		bad("port_min", "%d to %d is no range of ports", c.PortMin, c.PortMax)
	}
}

func (c *Config) withDefaults() Config {
	out := *c
	out.Lobby = or(out.Lobby, defaultLobby)
	out.Join = or(out.Join, defaultJoin)
	out.Notice = or(out.Notice, defaultNotice)
	out.Bitrate = or(out.Bitrate, defaultBitrate)
	out.Content = or(out.Content, defaultBitrate)
	out.Audios = or(out.Audios, defaultAudios)
	out.Videos = or(out.Videos, defaultVideos)
	if out.PortMax == 0 {
		out.PortMin, out.PortMax = 40000, 49999
	}
	return out
}

func or[T comparable](v, standard T) T {
	var zero T
	if v == zero {
		return standard
	}
	return v
}

// base is the edge's address; nil for none.
func (c *Config) base() (*url.URL, error) {
	if c.Edge == "" {
		return nil, nil
	}
	u, err := url.Parse(c.Edge)
	if err != nil || u.Host == "" || u.Scheme != "https" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return nil, fmt.Errorf("edge: %q is not like https://meetings.example.com", c.Edge)
	}
	return u, nil
}

func (c *Config) tls() (*tls.Config, error) {
	conf := &tls.Config{MinVersion: tls.VersionTLS12}
	if c.Roots == "" {
		return conf, nil
	}
	pem, err := os.ReadFile(c.Roots)
	if err != nil {
		return nil, fmt.Errorf("roots: %w", err)
	}
	conf.RootCAs = x509.NewCertPool()
	if !conf.RootCAs.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("roots: %s holds no PEM certificate", c.Roots)
	}
	return conf, nil
}
