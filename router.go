package tandem

import (
	"sync/atomic"
	"time"

	"tandem/call"
	"tandem/config"
	"tandem/leg/gvoice"
	"tandem/leg/sipua"
	"tandem/route"
)

// router is the dial plan in force. Calls that run keep what they were given.
type router struct {
	node string
	now  atomic.Pointer[plan]
}

// plan is a dial plan, and what it is not told by the legs.
type plan struct {
	table  *route.Table
	places *route.Places
	tags   map[string]string // of devices
}

// use makes the dial plan of c the one in force.
func (r *router) use(table *route.Table, c *config.Config) {
	p := &plan{table: table, tags: make(map[string]string)}
	p.places, _ = route.NewPlaces(c.Locations) // it was checked
	for _, d := range c.SIP.Devices {
		p.tags[d.Name] = d.Tag
	}
	r.now.Store(p)
}

// placed fills in what of a request follows from where, when and by whom it came.
// That may be a device that forwards or transfers a call of somebody else.
func (p *plan) placed(req call.Request, node string) call.Request {
	if req.Location == "" {
		req.Location = p.places.Of(req.Source, node)
	}
	req.Proxy = p.places.Proxy(req.Location)
	if req.At.IsZero() {
		req.At = time.Now()
	}
	if req.Connector == sipua.Name {
		req.Tag, req.Registered = p.device(req.Via)
	}
	return req
}

// device is a device's tag, and whether there is one of this name.
func (p *plan) device(name string) (tag string, ok bool) {
	tag, ok = p.tags[name]
	return tag, ok
}

// Route implements [call.Router].
func (r *router) Route(req call.Request) ([]call.Destination, error) {
	if req.Over != "" { // another machine has asked its dial plan, which is ours
		return []call.Destination{{Connector: gvoice.Name, Target: req.Over, To: req.To}}, nil
	}
	p := r.now.Load()
	return p.table.Route(p.placed(req, r.node))
}

// Explain tells where a call would go, and why.
func (r *router) Explain(req call.Request) route.Trace {
	p := r.now.Load()
	return p.table.Explain(p.placed(req, r.node))
}
