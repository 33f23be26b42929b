package sipua

import (
	"context"
	"fmt"
	"time"

	"tandem/sip"
	"tandem/sip/flow"
	"tandem/sip/transaction"
)

// watch keeps a peer's addresses known, and with Qualify asks it by OPTIONS
// whether it is there.
func (t *trunk) watch(ctx context.Context) {
	every := t.Qualify
	if every <= 0 {
		every = 5 * time.Minute
	}
	for failures := 0; ; {
		err := t.look(ctx)
		wait := every
		switch {
		case ctx.Err() != nil:
			return
		case err == nil:
			failures = 0
			t.wellAgain()
			if t.Qualify > 0 {
				t.set(stateUp, "", time.Time{})
			} else {
				t.set(stateUnknown, "", time.Time{})
			}
		default:
			failures++
			wait = min(every, 30*time.Second)
			t.set(stateDown, err.Error(), time.Now().Add(wait))
			if failures > 1 {
				t.trouble("A SIP trunk does not answer", err.Error(), "Check the trunk's server address and that the other system runs and lets our address in.")
			}
		}
		if !sleep(ctx, wait, nil) {
			return
		}
	}
}

// look resolves the server and, if it is to be watched, asks its targets; one
// that answers is enough.
func (t *trunk) look(ctx context.Context) error {
	targets, err := t.resolve(ctx)
	if err != nil || t.Qualify <= 0 {
		return err
	}
	for _, to := range targets {
		var f *flow.Flow
		if f, err = t.c.net.Get(ctx, to); err == nil {
			if err = t.ask(ctx, f); err == nil {
				return nil
			}
		}
	}
	return err
}

// ask sends OPTIONS. Any answer shows that somebody is there, but not a 503.
func (t *trunk) ask(ctx context.Context, f *flow.Flow) error {
	t.mu.Lock()
	t.asked++
	seq := t.asked
	t.mu.Unlock()
	m := sip.NewRequest("OPTIONS", t.server)
	us := sip.Address{URI: sip.URI{Scheme: "sip", Host: t.c.book.Load().host(f)}}
	t.c.address(m, us, sip.Address{URI: t.server}, seq)
	m.Add("Contact", sip.Address{URI: t.c.contact(f)}.String())
	resp, err := t.send(ctx, f, m)
	if err != nil {
		return err
	}
	if resp.Status == 503 {
		return fmt.Errorf("it answered 503 %s", resp.Reason)
	}
	return nil
}

// send sends req and waits for its final answer.
func (t *trunk) send(ctx context.Context, f *flow.Flow, req *sip.Message) (*sip.Message, error) {
	done := make(chan transaction.Event, 1)
	method := req.Method
	t.c.layer.Request(f, req, func(e transaction.Event) {
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
			return nil, fmt.Errorf("the %s got no answer: %w", method, e.Err)
		}
		return e.Response, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// sleep waits for d, or until wake; it reports false when ctx is done.
func sleep(ctx context.Context, d time.Duration, wake <-chan struct{}) bool {
	if ctx.Err() != nil {
		return false
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-wake:
		return true
	case <-ctx.Done():
		return false
	}
}
