package gvoice

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// SetFault switches a fault on; it replaces one of the same kind, host and user. Kinds marked "once" in their comments act at
// once and are not kept.
func (s *Server) SetFault(f Fault) error {
	if err := f.Validate(); err != nil {
		return err
	}
	s.log.Info("fault", "kind", string(f.Kind), "host", f.Host, "user", f.User)
	switch f.Kind {
	case RotateCert:
		return s.rotate()
	case TokenExpired:
		s.expireTokens()
		return nil
	case RegisterThrottle:
		s.throttleAll(f.User)
		return nil
	case Reset, CloseFlows:
		s.dropConns(f)
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = slices.DeleteFunc(s.faults, func(old *Fault) bool { return old.Kind == f.Kind && old.Host == f.Host && old.User == f.User })
	if len(s.faults) >= maxFaults {
		return fmt.Errorf("more than %d faults are on; clear some", maxFaults)
	}
	s.faults = append(s.faults, &f)
	if f.Kind == DeadFlow || f.Kind == HalfOpen {
		s.deafenLocked(f)
	}
	return nil
}

// ClearFaults switches off faults of the given kinds, or all. Half-open
// connections are reset, as a host does that finds it does not know them.
func (s *Server) ClearFaults(kinds ...FaultKind) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = slices.DeleteFunc(s.faults, func(f *Fault) bool { return len(kinds) == 0 || slices.Contains(kinds, f.Kind) })
	for _, c := range s.conns {
		if c.dead && !s.hasLocked(DeadFlow) {
			c.dead = false
		}
		if c.halfOpen && !s.hasLocked(HalfOpen) {
			reset(c.raw)
		}
	}
}

func (s *Server) hasLocked(kind FaultKind) bool {
	return slices.ContainsFunc(s.faults, func(f *Fault) bool { return f.Kind == kind })
}

// fault reports whether a fault is on for a host and a device, and uses it up
// once if it is limited.
func (s *Server) fault(kind FaultKind, host, user string) (Fault, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, f := range s.faults {
		if f.Kind != kind || !f.applies(host, user) {
			continue
		}
		got := *f
		if f.Times > 0 {
			if f.Times--; f.Times == 0 {
				s.faults = slices.Delete(s.faults, i, i+1)
			}
		}
		return got, true
	}
	return Fault{}, false
}

func (f Fault) applies(host, user string) bool {
	return (f.Host == "" || strings.EqualFold(f.Host, host)) && (f.User == "" || f.User == user)
}

func (s *Server) deafenLocked(f Fault) {
	for _, c := range s.conns {
		if !f.applies(c.sni, s.userOfLocked(c)) {
			continue
		}
		if f.Kind == DeadFlow {
			c.dead = true
			continue
		}
		c.halfOpen = true
		s.unbindLocked(c)
	}
	s.notifyLocked()
}

func (s *Server) dropConns(f Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range s.conns {
		if !f.applies(c.sni, s.userOfLocked(c)) {
			continue
		}
		// The binding goes before the connection, so that nobody who waits
		// for a new registration is told of the old one.
		s.unbindLocked(c)
		if f.Kind == Reset {
			reset(c.raw)
			continue
		}
		_ = c.raw.SetDeadline(time.Now())
		_ = c.raw.Close()
	}
	s.notifyLocked()
}

func (s *Server) userOf(c *conn) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.userOfLocked(c)
}

func (s *Server) userOfLocked(c *conn) string {
	for user, b := range s.bindings {
		if b.conn == c {
			return user
		}
	}
	return ""
}
