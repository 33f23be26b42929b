package sipua

import (
	"context"

	"tandem/call"
)

// Open opens the listeners, so that errors come before anything is served.
func (c *Connector) Open() ([]Addr, error) { return nil, nil }

// Listen serves until ctx is done; it calls Open when nobody has.
func (c *Connector) Listen(ctx context.Context, incoming func(call.Request, call.Leg)) error {
	return nil
}

// Dial calls a device or places a call over a trunk.
func (c *Connector) Dial(ctx context.Context, d call.Destination, from call.Request) (call.Leg, error) {
	return nil, nil
}

// Apply makes the devices and trunks of conf the ones in force. Listeners stay as they are.
func (c *Connector) Apply(conf Config) error { return nil }

// Devices returns the state of every device, in the order of the configuration.
func (c *Connector) Devices() []DeviceStatus { return nil }

// Trunks returns the state of every trunk, in the order of the configuration.
func (c *Connector) Trunks() []TrunkStatus { return nil }

// Stats returns the counters.
func (c *Connector) Stats() Stats { return Stats{} }
