package call

import (
	"context"
	"errors"
	"time"

	"tandem/media"
)

// A Running is a call as it stands.
type Running struct {
	Record
	Phase Phase
}

// Running returns the calls that run, the oldest first.
func (s *Switch) Running() []Running {
	all := s.calls()
	out := make([]Running, 0, len(all))
	for _, c := range all {
		out = append(out, Running{c.Snapshot(), c.Phase()})
	}
	return out
}

// calls are those that run, the oldest first.
func (s *Switch) calls() []*Call {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := make([]*Call, 0, len(s.live))
	for c := range s.live {
		out = append(out, c)
	}
	sortCalls(out)
	return out
}

// byID finds a call that runs.
func (s *Switch) byID(id string) *Call {
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := range s.live {
		if c.ID == id {
			return c
		}
	}
	return nil
}

// Sample asks every call to look at its legs' figures and to publish them.
func (s *Switch) Sample() {
	for _, c := range s.calls() {
		c.inbox.Post(sample{})
	}
}

// A View is a call in all detail: its legs, their streams and the pipeline.
type View struct {
	Running
	Legs []LegView // A, then B when there is one
}

// A LegView is one leg of a View.
type LegView struct {
	LegRecord
	Session string // the media path in one line
	Muted   bool   // the other side does not hear it
	In, Out []StreamView
	Roster  *media.Roster // when the leg is a meeting
}

// A StreamView is one stream of a LegView.
type StreamView struct {
	media.StreamInfo
	media.Figures // zero when the stream does not tell them
}

// What asking a call can come to.
var (
	ErrNoCall = errors.New("there is no such call; it may have ended")
	ErrNotNow = errors.New("the call is not at a point where this can be done")
)

type (
	sample struct{} // note and publish the legs' figures
	// order is something to be done by the goroutine that owns the call.
	order struct {
		do    func(c *Call) (event any, at Side, err error)
		reply chan<- error
	}
)

// Look returns a call in all detail.
func (s *Switch) Look(ctx context.Context, id string) (View, error) {
	var v View
	err := s.order(ctx, id, func(c *Call) (any, Side, error) {
		if c.bridge != nil {
			c.record.Path = c.bridge.String()
		}
		c.noteMedia()
		c.publish()
		v.Running = Running{c.Snapshot(), c.Phase()}
		for _, l := range []Leg{c.legs[A], c.legs[B]} {
			if l != nil {
				v.Legs = append(v.Legs, c.viewOf(l))
			}
		}
		if m, ok := c.bridge.(Muter); ok && len(v.Legs) == 2 {
			v.Legs[A].Muted, v.Legs[B].Muted = m.Muted()
		}
		return nil, A, nil
	})
	return v, err
}

func (c *Call) viewOf(l Leg) LegView {
	v := LegView{LegRecord: c.legRecord(l)}
	m := l.Media()
	if m == nil {
		return v
	}
	v.Session = m.String()
	now := time.Now()
	for _, s := range m.Sources() {
		v.In = append(v.In, streamOf(s, s.Info(), now))
	}
	for _, s := range m.Sinks() {
		v.Out = append(v.Out, streamOf(s, s.Info(), now))
	}
	if meeting, ok := m.(media.Meeting); ok {
		r := meeting.Roster()
		v.Roster = &r
	}
	return v
}

func streamOf(s any, i media.StreamInfo, now time.Time) StreamView {
	v := StreamView{StreamInfo: i}
	if m, ok := s.(media.Measured); ok {
		v.Figures = m.Figures(now)
	}
	return v
}

// order has the call's own goroutine do something, and waits for it.
func (s *Switch) order(ctx context.Context, id string, do func(*Call) (any, Side, error)) error {
	c := s.byID(id)
	reply := make(chan error, 1)
	if c == nil || !c.inbox.Post(order{do, reply}) {
		return ErrNoCall
	}
	select {
	case err := <-reply:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}
