package reception

import (
	"context"
	"log/slog"
	"slices"
	"sync"
	"time"

	"tandem/call"
	"tandem/internal/mailbox"
	"tandem/media"
)

// A leg is one caller at a reception. One goroutine, run, owns its state; everything
// else posts to it.
type leg struct {
	info    call.Info
	c       *Connector
	desk    *desk
	caller  string // whom the guard counts for
	session *session
	box     mailbox.Box[any]
	events  chan call.Event
	log     *slog.Logger
	work    sync.WaitGroup // lookups under way
}

var _ call.Leg = (*leg)(nil)

// Info implements [call.Leg].
func (l *leg) Info() call.Info { return l.info }

// Media implements [call.Leg].
func (l *leg) Media() media.Session { return l.session }

// Events implements [call.Leg].
func (l *leg) Events() <-chan call.Event { return l.events }

// Do implements [call.Leg].
func (l *leg) Do(ev call.Event) {
	switch ev := ev.(type) {
	case call.Digit:
		l.box.Offer(key(ev.Key))
	case call.Transferred, call.Ended:
		l.box.Post(ev)
	}
}

// pressed is called on a media loop.
func (l *leg) pressed(k rune) { l.box.Offer(key(k)) }

// run carries the leg to its end.
func (l *leg) run(ctx context.Context) {
	defer close(l.events)
	ctx, cancel := context.WithCancel(ctx)
	stop := l.session.start()
	why := l.serve(ctx)
	cancel()
	stop()
	l.box.Close()
	l.work.Wait()
	l.log.Info("reception left", "cause", why.Cause, "text", why.Text)
	l.events <- why // there is room for all a leg ever says
}

// serve returns why the leg ended.
func (l *leg) serve(ctx context.Context) call.Ended {
	l.events <- call.Answered{}
	s := state{desk: l.desk}
	timer := time.NewTimer(0)
	defer timer.Stop()
	var what any = began{}
	for {
		next, todo := s.step(time.Now(), what)
		if next.phase != s.phase {
			l.log.Info("reception phase", "now", next.phase, "was", s.phase, "cause", next.last.Cause, "tries", next.left)
		}
		s = next
		l.session.show(s.roster())
		for _, do := range todo {
			if e, over := do.(end); over {
				return e.Ended
			}
			l.do(ctx, do)
		}
		timer.Stop()
		if at := s.wake(); !at.IsZero() {
			timer.Reset(time.Until(at))
		}
		select {
		case <-ctx.Done():
			return call.Ended{Cause: call.Shutdown}
		case <-timer.C:
			what = passed{}
		case <-l.box.Ready():
			what, _ = l.box.Take()
		}
		switch ev := what.(type) {
		case call.Ended:
			return call.Ended{Cause: ev.Cause, Text: ev.Text}
		case call.Transferred:
			if ev.Cause == call.NormalClearing { // we are asked to end next
				what = nil
				continue
			}
			what = back{ev.Cause, ev.Cause == call.MeetingUnknown && l.c.guard.wrong(l.desk, l.caller, time.Now())}
		}
	}
}

// do carries out one action.
func (l *leg) do(ctx context.Context, do any) {
	switch do := do.(type) {
	case say:
		l.c.count(do)
		var pcm []int16
		for _, name := range do {
			pcm = slices.Concat(pcm, l.desk.speech[name])
		}
		l.session.source.say(pcm)
	case look:
		l.work.Go(func() { l.look(ctx, do) })
	case pass:
		l.log.Info("reception passes the call on", "to", do.to)
		l.events <- call.Transfer{To: do.to, Wish: true}
	}
}

// look asks for a meeting.
func (l *leg) look(ctx context.Context, do look) {
	title, err := l.c.Resolver.Resolve(ctx, l.desk.Token, do.id)
	f := found{look: do.number, title: title, err: err}
	if err != nil && endedBy(err).Cause == call.MeetingUnknown {
		f.stop = l.c.guard.wrong(l.desk, l.caller, time.Now())
	}
	l.box.Post(f)
}
