package gvoice

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"sync"
	"time"

	"tandem/sim/ca"
	"tandem/sim/wire"
)

// Server is one simulated edge. Set Config and Log, then Start it.
type Server struct {
	Config Config
	Log    *slog.Logger // nil discards

	cfg    Config // with defaults, fixed by Start
	log    *slog.Logger
	ctx    context.Context
	cancel context.CancelFunc
	work   sync.WaitGroup // every goroutine of the server
	ladder wire.Ladder
	media  *relay

	sip     net.Listener
	control net.Listener
	tokens  net.Listener

	mu       sync.Mutex // guards everything below
	ca       *ca.Authority
	oldCAs   []*ca.Authority // still in ca.pem after a rotation
	stranger *ca.Authority   // signs for UnknownCA; never in ca.pem
	accounts map[string]*account
	issued   map[string]*accessToken
	consents map[string]*consent // by code
	conns    map[int]*conn
	lastConn int
	bindings map[string]*binding // by user
	legs     map[string]*leg     // by Call-ID
	turned   map[string]*turnedAway
	calls    []*Call
	faults   []*Fault
	people   []Person // added at run time
	refusals []Refusal
	counters map[string]int
	changed  chan struct{} // closed and replaced when registrations or calls change
}

// maxRefusals and maxCalls bound what /state can grow to; the oldest go first.
const (
	maxRefusals = 1000
	maxCalls    = 5000
)

// Start opens all listeners. The server runs until ctx ends or Close is called.
func (s *Server) Start(ctx context.Context) error {
	if err := s.Config.Validate(); err != nil {
		return fmt.Errorf("simulated Google Voice: %w", err)
	}
	s.cfg = s.Config.withDefaults()
	s.log = s.Log
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	s.accounts, s.issued = map[string]*account{}, map[string]*accessToken{}
	s.conns, s.bindings = map[int]*conn{}, map[string]*binding{}
	s.legs, s.counters = map[string]*leg{}, map[string]int{}
	s.turned = map[string]*turnedAway{}
	s.changed = make(chan struct{})
	for _, a := range s.cfg.Accounts {
		if err := s.AddAccount(a); err != nil {
			return err
		}
	}
	var err error
	if s.ca, err = ca.New("Simulated telephony root"); err != nil {
		return err
	}
	if s.stranger, err = ca.New("Unknown root"); err != nil {
		return err
	}
	s.ctx, s.cancel = context.WithCancel(ctx)
	if err := s.listen(); err != nil {
		return errors.Join(err, s.Close())
	}
	return nil
}

func (s *Server) listen() error {
	var err error
	if s.media, err = newRelay(s); err != nil {
		return err
	}
	for _, l := range []struct {
		to   *net.Listener
		port int
	}{{&s.sip, s.cfg.SIPPort}, {&s.control, s.cfg.ControlPort}, {&s.tokens, s.cfg.TokenPort}} {
		if *l.to, err = net.Listen("tcp4", net.JoinHostPort(s.cfg.Bind, fmt.Sprint(l.port))); err != nil {
			return fmt.Errorf("simulated Google Voice: %w", err)
		}
	}
	s.work.Go(s.acceptSIP)
	s.serveHTTP(s.control, s.controlHandler(), false)
	s.serveHTTP(s.tokens, s.tokenHandler(), true)
	return nil
}

func (s *Server) serveHTTP(l net.Listener, h http.Handler, secure bool) {
	srv := &http.Server{Handler: h, ReadTimeout: 10 * time.Second, IdleTimeout: time.Minute, MaxHeaderBytes: 32 << 10, ErrorLog: slog.NewLogLogger(s.log.Handler(), slog.LevelDebug)}
	if secure {
		srv.TLSConfig = s.tokenTLS()
	}
	s.work.Go(func() {
		if secure {
			_ = srv.ServeTLS(l, "", "")
			return
		}
		_ = srv.Serve(l)
	})
	s.work.Go(func() {
		<-s.ctx.Done()
		_ = srv.Close()
	})
}

// Close ends all calls and connections and waits until everything is gone.
func (s *Server) Close() error {
	if s.cancel == nil {
		return nil
	}
	s.cancel()
	for _, l := range []net.Listener{s.sip, s.control, s.tokens} {
		if l != nil {
			_ = l.Close()
		}
	}
	s.mu.Lock()
	for _, c := range s.conns {
		_ = c.raw.Close()
	}
	s.mu.Unlock()
	if s.media != nil {
		s.media.close()
	}
	s.work.Wait()
	s.stopWaiting()
	return nil
}

// Addr is the TLS listener's address; every host name of [Server.Hosts] is
// served there, chosen by SNI.
func (s *Server) Addr() string { return s.sip.Addr().String() }

// DialContext connects to the edge as a client would that resolves its host
// names: any host of [Server.Hosts], whatever the port, leads to the listener.
func (s *Server) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	if !slices.Contains(s.Hosts(), host) {
		return nil, &net.DNSError{Err: "no such host", Name: host, IsNotFound: true}
	}
	var d net.Dialer
	return d.DialContext(ctx, network, s.Addr())
}

// ControlURL is the base of the control endpoint.
func (s *Server) ControlURL() string { return "http://" + s.control.Addr().String() }

// TokenURL is the OAuth token endpoint over TLS (certificate from [Server.CAPEM]).
func (s *Server) TokenURL() string { return "https://" + s.tokens.Addr().String() + "/oauth2/v3/token" }

// ConsentURL is the OAuth authorization endpoint over HTTP, for browsers of tests.
func (s *Server) ConsentURL() string { return s.ControlURL() + "/o/oauth2/v2/auth" }

// PlainTokenURL is the token endpoint over HTTP.
func (s *Server) PlainTokenURL() string { return s.ControlURL() + "/oauth2/v3/token" }

// Ladder is every message that passed, or only those of the given Call-IDs.
func (s *Server) Ladder(callIDs ...string) []wire.Event { return s.ladder.Events(callIDs...) }

// Refusals is everything the edge refused, dropped or noted so far.
func (s *Server) Refusals() []Refusal {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.refusals)
}

// refuse records why something was refused, dropped or noted.
func (s *Server) refuse(r Refusal) {
	r.At = time.Now()
	s.log.Info("refused", "rule", r.Rule, "action", r.Action, "what", r.What, "reason", r.Reason, "user", r.User)
	s.ladder.Add(wire.Event{At: r.At, CallID: r.CallID, Peer: "edge", Summary: r.What, Note: r.Rule + " " + r.Action + ": " + r.Reason})
	s.mu.Lock()
	defer s.mu.Unlock()
	s.counters[r.Rule+" "+r.Action]++
	if len(s.refusals) >= maxRefusals {
		s.refusals = slices.Delete(s.refusals, 0, maxRefusals/2)
	}
	s.refusals = append(s.refusals, r)
	s.notifyLocked()
}

// WaitRefusal blocks until something was refused, dropped or noted by a rule
// and returns the first of them.
func (s *Server) WaitRefusal(ctx context.Context, rule string) (Refusal, error) {
	var found Refusal
	err := s.waitFor(ctx, "a refusal by "+rule, func() bool {
		i := slices.IndexFunc(s.refusals, func(r Refusal) bool { return r.Rule == rule })
		if i >= 0 {
			found = s.refusals[i]
		}
		return i >= 0
	})
	return found, err
}

// AddAccount adds an account, or replaces the one with its number.
func (s *Server) AddAccount(a Account) error {
	if err := a.Validate(); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.accounts[a.Number] == nil && len(s.accounts) >= maxAccounts {
		return fmt.Errorf("there are %d accounts already", maxAccounts)
	}
	next := &account{Account: a, devices: map[string]*Device{}, ids: map[string]string{}}
	for _, d := range a.Devices {
		next.devices[d.User] = &d
	}
	s.accounts[a.Number] = next
	return nil
}

// notifyLocked wakes everyone in waitFor.
func (s *Server) notifyLocked() {
	close(s.changed)
	s.changed = make(chan struct{})
}

// waitFor blocks until ok, which is called with mu held, or ctx ends.
func (s *Server) waitFor(ctx context.Context, what string, ok func() bool) error {
	for {
		s.mu.Lock()
		done, changed := ok(), s.changed
		s.mu.Unlock()
		if done {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return fmt.Errorf("waiting for %s: %w", what, ctx.Err())
		}
	}
}

// WaitRegistered blocks until the device named user has a live binding.
func (s *Server) WaitRegistered(ctx context.Context, user string) error {
	return s.waitFor(ctx, "registration of "+user, func() bool {
		b := s.bindings[user]
		return b != nil && b.live(time.Now())
	})
}

// WaitUnregistered blocks until it has none.
func (s *Server) WaitUnregistered(ctx context.Context, user string) error {
	return s.waitFor(ctx, "end of the registration of "+user, func() bool {
		b := s.bindings[user]
		return b == nil || !b.live(time.Now())
	})
}

// WaitCall blocks until the edge has seen n calls (n counts from 1, in either
// direction) and returns the n-th.
func (s *Server) WaitCall(ctx context.Context, n int) (*Call, error) {
	var c *Call
	err := s.waitFor(ctx, fmt.Sprintf("call %d", n), func() bool {
		if len(s.calls) < n {
			return false
		}
		c = s.calls[n-1]
		return true
	})
	return c, err
}

// Calls is every call so far, in order.
func (s *Server) Calls() []*Call {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.calls)
}

// Call finds a call by its id or one of its Call-IDs, or returns nil.
func (s *Server) Call(id string) *Call {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range s.calls {
		if c.id == id || slices.ContainsFunc(c.legs, func(l *leg) bool { return l.callID == id }) {
			return c
		}
	}
	return nil
}
