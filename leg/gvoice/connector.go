// Package gvoice connects the gateway with Google Voice's SIP service: accounts
// that stay registered, calls out and calls in. Start reading at
// [Connector.Listen]; an account's life is [line.run], its REGISTER is in
// register.go, its calls are in calls.go. What the wire wants is written in
// docs/protocols/google-voice.md.
package gvoice

import (
	"context"
	"log/slog"
	"reflect"
	"slices"
	"strings"
	"sync"
	"time"

	"tandem/alarm"
	"tandem/call"
	"tandem/leg/invite"
	"tandem/media/transport"
	"tandem/sip"
	"tandem/sip/dialog"
	"tandem/sip/flow"
	"tandem/sip/transaction"
	"tandem/token"
)

// Name is the connector's name in routing, logs and records.
const Name = "gvoice"

// A Connector holds the Google Voice accounts. Fill in the exported fields, then
// call Listen, which runs until its context is done. Apply may be called before
// and at any time later.
type Connector struct {
	Engine    *transport.Engine
	Alarms    Alarms // may be nil
	Log       *slog.Logger
	UserAgent string
	Trace     func(flow.TraceEvent)    // sees every SIP message; may be nil
	Dialogs   func(leg, callID string) // told which SIP dialog a leg has; may be nil
	// Emergency tells more emergency numbers than those that are known anyway, as
	// the last defence behind the dial plan (reference 14.2); may be nil.
	Emergency func(number string) bool
	// Tokens makes an account's token source; nil uses package token.
	Tokens func(Account) TokenSource
	// May is asked before every REGISTER whether this machine may still register the
	// account named; nil is always yes. It must not block.
	May func(account string) bool

	net     *flow.Transport
	layer   *transaction.Layer
	core    *dialog.Core
	stack   *invite.Stack
	flows   sync.Map // *flow.Flow -> bond
	fetches fetches
	ramp    ramp
	dial    func(context.Context, flow.Target) (*flow.Flow, error) // net.Dial; set before Listen by tests in virtual time

	mu       sync.Mutex // guards what follows
	want     []Account
	lines    map[string]*line
	leaving  map[string]*line // stopped; they take their registration back
	start    func(*line)      // nil while Listen does not run
	running  sync.WaitGroup
	incoming func(call.Request, call.Leg)
	legCtx   context.Context
}

// Alarms is the part of the alarm board the connector needs.
type Alarms interface {
	Raise(alarm.Alarm)
	Clear(key string)
}

var (
	_ call.Dialer   = (*Connector)(nil)
	_ call.Listener = (*Connector)(nil)
)

// settle is how long a shutdown waits for Google to answer the last BYEs.
const settle = 2 * time.Second

// Listen runs the accounts until ctx is done, and returns when they are
// unregistered and no goroutine is left.
func (c *Connector) Listen(ctx context.Context, incoming func(call.Request, call.Leg)) error {
	c.layer = &transaction.Layer{Log: c.Log}
	c.net = &flow.Transport{Handler: c.layer.Receive, Malformed: c.layer.Malformed, Log: c.Log, Leg: Name, Trace: c.Trace}
	if c.dial == nil {
		c.dial = c.net.Dial
	}
	c.core = &dialog.Core{
		Transactions: c.layer, Log: c.Log, UserAgent: c.UserAgent, Contact: c.contact,
		Allow: strings.Split(allow, ", "), Supported: strings.Split(inviteSupported, ", "), OnInvite: c.onInvite, OnRequest: c.onRequest,
	}
	c.layer.OnRequest, c.layer.OnStray = c.core.HandleRequest, c.core.HandleStray
	stack := &invite.Stack{Core: c.core, Engine: c.Engine, Log: c.Log, Dialogs: c.Dialogs}

	c.mu.Lock()
	c.stack = stack
	c.incoming, c.legCtx = incoming, context.WithoutCancel(ctx)
	lines, stopLines := context.WithCancel(context.WithoutCancel(ctx))
	defer stopLines()
	c.start = func(l *line) {
		var run context.Context
		run, l.stop = context.WithCancel(lines)
		c.running.Go(func() {
			defer close(l.gone)
			if l.follows != nil {
				<-l.follows // its un-REGISTER must not take our registration away
			}
			l.run(run, lines)
		})
	}
	for _, l := range c.lines {
		c.start(l)
	}
	c.mu.Unlock()

	<-ctx.Done()
	c.mu.Lock()
	c.start = nil
	c.mu.Unlock()
	c.stack.Settle(settle)
	stopLines()
	c.running.Wait()
	c.core.Close()
	c.layer.Close()
	err := c.net.Close()
	c.stack.Wait()
	return err
}

// Apply makes accounts the ones in force: new ones start, missing ones
// unregister and stop, changed ones do both. It does not wait.
func (c *Connector) Apply(accounts []Account) error {
	made := make(map[string]*line)
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, a := range accounts {
		if old := c.lines[a.Name]; old != nil && reflect.DeepEqual(old.account, a) {
			made[a.Name] = old
			continue
		}
		l, err := c.newLine(a)
		if err != nil {
			return err
		}
		if old := c.lines[a.Name]; old != nil && old.stop != nil {
			l.follows = old.gone
		} else if old := c.leaving[a.Name]; old != nil {
			l.follows = old.silent
		}
		made[a.Name] = l
	}
	for name, l := range c.lines {
		if made[name] != l && l.stop != nil {
			l.lingers.Store(made[name] == nil) // else its calls go on over the new line's connection
			l.stop()
			c.leaveLocked(l)
		}
	}
	for name, l := range made {
		if c.lines[name] != l && c.start != nil {
			c.start(l)
		}
	}
	c.lines, c.want = made, accounts
	return nil
}

// leaveLocked keeps l until it is gone, for [Connector.Gone].
func (c *Connector) leaveLocked(l *line) {
	if c.leaving == nil {
		c.leaving = make(map[string]*line)
	}
	for name, old := range c.leaving { // those that are gone
		select {
		case <-old.gone:
			delete(c.leaving, name)
		default:
		}
	}
	c.leaving[l.account.Name] = l
}

// Gone is closed when the account named, which Apply left out, is registered by this
// machine no more: its un-REGISTER was answered, or its connection is closed. Calls
// that it had go on.
func (c *Connector) Gone(account string) <-chan struct{} {
	c.mu.Lock()
	defer c.mu.Unlock()
	if l := c.leaving[account]; l != nil {
		return l.silent
	}
	gone := make(chan struct{})
	close(gone)
	return gone
}

// Calls returns how many calls the account named has here.
func (c *Connector) Calls(account string) int {
	if l := c.line(account); l != nil {
		return int(l.calls.Load())
	}
	return 0
}

func (c *Connector) newLine(a Account) (*line, error) {
	conf, err := a.tlsConfig()
	if err != nil {
		return nil, err
	}
	l := &line{
		account: a, profile: a.profile(), c: c, trust: conf, pace: newPace(a.Timing), tokens: counted{c.tokens(a), &c.fetches},
		log: c.Log.With("account", a.Name), gone: make(chan struct{}), silent: make(chan struct{}),
	}
	l.status = Status{Account: a.Name, Number: a.Number, User: a.user(), Label: a.label(), State: Connecting, Since: time.Now(), Weak: a.WeakKeys}
	return l, nil
}

func (c *Connector) tokens(a Account) TokenSource {
	if c.Tokens != nil {
		return c.Tokens(a)
	}
	if len(a.TokenCommand) > 0 {
		return &token.Command{Name: a.Name, Args: a.TokenCommand}
	}
	src := &token.Source{Name: a.Name, ClientID: a.ClientID, ClientSecret: a.ClientSecret, RefreshToken: a.RefreshToken, URL: a.TokenURL, Private: a.Private, Alarms: c.Alarms}
	if a.Roots != "" {
		src.TLS, _ = a.tlsConfig() // checked by Validate
		if src.TLS != nil {
			src.TLS.Certificates = nil
		}
	}
	return src
}

// Status returns every account's state, in the order of the configuration.
func (c *Connector) Status() []Status {
	c.mu.Lock()
	defer c.mu.Unlock()
	out := make([]Status, 0, len(c.want))
	for _, a := range c.want {
		out = append(out, c.lines[a.Name].snapshot())
	}
	return out
}

// Stats are the connector's counters.
type Stats struct {
	Legs         int // of calls, now
	Tokens       TokenStats
	Flow         flow.Stats
	Transactions transaction.Stats
}

// Stats returns the counters.
func (c *Connector) Stats() Stats {
	s := Stats{Tokens: c.fetches.stats()}
	c.mu.Lock()
	ready := c.stack != nil
	c.mu.Unlock()
	if ready {
		s.Legs, s.Flow, s.Transactions = c.core.Stats().Sessions, c.net.Stats(), c.layer.Stats()
	}
	return s
}

func (c *Connector) line(name string) *line {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.lines[name]
}

func (c *Connector) bondOf(f *flow.Flow) (bond, bool) {
	b, ok := c.flows.Load(f)
	if !ok {
		return bond{}, false
	}
	return b.(bond), true
}

// contact is the Contact of everything on an account's connection.
func (c *Connector) contact(f *flow.Flow) sip.URI {
	if b, ok := c.bondOf(f); ok {
		return b.contact(f)
	}
	host, port := f.SentBy()
	return sip.URI{Scheme: "sip", Host: host, Port: port}
}

// rescue gives the calls that lost their connection the account's new one.
func (c *Connector) rescue(account string, f *flow.Flow) {
	c.stack.Each(func(l *invite.Leg) {
		if l.Info().Via == account {
			l.UseFlow(f)
		}
	})
}

// onRequest answers what comes outside of calls.
func (c *Connector) onRequest(s *transaction.Server) {
	req := s.Request()
	m := sip.NewResponse(req, 200, "")
	switch req.Method {
	case "OPTIONS", "NOTIFY": // NOTIFY could carry message waiting (GV-C28); it was never seen
	default:
		m = sip.NewResponse(req, 405, "")
	}
	m.Add("Allow", allow)
	if err := s.Respond(m); err != nil {
		c.Log.Debug("answer not sent", "method", req.Method, "err", err)
	}
}

func preferring(codecs []string) func(*transport.Options) {
	return func(o *transport.Options) {
		o.Capabilities.Audio = invite.Preferring(slices.Clone(o.Capabilities.Audio), codecs)
	}
}
