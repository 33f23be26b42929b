package sip

// A Via is one element of a Via header (RFC 3261 §20.42).
type Via struct {
	Transport string // upper case: "UDP", "TCP", "TLS", "WS", "WSS"
	Host      string // name or address of sent-by; IPv6 without brackets
	Port      int    // of sent-by, 0 is none
	Params    Params
}

// ParseVia parses one element. The error is a [*ParseError].
func ParseVia(s string) (Via, error) { return Via{}, nil }

// String is the wire form.
func (v Via) String() string { return "" }

// Branch returns the branch parameter, or "".
func (v Via) Branch() string { b, _ := v.Params.Get("branch"); return b }
