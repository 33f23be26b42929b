package tandem

import (
	"context"
	"fmt"
	"time"

	"tandem/alarm"
	"tandem/store"
)

const (
	forgetTick = time.Hour
	lasting    = "active" // label of alarms that are not over
)

// alarmHistory keeps alarms in the store, behind the backs of those who raise them.
type alarmHistory struct {
	mine   string // label of alarms of this machine that last
	log    *store.Log[alarm.Alarm]
	writer *store.Writer[alarm.Alarm]
	board  *alarm.Board
	keep   func() time.Duration
}

func newAlarmHistory(g *Gateway) alarmHistory {
	mine := lasting + " " + g.Switch.Node // other machines keep theirs in the same store
	log := &store.Log[alarm.Alarm]{DB: g.db, Name: "alarms", Label: func(a alarm.Alarm) string {
		if a.Active() {
			return mine
		}
		return over
	}}
	return alarmHistory{mine, log, &store.Writer[alarm.Alarm]{To: log, Queue: 4096, Log: g.log}, g.Alarms, func() time.Duration { return g.retention().Alarms }}
}

// put queues an alarm that began, changed or ended. What comes too fast is counted
// by the writer; the board has it all the same.
func (h *alarmHistory) put(a alarm.Alarm) {
	h.writer.Put(store.Entry[alarm.Alarm]{ID: fmt.Sprintf("%s@%d", clipKey(h.mine+" "+a.Key), a.Begin.UnixNano()), At: a.Begin, Value: a})
}

// clipKey keeps a key within what the store takes.
func clipKey(key string) string {
	const most = 400
	return key[:min(len(key), most)]
}

// run ends what the last run of the gateway left, writes, and forgets what is old.
func (h *alarmHistory) run(ctx context.Context) error {
	began := time.Now()
	_, err := h.log.UpdateLabelled(context.WithoutCancel(ctx), h.mine, func(e *store.Entry[alarm.Alarm]) { e.Value.End = began })
	if err != nil {
		h.writer.Log.Error("alarms of the last run are still open in the history", "err", err)
	}
	for _, a := range h.board.Active() { // raised before anybody listened
		h.put(a)
	}
	written := async(func() error { return h.writer.Run(ctx) })
	every := time.NewTicker(forgetTick)
	defer every.Stop()
	for ctx.Err() == nil {
		if _, err := h.log.Prune(ctx, time.Now().Add(-h.keep()), lasting); err != nil && ctx.Err() == nil {
			h.writer.Log.Warn("old alarms were not removed", "err", err)
		}
		select {
		case <-ctx.Done():
		case <-every.C:
		}
	}
	return <-written
}
