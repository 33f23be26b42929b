package sipua

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
	"time"

	"tandem/sip"
	"tandem/sip/flow"
)

// registration is our own registration with a trunk's server: one Call-ID and one
// tag for its life, a rising CSeq. The trunk's goroutine owns it.
type registration struct {
	*trunk
	callID, tag string
	seq         uint32
	expires     time.Duration // asked for
	next        int           // which target is tried next
	failures    int           // in a row
}

// keepRegistered registers again and again until ctx is done, and takes the
// registration back at the end.
func (t *trunk) keepRegistered(ctx context.Context) {
	r := &registration{trunk: t, callID: sip.NewCallID(), tag: sip.NewTag(), expires: time.Hour}
	for ctx.Err() == nil {
		f, granted, err := r.register(ctx)
		if err != nil && ctx.Err() == nil {
			r.failed(ctx, err)
			continue
		}
		if err != nil {
			break
		}
		r.failures = 0
		t.registered(f)
		// Between half and three quarters, so that trunks do not all come at once.
		refresh := granted/2 + time.Duration(rand.Float64()*float64(granted/4))
		t.set(stateRegistered, "", time.Now().Add(refresh))
		if !sleep(ctx, refresh, f.Done()) {
			break
		}
	}
	r.unregister()
	t.set(stateUnknown, "stopped", time.Time{})
}

// registered makes f the path of the trunk's calls.
func (t *trunk) registered(f *flow.Flow) {
	t.mu.Lock()
	changed := t.flow != f
	t.flow = f
	t.mu.Unlock()
	t.wellAgain()
	if changed {
		f.Trust()
		if !f.Reliable() { // a connection's far end need not know RFC 5626's pings, and would lose it
			f.KeepAlive(flow.KeepAlive{Every: 25 * time.Second})
		}
	}
}

// failed waits before the next try: the next server at once, then longer and longer.
func (r *registration) failed(ctx context.Context, err error) {
	r.mu.Lock()
	lost := r.flow == nil || r.flow.Err() != nil
	if lost {
		r.flow = nil
	}
	count := max(len(r.targets), 1)
	r.mu.Unlock()
	r.failures++
	r.next++
	wait := min(time.Second<<min(r.failures/count, 10), 5*time.Minute)
	var no *refusal
	if errors.As(err, &no) {
		wait = max(wait, no.retry)
		if no.status == 403 || no.status == 404 {
			wait = max(wait, time.Minute) // a person has to mend that; do not get us banned
		}
		r.mu.Lock()
		r.flow = nil // the server says that we are not registered
		r.mu.Unlock()
	}
	wait = wait/2 + time.Duration(rand.Float64()*float64(wait/2))
	r.log.Warn("trunk not registered", "err", err, "again", wait)
	r.set(stateDown, err.Error(), time.Now().Add(wait))
	if r.failures > 2 {
		r.trouble("A SIP trunk is not registered", err.Error(), "Check the trunk's user, password, realm and server address.")
	}
	sleep(ctx, wait, nil)
}

// register sends a REGISTER, answers its challenge, and returns how long it holds.
func (r *registration) register(ctx context.Context) (*flow.Flow, time.Duration, error) {
	f, err := r.connection(ctx)
	if err != nil {
		return nil, 0, err
	}
	resp, err := r.exchange(ctx, f, r.expires)
	if err != nil {
		return nil, 0, err
	}
	if resp.Status == 423 {
		if least, err := seconds(resp.Get("Min-Expires")); err == nil && least > r.expires && least <= 24*time.Hour {
			r.expires = least
			resp, err = r.exchange(ctx, f, r.expires)
			if err != nil {
				return nil, 0, err
			}
		}
	}
	if resp.Status >= 300 {
		return nil, 0, refusalOf(resp)
	}
	granted := r.granted(resp)
	if granted <= 0 {
		return nil, 0, errors.New("the registrar answered 200 but did not keep our Contact")
	}
	return f, granted, nil
}

// connection is the one in use while it lives, else one to the next server.
func (r *registration) connection(ctx context.Context) (*flow.Flow, error) {
	r.mu.Lock()
	f := r.flow
	r.mu.Unlock()
	if f != nil && f.Err() == nil {
		return f, nil
	}
	targets, err := r.resolve(ctx)
	if err != nil {
		return nil, err
	}
	return r.c.net.Get(ctx, targets[r.next%len(targets)])
}

// exchange sends one REGISTER and the answers to its challenges.
func (r *registration) exchange(ctx context.Context, f *flow.Flow, expires time.Duration) (*sip.Message, error) {
	req := r.request(f, expires)
	for tries := 0; ; tries++ {
		resp, err := r.send(ctx, f, req.Clone())
		if err != nil || resp.Status != 401 && resp.Status != 407 || tries == 2 {
			return resp, err
		}
		again, err := r.auth.Authorize(req, resp)
		if err != nil {
			return nil, fmt.Errorf("%w: %w", refusalOf(resp), err)
		}
		req = again
		r.seq++
	}
}

func (r *registration) request(f *flow.Flow, expires time.Duration) *sip.Message {
	domain := r.server
	domain.Host, domain.User = r.domain(), ""
	if r.Domain != "" {
		domain.Port = 0
	}
	aor := sip.URI{Scheme: r.server.Scheme, User: sip.EscapeUser(r.User), Host: r.domain()}
	r.seq++
	m := sip.NewRequest("REGISTER", domain)
	m.Add("Max-Forwards", "70")
	m.Add("From", sip.Address{URI: aor}.WithTag(r.tag).String())
	m.Add("To", sip.Address{URI: aor}.String())
	m.Add("Call-ID", r.callID)
	m.Add("CSeq", strconv.FormatUint(uint64(r.seq), 10)+" REGISTER")
	m.Add("Contact", sip.Address{URI: r.contact(f)}.String()+";expires="+strconv.Itoa(int(expires/time.Second)))
	m.Add("Expires", strconv.Itoa(int(expires/time.Second)))
	if r.c.UserAgent != "" {
		m.Add("User-Agent", r.c.UserAgent)
	}
	return m
}

// granted is how long our Contact stays: its own expires, else the header.
func (r *registration) granted(m *sip.Message) time.Duration {
	contacts, _ := m.Contacts()
	for _, k := range contacts {
		if v, _ := k.URI.Params.Get("line"); v != r.line && len(contacts) > 1 {
			continue
		}
		if v, ok := k.Params.Get("expires"); ok {
			if d, err := seconds(v); err == nil {
				return d
			}
		}
	}
	if d, err := seconds(m.Get("Expires")); err == nil {
		return d
	}
	return r.expires
}

// unregister takes the registration back when the trunk stops.
func (r *registration) unregister() {
	r.mu.Lock()
	f := r.flow
	r.flow = nil
	r.mu.Unlock()
	if f == nil || f.Err() != nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Second)
	defer cancel()
	if _, err := r.exchange(ctx, f, 0); err != nil {
		r.log.Info("not unregistered", "err", err)
	}
}

// A refusal is a final answer to our REGISTER other than 200.
type refusal struct {
	status int
	reason string
	retry  time.Duration
}

func (e *refusal) Error() string {
	return fmt.Sprintf("the registrar answered %d %s", e.status, e.reason)
}

func refusalOf(m *sip.Message) *refusal {
	digits := m.Get("Retry-After")
	for i, r := range digits {
		if r < '0' || r > '9' {
			digits = digits[:i]
			break
		}
	}
	d, _ := seconds(digits)
	return &refusal{m.Status, m.Reason, min(d, time.Hour)}
}
