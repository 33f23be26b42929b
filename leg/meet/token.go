package meet

import "tandem/token"

// GatewayToken is the gateway token in force, to be asked for and installed; nil when
// the configuration names no folder for it.
func (c *Connector) GatewayToken() *token.Gateway {
	if s := c.current(); s != nil && s.conf.Gateway != "" {
		return s.gateway
	}
	return nil
}
