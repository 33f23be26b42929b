// Package dialog is what a SIP user agent does between a call's first INVITE
// and its last BYE: dialogs (RFC 3261 §12) and the sessions that INVITE makes
// in them, one file per procedure. Start reading at [Core] and
// [Session]; what a session tells is in event.go, and the parts without clock
// and I/O are state.go (dialogs), offer.go (offer/answer) and expires.go
// (session timer arithmetic).
package dialog

import (
	"errors"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"tandem/sip"
	"tandem/sip/flow"
	"tandem/sip/transaction"
)

// A Core is a user agent: it owns every session, and hands each message of the
// transaction layer to the one it belongs to. Set the fields, then make
// HandleRequest the layer's OnRequest and HandleStray its OnStray.
//
// It is safe for concurrent use, and has no goroutine: everything runs on those of
// the flows' readers, of timers, and of who calls a Session's methods.
type Core struct {
	Transactions *transaction.Layer
	Log          *slog.Logger // nil is slog.Default

	// Contact is where the far end of a flow reaches us: the URI of the Contact header in
	// calls that come on it, and in calls we make on it unless the request has one.
	Contact func(*flow.Flow) sip.URI

	Allow     []string // methods; nil is DefaultAllow
	Supported []string // option tags; nil is DefaultSupported
	UserAgent string   // User-Agent in requests and Server in responses; "" leaves both out

	// InfoTypes are the body types an INFO may have, such as "application/dtmf-relay".
	// Others get a 415. Empty accepts all.
	InfoTypes []string

	// Timer is the session timer of incoming calls.
	Timer SessionTimer

	// OnInvite is given each new incoming call that passed the checks of RFC 3261
	// §8.2. It must not block; it may answer within the call or any time later, and
	// calls Session.On before it returns or soon after: events wait until then.
	// The layer sends the 100. Authentication is OnInvite's business: Reject(401, …).
	OnInvite func(*Session)

	// OnRequest is given requests outside of dialogs other than INVITE:
	// REGISTER, OPTIONS, MESSAGE, SUBSCRIBE, NOTIFY, REFER … It must not block. Nil answers 405.
	OnRequest func(*transaction.Server)

	// MaxSessions bounds the sessions alive at once; over it a new INVITE gets 503
	// with Retry-After. 0 is 10,000.
	MaxSessions int

	mu       sync.Mutex // guards what follows
	sessions map[sessionKey]*Session
	closed   bool

	stats counters

	once               sync.Once
	allows, supporteds string // Allow and Supported as they are written; set once
}

// DefaultAllow returns the methods the package can handle.
func DefaultAllow() []string {
	return []string{"INVITE", "ACK", "CANCEL", "BYE", "UPDATE", "PRACK", "INFO", "REFER", "NOTIFY", "OPTIONS"}
}

// DefaultSupported returns the option tags of what the package does by itself.
func DefaultSupported() []string { return []string{"100rel", "timer", "replaces", "norefersub"} }

// Errors of Core.Invite.
var (
	ErrClosed     = errors.New("the SIP core is closed")
	ErrTooMany    = errors.New("too many calls at once")
	ErrNoFlow     = errors.New("no live connection to send the INVITE on")
	ErrBadRequest = errors.New("the INVITE cannot be sent as it is")
	ErrDuplicate  = errors.New("a session with this Call-ID and From tag exists")
)

// A sessionKey finds the session of a message. Forks share the Call-ID and both
// ends may be us, so our own tag decides; URIs never do (Google Voice writes
// them back with other escapes: GV-C8).
type sessionKey struct{ callID, localTag string }

const defaultMaxSessions = 10000

// Stats are a core's counters since it was made.
type Stats struct {
	Sessions int    // alive now
	In, Out  uint64 // begun by the far end, by us
	NoDialog uint64 // in-dialog requests answered 481
	Overload uint64 // INVITEs answered 503
	Stray    uint64 // ACKs and 2xx of no session
	Forks    uint64 // forks of one INVITE over the bound, ignored
	Dropped  uint64 // in-dialog requests over a bound: answered 503, or not sent
}

type counters struct{ in, out, noDialog, overload, stray, forks, dropped atomic.Uint64 }

// Stats returns the counters.
func (c *Core) Stats() Stats {
	c.mu.Lock()
	n := len(c.sessions)
	c.mu.Unlock()
	k := &c.stats
	return Stats{
		Sessions: n, In: k.in.Load(), Out: k.out.Load(), NoDialog: k.noDialog.Load(), Overload: k.overload.Load(),
		Stray: k.stray.Load(), Forks: k.forks.Load(), Dropped: k.dropped.Load(),
	}
}

// Close ends every session at once without a word to the far ends, and makes no
// new one. Hang up first where there is time for it.
func (c *Core) Close() {
	c.mu.Lock()
	c.closed = true
	all := make([]*Session, 0, len(c.sessions))
	for _, s := range c.sessions {
		all = append(all, s)
	}
	c.mu.Unlock()
	for _, s := range all {
		s.do(func() { s.finish(Ended{Cause: CoreClosed}) })
	}
}

// add makes the session known.
func (c *Core) add(s *Session) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	limit := c.MaxSessions
	if limit <= 0 {
		limit = defaultMaxSessions
	}
	switch {
	case c.closed:
		return ErrClosed
	case len(c.sessions) >= limit:
		return ErrTooMany
	case c.sessions[s.key] != nil:
		return ErrDuplicate
	}
	if c.sessions == nil {
		c.sessions = make(map[sessionKey]*Session)
	}
	c.sessions[s.key] = s
	return nil
}

// remove forgets the session.
func (c *Core) remove(s *Session) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.sessions[s.key] == s {
		delete(c.sessions, s.key)
	}
}

func (c *Core) session(k sessionKey) *Session {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.sessions[k]
}

// abilities are the values of Allow and Supported.
func (c *Core) abilities() (allow, supported string) {
	c.once.Do(func() { c.allows, c.supporteds = strings.Join(c.allow(), ", "), strings.Join(c.supported(), ", ") })
	return c.allows, c.supporteds
}

func (c *Core) allow() []string {
	if c.Allow != nil {
		return c.Allow
	}
	return DefaultAllow()
}

func (c *Core) supported() []string {
	if c.Supported != nil {
		return c.Supported
	}
	return DefaultSupported()
}

func (c *Core) logger() *slog.Logger {
	if c.Log != nil {
		return c.Log
	}
	return slog.Default()
}

func (c *Core) afterFunc(d time.Duration, fn func()) transaction.Timer {
	if c.Transactions.AfterFunc != nil {
		return c.Transactions.AfterFunc(d, fn)
	}
	return time.AfterFunc(d, fn)
}

func (c *Core) t1() time.Duration {
	if c.Transactions.T1 > 0 {
		return c.Transactions.T1
	}
	return 500 * time.Millisecond
}

func (c *Core) t2() time.Duration {
	if c.Transactions.T2 > 0 {
		return c.Transactions.T2
	}
	return 4 * time.Second
}

// patience is how long an unanswered message is repeated: 64*T1, as timers B, F
// and H; and never longer than the 32 s in which a session promises to be gone.
func (c *Core) patience() time.Duration { return min(64*c.t1(), 32*time.Second) }
