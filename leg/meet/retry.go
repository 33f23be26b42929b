package meet

import (
	"context"
	"crypto/tls"
	"errors"
	"math/rand/v2"
	"time"

	"tandem/call"
	"tandem/token"
)

const (
	firstWait = 500 * time.Millisecond
	maxWait   = 32 * time.Second // truncated exponential back-off (contract, 2.6)
	maxAsks   = 8
)

// retrying calls f until it works, a refusal is final, ctx, the joining limit,
// leaves no time for another try, or enough is closed; a call of f under way then may
// still work.
func (e *edge) retrying(ctx context.Context, enough <-chan struct{}, f func(context.Context) error) error {
	var r retry
	for {
		err := f(ctx)
		if err == nil {
			return nil
		}
		wait, more := r.next(err)
		if deadline, ok := ctx.Deadline(); !more || ctx.Err() != nil || ok && time.Until(deadline) <= wait {
			return err
		}
		if r.renew {
			e.gateway.Renew()
		}
		e.log.Info("meeting service asked again", "after", wait, "err", err)
		timer := time.NewTimer(wait)
		select {
		case <-timer.C:
		case <-enough:
			timer.Stop()
			return err
		case <-ctx.Done():
			timer.Stop()
			return err
		}
	}
}

// retry decides how often, and when, something is asked again. It is pure but for
// the dice that keep many gateways apart.
type retry struct {
	asked int
	renew bool // the next try needs a fresh gateway token
}

// next says how long to wait before another try, if there is to be one.
func (r *retry) next(err error) (wait time.Duration, more bool) {
	r.asked++
	renewed := r.renew
	r.renew = false
	how, told := backOff, time.Duration(0)
	if no := (*Refusal)(nil); errors.As(err, &no) {
		how, told = no.verdict().again, no.Retry
	} else if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, errAnswer) {
		how = once
	} else if errors.Is(err, token.ErrNoGateway) || errors.Is(err, context.Canceled) || strangeEdge(err) {
		how = never
	}
	switch {
	case how == never, r.asked == maxAsks, how == once && r.asked > 1, how == renewToken && renewed:
		return 0, false
	case how == renewToken:
		r.renew = true
		return 0, true
	}
	wait = min(firstWait<<(r.asked-1), maxWait)
	wait += rand.N(wait / 4)
	return max(wait, told), true
}

// strangeEdge says that whoever answered is not whom the roots say.
func strangeEdge(err error) bool {
	bad := (*tls.CertificateVerificationError)(nil)
	return errors.As(err, &bad)
}

// ended says how a call ends because of an error.
func ended(err error) call.Ended {
	no := (*Refusal)(nil)
	switch {
	case errors.As(err, &no):
		return call.Ended{Cause: no.Cause(), Text: no.Error(), Retry: no.Retry}
	case errors.Is(err, token.ErrNoGateway):
		return call.Ended{Cause: call.CredentialsWrong, Text: err.Error()}
	case errors.Is(err, errAnswer):
		return call.Ended{Cause: call.ProtocolError, Text: err.Error()}
	case errors.Is(err, context.DeadlineExceeded):
		return call.Ended{Cause: call.Unavailable, Text: "the meeting service did not answer in time"}
	}
	return call.Ended{Cause: call.Unavailable, Text: err.Error()}
}
