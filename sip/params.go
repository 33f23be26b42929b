package sip

// Params are parameters in wire form, ";transport=tls;lr", their order kept. The
// empty string has none.
type Params string

// Get returns a parameter's value without quotes, and whether the parameter is
// there. Names compare without case. A parameter without value gives "", true.
func (p Params) Get(name string) (value string, ok bool) { return "", false }

// Has reports whether the parameter is there.
func (p Params) Has(name string) bool { _, ok := p.Get(name); return ok }

// With returns p with the parameter set, in its old place or at the end. An empty
// value makes a parameter without "=". A value that is neither token nor host is
// quoted.
func (p Params) With(name, value string) Params { return p }

// Without returns p without the parameter.
func (p Params) Without(name string) Params { return p }

// All calls yield with each name and unquoted value, in order.
func (p Params) All(yield func(name, value string) bool) {}
