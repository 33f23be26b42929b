package tandem

import (
	"context"
	"time"

	"tandem/alarm"
	"tandem/call"
	"tandem/cluster"
	"tandem/store"
)

// Labels of call records in the store.
const (
	running = "running"
	over    = "ended"
)

func recordState(r call.Record) string {
	if r.Ended.IsZero() {
		return running
	}
	return over
}

// recorder puts call records into the store, behind the calls' backs. A record
// is written within 100 ms, and an answer that comes sooner waits for it and hurries
// it: together with those of other calls, up to 50 times a second.
// While the disk is full or the database away records wait, and calls go on.
type recorder struct{ g *Gateway }

var _ call.DurableRecorder = (*recorder)(nil)

// storeAlarm is raised while the store takes no call records.
const storeAlarm = "store/calls"

// storing tells a person when call records cannot be written.
func (g *Gateway) storing(err error) {
	if err == nil {
		g.Alarms.Clear(storeAlarm)
		return
	}
	g.Alarms.Raise(alarm.Alarm{
		Key: storeAlarm, Severity: alarm.Warning, Title: "Call records cannot be stored", Subject: g.db.String(), Detail: err.Error(),
		Do: "Make room on the disk, or bring the database back. Calls go on; their records wait in memory and are lost if the gateway ends before.",
	})
}

func (r *recorder) Began(rec call.Record) {
	r.g.admin.began(rec)
	r.put(rec)
}

func (r *recorder) Ended(rec call.Record) {
	r.put(rec)
	r.g.admin.ended(rec)
	r.g.count(rec)
	r.g.tracer.Ended(rec)
}

// Stored tells when the record of a call that began is in the store.
func (r *recorder) Stored(id string) <-chan struct{} { return r.g.records.Stored(id) }

func (r *recorder) put(rec call.Record) {
	if !r.g.records.Put(store.Entry[call.Record]{ID: rec.ID, At: rec.Began, Value: rec}) {
		r.g.log.Error("call record lost, too many wait for the store", "call", rec.ID)
	}
}

// closeLost ends the records of calls that the gateway did not survive.
func (g *Gateway) closeLost(ctx context.Context) error {
	if g.together != nil {
		return nil // others' calls may be running; each machine's are closed when it joins
	}
	n, err := g.History.UpdateLabelled(context.WithoutCancel(ctx), running, func(e *store.Entry[call.Record]) {
		e.Value.Ended, e.Value.Cause, e.Value.Text = time.Now(), call.Lost, call.Lost.Sentence()
	})
	if n > 0 {
		g.log.Warn("calls were running when the gateway stopped; their records are closed as lost", "calls", n)
	}
	return err
}

// closeLostOf is closeLost for a machine of a cluster that has died, or for this one as
// it was before its start. What it had begun since before stays; zero is none.
func (g *Gateway) closeLostOf(ctx context.Context, n cluster.Node, before time.Time) error {
	at := n.Beat // nobody knows of a later sign of life
	if at.IsZero() {
		at = time.Now()
	}
	span := store.Span{Label: running, Limit: lostPage}
	for closed := 0; ; {
		page, err := g.History.List(ctx, span)
		if err != nil {
			return err
		}
		for _, e := range page {
			if e.Value.Node != n.Name || !before.IsZero() && !e.Value.Began.Before(before) {
				continue
			}
			r := &e.Value
			r.Ended, r.Cause, r.Text = later(at, r.Began), call.Lost, call.Lost.Sentence()
			if err := g.History.Update(ctx, e); err != nil {
				return err
			}
			closed++
		}
		if len(page) < lostPage {
			if closed > 0 {
				g.log.Warn("calls were running when a machine stopped; their records are closed as lost", "node", n.Name, "calls", closed)
			}
			return nil
		}
		last := page[len(page)-1]
		span.Before, span.BeforeID = last.At, last.ID
	}
}

// lostPage is how many records are read at once.
const lostPage = 500

func later(a, b time.Time) time.Time {
	if a.Before(b) {
		return b
	}
	return a
}
