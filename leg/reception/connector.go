// Package reception is the gateway's virtual reception: it answers a caller, asks for a
// meeting ID on the keypad, looks it up and passes the call on as if the caller had
// dialled it. Start reading at [Connector.Dial]; what happens to a caller is
// state.step, what is heard and seen is session. V-1 to V-10 are the rules of the
// project's reference.
package reception

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"tandem/alarm"
	"tandem/call"
	"tandem/media"
	"tandem/media/prompt"
)

// Name is the connector's name in routing, logs and records.
const Name = "reception"

// A Resolver looks meetings up. token names the access token to ask with, id is what
// the caller typed; title may be empty. An error is wrapped with its cause by
// [call.Refusal]: MeetingUnknown, MeetingOver, Forbidden, Unavailable.
type Resolver interface {
	Resolve(ctx context.Context, token, id string) (title string, err error)
}

// Alarms is the part of the alarm board a reception needs.
type Alarms interface {
	Raise(alarm.Alarm)
	Clear(key string)
}

// A Connector answers calls at receptions. Fill in the fields, call Apply once, then
// Dial; Run waits for the last call.
type Connector struct {
	Resolver Resolver
	// Loop returns the loop that a reception speaks on; beside is the caller's, or nil.
	Loop   func(beside media.Loop) (media.Loop, error)
	Alarms Alarms // may be nil
	Log    *slog.Logger

	legs  sync.WaitGroup
	guard guard

	mu    sync.Mutex // guards what follows
	desks map[string]*desk
	told  map[prompt.Name]uint64
}

var _ call.Dialer = (*Connector)(nil)

// Apply makes conf the receptions of the calls to come. On an error the old ones stay.
func (c *Connector) Apply(conf []Config) error {
	desks := make(map[string]*desk, len(conf))
	for i := range conf {
		d, err := conf[i].open()
		if err != nil {
			return fmt.Errorf("receptions[%d].%w", i, err)
		}
		desks[d.Name] = d
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.desks = desks
	c.guard.alarms = c.Alarms
	return nil
}

// Dial implements [call.Dialer]: to.Target names the reception, which answers at once.
func (c *Connector) Dial(ctx context.Context, to call.Destination, from call.Request) (call.Leg, error) {
	c.mu.Lock()
	d := c.desks[to.Target]
	c.mu.Unlock()
	if d == nil {
		return nil, call.Refusal(call.NoRoute, fmt.Errorf("there is no reception %q", to.Target))
	}
	if d.Token != "" && c.Resolver == nil {
		return nil, call.Refusal(call.CredentialsWrong, errors.New("the reception has nobody to ask for meetings"))
	}
	caller := from.Via
	if caller == "" {
		caller = from.From
	}
	if err := c.guard.admit(d, caller, time.Now()); err != nil {
		return nil, err
	}
	loop, err := c.Loop(from.Loop)
	if err != nil {
		return nil, call.Refusal(call.Congestion, err)
	}
	l := &leg{
		info: call.Info{ID: call.NewID(), Connector: Name, Via: d.Name, Remote: "reception " + d.Name},
		c:    c, desk: d, caller: caller,
		events: make(chan call.Event, d.Tries+4), // an answer, a transfer for each try, the end
	}
	l.log = c.Log.With("leg", l.info.ID, "reception", d.Name)
	l.session = newSession(d.Name, loop, l.pressed)
	c.legs.Go(func() { l.run(ctx) })
	return l, nil
}

// Run ends the guard's alarms when they are over. It returns when ctx is done and the
// last caller has left.
func (c *Connector) Run(ctx context.Context) error {
	t := time.NewTicker(5 * time.Second)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			c.legs.Wait()
			return nil
		case now := <-t.C:
			c.guard.sweep(now)
		}
	}
}

// count notes what callers were told.
func (c *Connector) count(names say) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.told == nil {
		c.told = make(map[prompt.Name]uint64)
	}
	for _, n := range names {
		c.told[n]++
	}
}

// Told counts the sentences that callers were told, by name: "connecting" is a
// meeting that was found, "unknown" an ID that was not.
func (c *Connector) Told() map[prompt.Name]uint64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	told := make(map[prompt.Name]uint64, len(sentences()))
	for _, n := range sentences() {
		told[n] = c.told[n]
	}
	return told
}
