// Package cluster lets several machines be one gateway: it says which of them
// are there, and which one does what only one may do. Start reading at
// [Member.Run]; who takes what is decided in plan.go, which is pure.
//
// The machines share nothing but the store. Each writes one row every second,
// its heartbeat, good for some seconds by the database's clock. What only one may do,
// such as to register a Google Voice account, is a lease; a lease holds as long
// as the session of its holder does. A machine that cannot renew its session
// stops acting well before another may take over, by its own steady clock, so
// that clocks of machines need not agree.
package cluster

import (
	"time"
)

// State is what a machine is ready for.
type State string

// States of a machine.
const (
	Active      State = "active"
	Draining    State = "draining"    // takes no new calls; those it has go on
	Maintenance State = "maintenance" // drained, and no call is left: it can be stopped
	Stopped     State = "stopped"     // left in good order
	Dead        State = "dead"        // its heartbeat stopped
)

// here reports whether a machine in the state has a session.
func (s State) here() bool { return s == Active || s == Draining || s == Maintenance }

// A Node is one machine as the store knows it. Times are the database's.
type Node struct {
	Name    string    `json:"name"`
	Address string    `json:"address,omitempty"` // host:port of SIP between machines; "" has none
	Version string    `json:"version"`           // of the program
	State   State     `json:"state"`
	Session int64     `json:"session"` // one more at every start: fences off what came before
	Started time.Time `json:"started"`
	Beat    time.Time `json:"beat"`  // the last heartbeat
	Until   time.Time `json:"until"` // how long it is good
	Calls   int       `json:"calls"`
	Working []string  `json:"working,omitempty"` // of what it holds, that which works: a registered account
	Tidied  bool      `json:"tidied,omitempty"`  // what a dead machine left was put in order
}

// alive reports whether the machine's session holds at now, by the database's clock.
func (n Node) alive(now time.Time) bool { return n.State.here() && now.Before(n.Until) }

// same reports whether nothing has been written between two looks at a machine.
func (n Node) same(as Node) bool {
	return n.Session == as.Session && n.State == as.State && n.Beat.Equal(as.Beat) && n.Tidied == as.Tidied
}

// A Lease says who does what only one may do.
type Lease struct {
	Resource string    `json:"resource"` // "gvoice/home"
	Node     string    `json:"node"`     // "" is free
	Session  int64     `json:"session"`  // of the node; the lease ends with it
	Fence    int64     `json:"fence"`    // rises with every change of hands
	Since    time.Time `json:"since"`    // by the database's clock
}

// A Wish is what a person wants of a machine. It outlives the machine's restart.
type Wish struct {
	Drain bool      `json:"drain"`
	By    string    `json:"by,omitempty"`
	At    time.Time `json:"at"`
}

// A Call is what the others are shown of a call that runs.
type Call struct {
	ID       string    `json:"id"`
	Node     string    `json:"node"`
	From     string    `json:"from"`
	FromName string    `json:"from_name,omitempty"`
	To       string    `json:"to"`
	A        string    `json:"a,omitempty"` // connector and device, trunk or account of the A-leg
	B        string    `json:"b,omitempty"`
	Began    time.Time `json:"began"`
	Answered time.Time `json:"answered,omitzero"`
}

// View is the cluster at one moment.
type View struct {
	Now    time.Time // the database's
	Nodes  []Node    // in the order of their names
	Leases []Lease   // in the order of their resources
	Wishes map[string]Wish
}

// Node returns the machine called name.
func (v *View) Node(name string) (Node, bool) {
	for _, n := range v.Nodes {
		if n.Name == name {
			return n, true
		}
	}
	return Node{}, false
}

// Holder returns the living machine that holds the resource.
func (v *View) Holder(resource string) (Node, bool) {
	for _, l := range v.Leases {
		if l.Resource == resource && v.holds(l) {
			return v.Node(l.Node)
		}
	}
	return Node{}, false
}

// holds reports whether the lease's holder still has the session it took it in.
func (v *View) holds(l Lease) bool {
	n, ok := v.Node(l.Node)
	return ok && n.Session == l.Session && n.State.here()
}
