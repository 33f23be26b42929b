package sdp

import (
	"net/netip"
	"strconv"
	"strings"
)

// Candidate is an ICE candidate (RFC 8839 §5.1).
type Candidate struct {
	Foundation string
	Component  int // 1 RTP, 2 RTCP
	Transport  string
	Priority   uint32
	Address    string // IP address, or a name (mDNS) that is never resolved here
	Port       uint16
	Type       string // "host", "srflx", "prflx", "relay"
	RelAddress string // raddr; "" without
	RelPort    uint16
	Extensions string // what follows, as it came
}

// IP is the candidate's address; invalid for a name.
func (c Candidate) IP() netip.Addr {
	a, _ := netip.ParseAddr(c.Address)
	return a.Unmap()
}

// String is the candidate's attribute value, without "candidate:".
func (c Candidate) String() string {
	var b strings.Builder
	b.WriteString(c.Foundation)
	for _, s := range []string{
		strconv.Itoa(c.Component), c.Transport, strconv.FormatUint(uint64(c.Priority), 10),
		c.Address, strconv.Itoa(int(c.Port)), "typ", c.Type,
	} {
		b.WriteString(" ")
		b.WriteString(s)
	}
	if c.RelAddress != "" {
		b.WriteString(" raddr " + c.RelAddress + " rport " + strconv.Itoa(int(c.RelPort)))
	}
	if c.Extensions != "" {
		b.WriteString(" " + c.Extensions)
	}
	return b.String()
}

// parseCandidate reads the value of an a=candidate line; ok is false for one that
// is broken, which costs that candidate only.
func parseCandidate(v string) (c Candidate, ok bool) {
	f := strings.Fields(v)
	if len(f) < 8 || !strings.EqualFold(f[6], "typ") || len(f[0]) > 32 {
		return c, false
	}
	component, err1 := strconv.ParseUint(f[1], 10, 9)
	priority, err2 := strconv.ParseUint(f[3], 10, 32)
	port, err3 := strconv.ParseUint(f[5], 10, 16)
	if err1 != nil || err2 != nil || err3 != nil || component < 1 || component > 256 {
		return c, false
	}
	c = Candidate{
		Foundation: f[0], Component: int(component), Transport: strings.ToUpper(f[2]), Priority: uint32(priority),
		Address: f[4], Port: uint16(port), Type: strings.ToLower(f[7]),
	}
	return c.withRelated(f[8:])
}

func (c Candidate) withRelated(f []string) (Candidate, bool) {
	if len(f) >= 2 && strings.EqualFold(f[0], "raddr") {
		c.RelAddress, f = f[1], f[2:]
	}
	if len(f) >= 2 && strings.EqualFold(f[0], "rport") {
		port, err := strconv.ParseUint(f[1], 10, 16)
		if err != nil {
			return c, false
		}
		c.RelPort, f = uint16(port), f[2:]
	}
	c.Extensions = strings.Join(f, " ")
	return c, true
}
