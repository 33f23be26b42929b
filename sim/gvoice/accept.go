package gvoice

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"time"

	"tandem/sim/ca"
)

const handshakeTimeout = 10 * time.Second

func (s *Server) acceptSIP() {
	for {
		raw, err := s.sip.Accept()
		if err != nil {
			return
		}
		s.work.Go(func() { s.serveConn(raw) })
	}
}

func (s *Server) serveConn(raw net.Conn) {
	defer raw.Close()
	c := &conn{srv: s, raw: raw, remote: raw.RemoteAddr().String(), since: time.Now()}
	c.tls = tls.Server(raw, &tls.Config{
		MinVersion:         tls.VersionTLS12,
		GetConfigForClient: func(hello *tls.ClientHelloInfo) (*tls.Config, error) { return s.configFor(c, hello) },
	})
	c.out = c.tls
	_ = raw.SetDeadline(time.Now().Add(handshakeTimeout))
	if !s.enter(c) {
		return
	}
	defer s.leave(c)
	if err := c.tls.Handshake(); err != nil {
		if errors.Is(err, errHostDown) {
			reset(raw)
		}
		s.refuse(Refusal{Rule: "GV-S1", Action: "refused", What: "TLS handshake for " + or(c.sni, "no name"), Reason: err.Error()})
		return
	}
	_ = raw.SetDeadline(time.Time{})
	s.mu.Lock()
	c.version = c.tls.ConnectionState().Version
	s.mu.Unlock()
	s.log.Info("connected", "conn", c.id, "sni", c.sni, "remote", c.remote)
	c.run()
}

// enter and leave keep the table of connections; a connection's bindings go
// with it (GV-S13).
func (s *Server) enter(c *conn) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ctx.Err() != nil || len(s.conns) >= maxConns {
		return false
	}
	s.lastConn++
	c.id = s.lastConn
	s.conns[c.id] = c
	return true
}

func (s *Server) leave(c *conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.conns, c.id)
	s.unbindLocked(c)
	s.notifyLocked()
}

func (s *Server) unbindLocked(c *conn) {
	for user, b := range s.bindings {
		if b.conn == c {
			delete(s.bindings, user)
		}
	}
}

func reset(raw net.Conn) {
	if tcp, ok := raw.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0)
	}
	_ = raw.Close()
}

var errHostDown = errors.New("this host is down (fault host-down)")

// configFor is the virtual host of the name the client asks for (GV-S2, GV-S4).
func (s *Server) configFor(c *conn, hello *tls.ClientHelloInfo) (*tls.Config, error) {
	host := strings.ToLower(hello.ServerName)
	s.mu.Lock()
	c.sni = host
	s.mu.Unlock()
	if !slices.Contains(s.Hosts(), host) {
		return nil, fmt.Errorf("no host %q here: SNI must be one of %s", host, strings.Join(s.Hosts(), ", "))
	}
	if _, down := s.fault(HostDown, host, ""); down {
		return nil, errHostDown
	}
	cert, err := s.certificateFor(host)
	if err != nil {
		return nil, err
	}
	config := &tls.Config{MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{*cert}}
	if s.wantsClientCert(host) {
		config.ClientAuth = tls.RequireAndVerifyClientCert
		config.ClientCAs = s.CertPool()
		// In TLS 1.3 the client would learn of the refusal only after its
		// handshake; Google's users saw the handshake itself fail.
		config.MaxVersion = tls.VersionTLS12
		config.VerifyPeerCertificate = func(_ [][]byte, chains [][]*x509.Certificate) error {
			s.mu.Lock()
			defer s.mu.Unlock()
			c.clientCert = chains[0][0].Subject.String()
			return nil
		}
	}
	return config, nil
}

func (s *Server) wantsClientCert(host string) bool {
	if _, on := s.fault(NeedClientCert, host, ""); on {
		return true
	}
	switch s.cfg.Options.ClientCert {
	case ClientCertAll:
		return true
	case ClientCertNone:
		return false
	}
	p, _ := s.profileOf(host)
	return p.clientCert
}

func (s *Server) certificateFor(host string) (*tls.Certificate, error) {
	s.mu.Lock()
	authority := s.ca
	s.mu.Unlock()
	if _, on := s.fault(UnknownCA, host, ""); on {
		authority = s.stranger
	}
	_, expired := s.fault(ExpiredCert, host, "")
	if _, on := s.fault(WrongName, host, ""); on {
		host = "www.example.com"
	}
	return serverCert(authority, expired, host)
}

// tokenTLS serves the token endpoint under Google's names and by address.
func (s *Server) tokenTLS() *tls.Config {
	return &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
		s.mu.Lock()
		authority := s.ca
		s.mu.Unlock()
		return serverCert(authority, false, "www.googleapis.com", "oauth2.googleapis.com", "localhost", "127.0.0.1", s.cfg.Bind)
	}}
}

// rotate replaces the authority (GV-S44).
func (s *Server) rotate() error {
	next, err := ca.New("Simulated telephony root, rotated")
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.oldCAs = append(s.oldCAs, s.ca)
	s.oldCAs = s.oldCAs[max(len(s.oldCAs)-maxOldCAs, 0):]
	s.ca = next
	return nil
}
