package sipua

import (
	"fmt"
	"time"
)

// A Registration is the time from a phone's first REGISTER to its last, from one address.
type Registration struct {
	ID      string    `json:"id"`
	Device  string    `json:"device"`
	Contact string    `json:"contact"`
	Network string    `json:"network"`
	Remote  string    `json:"remote" doc:"Address and port it came from."`
	Agent   string    `json:"agent,omitempty" doc:"What the phone calls itself."`
	Node    string    `json:"node,omitempty" doc:"The machine that it registered with."`
	Began   time.Time `json:"began"`
	Ended   time.Time `json:"ended,omitzero" doc:"None: it lasts."`
	Reason  string    `json:"reason,omitempty" doc:"Why it ended."`
}

// Why registrations end.
const (
	whyUnregistered = "the phone took it back"
	whyAgain        = "the phone registered anew, from another address or as another program"
	whyCrowded      = "the device has too many contacts; the oldest gave way"
	whyLost         = "its connection is gone"
	whyRemoved      = "the device is no longer configured"
	whyExpired      = "it expired, or answers no more"
)

// tell reports a registration that has begun or, with a reason, ended.
func (c *Connector) tell(k *contact, why string) {
	if c.Registered == nil {
		return
	}
	r := Registration{
		ID: fmt.Sprintf("%s %s %d", k.Device, clipTo(k.Key, 200), k.since.UnixNano()), Device: k.Device, Contact: k.Contact,
		Network: k.Network, Remote: k.Remote, Agent: clipTo(k.Agent, 200), Node: c.Node, Began: k.since, Reason: why,
	}
	if why != "" {
		r.Ended = time.Now()
	}
	c.Registered(r)
}

func clipTo(s string, most int) string { return s[:min(len(s), most)] }

// lasts makes k the continuation of the contact it replaces, when nothing has changed.
func (k *contact) lasts(gone []*contact) {
	for _, old := range gone {
		if old.Key == k.Key && old.same(k) {
			k.since, k.goesOn = old.since, true
			return
		}
	}
}
