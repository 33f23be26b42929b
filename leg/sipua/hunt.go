package sipua

import (
	"context"
	"fmt"
	"time"

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
		var settled bool
		end, settled, err = h.ask(ctx, seek, p, i == len(targets)-1)
		switch {
		case settled || h.over() || err == nil && i == len(targets)-1:
			return end
		case err != nil:
			h.c.Log.Info("trunk server not reached", "trunk", h.trunk.Name, "target", p, "err", err)
		default:
			h.c.Log.Warn("trunk server failed, the next one is tried", "trunk", h.trunk.Name, "target", p, "cause", end.Cause, "text", end.Text)
		}
	}
	return end
}

// ask offers one server the call, and the other profile of DTLS when it refuses the
// first. settled is false when it gave no sign of life and another server may mend
// that; err says that it was not reached.
func (h *hunt) ask(ctx, seek context.Context, p path, last bool) (end call.Ended, settled bool, err error) {
	ways := []Encryption{h.trunk.Encrypt}
	if h.trunk.Encrypt == DTLS {
		ways = append(ways, dtlsAVP)
	}
	for i, e := range ways {
		leg, err := h.try(ctx, seek, p, e, last)
		if err != nil {
			return h.failed(call.Unavailable, err), false, err
		}
		var heard bool
		end, heard = h.follow(leg)
		switch {
		case heard || h.over():
			return end, true, nil
		case end.Cause == call.Unavailable || end.Cause == call.NetworkFailure || end.Cause == call.Unreachable:
			return end, false, nil
		case end.Cause != call.MediaFailed || i == len(ways)-1:
			return end, true, nil
		}
		h.c.Log.Info("the trunk refused the media offered, it is asked again", "trunk", h.trunk.Name, "encrypt", ways[i+1])
	}
	return end, true, nil
}

// deafFor is how long a server may say nothing while there is another one: it has been
// sent the INVITE four times over UDP by then, and the caller hears nothing yet. RFC 3263
// §4.3 would have the transaction time out, which takes 32 s.
const deafFor = 4 * time.Second

// try sends the INVITE on one path, with one kind of encryption.
func (h *hunt) try(ctx, seek context.Context, p path, e Encryption, last bool) (*invite.Leg, error) {
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
	opt.Media.Capabilities.NoFeedback = e == dtlsAVP
	prefer(&opt, h.from, false)
	req := h.trunk.invite(f, h.to, h.from)
	inv := dialog.Invite{Flow: f, Request: req, Timer: h.c.core.Timer, Authorize: h.trunk.credentials(f, req.URI).Authorize}
	if !last {
		inv.Silence = deafFor
	}
	return h.out(ctx, opt, inv)
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
