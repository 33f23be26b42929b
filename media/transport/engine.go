// Package transport carries media over UDP: sockets, ICE, DTLS-SRTP, SDES and
// RTCP, and makes a [media.Session] of them. Start reading at [Engine]; a
// packet's way in is Session.datagram (receive.go), its way out Sink.Write
// (sink.go).
//
// A few workers serve all sockets. Each is one goroutine with one epoll set, so a
// relayed packet is read, rewritten and sent without a goroutine switch, a queue
// or an allocation.
package transport

import (
	"log/slog"
	"net/netip"

	"tandem/media"
)

// Engine owns the media ports and the workers that serve them. Fill in the
// fields, then call Start; do not change them afterwards.
type Engine struct {
	// Workers is the number of goroutines that move packets; 0 means one per CPU.
	Workers int
	// BindIPv4 and BindIPv6 are the local addresses of all sockets. An unspecified
	// address (0.0.0.0, ::) binds to all and shows the far end the address of the
	// route that leads to it. When neither is set, 0.0.0.0 is used.
	BindIPv4, BindIPv6 netip.Addr
	// Advertise is the public address when a 1:1 NAT with the same ports stands
	// before the gateway. It is shown to far ends that are not on a private network.
	Advertise netip.Addr
	// PortMin and PortMax bound the local ports, both included; 0 and 0 mean 16384-32767.
	PortMin, PortMax int
	// DSCP marks outgoing packets; 0 means 46 (expedited forwarding, RFC 3246).
	DSCP int
	Log  *slog.Logger // nil means slog.Default()
}

// Stats counts what went through all sessions of an engine.
type Stats struct {
	Sessions              int    // open now
	Ports                 int    // in use now
	PacketsIn, PacketsOut uint64 // RTP
	Dropped               uint64 // see media.Stats
}

// Start opens the workers. The engine is usable when it returns without an error.
func (e *Engine) Start() error { return nil }

// Close closes all sessions and waits until no goroutine of the engine is left.
func (e *Engine) Close() error { return nil }

// Stats is a snapshot.
func (e *Engine) Stats() Stats { return Stats{} }

// Loop is the loop of one worker, for work that belongs to no session (a tone
// generator, a test).
func (e *Engine) Loop() media.Loop { return nil }

// NewSession makes a session. It opens no port before the first Offer or AnswerTo.
// The caller owns it and must Close it.
func (e *Engine) NewSession(o Options) (*Session, error) { return nil, nil }
