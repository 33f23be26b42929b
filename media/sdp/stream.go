package sdp

import (
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"tandem/media"
)

// section is one m-line of the far end with the session level it inherits from.
type section struct {
	d *Description
	m *Media
}

// value is an attribute of the m-line, or of the session when the m-line has none.
func (s section) value(name string) (string, bool) {
	if v, ok := s.m.Attribute(name); ok {
		return v, true
	}
	return s.d.Attribute(name)
}

// values are all of them, from the level that has any.
func (s section) values(name string) []string {
	for _, list := range [][]Attribute{s.m.Attributes, s.d.Attributes} {
		var out []string
		for _, a := range list {
			if strings.EqualFold(a.Name, name) {
				out = append(out, a.Value)
			}
		}
		if len(out) > 0 {
			return out
		}
	}
	return nil
}

func (s section) connection() Connection {
	if s.m.Connection.Address != "" {
		return s.m.Connection
	}
	return s.d.Connection
}

// direction is the far end's, seen from it. A c= line of 0.0.0.0 is the hold of
// RFC 2543: it hears nothing (RFC 3264 §8.4). With ICE the same address only says
// that the candidates are still to come (RFC 8840 §4.1.1).
func (s section) direction() media.Direction {
	d := media.SendRecv
	if found, ok := directionOf(s.m.Attributes); ok {
		d = found
	} else if found, ok := directionOf(s.d.Attributes); ok {
		d = found
	}
	if _, ice := s.value("ice-ufrag"); !ice && s.connection().IP().IsUnspecified() {
		return direction(d.Sends(), false)
	}
	return d
}

func directionOf(list []Attribute) (media.Direction, bool) {
	for _, a := range list {
		for d := media.SendRecv; d <= media.Inactive; d++ {
			if strings.EqualFold(a.Name, d.String()) {
				return d, true
			}
		}
	}
	return media.SendRecv, false
}

func direction(sends, receives bool) media.Direction {
	switch {
	case sends && receives:
		return media.SendRecv
	case sends:
		return media.SendOnly
	case receives:
		return media.RecvOnly
	}
	return media.Inactive
}

// both is what remains when the far end wants theirs (seen from it) and we ours.
func both(theirs, ours media.Direction) media.Direction {
	return direction(ours.Sends() && theirs.Receives(), ours.Receives() && theirs.Sends())
}

// destination fills in where the far end wants its packets.
func (s section) destination(st *Stream) {
	c := s.connection()
	st.Host = c.Address
	st.Remote = usable(c.IP(), s.m.Port)
	st.RTCP = usable(c.IP(), s.m.Port+1)
	if s.m.Port == 65535 {
		st.RTCP = netip.AddrPort{}
	}
	if port, addr, ok := s.rtcp(); ok { // RFC 3605
		ip := c.IP()
		if addr.IsValid() {
			ip = addr
		}
		st.RTCP = usable(ip, port)
	}
	if st.Mux {
		st.RTCP = st.Remote
	}
}

func usable(ip netip.Addr, port uint16) netip.AddrPort {
	if !ip.IsValid() || ip.IsUnspecified() || port == 0 {
		return netip.AddrPort{}
	}
	return netip.AddrPortFrom(ip, port)
}

// rtcp reads "a=rtcp:5005 IN IP4 192.0.2.1".
func (s section) rtcp() (uint16, netip.Addr, bool) {
	v, ok := s.m.Attribute("rtcp")
	f := strings.Fields(v)
	if !ok || len(f) == 0 {
		return 0, netip.Addr{}, false
	}
	port, err := strconv.ParseUint(f[0], 10, 16)
	if err != nil || port == 0 {
		return 0, netip.Addr{}, false
	}
	var addr netip.Addr
	if len(f) >= 4 {
		addr = Connection{f[3]}.IP()
	}
	return uint16(port), addr, true
}

// ice is the far end's side of ICE; nil when it has none.
func (s section) ice() *ICE {
	ufrag, ok1 := s.value("ice-ufrag")
	password, ok2 := s.value("ice-pwd")
	if !ok1 || !ok2 || !iceToken(ufrag) || !iceToken(password) {
		return nil
	}
	ice := &ICE{Ufrag: ufrag, Password: password}
	_, ice.Lite = s.value("ice-lite") // session level by RFC 8839 §5.3; some write it below
	options, _ := s.value("ice-options")
	ice.Trickle = slices.Contains(strings.Fields(options), "trickle")
	for _, v := range s.values("candidate") {
		if c, ok := parseCandidate(v); ok && len(ice.Candidates) < maxCandidates {
			ice.Candidates = append(ice.Candidates, c)
		}
	}
	return ice
}

// maxCandidates bounds what a far end makes us check.
const maxCandidates = 64

func iceToken(s string) bool {
	return s != "" && len(s) <= 256 && !strings.ContainsAny(s, " \t")
}

// mismatch reports that someone on the way moved the default destination without
// knowing ICE, so the candidates cannot be trusted to reach the far end (RFC 8839
// §4.2.5). An offer whose candidates come later or hide behind names matches.
func (s section) mismatch(ice *ICE) bool {
	ip := s.connection().IP()
	if len(ice.Candidates) == 0 || !ip.IsValid() || ip.IsUnspecified() || s.m.Port == 9 {
		return false
	}
	for _, c := range ice.Candidates {
		if !c.IP().IsValid() || c.Port == s.m.Port && c.IP() == ip {
			return false
		}
	}
	return true
}

// packet is how much audio the far end wants in a packet: its ptime, at most its
// maxptime, and only durations our codecs can make.
func (s section) packet(codec string, fallback time.Duration) time.Duration {
	d := fallback
	if n, ok := s.milliseconds("ptime"); ok {
		d = n
	}
	if n, ok := s.milliseconds("maxptime"); ok {
		d = min(d, n)
	}
	best := 10 * time.Millisecond
	for _, can := range []time.Duration{20, 30, 40, 60} {
		can *= time.Millisecond
		if can <= d && (can != 30*time.Millisecond || codec != "OPUS") {
			best = can
		}
	}
	return best
}

func (s section) milliseconds(name string) (time.Duration, bool) {
	v, ok := s.value(name)
	if !ok {
		return 0, false
	}
	n, err := strconv.ParseFloat(v, 32)       // "20.0" has been seen
	if err != nil || !(n >= 1 && n <= 1000) { // not a number is neither
		return 0, false
	}
	return time.Duration(n) * time.Millisecond, true
}

// bundled reports whether the m-line is in a BUNDLE group.
func (s section) bundled(mid string) bool {
	for _, a := range s.d.Attributes {
		if f := strings.Fields(a.Value); strings.EqualFold(a.Name, "group") && len(f) > 0 && strings.EqualFold(f[0], "BUNDLE") {
			return mid != "" && slices.Contains(f[1:], mid)
		}
	}
	return false
}

// mid is the m-line's identification; "" when it has none or one that cannot be
// written back (RFC 5888 §4 wants a token).
func (s section) mid() string {
	v, _ := s.m.Attribute("mid")
	if strings.ContainsAny(v, " \t") || len(v) > 256 {
		return ""
	}
	return v
}
