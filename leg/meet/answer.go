package meet

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
)

// answer is what we need of the service's SDP.
type answer struct {
	ufrag, password string
	fingerprints    []string // SHA-256, in SDP's form
	candidates      []candidate
	sections        []answerSection // as in the offer
}

type answerSection struct {
	mid       string
	refused   bool // port 0
	direction string
	ssrc, rtx uint32 // what we receive; 0 for none
	twcc      bool   // transport-wide sequence numbers were agreed
}

// candidate is a UDP address of the service.
type candidate struct {
	addr     netip.AddrPort
	priority uint32
}

const (
	maxSections   = 64
	maxCandidates = 16
)

// parseAnswer reads an answer. It is tolerant where Google's answers are unusual
// (reference 3.5): candidates without a foundation, transports of no RFC, ICE and
// DTLS parameters in every section, "=" in the password, mids in another order.
func parseAnswer(text string, p plan) (*answer, error) {
	if len(text) > maxBody {
		return nil, errors.New("the answer is too long")
	}
	a := &answer{}
	var s *answerSection
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\r\n")
		kind, value, ok := strings.Cut(line, "=")
		if !ok {
			continue
		}
		switch kind {
		case "m":
			if len(a.sections) == maxSections {
				return nil, errors.New("the answer has too many sections")
			}
			f := strings.Fields(value)
			a.sections = append(a.sections, answerSection{direction: "sendrecv", refused: len(f) < 2 || f[1] == "0"})
			s = &a.sections[len(a.sections)-1]
		case "a":
			name, v, _ := strings.Cut(value, ":")
			a.attribute(s, name, v)
		}
	}
	return a, a.check(p)
}

func (a *answer) attribute(s *answerSection, name, value string) {
	switch name {
	case "ice-ufrag":
		a.ufrag = or(a.ufrag, value)
	case "ice-pwd":
		a.password = or(a.password, value)
	case "fingerprint":
		if f := strings.Fields(value); len(f) == 2 && strings.EqualFold(f[0], "sha-256") && !slices.Contains(a.fingerprints, f[1]) && len(a.fingerprints) < 4 {
			a.fingerprints = append(a.fingerprints, f[1])
		}
	case "candidate":
		if c, ok := parseCandidate(value); ok && len(a.candidates) < maxCandidates && !slices.Contains(a.candidates, c) {
			a.candidates = append(a.candidates, c)
		}
	}
	if s != nil {
		s.attribute(name, value)
	}
}

func (s *answerSection) attribute(name, value string) {
	switch name {
	case "mid":
		s.mid = value
	case "sendonly", "recvonly", "sendrecv", "inactive":
		s.direction = name
	case "ssrc":
		if id, _, _ := strings.Cut(value, " "); s.ssrc == 0 {
			s.ssrc = number32(id)
		}
	case "ssrc-group":
		if f := strings.Fields(value); len(f) == 3 && f[0] == "FID" {
			s.ssrc, s.rtx = number32(f[1]), number32(f[2])
		}
	case "extmap":
		if id, _, _ := strings.Cut(value, " "); id == strconv.Itoa(extTWCC) {
			s.twcc = true
		}
	}
}

func number32(s string) uint32 {
	n, _ := strconv.ParseUint(s, 10, 32)
	return uint32(n)
}

// parseCandidate reads "<foundation> 1 udp <priority> <address> <port> typ host …",
// where the foundation may be empty.
func parseCandidate(v string) (candidate, bool) {
	f := strings.Fields(v)
	if strings.HasPrefix(v, " ") {
		f = append([]string{""}, f...)
	}
	if len(f) < 8 || f[1] != "1" || !strings.EqualFold(f[2], "udp") {
		return candidate{}, false
	}
	ip, err := netip.ParseAddr(f[4])
	port, err2 := strconv.ParseUint(f[5], 10, 16)
	if err != nil || err2 != nil || port == 0 || ip.IsMulticast() || ip.IsUnspecified() {
		return candidate{}, false
	}
	return candidate{netip.AddrPortFrom(ip.Unmap(), uint16(port)), number32(f[3])}, true
}

// check says what is missing for a session of the plan.
func (a *answer) check(p plan) error {
	switch {
	case len(a.sections) != len(p):
		return fmt.Errorf("the answer has %d sections, the offer %d", len(a.sections), len(p))
	case a.ufrag == "" || a.password == "":
		return errors.New("the answer has no ICE credentials")
	case len(a.fingerprints) == 0:
		return errors.New("the answer has no SHA-256 fingerprint")
	case len(a.candidates) == 0:
		return errors.New("the answer has no UDP candidate")
	}
	for i := range a.sections {
		s := &a.sections[i]
		if want := strconv.Itoa(i); s.mid != want {
			return fmt.Errorf("section %d of the answer is for mid %q, not %q", i, s.mid, want)
		}
		if p[i] == dataRole && s.refused {
			return errors.New("the answer refuses the data channels")
		}
	}
	return nil
}

// sends reports whether the service will send media in a section.
func (s *answerSection) sends() bool {
	return !s.refused && s.ssrc != 0 && (s.direction == "sendonly" || s.direction == "sendrecv")
}

// takes reports whether the service receives media in a section.
func (s *answerSection) takes() bool {
	return !s.refused && (s.direction == "recvonly" || s.direction == "sendrecv")
}
