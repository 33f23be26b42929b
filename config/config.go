package config

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"maps"
	"net/netip"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"tandem/alarm/mail"
	"tandem/capacity"
	"tandem/evidence"
	"tandem/identity/oidc"
	"tandem/leg/gvoice"
	"tandem/leg/meet"
	"tandem/leg/reception"
	"tandem/leg/sipua"
	"tandem/route"
	"tandem/sip/flow"
	"tandem/token"
	"tandem/toll"
	"tandem/tracing"
)

// Config is the whole gateway as a person writes it. The zero value is a
// gateway without devices, accounts and rules; every part says its own defaults.
type Config struct {
	Node  string `yaml:"node,omitempty"`  // name of this machine in records; default the host name
	Store string `yaml:"store,omitempty"` // sqlite:PATH or postgres://…; default sqlite:tandem.db
	// Managed keeps the configuration in the store: only the fields of the machine are taken
	// from the file, the others make the first version.
	Managed bool `yaml:"managed,omitempty"`
	// Key is the file that opens the secrets in the store; default tandem.key beside the SQLite
	// file, or in the working directory.
	Key     string         `yaml:"key_file,omitempty"`
	HTTP    string         `yaml:"http,omitempty"`    // address of /metrics, /healthz, /readyz; default 127.0.0.1:8080, "off" is none
	Web     Web            `yaml:"web,omitempty"`     // the page and the API, at the same address
	Cluster Cluster        `yaml:"cluster,omitempty"` // several machines that share a PostgreSQL
	Log     Log            `yaml:"log,omitempty"`     //
	Capture bool           `yaml:"capture,omitempty"` // lets `tandem capture` and operators record packets of a call; default off
	Limits  Limits         `yaml:"limits,omitempty"`  //
	Media   Media          `yaml:"media,omitempty"`   //
	SIP     sipua.Config   `yaml:"sip,omitempty"`     // phones and trunks
	Voice   []VoiceAccount `yaml:"google_voice,omitempty"`
	Meet    meet.Config    `yaml:"meet,omitempty"` // meetings of Google Meet

	Evidence evidence.Config `yaml:"evidence,omitempty"` // what calls leave to look at
	Tracing  tracing.Config  `yaml:"tracing,omitempty"`  // traces of calls, for a collector

	// Locations are where callers and machines are; rules can ask for them.
	Locations []route.Location `yaml:"locations,omitempty"`

	Receptions []reception.Config `yaml:"receptions,omitempty"` // ask for a meeting ID

	// Outbound are the targets, tried in order, for telephone numbers that our
	// devices dial and no rule knows.
	Outbound  []route.Target `yaml:"outbound,omitempty"`
	Toll      toll.Config    `yaml:"toll_guard,omitempty"` // against calls that cost a fortune
	DialPlan  route.Config   `yaml:"dial_plan,omitempty"`
	Alarms    Alarms         `yaml:"alarms,omitempty"`    // who is told of them
	Retention Retention      `yaml:"retention,omitempty"` // how long the past can be looked up
	OIDC      oidc.Config    `yaml:"oidc,omitempty"`      // people sign in by an OpenID Connect provider
}

// VoiceAccount is a Google Voice account, and who rings when it is called.
type VoiceAccount struct {
	gvoice.Account `yaml:",inline"`
	Ring           []route.Target `yaml:"ring,omitempty"` // tried in order, where no rule knows better
}

// Alarms says who is told of alarms.
type Alarms struct {
	Mail mail.Config `yaml:"mail,omitempty"`
}

// Log says what the gateway writes to its standard error.
type Log struct {
	Level  slog.Level `yaml:"level,omitempty"`  // debug, info (default), warn, error
	Format string     `yaml:"format,omitempty"` // text (default) or json
}

// Web is how browsers and programs reach the gateway.
type Web struct {
	Cert string `yaml:"cert,omitempty"` // PEM file with the certificate chain; with it http: speaks TLS
	Key  string `yaml:"key,omitempty"`  // PEM file with its key; default the same file
	// Proxies are addresses and networks of reverse proxies that are believed when they say whom a request is from.
	Proxies []string `yaml:"trusted_proxies,omitempty"`
}

// TrustedProxies are the networks of Proxies that can be read.
func (w *Web) TrustedProxies() (all []netip.Prefix) {
	for _, text := range w.Proxies {
		if p, err := route.Network(text); err == nil {
			all = append(all, p)
		}
	}
	return all
}

// Limits bound the gateway as a whole.
type Limits struct {
	Calls int     `yaml:"calls,omitempty"` // at once; default 1000
	Ports int     `yaml:"ports,omitempty"` // legs at once, two for each call; default no limit
	CPU   float64 `yaml:"cpu,omitempty"`   // share of the processors, 0.1 to 1, from which calls are refused; default no limit
}

// Capacity is what a node may carry.
func (l Limits) Capacity() capacity.Limits { return capacity.Limits{Ports: l.Ports, CPU: l.CPU} }

// Media says where audio goes in and out.
type Media struct {
	Bind     netip.Addr `yaml:"bind,omitempty"`      // IPv4; default 0.0.0.0
	BindIPv6 netip.Addr `yaml:"bind_ipv6,omitempty"` // default none
	Public   netip.Addr `yaml:"public,omitempty"`    // shown to far ends beyond a 1:1 NAT
	PortMin  int        `yaml:"port_min,omitempty"`  // default 16384
	PortMax  int        `yaml:"port_max,omitempty"`  // default 32767
	Workers  int        `yaml:"workers,omitempty"`   // goroutines that move packets; default one a CPU
	Country  string     `yaml:"country,omitempty"`   // of ringback tones, ISO 3166; default us
}

// Load reads and checks the file at path.
func Load(path string) (*Config, error) {
	c, places, err := read(path, false)
	if err != nil {
		return nil, err
	}
	if err := c.Validate(); err != nil {
		return nil, located(path, places, err)
	}
	return c, nil
}

// LoadMasked reads a file that may be an export: its secrets may be the [Mask],
// or left out, for [KeepSecrets] to fill in. It is checked after that; locate puts
// the lines of the file to what the checks find.
func LoadMasked(path string) (c *Config, locate func(error) error, err error) {
	c, places, err := read(path, true)
	return c, func(err error) error {
		var fields Errors
		if !errors.As(err, &fields) {
			return err
		}
		var all []error
		for _, e := range fields {
			all = append(all, e)
		}
		return located(path, places, errors.Join(all...))
	}, err
}

func read(path string, masked bool) (*Config, map[string]place, error) {
	text, err := readBounded(path, maxFile)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, nil, fmt.Errorf("there is no configuration at %s; name one, or begin with docs/01-getting-started.md", path)
	case err != nil:
		return nil, nil, fmt.Errorf("read the configuration: %w", err)
	}
	c := new(Config)
	places, err := decode(path, text, c, System(filepath.Dir(path)), masked)
	if err != nil {
		return nil, nil, err
	}
	c.locate(filepath.Dir(path))
	return c, places, nil
}

// locate makes paths of files relative to the configuration, wherever the
// gateway is started.
func (c *Config) locate(dir string) {
	at := func(path *string) {
		if *path != "" && !filepath.IsAbs(*path) {
			*path = filepath.Join(dir, *path)
		}
	}
	for i := range c.SIP.Listen {
		at(&c.SIP.Listen[i].Cert)
		at(&c.SIP.Listen[i].Key)
	}
	at(&c.Key)
	at(&c.Web.Cert)
	at(&c.Web.Key)
	c.files(func(_ string, path *string) { at(path) })
}

// Validate finds what no part can find alone: names that lead nowhere. All that
// is wrong is reported at once, each with the path of its field.
func (c *Config) Validate() error {
	errs := append(c.checkBounds(), prefixed("sip", c.SIP.Validate()))
	names := make(map[string]bool)
	for i := range c.Voice {
		a := &c.Voice[i]
		errs = append(errs, prefixed(fmt.Sprintf("google_voice[%d]", i), a.Validate()))
		if names[a.Name] {
			errs = append(errs, fmt.Errorf("google_voice[%d].name: %q is used twice", i, a.Name))
		}
		names[a.Name] = true
	}
	if c.HTTP != "" && c.HTTP != "off" {
		if err := flow.CheckAddr(c.HTTP); err != nil {
			errs = append(errs, fmt.Errorf("http: %w", err))
		}
	}
	for i, p := range c.Web.Proxies {
		if _, err := route.Network(p); err != nil {
			errs = append(errs, fmt.Errorf("web.trusted_proxies[%d]: %w", i, err))
		}
	}
	if c.Web.Key != "" && c.Web.Cert == "" {
		errs = append(errs, errors.New("web.cert: a key without a certificate is of no use"))
	}
	if c.Log.Format != "" && c.Log.Format != "text" && c.Log.Format != "json" {
		errs = append(errs, fmt.Errorf("log.format: %q is neither text nor json", c.Log.Format))
	}
	if c.Media.PortMax < c.Media.PortMin || c.Media.PortMin < 0 || c.Media.PortMax > 65535 {
		errs = append(errs, fmt.Errorf("media.port_min: %d to %d is no range of ports", c.Media.PortMin, c.Media.PortMax))
	}
	if c.Limits.Calls < 0 {
		errs = append(errs, errors.New("limits.calls: must not be negative"))
	}
	errs = append(errs, prefixed("evidence", c.Evidence.Validate()))
	errs = append(errs, prefixed("tracing", c.Tracing.Validate()))
	errs = append(errs, prefixed("limits", c.Limits.Capacity().Validate()))
	errs = append(errs, c.checkReceptions()...)
	errs = append(errs, c.checkCluster()...)
	errs = append(errs, prefixed("meet", c.Meet.Validate()), prefixed("toll_guard", c.Toll.Validate()), prefixed("alarms.mail", c.Alarms.Mail.Validate()), prefixed("oidc", c.OIDC.Validate()), prefixed("retention", c.Retention.Validate()))
	errs = append(errs, c.checkTargets()...)
	errs = append(errs, c.checkLocations()...)
	if table, err := route.New(c.Routes()); err != nil {
		errs = append(errs, prefixed("dial_plan", err))
	} else {
		errs = append(errs, c.checkTests(table)...)
	}
	return errors.Join(errs...)
}

// prefixed puts the path of a part before each of its errors.
func prefixed(path string, err error) error {
	if err == nil {
		return nil
	}
	if all, ok := err.(interface{ Unwrap() []error }); ok {
		var errs []error
		for _, e := range all.Unwrap() {
			errs = append(errs, prefixed(path, e))
		}
		return errors.Join(errs...)
	}
	return fmt.Errorf("%s.%w", path, err)
}

// checkTargets finds targets that do not exist.
func (c *Config) checkTargets() []error {
	var devices, trunks, accounts []string
	for _, d := range c.SIP.Devices {
		devices = append(devices, d.Name)
	}
	for _, t := range c.SIP.Trunks {
		trunks = append(trunks, t.Name)
	}
	for _, a := range c.Voice {
		accounts = append(accounts, a.Name)
	}
	var tokens []string
	for _, t := range c.Meet.Tokens {
		tokens = append(tokens, t.Name)
	}
	var proxies []string
	for _, p := range c.SIP.Proxies {
		proxies = append(proxies, p.Name)
	}
	var receptions []string
	for _, r := range c.Receptions {
		receptions = append(receptions, r.Name)
	}
	var errs []error
	check := func(field string, t route.Target) {
		for _, k := range []struct {
			kind, name string
			known      []string
		}{{"device", t.Device, devices}, {"trunk", t.Trunk, trunks}, {"account", t.Account, accounts}, {"meet", t.Meet, tokens}, {"reception", t.Reception, receptions}, {"proxy", t.Proxy, proxies}, {"group", t.Group, slices.Collect(maps.Keys(c.DialPlan.Groups))}} {
			if k.name != "" && !slices.Contains(k.known, k.name) {
				what := k.kind
				switch what {
				case "meet":
					what = "access token"
				case "proxy":
					what = "SIP proxy"
				}
				errs = append(errs, fmt.Errorf("%s.%s: there is no %s %q", field, k.kind, what, k.name))
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(c.Toll.Callers)) {
		if !slices.Contains(slices.Concat(devices, trunks, accounts), name) {
			errs = append(errs, fmt.Errorf("toll_guard.callers.%s: there is no such device, trunk or account", name))
		}
	}
	targets := c.DialPlan.Targets()
	for _, field := range slices.Sorted(maps.Keys(targets)) {
		check("dial_plan."+field, targets[field])
	}
	for i, t := range c.Outbound {
		check(fmt.Sprintf("outbound[%d]", i), t)
	}
	for i, a := range c.Voice {
		for n, t := range a.Ring {
			check(fmt.Sprintf("google_voice[%d].ring[%d]", i, n), t)
		}
	}
	from := append(slices.Concat(devices, trunks, accounts), sipua.Name, gvoice.Name)
	for i, r := range c.DialPlan.Rules {
		for n, f := range r.From {
			if !slices.Contains(from, f) {
				errs = append(errs, fmt.Errorf("dial_plan.rules[%d].from[%d]: %q is no device, trunk, account or connector", i, n, f))
			}
		}
	}
	return errs
}

// checkReceptions finds receptions that cannot be, and aliases that two would have.
func (c *Config) checkReceptions() (errs []error) {
	names, aliases := make(map[string]bool), make(map[string]bool)
	for i := range c.Receptions {
		r := &c.Receptions[i]
		at := fmt.Sprintf("receptions[%d]", i)
		errs = append(errs, prefixed(at, r.Validate()))
		if names[r.Name] {
			errs = append(errs, fmt.Errorf("%s.name: %q is used twice", at, r.Name))
		}
		names[r.Name] = true
		for n, a := range r.Aliases {
			if aliases[a] {
				errs = append(errs, fmt.Errorf("%s.aliases[%d]: %q is dialled for another reception already", at, n, a))
			}
			aliases[a] = true
		}
		if r.Token != "" && !slices.ContainsFunc(c.Meet.Tokens, func(t token.Access) bool { return t.Name == r.Token }) {
			errs = append(errs, fmt.Errorf("%s.token: there is no access token %q", at, r.Token))
		}
	}
	return errs
}

const (
	firstPriority = -1 << 20 // above every rule a person writes
	lastPriority  = 1 << 20  // below every one
)

// receptionRules lead to receptions by their aliases, before other rules are looked
// at, as all services are (R-1 of the project's reference).
func (c *Config) receptionRules() (rules []route.RuleConfig) {
	for _, r := range c.Receptions {
		var aliases []string
		for _, a := range r.Aliases {
			if n, ok := c.DialPlan.Numbers.Normalize(a); ok {
				a = n
			}
			aliases = append(aliases, regexp.QuoteMeta(a))
		}
		if len(aliases) > 0 {
			rules = append(rules, route.RuleConfig{
				Name: "reception " + r.Name, Priority: firstPriority,
				Match: "(?i:" + strings.Join(aliases, "|") + ")", To: []route.Target{{Reception: r.Name}},
			})
		}
	}
	return rules
}

// Routes is the dial plan with the rules that follow from the rest of the
// configuration: what leads to a reception, who rings for an account, how devices call each other, and
// where telephone numbers go.
func (c *Config) Routes() route.Config {
	plan := c.DialPlan
	plan.Rules = slices.Concat(plan.Rules, c.receptionRules())
	for _, a := range c.Voice {
		if len(a.Ring) > 0 {
			plan.Rules = append(plan.Rules, route.RuleConfig{
				Name: "google_voice " + a.Name, Priority: lastPriority,
				From: []string{a.Name}, To: a.Ring,
			})
		}
	}
	for _, d := range c.SIP.Devices {
		plan.Rules = append(plan.Rules, route.RuleConfig{
			Name: "device " + d.Name, Priority: lastPriority,
			Match: regexp.QuoteMeta(d.Name), To: []route.Target{{Device: d.Name}},
		})
	}
	var devices []string // a carrier's trunk must not call out through us
	for _, d := range c.SIP.Devices {
		devices = append(devices, d.Name)
	}
	if len(c.Outbound) > 0 && len(devices) > 0 {
		plan.Rules = append(plan.Rules, route.RuleConfig{
			Name: "outbound", Priority: lastPriority,
			From: devices, Match: `\+\d+`, To: c.Outbound,
		})
	}
	return plan
}

// TollGuard is the guard against toll fraud, with what is true of trunks where
// nobody said otherwise: they carry the calls of many.
func (c *Config) TollGuard() toll.Config {
	g := c.Toll
	g.Callers = maps.Clone(g.Callers)
	if g.Callers == nil {
		g.Callers = make(map[string]toll.Limits)
	}
	for _, t := range c.SIP.Trunks {
		l := g.Callers[t.Name]
		for _, n := range []*int{&l.PerMinute, &l.AtOnce, &l.Burst} {
			if *n == 0 {
				*n = -1
			}
		}
		g.Callers[t.Name] = l
	}
	return g
}

// Accounts are the Google Voice accounts without what routing takes of them.
func (c *Config) Accounts() []gvoice.Account {
	var out []gvoice.Account
	for _, a := range c.Voice {
		out = append(out, a.Account)
	}
	return out
}
