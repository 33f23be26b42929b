package token

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"tandem/alarm"
	"tandem/internal/public"
)

// GoogleURL is the token endpoint the Google Voice clients use (GV-S5).
const GoogleURL = "https://www.googleapis.com/oauth2/v3/token"

const (
	connectTimeout = 10 * time.Second
	// The endpoint answers in well under a second; a phone that waits for its
	// registration should not wait for a stuck one.
	exchangeTimeout = 20 * time.Second
)

// Alarms is the part of the alarm board a Source needs.
type Alarms interface {
	Raise(a alarm.Alarm)
	Clear(key string)
}

// Source gets OAuth access tokens with a refresh token (RFC 6749 §6). It asks
// the endpoint at every call of Token, because Google Voice wants a fresh token
// in every REGISTER (GV-C3); it has no goroutine of its own. Fill the exported
// fields before the first call.
type Source struct {
	Name         string // whose tokens these are, for alarms and errors: the account
	ClientID     string
	ClientSecret Secret
	RefreshToken Secret

	URL     string        // token endpoint; empty is GoogleURL. Plain http only to loopback
	TLS     *tls.Config   // own roots for simulators; nil is the system's
	Private bool          // the endpoint may be in a private network, or on this machine
	Timeout time.Duration // for one whole exchange; 0 is 20 s
	Alarms  Alarms        // told when a person must act; may be nil

	once   sync.Once // makes client
	client *http.Client

	mu     sync.Mutex // guards flight, last, expiry
	flight *flight    // the exchange that is under way, or nil
	last   Secret
	expiry time.Time
}

// flight is one exchange that several callers wait for.
type flight struct {
	done   chan struct{} // closed when the rest is set
	secret Secret
	expiry time.Time
	err    error
	gaveUp bool // the one who fetched was cancelled; says nothing about the endpoint
}

// Token gets a new access token and says when it expires. Callers that come
// while one is being fetched share it. On error it returns the last good token
// and its expiry (empty and zero without one), so that a REGISTER can be sent
// all the same (GV-C3). See the errors of this package for what to branch on.
func (s *Source) Token(ctx context.Context) (Secret, time.Time, error) {
	for {
		f, leader := s.join()
		if leader {
			err := s.exchange(ctx, f)
			f.gaveUp = ctx.Err() != nil
			s.land(f, err)
			return f.secret, f.expiry, f.err
		}
		select {
		case <-f.done:
		case <-ctx.Done():
			last, expiry := s.Last()
			return last, expiry, s.wrap(timeoutOr(ctx.Err()))
		}
		// The one who fetched gave up for reasons of its own: fetch ourselves.
		if f.gaveUp && ctx.Err() == nil {
			continue
		}
		return f.secret, f.expiry, f.err
	}
}

// Last returns the newest token that was fetched and its expiry, without
// asking anybody; empty and zero before the first success.
func (s *Source) Last() (Secret, time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.last, s.expiry
}

// String names the source without its secrets.
func (s *Source) String() string { return fmt.Sprintf("token source %q at %s", s.Name, s.endpoint()) }

// Validate says which field is missing or unusable.
func (s *Source) Validate() error {
	switch {
	case s.ClientID == "":
		return errors.New("client_id is empty: enter the id of your OAuth client")
	case s.RefreshToken == "":
		return errors.New("refresh_token is empty: grant consent once to get one")
	}
	u, err := url.Parse(s.endpoint())
	if err != nil || u.Host == "" {
		return errors.New("url is not the address of a token endpoint, such as " + GoogleURL)
	}
	if u.Scheme != "https" && (u.Scheme != "http" || !loopback(u.Hostname())) {
		return fmt.Errorf("url %s: the refresh token is sent over https only", u.Redacted())
	}
	return nil
}

func (s *Source) join() (f *flight, leader bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.flight == nil {
		s.flight = &flight{done: make(chan struct{})}
		return s.flight, true
	}
	return s.flight, false
}

// land ends the flight: remembers a good token or hands out the last one.
func (s *Source) land(f *flight, err error) {
	s.alarm(err)
	s.mu.Lock()
	defer s.mu.Unlock()
	if err != nil {
		f.err = s.wrap(err)
		f.secret, f.expiry = s.last, s.expiry
	} else {
		s.last, s.expiry = f.secret, f.expiry
	}
	s.flight = nil
	close(f.done)
}

// exchange posts the refresh token and fills f with the answer.
func (s *Source) exchange(ctx context.Context, f *flight) error {
	if err := s.Validate(); err != nil {
		return err
	}
	limit := s.Timeout
	if limit <= 0 {
		limit = exchangeTimeout
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, s.endpoint(), strings.NewReader(s.form()))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("Accept", "application/json")
	s.once.Do(s.makeClient)
	asked := time.Now()
	res, err := s.client.Do(req)
	if err != nil {
		return timeoutOr(err)
	}
	defer func() { _ = res.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer+1))
	if err != nil {
		return timeoutOr(err)
	}
	if len(body) > maxAnswer {
		return fmt.Errorf("%w: it is larger than %d bytes", ErrAnswer, maxAnswer)
	}
	return f.read(res.StatusCode, body, asked)
}

// form is the request's body; the order of the fields is the one Google Voice
// clients send (google-voice.md GV-S5), which url.Values would sort.
func (s *Source) form() string {
	return "client_id=" + url.QueryEscape(s.ClientID) +
		"&client_secret=" + url.QueryEscape(s.ClientSecret.Reveal()) +
		"&refresh_token=" + url.QueryEscape(s.RefreshToken.Reveal()) +
		"&grant_type=refresh_token"
}

func (s *Source) endpoint() string {
	if s.URL == "" {
		return GoogleURL
	}
	return s.URL
}

func (s *Source) makeClient() {
	var tlsConfig *tls.Config
	if s.TLS != nil {
		tlsConfig = s.TLS.Clone()
	}
	s.client = &http.Client{
		Transport: &http.Transport{
			Proxy:               http.ProxyFromEnvironment,
			DialContext:         s.dial,
			TLSHandshakeTimeout: connectTimeout,
			TLSClientConfig:     tlsConfig,
			ForceAttemptHTTP2:   true,
			// Tokens are fetched about once an hour: an idle connection would
			// only be a stale one.
			DisableKeepAlives:      true,
			MaxResponseHeaderBytes: maxAnswer,
		},
		// A redirect would send the refresh token to another address.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// dial connects to the endpoint, or to the proxy that the environment names: that one
// may be anywhere.
func (s *Source) dial(ctx context.Context, network, addr string) (net.Conn, error) {
	d := &net.Dialer{Timeout: connectTimeout}
	if !s.Private && !isProxy(s.endpoint(), addr) {
		d.Control = public.Control
	}
	return d.DialContext(ctx, network, addr)
}

// isProxy reports whether addr is that of the proxy by which the endpoint is reached.
func isProxy(endpoint, addr string) bool {
	u, err := url.Parse(endpoint)
	if err != nil {
		return false
	}
	proxy, err := http.ProxyFromEnvironment(&http.Request{URL: u})
	if err != nil || proxy == nil {
		return false
	}
	host, _, err := net.SplitHostPort(addr)
	return err == nil && host == proxy.Hostname()
}

func (s *Source) wrap(err error) error {
	return fmt.Errorf("get an access token for %s: %w", s.Name, err)
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// timeoutOr adds ErrTimeout to an error that is one.
func timeoutOr(err error) error {
	var timeout interface{ Timeout() bool }
	if errors.Is(err, context.DeadlineExceeded) || errors.As(err, &timeout) && timeout.Timeout() {
		return fmt.Errorf("%w: %w", ErrTimeout, err)
	}
	return err
}
