package sipua

import (
	"context"
	"errors"
	"sync"

	"tandem/call"
	"tandem/leg/invite"
	"tandem/media"
	"tandem/sip/dialog"
)

// A series is a leg that may take several INVITEs: to one server of a trunk after
// the other, or to a phone with one kind of encryption after the other. Attempts
// that fail are its own affair; the call sees one leg.
type series struct {
	c      *Connector
	info   call.Info
	events chan call.Event
	stop   context.CancelFunc // of what is done before there is a leg

	mu  sync.Mutex // guards what follows
	leg *invite.Leg
	end *call.Ended // the call has hung up
}

var _ call.Leg = (*series)(nil)

// Info implements call.Leg.
func (s *series) Info() call.Info { return s.info }

// Events implements call.Leg.
func (s *series) Events() <-chan call.Event { return s.events }

// Media implements call.Leg.
func (s *series) Media() media.Session {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.leg == nil {
		return nil
	}
	return s.leg.Media()
}

// Do implements call.Leg.
func (s *series) Do(ev call.Event) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.leg != nil {
		s.leg.Do(ev)
	}
	if end, ok := ev.(call.Ended); ok && s.end == nil {
		s.end = &end
		s.stop()
	}
}

// begin starts run; its goroutine is the stack's, like that of any leg. ctx bounds
// the legs, and the seek that run is given everything before there is one. ended
// is called before the last event.
func (s *series) begin(ctx context.Context, run func(ctx, seek context.Context) call.Ended, ended func(call.Ended)) {
	s.events = make(chan call.Event, 16)
	seek, stop := context.WithCancel(ctx)
	s.stop = stop
	s.c.stack.Go(func() {
		defer stop()
		end := run(ctx, seek)
		ended(end)
		s.events <- end
		close(s.events)
	})
}

// errGivenUp means that the call ended between two attempts.
var errGivenUp = errors.New("the call was given up")

// out sends an INVITE and makes its leg the present one.
func (s *series) out(ctx context.Context, opt invite.Options, inv dialog.Invite) (*invite.Leg, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.end != nil {
		return nil, errGivenUp
	}
	l, err := s.c.stack.Out(ctx, opt, inv)
	if err == nil {
		s.leg = l
	}
	return l, err
}

// follow passes the leg's events on but the last. heard says that the far end gave
// a sign of life, so that no other attempt may follow.
func (s *series) follow(l *invite.Leg) (end call.Ended, heard bool) {
	for ev := range l.Events() {
		e, over := ev.(call.Ended)
		if !over {
			heard = true
			s.events <- ev
			continue
		}
		end = e
	}
	return end, heard
}

func (s *series) over() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.end != nil
}

// failed is the end for want of a leg; the call's own reason to end comes first.
func (s *series) failed(c call.Cause, err error) call.Ended {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.end != nil {
		return *s.end
	}
	end := call.Ended{Cause: c, Text: err.Error()}
	var r *call.RefusalError
	if errors.As(err, &r) {
		end.Cause, end.Retry = r.Cause, r.Retry
	}
	return end
}
