package phone

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"tandem/sim/audio"
	"tandem/sim/wire"
)

// Phase is where a call stands.
type Phase string

// The phases of a call, in order.
const (
	Setup    Phase = "setup"
	Ringing  Phase = "ringing" // 18x sent or received
	Answered Phase = "answered"
	Ended    Phase = "ended"
)

// Call is one call of a phone, in either direction.
type Call struct {
	phone    *Phone
	outgoing bool
	callID   string
	sound    *sound
	invite   *wire.Message // the one that came in; nil if outgoing
	done     chan struct{}

	mu        sync.Mutex // guards everything below
	changed   chan struct{}
	phase     Phase
	localTag  string
	remoteTag string
	local     string // address, without tag
	remote    string // address, without tag
	target    string // URI
	routes    []string
	seq       uint32
	lastACK   []byte
	sentINV   *wire.Message
	acked     bool
	offered   bool // the INVITE had an offer
	codec     string
	status    int
	reason    string
	endedBy   string
	times     Times
	progress  []int
	info      []string
	notify    []string
	held      bool // the far end holds us
	asserted  string
	from      string
}

// Times are when things happened, counted from the INVITE; 0 means never.
type Times struct {
	Trying   time.Duration `json:"trying"`
	Ringing  time.Duration `json:"ringing"`
	Early    time.Duration `json:"early"` // first 18x with SDP
	Answered time.Duration `json:"answered"`
	FirstRTP time.Duration `json:"first_rtp"`
	Ended    time.Duration `json:"ended"`
	Started  time.Time     `json:"started"`
}

// Report is everything the phone knows of a call.
type Report struct {
	Outgoing bool         `json:"outgoing"`
	CallID   string       `json:"call_id"`
	From     string       `json:"from"`     // From header as sent or received
	Asserted string       `json:"asserted"` // P-Asserted-Identity received
	Phase    Phase        `json:"phase"`
	Status   int          `json:"status"` // final answer
	Reason   string       `json:"reason"`
	Progress []int        `json:"progress"` // provisional answers received, in order
	EndedBy  string       `json:"ended_by"` // "us", "far end", "refusal"
	Times    Times        `json:"times"`
	Codec    string       `json:"codec"`
	Sent     int          `json:"sent"`
	Received audio.Report `json:"received"`
	Info     []string     `json:"info,omitempty"`   // digits by INFO
	Notify   []string     `json:"notify,omitempty"` // sipfrags
	Held     bool         `json:"held"`             // the far end holds us now
	Ladder   []wire.Event `json:"ladder"`
}

// newCall makes a call; fill completes it before anybody can see it.
func (p *Phone) newCall(callID string, outgoing bool, fill func(*Call)) (*Call, error) {
	s, err := p.newSound()
	if err != nil {
		return nil, err
	}
	c := &Call{
		phone: p, outgoing: outgoing, callID: callID, sound: s, done: make(chan struct{}), changed: make(chan struct{}),
		phase: Setup, localTag: wire.Token(10), times: Times{Started: time.Now()},
	}
	fill(c)
	p.mu.Lock()
	p.calls[callID] = c
	p.all = append(p.all, c)
	p.mu.Unlock()
	return c, nil
}

// set changes the call's state and wakes whoever waits.
func (c *Call) set(f func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	f()
	close(c.changed)
	c.changed = make(chan struct{})
}

func (c *Call) now() time.Duration { return time.Since(c.times.Started) }

// end ends the call; the first reason stays. false: it was over.
func (c *Call) end(by string) bool {
	first := false
	c.set(func() {
		if c.phase == Ended {
			return
		}
		first = true
		c.phase, c.endedBy, c.times.Ended = Ended, by, c.now()
		close(c.done)
	})
	c.sound.close()
	return first
}

func (c *Call) wait(ctx context.Context, what string, ok func() bool) error {
	for {
		c.mu.Lock()
		done, over, changed, status := ok(), c.phase == Ended, c.changed, c.status
		c.mu.Unlock()
		switch {
		case done:
			return nil
		case over:
			return fmt.Errorf("phone %s: call ended (status %d) before %s", c.phone.cfg.User, status, what)
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return fmt.Errorf("phone %s: waiting for %s: %w", c.phone.cfg.User, what, ctx.Err())
		}
	}
}

// WaitRinging blocks until a 180 came or went (or the call was answered).
func (c *Call) WaitRinging(ctx context.Context) error {
	return c.wait(ctx, "ringing", func() bool { return c.times.Ringing > 0 || c.times.Answered > 0 })
}

// WaitEarly blocks until early media was described.
func (c *Call) WaitEarly(ctx context.Context) error {
	return c.wait(ctx, "early media", func() bool { return c.times.Early > 0 || c.times.Answered > 0 })
}

// WaitAnswered blocks until the call is answered.
func (c *Call) WaitAnswered(ctx context.Context) error {
	return c.wait(ctx, "the answer", func() bool { return c.times.Answered > 0 })
}

// WaitHeld blocks until the far end has put us on hold, or taken us off.
func (c *Call) WaitHeld(ctx context.Context, held bool) error {
	return c.wait(ctx, "hold", func() bool { return c.held == held })
}

// WaitTone blocks until a tone within 15 Hz of frequency was heard for at
// least d.
func (c *Call) WaitTone(ctx context.Context, frequency float64, d time.Duration) error {
	return c.poll(ctx, fmt.Sprintf("%v Hz", frequency), func(r audio.Report) bool { return audio.Heard(r.Heard, frequency) >= d })
}

// WaitDTMF blocks until the keys were heard by RFC 4733.
func (c *Call) WaitDTMF(ctx context.Context, keys string) error {
	return c.poll(ctx, "keys "+keys, func(r audio.Report) bool { return r.DTMF == keys })
}

// poll looks at the media every 20 ms, as it comes packet by packet.
func (c *Call) poll(ctx context.Context, what string, ok func(audio.Report) bool) error {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		r := c.Heard()
		if ok(r) {
			return nil
		}
		select {
		case <-tick.C:
		case <-c.done:
			if ok(c.Heard()) {
				return nil
			}
			return fmt.Errorf("phone %s: the call ended before hearing %s; heard %+v", c.phone.cfg.User, what, r.Heard)
		case <-ctx.Done():
			return fmt.Errorf("phone %s: waiting for %s, heard %+v, keys %q: %w", c.phone.cfg.User, what, r.Heard, r.DTMF, ctx.Err())
		}
	}
}

// Done is closed when the call has ended.
func (c *Call) Done() <-chan struct{} { return c.done }

// Wait blocks until the call has ended and returns its report.
func (c *Call) Wait(ctx context.Context) (Report, error) {
	select {
	case <-c.done:
		return c.Report(), nil
	case <-ctx.Done():
		return c.Report(), fmt.Errorf("phone %s: waiting for the end of the call: %w", c.phone.cfg.User, ctx.Err())
	}
}

// CallID is the dialog's Call-ID.
func (c *Call) CallID() string { return c.callID }

// Invite is the INVITE that came in, or nil.
func (c *Call) Invite() *wire.Message { return c.invite }

// Report is what the phone knows so far.
func (c *Call) Report() Report {
	c.mu.Lock()
	r := Report{
		Outgoing: c.outgoing, CallID: c.callID, From: c.from, Asserted: c.asserted, Phase: c.phase, Status: c.status,
		Reason: c.reason, Progress: slices.Clone(c.progress), EndedBy: c.endedBy, Times: c.times, Codec: c.codec,
		Info: slices.Clone(c.info), Notify: slices.Clone(c.notify), Held: c.held,
	}
	c.mu.Unlock()
	c.sound.mu.Lock()
	r.Sent = c.sound.sent
	if !c.sound.first.IsZero() {
		r.Times.FirstRTP = c.sound.first.Sub(r.Times.Started)
	}
	r.Received = c.sound.in.Report()
	c.sound.mu.Unlock()
	r.Ladder = c.phone.ladder.Events(c.callID)
	return r
}
