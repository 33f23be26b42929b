// Package meet connects the gateway with Google Meet by its interop edge: video
// rooms and telephones become participants of a meeting. Start reading at
// [Connector.Dial]; a call's life is [Leg.run], its transport is link (link.go), its
// media is [Session]. What goes over the wire is written in
// docs/protocols/meet-interop.md; numbers MEET-C… are of the project's reference.
package meet

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"tandem/alarm"
	"tandem/call"
	"tandem/media"
	"tandem/media/transport"
	"tandem/token"
)

// Name is the connector's name in routing, logs and records.
const Name = "meet"

// A Connector places calls into meetings. Fill in the fields, call Apply once, then
// Dial; Run looks after the gateway token, and waits for the last call.
type Connector struct {
	Engine *transport.Engine // whose loops move the packets
	Bind   netip.Addr        // local IPv4 address of media; invalid is 0.0.0.0
	BindV6 netip.Addr        // local IPv6 address of media; invalid is none
	Alarms Alarms            // may be nil
	Log    *slog.Logger
	// Trace sees what a leg and the service say to each other; it must not block, and
	// may be nil.
	Trace func(leg string, x Exchange)

	loops   func(media.Loop) (transport.Loop, error) // instead of Engine, in tests
	timeout time.Duration                            // instead of linkTimeout, in tests

	once        sync.Once // makes certificate
	certificate tls.Certificate
	certErr     error
	legs        sync.WaitGroup

	mu      sync.Mutex // guards what follows
	service *service   // nil before Apply, and without access tokens
	live    map[*Leg]struct{}
	joins   map[string]uint64 // by result
	lobbies uint64            // calls that had to wait
}

// Alarms is the part of the alarm board the connector needs.
type Alarms interface {
	Raise(alarm.Alarm)
	Clear(key string)
}

var _ call.Dialer = (*Connector)(nil)

// service is one configuration, ready for use. Calls keep the one they began with.
type service struct {
	conf    Config
	base    *url.URL
	http    *http.Client
	gateway *token.Gateway
}

// Apply makes conf the configuration of the calls to come. It does not wait.
func (c *Connector) Apply(conf Config) error {
	base, err := conf.base()
	if err != nil {
		return err
	}
	secure, err := conf.tls()
	if err != nil {
		return err
	}
	s := &service{conf: conf.withDefaults(), base: base, http: newClient(secure)}
	c.mu.Lock()
	old := c.service
	c.mu.Unlock()
	if old != nil && old.conf.Gateway == conf.Gateway {
		s.gateway = old.gateway // with the token it has minted
	} else {
		s.gateway = &token.Gateway{Dir: conf.Gateway}
		if len(conf.Tokens) > 0 {
			s.gateway.Alarms = c.Alarms
		}
	}
	if conf.Gateway != "" {
		if err := s.gateway.Check(); err != nil {
			return fmt.Errorf("gateway_token: %w", err)
		}
	}
	c.mu.Lock()
	c.service = s
	c.mu.Unlock()
	if old != nil {
		old.http.CloseIdleConnections()
	}
	return nil
}

// checkEvery is how often the gateway token is looked at.
const checkEvery = time.Hour

// Run watches the gateway token until ctx is done, and returns when the last call
// is over and every connection is closed.
func (c *Connector) Run(ctx context.Context) error {
	tick := time.NewTicker(checkEvery)
	defer tick.Stop()
	for ctx.Err() == nil {
		select {
		case <-tick.C:
			c.check()
		case <-ctx.Done():
		}
	}
	c.legs.Wait()
	if s := c.current(); s != nil {
		s.http.CloseIdleConnections()
	}
	return nil
}

// check looks after the gateway token; the alarm board tells what is wrong.
func (c *Connector) check() {
	if s := c.current(); s != nil && len(s.conf.Tokens) > 0 {
		if err := s.gateway.Check(); err != nil {
			c.Log.Error("gateway token cannot be read", "err", err)
		}
	}
}

func (c *Connector) current() *service {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.service
}

// edge is the way to the meeting service with an access token; an empty name means
// the only one.
func (c *Connector) edge(name string) (*edge, Config, error) {
	s := c.current()
	if s == nil || len(s.conf.Tokens) == 0 || s.base == nil {
		return nil, Config{}, errors.New("no access token of Google Meet is configured (meet.access_tokens)")
	}
	i := slices.IndexFunc(s.conf.Tokens, func(a token.Access) bool { return a.Name == name })
	if name == "" && len(s.conf.Tokens) == 1 {
		i = 0
	}
	if i < 0 {
		return nil, Config{}, fmt.Errorf("there is no access token %q", name)
	}
	return &edge{base: s.base, http: s.http, gateway: s.gateway, access: s.conf.Tokens[i], log: c.Log}, s.conf, nil
}

// Dial implements call.Dialer: to.To names the meeting (a 13-digit PIN, a meeting
// code, or spaces/<id>; what follows "@" is not looked at), to.Token the access token.
func (c *Connector) Dial(ctx context.Context, to call.Destination, from call.Request) (call.Leg, error) {
	e, conf, err := c.edge(to.Token)
	if err != nil {
		return nil, call.Refusal(call.CredentialsWrong, err)
	}
	id, ok := meetingID(to.To)
	if !ok {
		return nil, call.Refusal(call.MeetingUnknown, fmt.Errorf("%q is no meeting ID: it has 13 digits", oneLine(to.To, 60)))
	}
	c.once.Do(func() { c.certificate, c.certErr = newIdentity() })
	if c.certErr != nil {
		return nil, fmt.Errorf("make the DTLS certificate: %w", c.certErr)
	}
	loop, err := c.loopBeside(from.Loop)
	if err != nil {
		return nil, call.Refusal(call.Congestion, err)
	}
	if to.Lobby > 0 {
		conf.Lobby = to.Lobby
	}
	l := newLeg(c, e, conf, loop, id, from)
	c.mu.Lock()
	if c.live == nil {
		c.live = map[*Leg]struct{}{}
	}
	c.live[l] = struct{}{}
	c.mu.Unlock()
	c.legs.Go(func() { l.run(ctx) })
	return l, nil
}

// Pictures says that calls of this connector may have pictures.
func (c *Connector) Pictures() bool { return true }

func (c *Connector) loopBeside(beside media.Loop) (transport.Loop, error) {
	if c.loops != nil {
		return c.loops(beside)
	}
	return c.Engine.LoopBeside(beside)
}

func (c *Connector) linkConfig(conf Config) linkConfig {
	bind := c.Bind
	if !bind.IsValid() && !c.BindV6.IsValid() {
		bind = netip.IPv4Unspecified()
	}
	return linkConfig{
		bind4: bind, bind6: c.BindV6, portMin: conf.PortMin, portMax: conf.PortMax, timeout: or(c.timeout, linkTimeout),
		certificate: c.certificate, fingerprint: fingerprint(c.certificate.Certificate[0]),
	}
}

// Resolve asks for a meeting by what a person typed; tokenName as in
// [call.Destination]. A *[Refusal] tells what the service said, and the cause.
func (c *Connector) Resolve(ctx context.Context, tokenName, typed string) (Space, error) {
	e, conf, err := c.edge(tokenName)
	if err != nil {
		return Space{}, call.Refusal(call.CredentialsWrong, err)
	}
	id, ok := meetingID(typed)
	if !ok {
		return Space{}, call.Refusal(call.MeetingUnknown, fmt.Errorf("%q is no meeting ID: it has 13 digits", oneLine(typed, 60)))
	}
	ctx, cancel := context.WithTimeout(ctx, conf.Join)
	defer cancel()
	s, err := e.resolve(ctx, id)
	if err != nil {
		end := ended(err)
		c.credentials(e.access.Name, err)
		return Space{}, &call.RefusalError{Ended: end, Err: err}
	}
	return s, nil
}

// credentials raises an alarm when the service does not accept our tokens, and
// clears it when it does.
func (c *Connector) credentials(name string, err error) {
	if c.Alarms == nil {
		return
	}
	key := "meet/token/" + name
	no := (*Refusal)(nil)
	switch {
	case err == nil:
		c.Alarms.Clear(key)
		c.Alarms.Clear("meet/gateway-token/refused")
		c.Alarms.Clear("meet/edge-certificate")
	case strangeEdge(err):
		c.Alarms.Raise(alarm.Alarm{
			Key: "meet/edge-certificate", Severity: alarm.Critical, Title: "The meeting service's certificate is not trusted", Detail: err.Error(),
			Do: "Compare meet.edge and meet.roots: the file must hold the authority that signed the service's certificate. If both are right, somebody may be in between.",
		})
	case errors.As(err, &no) && no.verdict().alarm && strings.HasPrefix(no.Reason, "GATEWAY_"):
		c.Alarms.Raise(alarm.Alarm{
			Key: "meet/gateway-token/refused", Severity: alarm.Critical, Title: "Google Meet does not accept the gateway token", Detail: no.Error(),
			Do: "Compare the clock of this machine and the certificate (`tandem meet-token status`); make a new request when the certificate is the wrong one.",
		})
	case errors.As(err, &no) && no.verdict().alarm:
		c.tokenAlarm(name, no.Error())
	}
}

func (c *Connector) tokenAlarm(name, detail string) {
	if c.Alarms == nil {
		return
	}
	c.Alarms.Raise(alarm.Alarm{
		Key: "meet/token/" + name, Severity: alarm.Critical, Title: "Google Meet does not accept an access token", Subject: name, Detail: detail,
		Do: "Look at the token in the Workspace admin console (Meet, interoperability tokens): it must exist and not be revoked. Make a new one and enter it under meet.access_tokens.",
	})
}
