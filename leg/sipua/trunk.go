package sipua

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"tandem/alarm"
	"tandem/call"
	"tandem/sip"
	"tandem/sip/auth"
	"tandem/sip/flow"
)

// A trunk is one trunk at work. One goroutine, the one in run, finds its servers,
// registers with them and watches them.
type trunk struct {
	Trunk
	c      *Connector
	log    *slog.Logger
	server sip.URI
	peers  []netip.Prefix
	tls    *tls.Config
	auth   *auth.Client
	line   string // in our Contact; calls over our registration bring it back
	calls  atomic.Int32
	public bool               // it leads to addresses of the Internet only
	stop   context.CancelFunc // set by Connector.start

	mu       sync.Mutex // guards what follows
	status   TrunkStatus
	targets  []flow.Target
	resolved time.Time
	flow     *flow.Flow // registered on; nil while not registered
	asked    uint32     // OPTIONS sent
	onlyUDP  time.Time  // the server took no TCP; not tried again before this
}

// States of a trunk, as TrunkStatus shows them.
const (
	stateUnknown     = "unknown"
	stateUp          = "up"
	stateDown        = "down"
	stateRegistering = "registering"
	stateRegistered  = "registered"
)

func (c *Connector) newTrunk(conf Trunk) (*trunk, error) {
	t := &trunk{Trunk: conf, c: c, log: c.Log, line: sip.NewTag()}
	if t.log == nil {
		t.log = slog.Default()
	}
	t.log = t.log.With("trunk", conf.Name)
	var err error
	if t.server, err = conf.serverURI(); err != nil {
		return nil, fmt.Errorf("trunk %s: server: %w", conf.Name, err)
	}
	for _, p := range conf.Peers {
		prefix, err := parsePeer(p)
		if err != nil {
			return nil, fmt.Errorf("trunk %s: peers: %w", conf.Name, err)
		}
		t.peers = append(t.peers, prefix)
	}
	if conf.Roots != "" {
		pem, err := os.ReadFile(conf.Roots)
		if err != nil {
			return nil, fmt.Errorf("trunk %s: roots: %w", conf.Name, err)
		}
		t.tls = &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: x509.NewCertPool()}
		if !t.tls.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("trunk %s: roots: %s holds no PEM certificate", conf.Name, conf.Roots)
		}
	}
	t.auth = &auth.Client{Username: cmp.Or(conf.AuthUser, conf.User), Password: auth.Secret(conf.Password.Reveal())}
	if t.auth.Realms = []string{conf.Realm}; conf.Realm == "" {
		t.auth.Realms = []string{t.server.Host}
	}
	if t.auth.Hosts = []string{t.server.Host}; conf.Domain != "" {
		t.auth.Hosts = append(t.auth.Hosts, conf.Domain)
	}
	if conf.Password.IsZero() {
		t.auth.Realms = nil // answers no challenge
	}
	t.status = TrunkStatus{Name: conf.Name, State: stateUnknown}
	if conf.Register {
		t.status.State = stateRegistering
	}
	return t, nil
}

// credentials answer the challenges of a call over f whose INVITE is for uri. Not
// those of whoever the trunk's server connects us to: a callee whose Contact names
// another host could ask for our password's digest in the middle of the call, and
// guess the password at leisure (goals R-5).
func (t *trunk) credentials(f *flow.Flow, uri sip.URI) *auth.Client {
	c := *t.auth
	c.Hosts = append(slices.Clone(c.Hosts), uri.Host, f.Remote().Addr().Unmap().String())
	return &c
}

// domain is the trunk's in From and To.
func (t *trunk) domain() string { return cmp.Or(t.Domain, t.server.Host) }

// contact is where the trunk's server reaches us.
func (t *trunk) contact(f *flow.Flow) sip.URI {
	u := t.c.contact(f)
	u.User = sip.EscapeUser(t.User)
	u.Params = u.Params.With("line", t.line)
	return u
}

// A certainty says how sure we are that a request came from a trunk.
type certainty uint8

const (
	unlikely certainty = iota
	likely
	certain
)

// match compares a request with the trunk: it came over our registration, or back
// to the Contact that only the trunk's server knows, or from a peer's address.
func (t *trunk) match(f *flow.Flow, req *sip.Message) certainty {
	if v, ok := req.URI.Params.Get("line"); ok && v == t.line {
		return certain
	}
	return t.at(f)
}

// at compares the far end of f with the trunk's servers and peers.
func (t *trunk) at(f *flow.Flow) certainty {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.flow == f {
		return certain
	}
	from := netip.AddrPortFrom(f.Remote().Addr().Unmap(), f.Remote().Port())
	if slices.ContainsFunc(t.peers, func(p netip.Prefix) bool { return p.Contains(from.Addr()) }) {
		return likely
	}
	best := unlikely
	for _, to := range t.targets {
		switch {
		case len(t.peers) > 0 || to.Addr.Addr().Unmap() != from.Addr():
		case to.Addr.Port() == from.Port():
			return certain
		default:
			best = likely
		}
	}
	return best
}

// dialled is the number a call over our registration is for: the Request-URI is
// our Contact then, and To tells the number. It is "" where the Request-URI counts.
func (t *trunk) dialled(req *sip.Message) string {
	if !t.Register || sip.Unescape(req.URI.User) != t.User {
		return ""
	}
	to, err := req.To()
	if err != nil {
		return ""
	}
	user, _, _ := strings.Cut(sip.Unescape(to.URI.User), ";")
	return user
}

// ready says why the trunk cannot take a call now.
func (t *trunk) ready() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	s := t.status
	down := s.State == stateDown
	if t.Register {
		down = t.flow == nil || t.flow.Err() != nil
	}
	if !down {
		return nil
	}
	r := &call.RefusalError{Err: fmt.Errorf("the trunk %s is %s: %s", t.Name, s.State, cmp.Or(s.Problem, "no answer yet"))}
	r.Cause, r.Retry = call.Unavailable, max(time.Until(s.Next), 5*time.Second)
	return r
}

// paths are the ways to the trunk's server, in the order to try them.
func (t *trunk) paths(ctx context.Context) ([]path, error) {
	t.mu.Lock()
	f := t.flow
	t.mu.Unlock()
	if t.Register {
		if f == nil || f.Err() != nil {
			return nil, errors.New("it is not registered")
		}
		return []path{{flow: f}}, nil
	}
	targets, err := t.resolve(ctx)
	if err != nil {
		return nil, err
	}
	var out []path
	for _, to := range targets {
		if t.wantsTCP(to) {
			tcp := to
			tcp.Network = "tcp"
			out = append(out, path{target: tcp, instead: true})
		}
		out = append(out, path{target: to})
	}
	return out, nil
}

// wantsTCP reports whether TCP is tried before a target's UDP. Our INVITE with its
// description is longer than the 1300 bytes that may go over UDP (RFC 3261
// §18.1.1): networks lose fragments. A server that has only UDP gets it all the same.
func (t *trunk) wantsTCP(to flow.Target) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return to.Network == "udp" && t.Encrypt != Off && !t.server.Params.Has("transport") && time.Now().After(t.onlyUDP)
}

// tookNoTCP notes that the server has only UDP.
func (t *trunk) tookNoTCP() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.onlyUDP = time.Now().Add(onlyUDPFor)
}

const (
	onlyUDPFor = 10 * time.Minute
	// tcpTimeout is how long a call waits for a server that may drop TCP without a word.
	tcpTimeout = time.Second
)

// freshFor is how long addresses are used before the DNS is asked again.
const freshFor = time.Minute

// resolve finds the trunk's servers (RFC 3263). When the DNS fails, what it said
// last holds.
func (t *trunk) resolve(ctx context.Context) ([]flow.Target, error) {
	t.mu.Lock()
	targets, at := t.targets, t.resolved
	t.mu.Unlock()
	if len(targets) > 0 && time.Since(at) < freshFor {
		return targets, nil
	}
	found, err := t.c.resolver.Resolve(ctx, t.server)
	if err == nil {
		found, err = t.outside(found)
	}
	if err != nil {
		if len(targets) > 0 {
			t.log.Warn("the DNS gives no answer, the servers it named last are used", "err", err)
			return targets, nil
		}
		return nil, err
	}
	for i := range found {
		found[i].TLS = t.tls
	}
	t.mu.Lock()
	t.targets, t.resolved = found, time.Now()
	t.mu.Unlock()
	return found, nil
}

// run keeps the trunk registered, or its servers known and watched, until ctx is done.
func (t *trunk) run(ctx context.Context) {
	if t.Register {
		t.keepRegistered(ctx)
	} else {
		t.watch(ctx)
	}
	t.wellAgain()
}

// set moves the trunk to a state and logs it.
func (t *trunk) set(state, problem string, next time.Time) {
	t.mu.Lock()
	was := t.status.State
	t.status.State, t.status.Problem, t.status.Next = state, problem, next
	t.mu.Unlock()
	if was != state {
		t.log.Info("trunk", "now", state, "was", was, "problem", problem)
	}
}

func (t *trunk) trouble(title, problem, do string) {
	if t.c.Alarms != nil {
		t.c.Alarms.Raise(alarm.Alarm{Key: t.alarmKey(), Severity: alarm.Critical, Title: title, Subject: t.Name, Detail: problem, Do: do})
	}
}

func (t *trunk) wellAgain() {
	if t.c.Alarms != nil {
		t.c.Alarms.Clear(t.alarmKey())
	}
}

func (t *trunk) alarmKey() string { return "sipua/" + t.Name + "/trunk" }

func (t *trunk) snapshot() TrunkStatus {
	t.mu.Lock()
	s, f := t.status, t.flow
	t.mu.Unlock()
	s.Calls = int(t.calls.Load())
	if s.State == stateRegistered && (f == nil || f.Err() != nil) {
		s.State, s.Problem = stateRegistering, "the connection was lost"
	}
	return s
}
