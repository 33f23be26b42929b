package gvoice

import (
	"crypto/tls"
	"strings"
	"testing"
)

func TestGVS1TLS12IsTheOldestThatWorks(t *testing.T) {
	s := newEdge(t, nil)
	for version, ok := range map[uint16]bool{tls.VersionTLS11: false, tls.VersionTLS12: true, tls.VersionTLS13: true} {
		c, err := tryDial(s, "voice.telephony.goog", func(c *tls.Config) { c.MinVersion, c.MaxVersion = version, version })
		if (err == nil) != ok {
			t.Errorf("%s: %v", tls.VersionName(version), err)
		}
		if err == nil {
			_ = c.Close()
		}
	}
}

func TestGVS4EveryHostHasItsOwnCertificateWithItsExactName(t *testing.T) {
	s := newEdge(t, func(c *Config) { c.Options.AltHosts = 2 })
	if len(s.Hosts()) != 7 {
		t.Errorf("hosts %v", s.Hosts())
	}
	for _, host := range s.Hosts() {
		c, err := tryDial(s, host, nil)
		if err != nil {
			t.Errorf("%s: %v", host, err)
			continue
		}
		if names := c.ConnectionState().PeerCertificates[0].DNSNames; len(names) != 1 || names[0] != host {
			t.Errorf("%s: certificate for %v", host, names)
		}
		_ = c.Close()
	}
	if _, err := tryDial(s, "obihai.sip.google.com", nil); err == nil {
		t.Error("a registrar domain is no host")
	}
}

func TestGVS2ObihaiAsksForAClientCertificate(t *testing.T) {
	s := newEdge(t, func(c *Config) { c.Options.ClientCert = ClientCertObihai })
	if _, err := tryDial(s, "obihai.telephony.goog", nil); err == nil {
		t.Error("obihai let us in without a certificate")
	}
	if c, err := tryDial(s, "voice.telephony.goog", nil); err != nil {
		t.Error(err)
	} else {
		_ = c.Close()
	}
	for _, kind := range []ClientKey{ClientRSA1024, ClientRSA2048, ClientECDSA} {
		certPEM, keyPEM, err := s.ClientCertificate(kind)
		if err != nil {
			t.Fatal(err)
		}
		pair, err := tls.X509KeyPair(certPEM, keyPEM)
		if err != nil {
			t.Fatal(err)
		}
		c, err := tryDial(s, "obihai.telephony.goog", func(c *tls.Config) { c.Certificates = []tls.Certificate{pair} })
		if err != nil {
			t.Errorf("%s: %v", kind, err)
			continue
		}
		_ = c.Close()
	}
}

func TestGVS44CertificateFaultsAreSeenByTheClient(t *testing.T) {
	s := newEdge(t, nil)
	for kind, want := range map[FaultKind]string{UnknownCA: "unknown authority", ExpiredCert: "expired", WrongName: "www.example.com"} {
		if err := s.SetFault(Fault{Kind: kind, Host: "voice.telephony.goog"}); err != nil {
			t.Fatal(err)
		}
		if _, err := tryDial(s, "voice.telephony.goog", nil); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", kind, err)
		}
		c, err := tryDial(s, "alt1.voice.telephony.goog", nil)
		if err != nil {
			t.Errorf("%s hit another host: %v", kind, err)
		} else {
			_ = c.Close()
		}
		s.ClearFaults(kind)
	}
	old := s.CertPool()
	if err := s.SetFault(Fault{Kind: RotateCert}); err != nil {
		t.Fatal(err)
	}
	if _, err := tryDial(s, "voice.telephony.goog", func(c *tls.Config) { c.RootCAs = old }); err == nil {
		t.Error("the old root still works after the rotation")
	}
	c, err := tryDial(s, "voice.telephony.goog", nil)
	if err != nil {
		t.Fatal(err)
	}
	_ = c.Close()
}

func TestGVS45APrimaryThatIsDownLeavesTheAltHosts(t *testing.T) {
	s := newEdge(t, nil)
	_ = s.SetFault(Fault{Kind: HostDown, Host: "voice.telephony.goog"})
	if _, err := tryDial(s, "voice.telephony.goog", nil); err == nil {
		t.Error("the primary is up")
	}
	c := dial(t, s, "alt1.voice.telephony.goog")
	c.register("register-seed.sip")
	if got := s.Registrations()[0]; got.SNI != "alt1.voice.telephony.goog" || got.Domain != "voice.sip.google.com" {
		t.Errorf("got %+v", got)
	}
}

func TestGVS44AResetAHalfOpenAndADeadFlowLookAsTheyShould(t *testing.T) {
	s := newEdge(t, nil)
	c := dial(t, s, "voice.telephony.goog")
	c.register("register-seed.sip")
	_ = s.SetFault(Fault{Kind: Reset})
	if _, err := c.r.Next(); err == nil || !strings.Contains(err.Error(), "reset") {
		t.Errorf("after a reset: %v", err)
	}
	for _, kind := range []FaultKind{DeadFlow, HalfOpen} {
		c = dial(t, s, "voice.telephony.goog")
		c.register("register-seed.sip")
		_ = s.SetFault(Fault{Kind: kind})
		c.send("\r\n\r\n")
		if got := len(s.Registrations()); got != map[FaultKind]int{DeadFlow: 1, HalfOpen: 0}[kind] {
			t.Errorf("%s: %d bindings", kind, got)
		}
		other := dial(t, s, "voice.telephony.goog")
		other.vars["USER"] = "gvnew"
		other.register("register-seed.sip") // a new connection is not hit
		_ = other.c.Close()
		s.ClearFaults()
		if kind == DeadFlow {
			c.send("\r\n\r\n")
			if f, err := c.r.Next(); err != nil || !f.Pong {
				t.Errorf("after the dead flow: %+v, %v", f, err)
			}
		} else if _, err := c.r.Next(); err == nil {
			t.Error("a half-open connection must end with a reset")
		}
		_ = c.c.Close()
	}
}

func TestNoPongFault(t *testing.T) {
	s := newEdge(t, nil)
	c := dial(t, s, "voice.telephony.goog")
	_ = s.SetFault(Fault{Kind: NoPong, Times: 1})
	c.send("\r\n\r\n")
	c.silence("GV-S14")
	c.send("\r\n\r\n")
	if f, err := c.r.Next(); err != nil || !f.Pong {
		t.Errorf("got %+v, %v", f, err)
	}
}
