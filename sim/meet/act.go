package meet

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
)

var (
	errNoMeeting = errors.New("there is no such meeting")
	errNoDevice  = errors.New("there is no such device")
	errNoPerson  = errors.New("there is no such person")
)

// with runs f with a meeting's lock held.
func (s *Server) with(alias string, f func(*meeting) error) error {
	m := s.meeting(alias)
	if m == nil {
		return fmt.Errorf("%q: %w", alias, errNoMeeting)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	return f(m)
}

func (s *Server) withDevice(alias, name string, f func(*meeting, *device) error) error {
	return s.with(alias, func(m *meeting) error {
		d := m.deviceLocked(name)
		if d == nil {
			return fmt.Errorf("%q: %w", name, errNoDevice)
		}
		return f(m, d)
	})
}

// AddPerson brings a scripted person; its script runs with the meeting's.
func (s *Server) AddPerson(alias string, p Person) error {
	if err := p.Validate(); err != nil {
		return err
	}
	return s.with(alias, func(m *meeting) error {
		if m.personLocked(p.Name) != nil {
			return fmt.Errorf("somebody is called %q already", p.Name)
		}
		m.addPersonLocked(p)
		return nil
	})
}

// Do makes a scripted person do something now; At and For are not looked at.
func (s *Server) Do(alias, name string, step Step) error {
	if err := step.Validate(); err != nil {
		return err
	}
	return s.with(alias, func(m *meeting) error {
		p := m.personLocked(name)
		if p == nil {
			return fmt.Errorf("%q: %w", name, errNoPerson)
		}
		m.doLocked(p, step)
		return nil
	})
}

// Admit lets a device in from the lobby; for a Media API client it is the consent.
func (s *Server) Admit(alias, name string) error {
	return s.withDevice(alias, name, func(m *meeting, d *device) error { m.admitLocked(d); return nil })
}

// Deny refuses a device in the lobby.
func (s *Server) Deny(alias, name string) error {
	return s.withDevice(alias, name, func(m *meeting, d *device) error {
		if d.admitted {
			return fmt.Errorf("%s is in the meeting already", name)
		}
		m.denyLocked(d)
		return nil
	})
}

// Remove takes a device out of the meeting.
func (s *Server) Remove(alias, name string) error {
	return s.withDevice(alias, name, func(_ *meeting, d *device) error {
		d.endLocked(UserStopped, "a host removed the caller", nil)
		return nil
	})
}

// MuteDevice is a host muting a device; by is a scripted person's name.
func (s *Server) MuteDevice(alias, name, by string) error {
	return s.withDevice(alias, name, func(m *meeting, d *device) error {
		who := ""
		if p := m.personLocked(by); p != nil {
			who = p.key()
		}
		d.forced = true
		d.mutedLocked()
		d.sendLocked(chControl, message{Resources: []map[string]any{resource(0, "remoteMute", map[string]any{"audioMuted": true, "by": who})}})
		return nil
	})
}

// EndMeeting is the host ending the meeting for all.
func (s *Server) EndMeeting(alias string) error {
	return s.with(alias, func(m *meeting) error { m.endLocked(); return nil })
}

// SetIndicators switches the indicators of a meeting.
func (s *Server) SetIndicators(alias string, signs Signs) error {
	m := s.meeting(alias)
	if m == nil {
		return errNoMeeting
	}
	m.setSigns(signs)
	return nil
}

// LockVideo is the host's switch "Turn on their video": true turns it off.
func (s *Server) LockVideo(alias string, locked bool) error {
	m := s.meeting(alias)
	if m == nil {
		return errNoMeeting
	}
	m.lockVideo(locked)
	return nil
}

// Gateway is a gateway's identity, for tests and demonstrations.
type Gateway struct {
	Name     string
	ChainPEM []byte // leaf first
	KeyPEM   []byte // PKCS #8
}

// NewGateway makes a key and has it signed (MEET-S18).
func (s *Server) NewGateway(name string, how GatewayCert) (Gateway, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return Gateway{}, err
	}
	csr, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{Subject: pkix.Name{CommonName: name}}, key)
	if err != nil {
		return Gateway{}, err
	}
	chain, err := s.SignGateway(csr, how)
	if err != nil {
		return Gateway{}, err
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return Gateway{}, err
	}
	return Gateway{name, chain, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})}, nil
}
