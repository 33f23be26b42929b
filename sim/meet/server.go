package meet

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"tandem/sim/ca"
)

// Server is one simulated edge. Set Config and Log, then Start it.
type Server struct {
	Config Config
	Log    *slog.Logger // nil discards

	cfg       Config // with defaults, fixed by Start
	log       *slog.Logger
	ctx       context.Context
	cancel    context.CancelFunc
	work      sync.WaitGroup // every goroutine of the server
	ca        *ca.Authority  // of the edge's HTTPS certificate
	gatewayCA *ca.Authority  // of gateways' certificates
	stranger  *ca.Authority  // signs for [GatewayCert.Stranger]
	roots     *x509.CertPool // gatewayCA
	gallery   *gallery
	media     *mux
	edge      net.Listener
	control   net.Listener
	faulty    atomic.Bool // there are faults

	life    sync.Mutex // guards closing
	closing bool       // nothing is started any more

	mu         sync.Mutex // guards everything below
	tokens     map[string]*AccessToken
	oauth      map[string]OAuthToken
	meetings   []*meeting
	faults     []*Fault
	violations []Violation
	counters   map[string]int
	answers    map[string]savedAnswer // of joins, by requestId
}

// Violation says what the edge refused, dropped, ended or frowned at.
type Violation struct {
	At      time.Time `json:"at"`
	Rule    string    `json:"rule"`   // "MEET-S5"
	Action  string    `json:"action"` // "refused 400", "dropped", "ended", "noted", …
	What    string    `json:"what"`
	Reason  string    `json:"reason"`
	Meeting string    `json:"meeting,omitempty"` // space id
	Device  string    `json:"device,omitempty"`
}

// The bounds of what the state can grow to; the oldest go first.
const (
	maxViolations = 1000
	maxAnswers    = 1000
	maxMeetings   = 1000
)

// Start opens all listeners. The server runs until ctx ends or Close is called.
func (s *Server) Start(ctx context.Context) error {
	s.cfg = s.Config.withDefaults()
	s.log = s.Log
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	if fps := s.cfg.Options.FPS; fps != 10 && fps != 15 && fps != 30 {
		return fmt.Errorf("simulated Meet: fps is 10, 15 or 30, not %d", fps)
	}
	s.tokens, s.oauth, s.counters = map[string]*AccessToken{}, map[string]OAuthToken{}, map[string]int{}
	s.answers, s.gallery = map[string]savedAnswer{}, newGallery(s.cfg.Options.Film)
	if err := s.authorities(); err != nil {
		return err
	}
	s.ctx, s.cancel = context.WithCancel(ctx)
	if err := s.listen(); err != nil {
		return errors.Join(err, s.Close())
	}
	for _, t := range s.cfg.Tokens {
		if err := s.AddToken(t); err != nil {
			return errors.Join(err, s.Close())
		}
	}
	for _, m := range s.cfg.Meetings {
		if _, err := s.AddMeeting(m); err != nil {
			return errors.Join(err, s.Close())
		}
	}
	return nil
}

func (s *Server) authorities() error {
	for _, a := range []struct {
		to   **ca.Authority
		name string
	}{{&s.ca, "Simulated meeting root"}, {&s.gatewayCA, "Simulated gateway root"}, {&s.stranger, "Unknown root"}} {
		var err error
		if *a.to, err = ca.New(a.name); err != nil {
			return err
		}
	}
	s.roots = x509.NewCertPool()
	s.roots.AddCert(s.gatewayCA.Cert)
	return nil
}

func (s *Server) listen() error {
	for _, l := range []struct {
		to   *net.Listener
		port int
	}{{&s.edge, s.cfg.EdgePort}, {&s.control, s.cfg.ControlPort}} {
		var err error
		if *l.to, err = s.cfg.Network.Listen("tcp4", net.JoinHostPort(s.cfg.Bind, fmt.Sprint(l.port))); err != nil {
			return fmt.Errorf("simulated Meet: %w", err)
		}
	}
	var err error
	if s.media, err = newMux(s); err != nil {
		return err
	}
	cert, err := s.ca.Server(nil, s.names()...)
	if err != nil {
		return err
	}
	s.serve(s.edge, s.edgeHandler(), &tls.Config{Certificates: []tls.Certificate{*cert}, MinVersion: tls.VersionTLS12})
	s.serve(s.control, s.controlHandler(), nil)
	return nil
}

func (s *Server) serve(l net.Listener, h http.Handler, secure *tls.Config) {
	srv := &http.Server{
		Handler: h, TLSConfig: secure, ReadHeaderTimeout: 10 * time.Second, ReadTimeout: 30 * time.Second,
		MaxHeaderBytes: 64 << 10, ErrorLog: slog.NewLogLogger(s.log.Handler(), slog.LevelDebug),
		BaseContext: func(net.Listener) context.Context { return s.ctx },
	}
	s.spawn(func() {
		if secure != nil {
			_ = srv.ServeTLS(l, "", "")
			return
		}
		_ = srv.Serve(l)
	})
	s.spawn(func() {
		<-s.ctx.Done()
		_ = srv.Close()
	})
}

// Close ends all sessions and waits until everything is gone.
func (s *Server) Close() error {
	if s.cancel == nil {
		return nil
	}
	s.cancel()
	s.life.Lock()
	s.closing = true
	s.life.Unlock()
	for _, l := range []net.Listener{s.edge, s.control} {
		if l != nil {
			_ = l.Close()
		}
	}
	if s.media != nil {
		_ = s.media.conn.Close()
	}
	s.work.Wait()
	s.gallery.close()
	return nil
}

// spawn starts a goroutine that Close waits for; none once Close has begun.
func (s *Server) spawn(f func()) {
	s.life.Lock()
	defer s.life.Unlock()
	if !s.closing {
		s.work.Go(f)
	}
}

// EdgeURL is the base of the edge's HTTPS API.
func (s *Server) EdgeURL() string { return "https://" + s.edge.Addr().String() }

// ControlURL is the base of the control endpoint.
func (s *Server) ControlURL() string { return "http://" + s.control.Addr().String() }

// MediaAddr is the UDP address of all sessions.
func (s *Server) MediaAddr() string { return s.media.addr.String() }

// AddToken adds an access token, or replaces the one with its value.
func (s *Server) AddToken(t AccessToken) error {
	if err := t.Validate(); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tokens[t.Value] = &t
	return nil
}

// RevokeToken revokes an access token and ends the sessions that joined with it.
func (s *Server) RevokeToken(value string) error {
	s.mu.Lock()
	t := s.tokens[value]
	if t != nil {
		t.Revoked = true
	}
	s.mu.Unlock()
	if t == nil {
		return errors.New("there is no such access token")
	}
	for _, m := range s.allMeetings() {
		m.revoked(value)
	}
	return nil
}

func (m *meeting) revoked(token string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, d := range slices.Clone(m.devices) {
		if d.token == token {
			d.endLocked(TokenGone, "the access token was revoked", nil)
		}
	}
}

// AddMeeting adds a meeting and returns its space id.
func (s *Server) AddMeeting(conf Meeting) (string, error) {
	if err := conf.Validate(); err != nil {
		return "", err
	}
	conf.ID = or(conf.ID, rand.Text()[:12])
	if conf.Code == "" {
		conf.Code = randomCode()
	}
	m := s.newMeeting(conf)
	s.mu.Lock()
	for _, old := range s.meetings {
		if old.is(conf.ID) || old.is(conf.PIN) || old.is(conf.Code) {
			s.mu.Unlock()
			return "", fmt.Errorf("meeting %s: its id, PIN or code is taken", conf.PIN)
		}
	}
	if len(s.meetings) >= maxMeetings {
		s.mu.Unlock()
		return "", fmt.Errorf("there are %d meetings already", maxMeetings)
	}
	s.meetings = append(s.meetings, m)
	s.mu.Unlock()
	s.spawn(func() { m.run(s.ctx) })
	return m.id, nil
}

// randomCode is like abc-mnop-xyz.
func randomCode() string {
	letters := strings.Map(func(r rune) rune {
		if r >= '2' && r <= '7' { // of rand.Text's alphabet
			return 'a' + r - '2'
		}
		return r + 'a' - 'A'
	}, rand.Text())
	return letters[:3] + "-" + letters[3:7] + "-" + letters[7:10]
}

func (s *Server) allMeetings() []*meeting {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.meetings)
}

// meeting finds one by space id, PIN or code; nil if there is none.
func (s *Server) meeting(alias string) *meeting {
	for _, m := range s.allMeetings() {
		if m.is(alias) {
			return m
		}
	}
	return nil
}

// record makes an entry in the journal.
func (s *Server) record(v Violation) {
	v.At = time.Now()
	s.log.Info("violation", "rule", v.Rule, "action", v.Action, "what", v.What, "reason", v.Reason, "device", v.Device)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.counters[v.Rule+" "+v.Action]++
	if len(s.violations) >= maxViolations {
		s.violations = slices.Delete(s.violations, 0, maxViolations/2)
	}
	s.violations = append(s.violations, v)
}

// Violations is everything the edge refused, dropped, ended or noted so far.
func (s *Server) Violations() []Violation {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.violations)
}
