package gvoice

import (
	"crypto/tls"
	"maps"
	"slices"
	"strings"
	"time"
)

// maxStateCalls is how many calls GET /state shows, newest last.
const maxStateCalls = 50

// State is everything there is to see.
func (s *Server) State() State {
	calls := s.Calls()
	st := State{SIP: s.Addr(), Hosts: s.Hosts(), Refusals: s.Refusals(), Registrations: s.Registrations()}
	for _, c := range calls[max(0, len(calls)-maxStateCalls):] {
		st.Calls = append(st.Calls, c.Report())
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	st.Counters = maps.Clone(s.counters)
	for _, f := range s.faults {
		st.Faults = append(st.Faults, *f)
	}
	for _, a := range s.accounts {
		st.Accounts = append(st.Accounts, s.accountStateLocked(a))
	}
	slices.SortFunc(st.Accounts, func(a, b AccountState) int { return strings.Compare(a.Number, b.Number) })
	for _, c := range s.conns {
		st.Connections = append(st.Connections, c.stateLocked())
	}
	slices.SortFunc(st.Connections, func(a, b ConnectionState) int { return a.ID - b.ID })
	return st
}

func (s *Server) accountStateLocked(a *account) AccountState {
	out := AccountState{Number: a.Number, TokensIssued: a.tokens, Throttled: a.throttled}
	for _, user := range slices.Sorted(maps.Keys(a.devices)) {
		out.Devices = append(out.Devices, *a.devices[user])
	}
	if a.throttled {
		out.ThrottledUntil = a.last.Add(s.cfg.Timing.ThrottleRelease).Format(time.RFC3339)
	}
	return out
}

func (c *conn) stateLocked() ConnectionState {
	return ConnectionState{
		ID: c.id, SNI: c.sni, Remote: c.remote, TLS: tls.VersionName(c.version), ClientCert: c.clientCert,
		Since: c.since, Pings: c.pings, LastPing: c.lastPing,
	}
}

// Registrations is every live binding, by user name.
func (s *Server) Registrations() []Registration {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []Registration
	for _, user := range slices.Sorted(maps.Keys(s.bindings)) {
		b := s.bindings[user]
		if !b.live(time.Now()) {
			continue
		}
		out = append(out, Registration{
			User: b.user, Domain: b.domain, Account: b.account.Number, Conn: b.conn.id, SNI: b.conn.sni,
			Contact: b.contact, OBN: b.param("obn"), Instance: b.param("+sip.instance"), RegID: b.param("reg-id"),
			Since: b.since, Expires: b.expires, Refreshes: b.renewals, Identity: b.identity(), Routes: slices.Clone(b.routes),
		})
	}
	return out
}

func (b *binding) param(name string) string {
	for part := range strings.SplitSeq(b.params, ";") {
		if k, v, _ := strings.Cut(part, "="); strings.EqualFold(k, name) {
			return strings.Trim(v, `"`)
		}
	}
	return ""
}
