package flow

import (
	"time"

	"tandem/sip"
)

// Limits bound what far ends can make the Transport hold and do. A zero field
// stands for its default.
type Limits struct {
	Message sip.Limits // size of one message and its parts

	Connections           int // accepted connections in all; 16,384
	ConnectionsPerAddress int // of one address (IPv6: one /64); 4,096
	UDPFlows              int // remembered remote addresses per socket; 32,768
	Queue                 int // bytes one connection may leave unread; 1 MiB
	ReceiveBuffer         int // bytes, of a UDP socket; 4 MiB

	Handshake time.Duration // for TLS and WebSocket handshakes, also of Dial; 20 s
	First     time.Duration // from accept to the first whole message; 30 s
	Partial   time.Duration // from a message's first byte to its last; 30 s
	Idle      time.Duration // silence of an accepted flow that is neither trusted nor watched by anybody; 10 min

	Budgets Budgets
}

// Budgets bound the messages that are looked at at all, before any parsing.
//
// Strangers are addresses that nobody has called Trust for. Each has a small
// assured budget, so that a newcomer gets through while others flood; all of them
// together share a surplus, so that a busy stranger is served while there is room. All
// bounds what a great many of them cost, and what is sent back to addresses that
// may be forged: at full load a tenth of the bytes that come in (goals R-6).
type Budgets struct {
	Assured  Budget // of each stranger; 2 a second, 10 at once
	Stranger Budget // of each stranger, of the surplus; 200 a second, 1,000 at once
	Surplus  Budget // of all strangers; 1,000 a second, 1,000 at once
	All      Budget // of all strangers, assured or not; 3,000 a second, 1,000 at once
	Known    Budget // of each trusted address; 20,000 a second, 40,000 at once
	Sources  Budget // addresses seen for the first time; 1,000 a second, 4,000 at once
}

// A Budget is a token bucket.
type Budget struct {
	PerSecond int
	Burst     int
}

func (l Limits) withDefaults() Limits {
	def(&l.Message.Message, 64<<10)
	def(&l.Connections, 16<<10)
	def(&l.ConnectionsPerAddress, 4<<10)
	def(&l.UDPFlows, 32<<10)
	def(&l.Queue, 1<<20)
	def(&l.ReceiveBuffer, 4<<20)
	def(&l.Handshake, 20*time.Second)
	def(&l.First, 30*time.Second)
	def(&l.Partial, 30*time.Second)
	def(&l.Idle, 10*time.Minute)
	def(&l.Budgets.Assured, Budget{2, 10})
	def(&l.Budgets.All, Budget{3000, 1000})
	def(&l.Budgets.Stranger, Budget{200, 1000})
	def(&l.Budgets.Surplus, Budget{1000, 1000})
	def(&l.Budgets.Known, Budget{20_000, 40_000})
	def(&l.Budgets.Sources, Budget{1000, 4000})
	return l
}

func def[T comparable](v *T, d T) {
	var zero T
	if *v == zero {
		*v = d
	}
}
