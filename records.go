package tandem

import (
	"context"
	"time"

	"tandem/alarm"
	"tandem/call"
	"tandem/leg/sipua"
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
// is written 25 ms after it came, and an answer that comes sooner waits for it.
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
	r.g.admin.pulse.Began(rec.Began)
	r.put(rec)
}

func (r *recorder) Ended(rec call.Record) {
	r.put(rec)
	r.g.admin.pulse.Ended(rec.Ended, rec.Answered.IsZero())
	r.g.count(rec)
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
	n, err := g.History.UpdateLabelled(context.WithoutCancel(ctx), running, func(e *store.Entry[call.Record]) {
		e.Value.Ended, e.Value.Cause, e.Value.Text = time.Now(), call.Lost, call.Lost.Sentence()
	})
	if n > 0 {
		g.log.Warn("calls were running when the gateway stopped; their records are closed as lost", "calls", n)
	}
	return err
}

// bindings keeps registrations over a restart.
type bindings struct {
	all *store.Collection[sipua.Binding]
}

func (b *bindings) Atomically(ctx context.Context, f func(ctx context.Context) error) error {
	return b.all.DB.Atomically(ctx, f)
}

func (b *bindings) Load(ctx context.Context) ([]sipua.Binding, error) {
	var out []sipua.Binding
	for item, err := range b.all.Each(ctx) {
		if err != nil {
			return out, err
		}
		out = append(out, item.Value)
	}
	return out, nil
}

func (b *bindings) Put(ctx context.Context, v sipua.Binding) error {
	return b.all.Set(ctx, v.Device+" "+v.Key, v, v.Expires)
}

func (b *bindings) Delete(ctx context.Context, device, key string) error {
	return b.all.Delete(ctx, device+" "+key)
}
