// Package dialog is what a SIP user agent does between a call's first INVITE
// and its last BYE: dialogs (RFC 3261 §12) and the sessions that INVITE makes
// in them, one file per procedure. Start reading at [Core]; what a session tells
// is in event.go, what it can be told is in session.go, and the parts without
// clock and I/O are state.go (dialogs), offer.go (offer/answer) and expires.go
// (session timer arithmetic).
package dialog

import (
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"

	"tandem/sip"
	"tandem/sip/flow"
	"tandem/sip/transaction"
)

// A Core is a user agent: it owns every session, and hands each message of the
// transaction layer to the one it belongs to. Set the fields, then make
// HandleRequest the layer's OnRequest and HandleStray its OnStray.
//
// It is safe for concurrent use. It has one goroutine per connection that carries
// sessions, to see it die; Close waits for them.
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
	watches  map[*flow.Flow]*watch
	closed   bool
	watchers sync.WaitGroup

	stats counters
}

// DefaultAllow and DefaultSupported are what the package can do.
func DefaultAllow() []string {
	return []string{"INVITE", "ACK", "CANCEL", "BYE", "UPDATE", "PRACK", "INFO", "REFER", "NOTIFY", "OPTIONS"}
}

// DefaultSupported are the option tags of what the package does by itself.
func DefaultSupported() []string {
	return []string{"100rel", "timer", "replaces", "norefersub"}
}

// Errors of Core.Invite.
var (
	ErrClosed    = errors.New("the SIP core is closed")
	ErrTooMany   = errors.New("too many calls at once")
	ErrNoFlow    = errors.New("no live connection to send the INVITE on")
	ErrBadInvite = errors.New("the INVITE cannot be sent as it is")
	ErrDupDialog = errors.New("a session with this Call-ID and From tag exists")
)

// A sessionKey finds the session of a message. Both ends may have used the same
// Call-ID and a fork shares it, so our own tag is what decides; URIs never do
// (Google Voice writes them back with other escapes: GV-C8).
type sessionKey struct{ callID, localTag string }

// Stats are a core's counters since it was made.
type Stats struct {
	Sessions        int    // alive now
	In, Out         uint64 // sessions begun by the far end, by us
	NoDialog        uint64 // in-dialog requests answered 481
	Overload        uint64 // INVITEs answered 503
	StrayAcks       uint64 // ACKs of no session
	Stray2xx        uint64 // late 2xx of no session
	ForksDropped    uint64 // forks of one INVITE over the bound
	RequestsDropped uint64 // in-dialog requests over a session's queue bound, either way
}

type counters struct {
	in, out, noDialog, overload, strayAcks, stray2xx, forksDropped, requestsDropped atomic.Uint64
}

// Stats returns the counters.
func (c *Core) Stats() Stats {
	c.mu.Lock()
	n := len(c.sessions)
	c.mu.Unlock()
	k := &c.stats
	return Stats{
		Sessions: n, In: k.in.Load(), Out: k.out.Load(), NoDialog: k.noDialog.Load(), Overload: k.overload.Load(),
		StrayAcks: k.strayAcks.Load(), Stray2xx: k.stray2xx.Load(), ForksDropped: k.forksDropped.Load(),
		RequestsDropped: k.requestsDropped.Load(),
	}
}
