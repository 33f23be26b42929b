package transaction

import "sync/atomic"

// Stats are counts since the layer was made; those that live are gauges.
type Stats struct {
	Live             int // both sides
	LiveClients      int
	Servers, Clients uint64 // transactions made
	Absorbed         uint64 // requests that came again
	Resent           uint64 // messages sent again
	Timeouts         uint64 // transactions that ended with ErrTimeout
	Merged           uint64 // answered 482
	Refused          uint64 // answered 503 or ErrTooMany, at the cap
	StrangerLimited  uint64 // answered 503, at the cap of one stranger
	StrayResponses   uint64
	CancelUnmatched  uint64 // answered 481
}

type counters struct {
	Servers, Clients, Absorbed, Resent, Timeouts, Merged atomic.Uint64
	Refused, StrangerLimited, StrayResponses             atomic.Uint64
	CancelUnmatched                                      atomic.Uint64
}

// Stats returns a snapshot.
func (l *Layer) Stats() Stats {
	c := &l.count
	return Stats{
		Live: int(l.live.Load()), LiveClients: int(l.liveClients.Load()), Servers: c.Servers.Load(), Clients: c.Clients.Load(),
		Absorbed: c.Absorbed.Load(), Resent: c.Resent.Load(), Timeouts: c.Timeouts.Load(),
		Merged: c.Merged.Load(), Refused: c.Refused.Load(), StrangerLimited: c.StrangerLimited.Load(),
		StrayResponses: c.StrayResponses.Load(), CancelUnmatched: c.CancelUnmatched.Load(),
	}
}
