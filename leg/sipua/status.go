package sipua

import "time"

// Devices returns the state of every device, in the order of the configuration.
func (c *Connector) Devices() []DeviceStatus {
	b := c.book.Load()
	if b == nil {
		return nil
	}
	now := time.Now()
	out := make([]DeviceStatus, 0, len(b.conf.Devices))
	for _, d := range b.conf.Devices {
		s := DeviceStatus{Name: d.Name, Contacts: []Binding{}, Calls: int(b.devices[d.Name].calls.Load())}
		for _, k := range c.reg.contacts(d.Name, now) {
			b := k.Binding
			b.Token = "" // others' business
			s.Contacts = append(s.Contacts, b)
		}
		out = append(out, s)
	}
	return out
}

// Trunks returns the state of every trunk, in the order of the configuration.
func (c *Connector) Trunks() []TrunkStatus {
	b := c.book.Load()
	if b == nil {
		return nil
	}
	out := make([]TrunkStatus, 0, len(b.conf.Trunks))
	for _, t := range b.conf.Trunks {
		out = append(out, b.trunks[t.Name].snapshot())
	}
	return out
}

// Blocked returns who is shut out now.
func (c *Connector) Blocked() []Blocked { return c.guard.list(time.Now()) }

// Stats returns the counters.
func (c *Connector) Stats() Stats {
	s := Stats{
		Registered: c.reg.size(), Registers: c.count.registers.Load(), AuthFailures: c.count.failures.Load(),
		Blocked: c.count.blocked.Load(), InvitesIn: c.count.in.Load(), InvitesOut: c.count.out.Load(),
	}
	if c.book.Load() != nil {
		s.Legs, s.Flow, s.Transactions = c.core.Stats().Sessions, c.net.Stats(), c.layer.Stats()
	}
	return s
}
