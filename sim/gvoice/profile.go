package gvoice

import (
	"fmt"
	"strings"
)

// profile is one registrar domain of the telephony edge with its hosts and
// habits (reference, sections 4.1 and 11). The web edge would be one more.
type profile struct {
	domain     string   // registrar and realm; resolves nowhere
	hosts      []string // proxies, the alt names last
	plus       bool     // dials +E.164; otherwise 11 digits or 011
	clientCert bool     // asks for a client certificate by default (GV-S2)
}

// profiles are those of the telephony edge with so many alt names each.
func profiles(alts int) []profile {
	voice := profile{domain: "voice.sip.google.com", hosts: []string{"voice.telephony.goog"}, plus: true}
	obihai := profile{domain: "obihai.sip.google.com", hosts: []string{"obihai.telephony.goog"}, clientCert: true}
	fi := profile{domain: "obihai.sip.google.com", hosts: []string{"fi.telephony.goog"}} // its users had the obihai registrar
	for i := 1; i <= alts; i++ {
		voice.hosts = append(voice.hosts, fmt.Sprintf("alt%d.voice.telephony.goog", i))
		obihai.hosts = append(obihai.hosts, fmt.Sprintf("alt%d.obihai.telephony.goog", i))
	}
	return []profile{voice, obihai, fi}
}

// Hosts are the host names the edge answers to (GV-S4), the alt names included.
func (s *Server) Hosts() []string {
	var hosts []string
	for _, p := range profiles(s.cfg.Options.AltHosts) {
		hosts = append(hosts, p.hosts...)
	}
	return hosts
}

// profileAt finds a profile by registrar domain; the proxies were
// interchangeable, so the host does not matter.
func profileAt(domain string) (profile, bool) {
	for _, p := range profiles(0) {
		if strings.EqualFold(p.domain, domain) {
			return p, true
		}
	}
	return profile{}, false
}

// profileOf finds a profile by host name.
func (s *Server) profileOf(host string) (profile, bool) {
	for _, p := range profiles(s.cfg.Options.AltHosts) {
		for _, h := range p.hosts {
			if h == host {
				return p, true
			}
		}
	}
	return profile{}, false
}

// e164 makes E.164 of a dialled string as the profile reads it (GV-S18), or
// says what is wrong with it.
func (p profile) e164(dialled string) (string, error) {
	digits := strings.TrimPrefix(dialled, "+")
	if strings.Trim(digits, "0123456789") != "" || len(digits) < 3 {
		return "", fmt.Errorf("%q is not a telephone number", dialled)
	}
	if p.plus {
		if dialled == digits {
			return "", fmt.Errorf("%s wants +E.164, not %q", p.domain, dialled)
		}
		return dialled, nil
	}
	switch {
	case dialled != digits:
	case strings.HasPrefix(digits, "011") && len(digits) > 6:
		return "+" + digits[3:], nil
	case len(digits) == 11 && digits[0] == '1':
		return "+" + digits, nil
	}
	return "", fmt.Errorf("%s wants 11 digits or 011, not %q", p.domain, dialled)
}
