package gvoice

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"tandem/sip"
	"tandem/sip/flow"
	"tandem/sip/transaction"
	"tandem/token"
)

// A TokenSource gives access tokens; it asks for a fresh one at every call.
// With an error it may still return the last good token.
type TokenSource interface {
	Token(ctx context.Context) (token.Secret, time.Time, error)
}

// A line is one account at work. One goroutine, the one in run, connects,
// registers and holds the flow; it alone touches pace, reg, proxy, round and trust.
type line struct {
	account Account
	profile Profile
	c       *Connector
	log     *slog.Logger
	trust   *tls.Config // the last one that could be read
	tokens  TokenSource
	stop    context.CancelFunc
	gone    chan struct{}   // closed when run has returned
	silent  chan struct{}   // closed when nothing is registered any more, and never again
	follows <-chan struct{} // of the line it replaces; may be nil
	lingers atomic.Bool     // when stopped, the connection stays until its calls are over
	calls   atomic.Int32
	bound   atomic.Pointer[binding] // nil while not registered

	hard     context.Context // the end of the connector
	pace     *pace
	reg      registration // of the present connection
	proxy    int          // index into profile.Proxies
	round    round        // since a proxy last worked
	troubled time.Time

	mu     sync.Mutex // guards status
	status Status
}

// errUnregistered ends a registration that the account's stop took back.
var errUnregistered = errors.New("the account was stopped")

// run keeps the account registered until ctx is done. Its connection may outlive
// that for the calls on it, but not hard.
func (l *line) run(ctx, hard context.Context) {
	l.hard = hard
	defer l.quiet()
	for ctx.Err() == nil {
		wait := l.live(ctx)
		l.bound.Store(nil)
		l.update(func(s *Status) { s.Next, s.Proxy = time.Now().Add(wait), "" })
		if !sleep(ctx, wait, nil) {
			break
		}
	}
	l.set(Stopped, "")
	l.wellAgain()
}

// live carries one connection from its making to its end, and returns how long
// to wait before the next.
func (l *line) live(ctx context.Context) time.Duration {
	if wait := time.Until(l.pace.silence); wait > 0 {
		return wait
	}
	l.set(Connecting, l.problem())
	if !l.await(ctx) {
		return 0
	}
	f, err := l.connect(ctx)
	if err != nil {
		return l.failed(ctx, err)
	}
	defer l.c.flows.Delete(f)
	defer f.Close(errUnregistered)
	l.reg = registration{bond: bond{l, sip.NewTag()}, callID: sip.NewCallID(), tag: sip.NewTag()}
	l.c.flows.Store(f, l.reg.bond)
	f.KeepAlive(flow.KeepAlive{Every: l.profile.KeepAlive, PongWithin: l.pace.timing.Pong}) // GV-C9
	return l.hold(ctx, f)
}

// hold registers on f again and again until the flow dies or the account stops.
func (l *line) hold(ctx context.Context, f *flow.Flow) time.Duration {
	next := time.Duration(0)
	for {
		if !sleep(ctx, next, f.Done()) {
			l.retire(f)
			return 0
		}
		if err := f.Err(); err != nil {
			return l.failed(ctx, fmt.Errorf("the connection was lost: %w", err))
		}
		if l.proxy != 0 && next > 0 && l.calls.Load() == 0 {
			l.proxy = 0 // the primary is tried again after a registration's life
			return 0
		}
		if l.bound.Load() == nil {
			l.set(Registering, l.problem())
		}
		b, err := l.register(ctx, f, l.profile.Expires)
		var no *refusal
		switch {
		case err == nil:
			next = l.registered(b)
		case ctx.Err() != nil:
			l.retire(f)
			return 0
		case errors.As(err, &no) && (no.status == 603 || no.status == 403):
			next = l.declined(no)
		default:
			return l.failed(ctx, err)
		}
		l.update(func(s *Status) { s.Next = time.Now().Add(next) })
	}
}

// connect dials the current proxy: its own connection, named by SNI, verified
// (GV-C1, GV-C2).
func (l *line) connect(ctx context.Context) (*flow.Flow, error) {
	proxy := l.profile.Proxies[l.proxy%len(l.profile.Proxies)]
	host, _, _ := net.SplitHostPort(proxy)
	dialHost, dialPort, err := net.SplitHostPort(l.account.connectOr(proxy))
	if err != nil {
		return nil, err
	}
	port, err := strconv.Atoi(dialPort)
	if err != nil {
		return nil, fmt.Errorf("port of %s: %w", proxy, err)
	}
	l.update(func(s *Status) { s.Proxy = proxy; s.Flows++ })
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	f, err := l.c.dial(ctx, flow.Target{Network: "tls", Host: dialHost, Port: port, ServerName: host, TLS: l.tls()})
	if err != nil {
		return nil, fmt.Errorf("connect to %s: %w", proxy, explain(err, l.account.ClientCert != ""))
	}
	return f, nil
}

// tls reads the account's roots and client certificate again, because both
// change without a release: Google's roots have (reference 4.3).
func (l *line) tls() *tls.Config {
	conf, err := l.account.tlsConfig()
	if err != nil {
		l.log.Warn("certificates not read again; the last ones stay in use", "err", err)
		return l.trust
	}
	l.trust = conf
	return conf
}

// register sends a REGISTER with a fresh token and waits for its outcome. A 401
// is answered once with another token (GV-C11).
func (l *line) register(ctx context.Context, f *flow.Flow, expires time.Duration) (*binding, error) {
	for attempt := 0; ; attempt++ {
		if err := l.passGate(ctx, f); err != nil {
			return nil, err
		}
		secret, _, stale := l.tokens.Token(ctx)
		if stale != nil {
			l.log.Warn("no fresh access token", "err", stale)
			if secret.IsZero() {
				return nil, noToken{stale}
			}
		}
		resp, err := l.send(ctx, f, l.reg.request(f, secret, expires))
		if err != nil {
			return nil, err
		}
		if resp.Status < 300 {
			return l.reg.bind(f, resp, time.Now())
		}
		no := refusalOf(resp)
		l.update(func(s *Status) { s.Refused++ })
		switch {
		case no.unauthorized() && stale != nil: // what is wrong is the consent, not the answer to an old token
			return nil, noToken{fmt.Errorf("%w; %w to the last token", stale, no)}
		case no.unauthorized() && attempt == 0:
		case no.status == 423 && no.min > expires && attempt == 0:
			expires = no.min
		default:
			return nil, no
		}
	}
}

// errNotOurs: another machine registers the account, or will soon.
var errNotOurs = errors.New("this machine may not register the account any more")

// passGate waits until a REGISTER may be sent.
func (l *line) passGate(ctx context.Context, f *flow.Flow) error {
	for {
		wait := l.pace.gate(time.Now())
		if wait <= 0 {
			if l.c.May != nil && !l.c.May(l.account.Name) {
				return errNotOurs
			}
			return nil
		}
		if !sleep(ctx, wait, f.Done()) {
			return ctx.Err()
		}
		if err := f.Err(); err != nil {
			return err
		}
	}
}

// send sends req and waits for its final answer.
func (l *line) send(ctx context.Context, f *flow.Flow, req *sip.Message) (*sip.Message, error) {
	l.update(func(s *Status) { s.Tries++ })
	done := make(chan transaction.Event, 1)
	l.c.layer.Request(f, req, func(e transaction.Event) {
		if e.Response == nil || e.Response.Status >= 200 {
			select {
			case done <- e:
			default:
			}
		}
	})
	select {
	case e := <-done:
		if e.Err != nil {
			return nil, fmt.Errorf("the REGISTER got no answer: %w", e.Err)
		}
		return e.Response, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// registered notes a success and returns when to register again.
func (l *line) registered(b *binding) time.Duration {
	l.pace.succeeded()
	l.round = round{}
	l.bound.Store(b)
	l.set(Registered, "")
	l.update(func(s *Status) { s.Until = b.at.Add(b.expires) })
	l.wellAgain()
	l.c.rescue(l.account.Name, b.flow)
	return l.pace.refresh(b.expires)
}

// declined keeps quiet: Google throttles whole accounts (reference 6.6). The
// registration that still runs, and its calls, stay.
func (l *line) declined(no *refusal) time.Duration {
	now := time.Now()
	wait := l.pace.refused(now)
	if b := l.bound.Load(); b != nil && !b.live(now) {
		l.bound.Store(nil)
	}
	l.trouble(no.Error()+"; no REGISTER for "+wait.String(), "Wait: Google declines accounts that register too often. Check that no other device uses the same user name.")
	if l.bound.Load() == nil {
		l.set(Silent, no.Error())
	}
	return wait
}

// failed closes the attempt: the next proxy at once, after the last one a pause.
func (l *line) failed(ctx context.Context, err error) time.Duration {
	if ctx.Err() != nil {
		return 0
	}
	wasUp := l.bound.Swap(nil) != nil
	var no *refusal
	var token noToken
	errors.As(err, &no)
	proxy := l.profile.Proxies[l.proxy%len(l.profile.Proxies)]
	l.log.Warn("account not registered", "proxy", proxy, "err", err)
	switch {
	case no != nil && no.retry > 0:
		l.waits(err)
		return no.retry
	case wasUp: // the flow had worked: try the same again, soon but not all accounts at once
		l.waits(err)
		return time.Duration(l.pace.rand() * float64(800*time.Millisecond))
	case errors.As(err, &token), no != nil && no.status < 500: // no other proxy would know better
		l.waits(err)
		return l.pace.failed()
	}
	l.waits(l.round.failed(proxy, err))
	l.proxy = (l.proxy + 1) % len(l.profile.Proxies) // GV-C12
	if l.proxy != 0 {
		return time.Duration(l.pace.rand() * float64(100*time.Millisecond))
	}
	l.round = round{}
	return l.pace.failed()
}

// waits shows why there is no registration, and what can be done.
func (l *line) waits(err error) {
	l.trouble(err.Error(), advice(err)) // first, so that whoever sees the state finds the alarm
	l.set(Waiting, err.Error())
}

// retire ends a line that was stopped. Where another machine goes on with the account
// the calls of this one keep their connection until they are over.
func (l *line) retire(f *flow.Flow) {
	if !l.unregister(f) || !l.lingers.Load() {
		return
	}
	l.quiet()
	tick := time.NewTicker(lingerLook)
	defer tick.Stop()
	for l.calls.Load() > 0 {
		select {
		case <-tick.C:
		case <-f.Done():
			return
		case <-l.hard.Done():
			return
		}
	}
}

// lingerLook is how often a line that lingers looks whether its calls are over.
const lingerLook = 250 * time.Millisecond

// quiet says that nothing is registered any more. The line's goroutine calls it.
func (l *line) quiet() {
	select {
	case <-l.silent:
	default:
		close(l.silent)
	}
}

// unregister takes the registration back at shutdown, with full headers (GV-C26). It
// reports whether Google knows.
func (l *line) unregister(f *flow.Flow) bool {
	if l.bound.Swap(nil) == nil || f.Err() != nil || l.pace.silence.After(time.Now()) {
		return false
	}
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Second)
	defer cancel()
	secret, _, _ := l.tokens.Token(ctx)
	resp, err := l.send(ctx, f, l.reg.request(f, secret, 0))
	if err == nil && resp.Status >= 300 {
		err = refusalOf(resp)
	}
	if err != nil {
		l.log.Info("not unregistered", "err", err)
	}
	return err == nil
}

func (l *line) problem() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.status.Problem
}

// sleep waits for d, or until wake; it reports false when ctx is done.
func sleep(ctx context.Context, d time.Duration, wake <-chan struct{}) bool {
	if ctx.Err() != nil {
		return false
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-wake:
		return true
	case <-ctx.Done():
		return false
	}
}
