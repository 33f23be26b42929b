// Package sipua serves SIP user agents: phones, ATAs, rooms and softphones that
// register with the gateway, and trunks to other SIP systems. Start reading at
// [Connector.Open]; a REGISTER is in register.go, a call in is in incoming.go, a
// call out in dial.go, and a trunk's life is trunk.run.
package sipua

import (
	"context"
	"log/slog"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"tandem/alarm"
	"tandem/call"
	"tandem/leg/invite"
	"tandem/media/transport"
	"tandem/sip/auth"
	"tandem/sip/dialog"
	"tandem/sip/flow"
	"tandem/sip/transaction"
)

// Name is the connector's name in routing, logs and records.
const Name = "sipua"

// A Connector holds the devices and trunks. Fill in the exported fields, then
// call Listen, which runs until its context is done.
type Connector struct {
	Config    Config
	Engine    *transport.Engine
	Bindings  Bindings // where registrations survive a restart; may be nil
	Alarms    Alarms   // may be nil
	Log       *slog.Logger
	UserAgent string
	Trace     func(flow.TraceEvent) // sees every SIP message; may be nil
	// Registered is told of registrations that begin and end; it may be nil, and does not block.
	Registered func(Registration)
	Dialogs    func(leg, callID string) // told which SIP dialog a leg has; may be nil
	DNS        []string                 // name servers for trunks, host:port; none are the machine's
	Node       string
	Inner      *Inner // the other machines of a cluster; nil on a single one
	// Elsewhere counts the calls that a device or trunk is in at the other machines; may be nil.
	Elsewhere func(name string) int

	net      *flow.Transport
	layer    *transaction.Layer
	core     *dialog.Core
	stack    *invite.Stack
	resolver *flow.Resolver
	auth     *auth.Server
	guard    guard
	reg      registrar
	saves    saves
	storeBad atomic.Bool // the last save failed
	listens  []listening
	opened   chan struct{}        // closed when Listen runs, or Open has failed
	book     atomic.Pointer[book] // nil before Open
	served   atomic.Pointer[served]
	count    counters
	inner    inner

	mu      sync.Mutex // guards what follows
	start   func(*trunk)
	running sync.WaitGroup
}

// served is what only Listen brings: whom calls go to.
type served struct {
	incoming func(call.Request, call.Leg)
	ctx      context.Context // of the legs that come in
}

type counters struct{ registers, failures, blocked, in, out atomic.Uint64 }

// Alarms is the part of the alarm board the connector needs.
type Alarms interface {
	Raise(alarm.Alarm)
	Clear(key string)
}

// A Binding is one registered contact as it is kept over a restart.
type Binding struct {
	Device  string    `json:"device"`
	Key     string    `json:"key"` // unique within the device
	Contact string    `json:"contact"`
	Path    []string  `json:"path,omitempty"`
	Network string    `json:"network"`
	Remote  string    `json:"remote"` // address:port the registration came from
	Local   string    `json:"local"`
	CallID  string    `json:"call_id"`
	CSeq    uint32    `json:"cseq"`
	Expires time.Time `json:"expires"` // in the store some minutes later than agreed
	Agent   string    `json:"agent,omitempty"`
	Node    string    `json:"node,omitempty"`  // the machine of a cluster that it registered with
	Token   string    `json:"token,omitempty"` // by which other machines name it in their Routes; only that machine understands it
}

// Bindings keeps registrations. Implementations may block for a disk.
type Bindings interface {
	Load(ctx context.Context) ([]Binding, error)
	Put(ctx context.Context, b Binding) error
	Delete(ctx context.Context, device, key string) error
}

// DeviceStatus is a device as a person wants to know it.
type DeviceStatus struct {
	Name     string    `json:"name"`
	Contacts []Binding `json:"contacts"`
	Calls    int       `json:"calls"`
}

// TrunkStatus is a trunk as a person wants to know it.
type TrunkStatus struct {
	Name    string    `json:"name"`
	State   string    `json:"state"` // "up", "down", "registered", "registering", "unknown"
	Problem string    `json:"problem,omitempty"`
	Next    time.Time `json:"next,omitzero"`
	Calls   int       `json:"calls"`
}

// Stats are the connector's counters.
type Stats struct {
	Registered   int    // contacts now
	Registers    uint64 // accepted
	AuthFailures uint64 // wrong passwords and unknown users
	Blocked      uint64 // requests of blocked sources
	InvitesIn    uint64
	InvitesOut   uint64
	Legs         int // of calls, now
	Flow         flow.Stats
	Transactions transaction.Stats
}

// Addr is where a listener listens, after Listen has begun.
type Addr struct {
	Network string
	Addr    netip.AddrPort
}

var (
	_ call.Dialer   = (*Connector)(nil)
	_ call.Listener = (*Connector)(nil)
)
