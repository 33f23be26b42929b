package transaction

import (
	"sync"
	"time"

	"tandem/sip"
	"tandem/sip/flow"
)

// An Event is what happens to a client transaction: a response, or its end
// without a final one. A provisional response may be followed by more of either;
// a final one is the last event, but a 2xx to an INVITE may be followed by more
// 2xx, also of other forks, until timer M.
type Event struct {
	Response *sip.Message // nil if Err is set
	Err      error        // ErrTimeout, ErrTooMany, ErrClosed or the flow's; use errors.Is
}

// A Client is a client transaction. It is safe for concurrent use.
type Client struct {
	l      *Layer
	flow   *flow.Flow
	key    clientKey
	invite bool
	link   flow.Link

	mu       sync.Mutex // guards what follows
	state    state
	req      *sip.Message // until the final response
	alarm    alarm
	ack      []byte       // for a final response other than 2xx
	cancel   bool         // Cancel was called
	sent     bool         // the CANCEL was sent
	extra    []sip.Header // of the CANCEL
	on       func(Event)  // nil when nothing more will be told
	events   []Event
	busy     bool // somebody calls on
	eventBuf [2]Event
}

// Request sends req on f and reports what becomes of it to on, in order and never
// two events at once. on is not called by Request itself, but it may be called
// before Request has returned. req is the layer's to complete and must not be changed
// from now on.
//
// Request adds a Via with a branch and rport, and Max-Forwards, where they are
// missing; a Via that is there is kept, and given a new branch if its own is in
// use. The ACK for a response other than 2xx is the layer's, for a 2xx it is the
// caller's: see Send.
func (l *Layer) Request(f *flow.Flow, req *sip.Message, on func(Event)) *Client {
	l.init()
	if req.Method == "ACK" {
		panic("transaction: an ACK has no transaction, use Layer.Send")
	}
	branch := prepare(f, req)
	c := &Client{l: l, flow: f, req: req, key: clientKey{branch, known(req.Method)}, invite: req.Method == "INVITE", on: on}
	c.events = c.eventBuf[:0]
	c.mu.Lock()
	defer c.mu.Unlock()
	if !l.room() {
		l.count.Refused.Add(1)
		c.fail(l.noRoom())
		return c
	}
	for !l.enterClient(c) {
		via, _ := req.Via()
		c.key.branch = renewBranch(req, via)
	}
	if !f.Attach(&c.link, c) {
		c.fail(f.Err())
		return c
	}
	l.count.Clients.Add(1)
	if err := f.Send(req); err != nil {
		c.fail(err)
		return c
	}
	c.alarm.begin(l, !f.Reliable(), l.t1, 64*l.t1, c.onTimer) // A and B, or E and F
	return c
}

// Send sends a request that has no transaction: the ACK for a 2xx. It adds Via and
// Max-Forwards like Request.
func (l *Layer) Send(f *flow.Flow, req *sip.Message) error {
	l.init()
	prepare(f, req)
	return f.Send(req)
}

func (l *Layer) noRoom() error {
	if l.closed.Load() {
		return ErrClosed
	}
	return ErrTooMany
}

// Flow is the flow it was sent on.
func (c *Client) Flow() *flow.Flow { return c.flow }

// Cancel asks the far end to give up an INVITE (RFC 3261 §9.1). The CANCEL is sent
// when a provisional response has come, not before. After a final response, for
// another method, and the second time Cancel does nothing. The extra headers
// (Reason) go into the CANCEL. The last event is the final response, 487 as a
// rule, or ErrTimeout if there is none 64*T1 after the CANCEL.
func (c *Client) Cancel(extra ...sip.Header) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.invite || c.state.final() || c.cancel {
		return
	}
	c.cancel, c.extra = true, extra
	if c.state == proceeding {
		c.sendCancel()
	}
}

func (c *Client) sendCancel() {
	c.sent = true
	c.l.Request(c.flow, cancelFor(c.req, c.extra), func(Event) {})
	c.alarm.set(c.l, 64*c.l.t1, c.onTimer)
}

func (c *Client) receive(m *sip.Message) {
	c.mu.Lock()
	defer c.unlock()
	switch {
	case c.state == over:
	case c.state == accepted:
		if m.Status/100 == 2 {
			c.post(Event{Response: m})
		}
	case c.state == completed:
		if c.ack != nil && m.Status >= 300 {
			c.flow.SendBytes(c.ack)
		}
	case m.Status < 200:
		c.provisional(m)
	default:
		c.final(m)
	}
}

func (c *Client) provisional(m *sip.Message) {
	c.state = proceeding
	c.post(Event{Response: m})
	if !c.invite || c.sent {
		return // E goes on, or the wait after the CANCEL
	}
	c.alarm.stop()
	if c.cancel {
		c.sendCancel()
	}
}

func (c *Client) final(m *sip.Message) {
	c.post(Event{Response: m})
	c.state = completed
	linger := c.l.t4 // K
	req := c.req
	c.req, c.extra = nil, nil // it is not sent again; finished transactions must cost little
	switch {
	case c.invite && m.Status < 300:
		c.state = accepted
		c.l.linger(&c.alarm, 64*c.l.t1, c, c.onTimer) // M
		return
	case c.invite:
		c.ack = ackFor(req, m).Append(nil)
		c.flow.SendBytes(c.ack)
		linger = max(64*c.l.t1, 32*time.Second) // D
	}
	if c.flow.Reliable() {
		c.finish()
		return
	}
	c.l.linger(&c.alarm, linger, c, c.onTimer)
}

// expire implements lingerer.
func (c *Client) expire() {
	c.mu.Lock()
	defer c.unlock()
	if c.state != over {
		c.finish()
	}
}

func (c *Client) onTimer() {
	c.mu.Lock()
	defer c.unlock()
	if !c.alarm.fired() || c.state == over {
		return
	}
	if c.state.final() {
		c.finish()
		return
	}
	if c.again() {
		c.l.count.Resent.Add(1)
		c.flow.Send(c.req) // what is lost is repeated
		return
	}
	c.l.count.Timeouts.Add(1)
	c.post(Event{Err: ErrTimeout})
	c.finish()
}

// again reports whether the request is to be sent once more, and has the timer
// set for it. Its pauses double: without bound for INVITE (A), up to T2 for other
// methods, and they are T2 when a provisional has come (E).
func (c *Client) again() bool {
	l := c.l
	switch {
	case c.invite && c.state == proceeding:
		return false // the wait after the CANCEL is over
	case c.invite:
		return c.alarm.next(l, 0, 0, 64*l.t1, c.onTimer)
	case c.state == proceeding && !c.flow.Reliable():
		return c.alarm.next(l, l.t2, l.t2, 64*l.t1, c.onTimer)
	}
	return c.alarm.next(l, 0, l.t2, 64*l.t1, c.onTimer)
}

// FlowEnded is called when the flow has died.
func (c *Client) FlowEnded(cause error) {
	c.mu.Lock()
	defer c.unlock()
	if c.state == over {
		return
	}
	if !c.state.final() {
		c.post(Event{Err: cause})
	}
	c.finish()
}

// fail ends a transaction that never was, and says so on a timer's goroutine.
func (c *Client) fail(err error) {
	c.finish()
	c.l.after(0, func() {
		c.mu.Lock()
		defer c.unlock()
		c.post(Event{Err: err})
	})
}

func (c *Client) finish() {
	c.state = over
	c.alarm.stop()
	c.l.leaveClient(c)
	c.flow.Detach(&c.link)
}

func (c *Client) post(e Event) { c.events = append(c.events, e) }

// unlock reports the events that are due and lets go of mu. Whoever finds them
// being reported leaves its own to the one who does.
func (c *Client) unlock() {
	if c.busy || len(c.events) == 0 {
		c.mu.Unlock()
		return
	}
	c.busy = true
	for len(c.events) > 0 {
		e := c.events[0]
		c.events[0] = Event{}
		c.events = c.events[1:]
		c.mu.Unlock()
		c.on(e)
		c.mu.Lock()
	}
	c.busy, c.events = false, c.eventBuf[:0]
	if c.state.final() && c.state != accepted {
		c.on = nil // what it refers to, such as a whole call, need not live as long as we linger
	}
	c.mu.Unlock()
}
