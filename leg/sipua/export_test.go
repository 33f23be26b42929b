package sipua

// Serving reports whether Listen has taken over.
func (c *Connector) Serving() bool { return c.served.Load() != nil }
