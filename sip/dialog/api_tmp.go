package dialog

import (
	"tandem/sip"
	"tandem/sip/flow"
	"tandem/sip/transaction"
	"time"
)

// Invite makes a call.
func (c *Core) Invite(inv Invite) (*Session, error) { return nil, ErrClosed }

// HandleRequest is the layer's OnRequest.
func (c *Core) HandleRequest(tx *transaction.Server) {}

// HandleStray is the layer's OnStray.
func (c *Core) HandleStray(f *flow.Flow, m *sip.Message) {}

// Find returns the session with that dialog, as a Replaces header names it
// (RFC 3891: toTag is ours), or nil.
func (c *Core) Find(callID, toTag, fromTag string) *Session { return nil }

// Close ends every session at once, without signalling, and waits for all goroutines.
func (c *Core) Close() {}

// A SessionTimer says how a session is kept from outliving its ends (RFC 4028).
// The zero value offers none, and lets the far end have what it asks for.
type SessionTimer struct {
	Expires time.Duration // Session-Expires that we ask for; 0 does not ask
	Min     time.Duration // Min-SE: the shortest we take part in; 0 is 90 s
	Method  string        // of our refreshes: "INVITE", "UPDATE", or "": UPDATE if the far end allows it
	Always  bool          // refresh, as caller, even if nobody else knows session timers: finds dead far ends
}

// Reason is a Reason header (RFC 3326).
type Reason struct {
	Protocol string // "SIP", "Q.850"
	Cause    int
	Text     string
}

// Replaces names a dialog to be taken over (RFC 3891).
type Replaces struct {
	CallID, ToTag, FromTag string
	EarlyOnly              bool
}

// A Transfer is an accepted or pending REFER of the far end.
type Transfer struct{}

// Accept answers 202 and sends the first NOTIFY (100 Trying).
func (t *Transfer) Accept() {}

// Reject answers the REFER by status.
func (t *Transfer) Reject(status int, reason string) {}

// Notify tells how the call we were asked for fares; a final status ends the subscription.
func (t *Transfer) Notify(status int, reason string) {}

// Replaces returns the session an incoming INVITE asks to take over (RFC 3891), or nil.
func (s *Session) Replaces() *Session { return nil }

// SetAuthorize, SetDecorate are Invite.Authorize and Decorate for an incoming session.
func (s *Session) SetAuthorize(func(req, challenge *sip.Message) (*sip.Message, error)) {}

// SetDecorate does for an incoming session what Invite.Decorate does.
func (s *Session) SetDecorate(func(*sip.Message)) {}

type Session struct{}
type watch struct{}
type pendingRequest struct{}

// Respond answers the request.
func (r Request) Respond(status int, reason string, headers ...sip.Header) {}
