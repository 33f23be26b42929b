package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"

	sim "tandem/sim/gvoice"
)

type simCmd struct {
	Bind    string   `default:"127.0.0.1" help:"IPv4 address of all listeners."`
	SIP     int      `default:"5061" help:"Port of SIP over TLS."`
	Control int      `default:"8061" help:"Port of the control endpoint (HTTP), which also serves the token endpoint in clear."`
	Token   int      `default:"8443" help:"Port of the token endpoint (HTTPS)."`
	Media   int      `default:"19305" help:"UDP port of all media."`
	NoIPv6  bool     `name:"no-ipv6" help:"Leave the IPv6 media candidate dead."`
	CA      string   `default:"google-simulator-ca.pem" help:"Where the root certificates to trust are written." type:"path"`
	Config  string   `help:"JSON file with the simulator's Accounts, People, Options and Timing, see docs/06-test-tools.md. Addresses and ports are those of the flags." type:"existingfile"`
	Account []string `help:"A number with its credentials, as +12025550123,CLIENT_ID,CLIENT_SECRET,REFRESH_TOKEN; may be repeated." placeholder:"NUMBER,ID,SECRET,TOKEN" sep:"none"`
	Verbose bool     `short:"v" help:"Log every message."`

	NoMeet      bool   `name:"no-meet" help:"Leave the simulated Google Meet out."`
	MeetEdge    int    `default:"8444" help:"Port of Google Meet's interop edge (HTTPS)."`
	MeetControl int    `default:"8062" help:"Port of Google Meet's control endpoint (HTTP), with a page for people."`
	MeetMedia   int    `default:"0" help:"UDP port of all media of meetings; 0 is the first free one of 19302 to 19309."`
	MeetCA      string `default:"meet-simulator-ca.pem" help:"Where the root certificate of Google Meet's edge is written." type:"path"`
}

// Run runs the edge until SIGINT or SIGTERM.
func (s *simCmd) Run() error {
	conf, err := s.config()
	if err != nil {
		return err
	}
	level := slog.LevelInfo
	if s.Verbose {
		level = slog.LevelDebug
	}
	log := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: level}))
	edge := &sim.Server{Config: conf, Log: log}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	if err := edge.Start(context.WithoutCancel(ctx)); err != nil {
		return err
	}
	if err := os.WriteFile(s.CA, edge.CAPEM(), 0o644); err != nil { //nolint:gosec // certificates are public
		return errors.Join(err, edge.Close())
	}
	s.print(edge, conf)
	if s.NoMeet {
		<-ctx.Done()
		return edge.Close()
	}
	meetings, err := s.meetings(ctx, log.With("part", "meet"))
	if err != nil {
		return errors.Join(err, edge.Close())
	}
	<-ctx.Done()
	return errors.Join(meetings.Close(), edge.Close())
}

// print says how to connect.
func (s *simCmd) print(edge *sim.Server, conf sim.Config) {
	fmt.Printf("SIP over TLS       %s; the host name (SNI) is one of %s\n", edge.Addr(), strings.Join(edge.Hosts(), ", "))
	fmt.Printf("registrar, realm   voice.sip.google.com (dial +12025550100), obihai.sip.google.com (dial 12025550100; client certificate: GET %s/client.pem)\n", edge.ControlURL())
	fmt.Printf("root certificates  %s, also at %s/ca.pem\n", s.CA, edge.ControlURL())
	fmt.Printf("token endpoint     %s\n                   %s (in clear)\n", edge.TokenURL(), edge.PlainTokenURL())
	fmt.Printf("control endpoint   %s/state, /ladder?format=text, /calls, /people, /faults: docs/protocols/google-voice.md\n", edge.ControlURL())
	for _, a := range conf.Accounts {
		fmt.Printf("account            %s  client_id %s  client_secret %s  refresh_token %s; the SIP user is yours to choose\n", a.Number, a.ClientID, a.ClientSecret, a.RefreshToken)
	}
	for _, p := range append(slices.Clone(conf.People), sim.DefaultPeople()...) {
		fmt.Printf("number             %-14s %s\n", p.Number, p.Note)
	}
}

func (s *simCmd) config() (sim.Config, error) {
	var c sim.Config
	if s.Config != "" {
		text, err := os.ReadFile(s.Config)
		if err != nil {
			return c, err
		}
		if c, err = sim.ParseConfig(text); err != nil {
			return c, fmt.Errorf("%s: %w", s.Config, err)
		}
	}
	c.Bind, c.SIPPort, c.ControlPort, c.TokenPort, c.MediaPort = s.Bind, s.SIP, s.Control, s.Token, s.Media
	c.NoIPv6 = c.NoIPv6 || s.NoIPv6
	for _, a := range s.Account {
		f := strings.Split(a, ",")
		if len(f) != 4 {
			return c, fmt.Errorf("--account %q is not NUMBER,ID,SECRET,TOKEN", a)
		}
		acc := sim.Account{Number: f[0], ClientID: f[1], ClientSecret: f[2], RefreshToken: f[3]}
		if err := acc.Validate(); err != nil {
			return c, fmt.Errorf("--account: %w", err)
		}
		c.Accounts = append(c.Accounts, acc)
	}
	if len(c.Accounts) == 0 {
		c.Accounts = []sim.Account{{Number: "+12025550123", ClientID: "client", ClientSecret: "secret", RefreshToken: "refresh"}}
	}
	return c, nil
}
