package tandem

import (
	"context"
	"errors"
	"time"

	"tandem/api"
	"tandem/call"
	"tandem/evidence"
	"tandem/leg/meet"
	"tandem/sip/flow"
	"tandem/store"
)

// proofs keep what calls leave to look at: in memory while they run, in the store
// by policy.
type proofs struct {
	recorder evidence.Recorder
	log      *store.Log[evidence.Evidence]
	writer   *store.Writer[evidence.Evidence]
	keep     func() time.Duration
}

const defaultKeepEvidence = 30 * 24 * time.Hour

func (g *Gateway) openProofs() {
	p := &g.proofs
	p.log = &store.Log[evidence.Evidence]{DB: g.db, Name: "evidence"}
	p.writer = &store.Writer[evidence.Evidence]{To: p.log, Queue: 1024, Log: g.log}
	p.recorder.Store = func(r call.Record, e evidence.Evidence) {
		if !p.writer.Put(store.Entry[evidence.Evidence]{ID: r.ID, At: r.Began, Value: e}) {
			g.log.Warn("the evidence of a call is not stored, too much waits for the store", "call", r.ID)
		}
	}
	p.keep = func() time.Duration {
		if d := g.conf.Load().Evidence.Keep; d > 0 {
			return d
		}
		return defaultKeepEvidence
	}
}

// traced is what sees every SIP message: the recorder, and who asked for it.
func (g *Gateway) traced(also func(flow.TraceEvent)) func(flow.TraceEvent) {
	if also == nil {
		return g.proofs.recorder.Message
	}
	return func(e flow.TraceEvent) {
		g.proofs.recorder.Message(e)
		also(e)
	}
}

// exchanged takes what a meeting service and a leg of ours say to each other.
func (g *Gateway) exchanged(leg string, x meet.Exchange) {
	g.proofs.recorder.Exchange(leg, evidence.Exchange(x))
}

// watched sees every change of every call.
func (g *Gateway) watched(c call.Running) {
	g.proofs.recorder.Call(c)
	g.admin.changed(c)
}

// run finishes calls, writes, and forgets what is old.
func (p *proofs) run(ctx context.Context) error {
	storing, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	written := async(func() error { return p.writer.Run(storing) })
	finished := async(func() error { return p.recorder.Run(ctx) })
	every := time.NewTicker(forgetTick)
	defer every.Stop()
	for ctx.Err() == nil {
		if _, err := p.log.Prune(ctx, time.Now().Add(-p.keep()), ""); err != nil && ctx.Err() == nil {
			p.writer.Log.Warn("old evidence was not removed", "err", err)
		}
		select {
		case <-ctx.Done():
		case <-every.C:
		}
	}
	err := <-finished
	stop()
	return errors.Join(err, <-written)
}

func (p *proofs) get(ctx context.Context, id string) (evidence.Evidence, error) {
	if e, ok := p.recorder.Get(id); ok {
		return e, nil
	}
	e, err := p.log.Get(ctx, id)
	if errors.Is(err, store.ErrNotFound) {
		return evidence.Evidence{}, api.ErrNotFound
	}
	return e.Value, err
}
