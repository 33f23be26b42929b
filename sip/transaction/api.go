// Package transaction holds SIP transactions (RFC 3261 §17, RFC 6026). Start
// reading at [Layer].
package transaction

import (
	"errors"
	"log/slog"
	"time"

	"tandem/sip"
	"tandem/sip/flow"
)

var (
	// ErrTimeout: no final response in 64*T1 (timers B and F, or after a CANCEL).
	ErrTimeout = errors.New("no answer in time")
	// ErrTooMany: the layer is at its cap of transactions.
	ErrTooMany = errors.New("too many transactions")
	// ErrClosed: the layer was closed.
	ErrClosed = errors.New("the transaction layer was closed")
)

// A Timer is what AfterFunc returns; *time.Timer is one.
type Timer interface {
	Stop() bool
	Reset(time.Duration) bool
}

// A Layer matches messages to transactions. Fill it in, then give Receive and
// Malformed to the Transport.
type Layer struct {
	OnRequest  func(*Server)                     // a new request; not ACK, not CANCEL
	OnStray    func(*flow.Flow, *sip.Message)    // ACK for a 2xx; a response without a transaction (a late or forked 2xx)
	T1, T2, T4 time.Duration                     // 500 ms, 4 s, 5 s
	AfterFunc  func(time.Duration, func()) Timer // nil is time.AfterFunc
	Limits     Limits
	Log        *slog.Logger
}

type Limits struct {
	Transactions int // of both kinds in all; above it requests get 503
	PerStranger  int // server transactions of one source that is not trusted
}

func (l *Layer) Receive(f *flow.Flow, m *sip.Message) {}

// Malformed answers a broken request with the error's status. It is the Transport's Malformed.
func (l *Layer) Malformed(f *flow.Flow, m *sip.Message, e *sip.ParseError) {}

// Request sends req on f. It never calls on before it has returned.
func (l *Layer) Request(f *flow.Flow, req *sip.Message, on func(Event)) *Client { return nil }

// Close ends every transaction with ErrClosed and stops all timers.
func (l *Layer) Close() {}

// An Event is a response, or the end of a client transaction without one.
// For an INVITE more 2xx may follow the first final response until timer M.
type Event struct {
	Response *sip.Message
	Err      error
}

type Client struct{}

// Request is what was sent, with our Via on top. It must not be changed.
func (c *Client) Request() *sip.Message { return nil }
func (c *Client) Flow() *flow.Flow      { return nil }

// Cancel sends a CANCEL for an INVITE, as soon as a provisional response has
// come; it does nothing after a final one. Extra headers (Reason) are added.
func (c *Client) Cancel(extra ...sip.Header) {}

type Server struct{}

func (s *Server) Request() *sip.Message { return nil }
func (s *Server) Flow() *flow.Flow      { return nil }

// Respond sends m, which must not be changed afterwards. After a 2xx to an
// INVITE more 2xx may be given to it (the caller retransmits them, RFC 6026);
// after any other final response it returns ErrFinal.
func (s *Server) Respond(m *sip.Message) error { return nil }

// OnCancel calls fn once when a CANCEL has come (already answered 200) and no
// final response was given. At once if it has come already.
func (s *Server) OnCancel(fn func(cancel *sip.Message)) {}

// OnEnd calls fn once when the transaction is over: nil in the normal course,
// ErrTimeout if no ACK came for a non-2xx, or the flow's error.
func (s *Server) OnEnd(fn func(error)) {}

// ErrFinal: a final response was sent before.
var ErrFinal = errors.New("a final response was sent before")
