// Package stage sets up the gateway on loopback with a simulated Google Voice
// edge, a simulated meeting service and simulated phones around it, for the demo and
// for end-to-end tests.
package stage

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"time"

	"tandem"
	"tandem/config"
	"tandem/leg/gvoice"
	"tandem/leg/sipua"
	"tandem/route"
	sim "tandem/sim/gvoice"
	simmeet "tandem/sim/meet"
	"tandem/sim/phone"
	"tandem/sip/flow"
	"tandem/token"
)

// The numbers and devices of every stage.
const (
	Number  = "+12025550123" // of the Google Voice account
	Account = "home"
	Kitchen = "kitchen"
	Study   = "study"
	Board   = "board" // a room
)

// Options are what a stage differs in; the zero value is fit for tests.
type Options struct {
	Dir    string // for the store and the simulator's roots; it must exist
	Log    *slog.Logger
	Trace  func(flow.TraceEvent)
	Edge   sim.Config           // accounts are added
	Meet   *simmeet.Config      // a simulated meeting service, too; example meetings and tokens where it names none
	SIP    []sipua.Listen       // default UDP, TCP on free ports of 127.0.0.1
	Change func(*config.Config) // last word on the gateway's configuration
	HTTP   string               // default off
}

// A Stage is a running gateway and edge.
type Stage struct {
	Edge     *sim.Server
	Meetings *simmeet.Server // nil without Options.Meet
	Gateway  *tandem.Gateway
	Config   *config.Config
	Password string // of every device

	options Options
	stop    context.CancelFunc
	done    chan error
	phones  []*phone.Phone
}

// Start starts the edge, then the gateway. The caller closes the stage.
func Start(ctx context.Context, o Options) (*Stage, error) {
	s := &Stage{options: o, Password: rand.Text()[:12], done: make(chan error, 1)}
	edge := o.Edge
	refresh := rand.Text()
	edge.Accounts = append(edge.Accounts, sim.Account{Number: Number, ClientID: "demo-client", ClientSecret: "demo-secret", RefreshToken: refresh})
	s.Edge = &sim.Server{Config: edge, Log: o.Log.With("part", "google")}
	if err := s.Edge.Start(context.WithoutCancel(ctx)); err != nil { // it lives until Close
		return nil, fmt.Errorf("start the simulated Google Voice edge: %w", err)
	}
	if err := s.open(ctx, refresh); err != nil {
		return nil, errors.Join(err, s.closeEdges())
	}
	return s, nil
}

// open starts the meeting service and the gateway.
func (s *Stage) open(ctx context.Context, refresh string) error {
	roots := filepath.Join(s.options.Dir, "google-simulator-ca.pem")
	if err := os.WriteFile(roots, s.Edge.CAPEM(), 0o600); err != nil {
		return err
	}
	s.Config = s.configure(roots, refresh)
	if s.options.Meet != nil {
		if err := s.openMeetings(ctx); err != nil {
			return fmt.Errorf("start the simulated meeting service: %w", err)
		}
	}
	if s.options.Change != nil {
		s.options.Change(s.Config)
	}
	return s.Run(ctx)
}

func (s *Stage) closeEdges() error {
	err := s.Edge.Close()
	if s.Meetings != nil {
		err = errors.Join(err, s.Meetings.Close())
	}
	return err
}

func (s *Stage) configure(roots, refresh string) *config.Config {
	listens := s.options.SIP
	if listens == nil {
		listens = []sipua.Listen{{Network: "udp", Addr: "127.0.0.1:0"}, {Network: "tcp", Addr: "127.0.0.1:0"}}
	}
	http := s.options.HTTP
	if http == "" {
		http = "off"
	}
	device := func(name, number string) sipua.Device {
		return sipua.Device{Name: name, Password: token.Secret(s.Password), CallerID: number}
	}
	return &config.Config{
		Node: "stage", Store: "sqlite:" + filepath.Join(s.options.Dir, "tandem.db"), HTTP: http,
		Media: config.Media{Bind: netip.MustParseAddr("127.0.0.1")},
		SIP: sipua.Config{
			Listen: listens, Domains: []string{"tandem.example"},
			Devices: []sipua.Device{device(Kitchen, Number), device(Study, Number), device(Board, "")},
		},
		Voice: []config.VoiceAccount{{
			Account: gvoice.Account{
				Name: Account, Number: Number, User: "tandem-demo", ClientID: "demo-client", ClientSecret: "demo-secret",
				RefreshToken: token.Secret(refresh), TokenURL: s.Edge.TokenURL(), Private: true, Connect: s.Edge.Addr(), Roots: roots,
				Timing: gvoice.Timing{Backoff: 100 * time.Millisecond, MaxWait: time.Second, Spacing: 100 * time.Millisecond},
			},
			Ring: []route.Target{{Group: "family", Within: 20 * time.Second}},
		}},
		Outbound: []route.Target{{Account: Account}},
		DialPlan: route.Config{
			Numbers: route.Plan{Area: "202"},
			Groups:  map[string][]route.Target{"family": {{Device: Kitchen}, {Device: Study}}},
		},
	}
}

// Run starts the gateway with the stage's configuration; Start has done so, a
// test may again after Halt.
func (s *Stage) Run(ctx context.Context) error {
	g, err := tandem.New(ctx, s.Config, tandem.Options{Log: s.options.Log.With("part", "tandem"), Trace: s.options.Trace})
	if err != nil {
		return err
	}
	s.Gateway = g
	run, stop := context.WithCancel(context.WithoutCancel(ctx))
	s.stop = stop
	go func() { s.done <- g.Run(run) }()
	return nil
}

// Pin makes the next Run listen where the gateway listens now.
func (s *Stage) Pin() {
	s.Config.SIP.Listen = nil
	for _, l := range s.Gateway.Listens() {
		s.Config.SIP.Listen = append(s.Config.SIP.Listen, sipua.Listen{Network: l.Network, Addr: l.Addr.String()})
	}
}

// Halt stops the gateway in good order and waits for it.
func (s *Stage) Halt() error {
	s.stop()
	return <-s.done
}

// Close stops everything.
func (s *Stage) Close() error {
	errs := []error{s.Halt()}
	for _, p := range s.phones {
		errs = append(errs, p.Close())
	}
	return errors.Join(append(errs, s.closeEdges())...)
}

// SIP returns where phones reach the gateway over network.
func (s *Stage) SIP(network string) string {
	for _, l := range s.Gateway.Listens() {
		if l.Network == network {
			return l.Addr.String()
		}
	}
	return ""
}

// Phone makes a phone of the device named user and registers it; change may
// alter its script before.
func (s *Stage) Phone(ctx context.Context, user string, change func(*phone.Config)) (*phone.Phone, error) {
	c := phone.Config{User: user, Password: s.Password, Domain: "tandem.example", Server: s.SIP("udp")}
	if change != nil {
		change(&c)
	}
	if c.Network != "" && c.Server == s.SIP("udp") {
		c.Server = s.SIP(c.Network)
	}
	p := &phone.Phone{Config: c, Log: s.options.Log.With("part", user)}
	if err := p.Start(context.WithoutCancel(ctx)); err != nil {
		return nil, fmt.Errorf("start the phone %s: %w", user, err)
	}
	s.phones = append(s.phones, p)
	if err := p.Register(ctx); err != nil {
		return nil, fmt.Errorf("register the phone %s: %w", user, err)
	}
	return p, nil
}

// Phones are the phones of the stage, in the order they were made.
func (s *Stage) Phones() []*phone.Phone { return s.phones }

// WaitRegistered waits until the gateway's account is registered with the edge.
func (s *Stage) WaitRegistered(ctx context.Context) error {
	if err := s.Edge.WaitRegistered(ctx, "tandem-demo"); err != nil {
		return err
	}
	tick := time.NewTicker(5 * time.Millisecond) // the answer is on its way back
	defer tick.Stop()
	for {
		if st := s.Gateway.Voice.Status(); len(st) > 0 && st[0].State == gvoice.Registered {
			return nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return fmt.Errorf("the account does not register: %w; %+v", ctx.Err(), s.Gateway.Voice.Status())
		}
	}
}
