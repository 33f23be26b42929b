package sipua

import (
	"context"
	"fmt"

	"tandem/call"
	"tandem/leg/invite"
	"tandem/sip/dialog"
	"tandem/sip/flow"
)

// A hunt is the leg of a call over a trunk: it finds the trunk's servers, and
// tries one after the other until one takes the call (RFC 3263 §4.3).
type hunt struct {
	series
	trunk *trunk
	to    string
	from  call.Request
}

func (h *hunt) begin(ctx context.Context) {
	h.series.begin(ctx, h.run, func(call.Ended) { h.trunk.calls.Add(-1) })
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
	return h.out(ctx, opt, inv)
}

// follow passes the leg's events on. settled is false when it ended without any
// sign of life from the far end in a way that another server may mend.
func (h *hunt) follow(l *invite.Leg) (end call.Ended, settled bool) {
	end, heard := h.series.follow(l)
	switch end.Cause {
	case call.Unavailable, call.NetworkFailure, call.Unreachable:
		return end, heard
	}
	return end, true
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
