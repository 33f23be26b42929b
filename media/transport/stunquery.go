package transport

import (
	"net/netip"
	"time"

	"github.com/pion/stun/v4"
)

const (
	stunWait  = 300 * time.Millisecond
	stunRetry = 100 * time.Millisecond
)

// stunQuery asks STUN servers which address they see (RFC 8489 §2).
type stunQuery struct {
	request *stun.Message
	servers []netip.AddrPort
	result  chan netip.AddrPort // room for one
}

// queryPublic finds our public IPv4 address and port; it stays unknown when no
// server answers in time, because ICE works without it against most far ends.
func (s *stream) queryPublic() {
	s.in.mu.Lock()
	p := s.ports.rtp4
	s.in.mu.Unlock()
	if len(s.opts.STUN) == 0 || p == nil {
		return
	}
	request, err := stun.Build(stun.TransactionID, stun.BindingRequest, stun.Fingerprint)
	if err != nil {
		return
	}
	q := &stunQuery{request: request, servers: s.opts.STUN, result: make(chan netip.AddrPort, 1)}
	s.setQuery(q)
	defer s.setQuery(nil)
	for range stunWait / stunRetry {
		for _, server := range q.servers {
			_ = s.sendFrom(p, request.Raw, server)
		}
		select {
		case s.public = <-q.result:
			return
		case <-time.After(stunRetry):
		}
	}
	s.log.Warn("no STUN server answered", "servers", s.opts.STUN)
}

func (s *stream) setQuery(q *stunQuery) {
	s.in.mu.Lock()
	defer s.in.mu.Unlock()
	s.query = q
}

// answer reports whether b answers the query.
func (q *stunQuery) answer(b []byte, from netip.AddrPort) bool {
	known := false
	for _, server := range q.servers {
		known = known || server == from
	}
	m := &stun.Message{Raw: append([]byte(nil), b...)}
	if !known || m.Decode() != nil || m.TransactionID != q.request.TransactionID || m.Type != stun.BindingSuccess {
		return false
	}
	var x stun.XORMappedAddress
	ip, ok := netip.Addr{}, x.GetFrom(m) == nil
	if ok {
		ip, ok = netip.AddrFromSlice(x.IP)
	}
	if !ok {
		return false
	}
	select {
	case q.result <- netip.AddrPortFrom(ip.Unmap(), uint16(x.Port)):
	default:
	}
	return true
}
