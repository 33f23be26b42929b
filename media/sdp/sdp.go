// Package sdp is the gateway's offer/answer (RFC 3264): capabilities and a far
// end's description in, our description and the agreed streams out. It is pure:
// no clock, no socket, no goroutine, and the same input gives the same output.
// Start reading at [Answer]; [Offer] and [Accept] are the other half.
//
// It reads tolerantly (real phones leave out lines and invent others) and writes
// strictly (RFC 8866).
package sdp

import (
	"net/netip"
	"strings"
)

// Description is one session description (RFC 8866). What it does not know is
// kept in Extra and written back.
type Description struct {
	Origin     Origin
	Name       string     // s=; written as "-" when empty
	Connection Connection // session level c=; zero without
	Bandwidth  []string   // b= values as they came: "AS:64"
	Timing     string     // first t= value; written as "0 0" when empty
	Attributes []Attribute
	Extra      []Line // other session level lines: i=, u=, e=, p=, r=, z=, k= and unknown ones
	Media      []Media
}

// Origin is the o= line. The numbers are kept as text: vendors write what they like.
type Origin struct {
	Username string
	Session  string // sess-id
	Version  string // sess-version
	Address  string // IP address or host name
}

// Connection is a c= line. Address is an IP address, or a host name that this
// package never resolves; a multicast TTL is kept in it ("224.2.1.1/127").
type Connection struct {
	Address string
}

// IP is the connection's address; invalid for a host name.
func (c Connection) IP() netip.Addr {
	a, err := netip.ParseAddr(c.Address)
	if err != nil {
		base, _, _ := strings.Cut(c.Address, "/")
		a, _ = netip.ParseAddr(base)
	}
	return a.Unmap().WithZone("")
}

// Attribute is an a= line: "rtcp-mux" or "ptime:20".
type Attribute struct {
	Name, Value string
}

// Line is a line this package gives no meaning to.
type Line struct {
	Type  byte
	Value string
}

// Media is one m= section.
type Media struct {
	Kind       string   // "audio", "video", "application", "image", or anything else
	Port       uint16   // 0: rejected or ended
	Ports      int      // number of ports after the slash; 0 or 1 without
	Profile    string   // as written: "RTP/AVP"
	Formats    []string // payload types, or what the profile wants
	Connection Connection
	Bandwidth  []string
	Attributes []Attribute
	Extra      []Line
}

// Attribute is the value of the section's first attribute of that name
// (case-insensitive), and whether there is one.
func (m *Media) Attribute(name string) (string, bool) { return find(m.Attributes, name) }

// Attribute is the value of the first session level attribute of that name
// (case-insensitive), and whether there is one.
func (d *Description) Attribute(name string) (string, bool) { return find(d.Attributes, name) }

func find(list []Attribute, name string) (string, bool) {
	for _, a := range list {
		if strings.EqualFold(a.Name, name) {
			return a.Value, true
		}
	}
	return "", false
}

// Error says why a description cannot be used, in a sentence, and which SIP
// status tells the far end: 400 for a broken one, 488 when nothing in it is
// acceptable here.
type Error struct {
	Status int
	Reason string
}

func (e *Error) Error() string { return "sdp: " + e.Reason }
