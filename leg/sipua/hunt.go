package sipua

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"tandem/call"
	"tandem/internal/stack"
	"tandem/leg/invite"
	"tandem/media"
	"tandem/sip/dialog"
	"tandem/sip/flow"
)

// A hunt is the leg of a call over a trunk: it finds the trunk's servers, and
// tries one after the other until one takes the call (RFC 3263 §4.3). Legs to
// servers that fail are the hunt's own affair; the call sees one leg.
type hunt struct {
	c      *Connector
	trunk  *trunk
	to     string
	from   call.Request
	info   call.Info
	events chan call.Event
	stop   context.CancelFunc // of what is done before there is a leg

	mu  sync.Mutex // guards what follows
	leg *invite.Leg
	end *call.Ended // the call has hung up
}

var _ call.Leg = (*hunt)(nil)

// Info implements call.Leg.
func (h *hunt) Info() call.Info { return h.info }

// Events implements call.Leg.
func (h *hunt) Events() <-chan call.Event { return h.events }

// Media implements call.Leg.
func (h *hunt) Media() media.Session {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.leg == nil {
		return nil
	}
	return h.leg.Media()
}

// Do implements call.Leg.
func (h *hunt) Do(ev call.Event) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.leg != nil {
		h.leg.Do(ev)
	}
	if end, ok := ev.(call.Ended); ok && h.end == nil {
		h.end = &end
		h.stop()
	}
}

// begin starts the hunt; its goroutine is the stack's, like that of any leg.
func (h *hunt) begin(ctx context.Context) {
	seek, stop := context.WithCancel(ctx)
	h.stop = stop
	h.c.stack.Go(func() {
		stack.Grow()
		defer stop()
		end := h.run(ctx, seek)
		h.trunk.calls.Add(-1)
		h.events <- end
		close(h.events)
	})
}

// run tries the targets and returns why the leg ended.
func (h *hunt) run(ctx, seek context.Context) call.Ended {
	targets, err := h.trunk.paths(seek)
	if err != nil {
		return h.failed(call.Unavailable, fmt.Errorf("the trunk %s: %w", h.trunk.Name, err))
	}
	end := call.Ended{Cause: call.Unavailable}
	for i, p := range targets {
		leg, err := h.try(ctx, seek, p)
		if err != nil {
			end = h.failed(call.Unavailable, err)
			if h.over() {
				return end
			}
			h.c.Log.Info("trunk server not reached", "trunk", h.trunk.Name, "target", p, "err", err)
			continue
		}
		var settled bool
		if end, settled = h.follow(leg); settled || i == len(targets)-1 || h.over() {
			return end
		}
		h.c.Log.Warn("trunk server failed, the next one is tried", "trunk", h.trunk.Name, "target", p, "cause", end.Cause, "text", end.Text)
	}
	return end
}

// try sends the INVITE on one path.
func (h *hunt) try(ctx, seek context.Context, p path) (*invite.Leg, error) {
	f, err := p.get(seek, h.c.net)
	if err != nil {
		if p.instead && seek.Err() == nil {
			h.trunk.tookNoTCP()
		}
		return nil, err
	}
	f.Trust()
	opt := h.c.options(nil, h.trunk, f, true)
	opt.Info = h.info
	prefer(&opt, h.from)
	req := h.trunk.invite(f, h.to, h.from)
	inv := dialog.Invite{Flow: f, Request: req, Timer: h.c.core.Timer, Authorize: h.trunk.credentials(f, req.URI).Authorize}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.end != nil {
		return nil, errors.New("the call was given up")
	}
	l, err := h.c.stack.Out(ctx, opt, inv)
	if err == nil {
		h.leg = l
	}
	return l, err
}

// follow passes the leg's events on. settled is false when it ended without any
// sign of life from the far end in a way that another server may mend.
func (h *hunt) follow(l *invite.Leg) (end call.Ended, settled bool) {
	for ev := range l.Events() {
		e, over := ev.(call.Ended)
		if !over {
			settled = true
			h.events <- ev
			continue
		}
		end = e
	}
	switch end.Cause {
	case call.Unavailable, call.NetworkFailure, call.Unreachable:
		return end, settled
	}
	return end, true
}

func (h *hunt) over() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.end != nil
}

// failed is the end for want of a leg; the call's own reason to end comes first.
func (h *hunt) failed(c call.Cause, err error) call.Ended {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.end != nil {
		return *h.end
	}
	end := call.Ended{Cause: c, Text: err.Error()}
	var r *call.RefusalError
	if errors.As(err, &r) {
		end.Cause, end.Retry = r.Cause, r.Retry
	}
	return end
}

// A path is one way to a trunk's server: a connection that we registered on, or a
// target to connect to.
type path struct {
	flow    *flow.Flow
	target  flow.Target
	instead bool // of UDP, if the server takes it
}

func (p path) get(ctx context.Context, net *flow.Transport) (*flow.Flow, error) {
	if p.flow != nil {
		return p.flow, nil
	}
	if p.instead {
		short, cancel := context.WithTimeout(ctx, tcpTimeout)
		defer cancel()
		ctx = short
	}
	return net.Get(ctx, p.target)
}

func (p path) String() string {
	if p.flow != nil {
		return p.flow.String()
	}
	return p.target.String()
}
