package tandem

import (
	"context"
	"time"

	"tandem/cluster"
	"tandem/config"
	"tandem/leg/sipua"
	"tandem/store"
)

// past is what can be looked up of registrations, and what is forgotten of calls.
type past struct {
	mine          string // label of registrations with this machine that last
	registrations *store.Log[sipua.Registration]
	writer        *store.Writer[sipua.Registration]
}

// retention is how long the past is kept, as it is in force.
func (g *Gateway) retention() config.Retention { return g.conf.Load().Retention.WithDefaults() }

func (g *Gateway) openPast(node string) {
	mine := lasting + " " + node
	g.past.mine = mine
	g.past.registrations = &store.Log[sipua.Registration]{DB: g.db, Name: "registrations", Label: func(r sipua.Registration) string {
		if r.Ended.IsZero() {
			return mine
		}
		return over
	}}
	g.past.writer = &store.Writer[sipua.Registration]{To: g.past.registrations, Queue: 8192, Log: g.log}
}

// registered takes what begins and ends. What comes too fast is counted by the writer.
func (p *past) registered(r sipua.Registration) {
	p.writer.Put(store.Entry[sipua.Registration]{ID: r.ID, At: r.Began, Value: r})
}

// close ends what the last run of the gateway left; call it before phones are served.
func (p *past) close(ctx context.Context) error {
	now := time.Now()
	_, err := p.registrations.UpdateLabelled(context.WithoutCancel(ctx), p.mine, func(e *store.Entry[sipua.Registration]) {
		e.Value.Ended, e.Value.Reason = now, "the gateway ended"
	})
	return err
}

// bury ends the registrations of another machine, which has died. What its phones do next
// is written by the machine they come to; those it knew over UDP come to it again.
func (p *past) bury(ctx context.Context, n cluster.Node) error {
	at := n.Beat // nobody knows of a later sign of life
	if at.IsZero() {
		at = time.Now()
	}
	_, err := p.registrations.UpdateLabelled(ctx, lasting+" "+n.Name, func(e *store.Entry[sipua.Registration]) {
		e.Value.Ended, e.Value.Reason = later(at, e.Value.Began), "the machine it was registered with is gone"
	})
	return err
}

// run writes, and forgets what is old, until ctx is done.
func (p *past) run(ctx context.Context, g *Gateway) error {
	written := async(func() error { return p.writer.Run(ctx) })
	every := time.NewTicker(forgetTick)
	defer every.Stop()
	for ctx.Err() == nil {
		keep := g.retention()
		g.forgets(ctx, "registrations", keep.Registrations, func(before time.Time) (int64, error) {
			return p.registrations.Prune(ctx, before, lasting)
		})
		g.forgets(ctx, "calls", keep.Calls, func(before time.Time) (int64, error) { return g.History.Prune(ctx, before, running) })
		select {
		case <-ctx.Done():
		case <-every.C:
		}
	}
	return <-written
}

// forgets removes what is older than keep; 0 is nothing.
func (g *Gateway) forgets(ctx context.Context, what string, keep time.Duration, prune func(time.Time) (int64, error)) {
	if keep <= 0 {
		return
	}
	switch n, err := prune(time.Now().Add(-keep)); {
	case err != nil && ctx.Err() == nil:
		g.log.Warn("old records were not removed", "of", what, "err", err)
	case n > 0:
		g.log.Info("old records removed", "of", what, "records", n, "older", keep)
	}
}
