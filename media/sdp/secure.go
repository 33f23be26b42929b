package sdp

import (
	"encoding/hex"
	"slices"
	"strings"
)

// profile is what the protocol field of an m-line says.
type profile struct {
	secure   bool // SRTP
	dtls     bool // UDP/TLS/…
	feedback bool // …F
}

// parseProfile knows the RTP profiles over UDP; ok is false for all others.
func parseProfile(s string) (p profile, ok bool) {
	switch strings.ToUpper(s) {
	case "RTP/AVP":
		return profile{}, true
	case "RTP/AVPF":
		return profile{feedback: true}, true
	case "RTP/SAVP":
		return profile{secure: true}, true
	case "RTP/SAVPF":
		return profile{secure: true, feedback: true}, true
	case "UDP/TLS/RTP/SAVP":
		return profile{secure: true, dtls: true}, true
	case "UDP/TLS/RTP/SAVPF":
		return profile{secure: true, dtls: true, feedback: true}, true
	}
	return profile{}, false
}

// fingerprints of the far end's certificate. MD5 and older are no proof of anything.
func (s section) fingerprints() []Fingerprint {
	var list []Fingerprint
	for _, v := range s.values("fingerprint") {
		f := strings.Fields(v)
		if len(f) != 2 {
			continue
		}
		hash, value := strings.ToLower(f[0]), strings.ToUpper(f[1])
		digest, err := hex.DecodeString(strings.ReplaceAll(value, ":", ""))
		if err == nil && hashLen(hash) > 0 && len(digest) == hashLen(hash) && len(list) < 16 {
			list = append(list, Fingerprint{hash, value})
		}
	}
	return list
}

func hashLen(name string) int {
	switch name {
	case "sha-1":
		return 20
	case "sha-224":
		return 28
	case "sha-256":
		return 32
	case "sha-384":
		return 48
	case "sha-512":
		return 64
	}
	return 0
}

// cryptos are the far end's a=crypto lines we can work with.
func (s section) cryptos() []Crypto {
	var list []Crypto
	for _, a := range s.m.Attributes {
		if !strings.EqualFold(a.Name, "crypto") {
			continue
		}
		if c, ok := parseCrypto(a.Value); ok && len(list) < 32 {
			list = append(list, c)
		}
	}
	return list
}

// secureAnswer picks the protection for an offered m-line; ok is false when policy
// and offer do not meet.
func (s section) secureAnswer(policy Security, p profile, tr Transport, st *Stream) bool {
	if policy == Plain {
		return !p.secure
	}
	if policy != SDES && s.answerDTLS(tr, st) {
		return true
	}
	if policy != DTLS && !p.dtls && s.answerSDES(tr, st) {
		return true
	}
	return policy == Opportunistic && !p.secure
}

func (s section) answerDTLS(tr Transport, st *Stream) bool {
	prints := s.fingerprints()
	setup, _ := s.value("setup")
	role := answerRole(strings.ToLower(setup), tr.Role)
	if len(prints) == 0 || len(tr.Fingerprints) == 0 || role == RoleNone {
		return false
	}
	st.Security, st.DTLS = DTLS, DTLSParams{Role: role, Fingerprints: prints}
	return true
}

// answerRole is our part for an offered a=setup. To actpass we answer active, as
// RFC 5763 §5 recommends and Google wants (GV-C21), unless an association stands.
func answerRole(setup string, standing Role) Role {
	switch setup {
	case "actpass":
		if standing != RoleNone {
			return standing
		}
		return RoleClient
	case "passive":
		return RoleClient
	case "active", "": // RFC 4145 §4.1: an offer's default is active
		return RoleServer
	}
	return RoleNone // holdconn
}

func (s section) answerSDES(tr Transport, st *Stream) bool {
	offered := s.cryptos()
	for _, ours := range tr.Crypto {
		i := slices.IndexFunc(offered, func(c Crypto) bool { return c.Suite == ours.Suite })
		if i < 0 {
			continue
		}
		st.Security = SDES
		st.Keys = SDESKeys{Suite: ours.Suite, Local: ours.Key, Remote: offered[i].Key, Tag: offered[i].Tag}
		return true
	}
	return false
}

// secureAccept reads the protection out of an answer to our m-line.
func (s section) secureAccept(ours section, st *Stream) *Error {
	switch {
	case len(ours.fingerprints()) > 0 && len(s.fingerprints()) > 0:
		st.Security = DTLS
		setup, _ := s.value("setup")
		st.DTLS = DTLSParams{Role: acceptRole(strings.ToLower(setup)), Fingerprints: s.fingerprints()}
		return nil
	case len(ours.cryptos()) > 0 && len(s.cryptos()) > 0:
		return s.acceptSDES(ours, st)
	}
	offered, _ := parseProfile(ours.m.Profile)
	answered, _ := parseProfile(s.m.Profile)
	if offered.secure || answered.secure {
		return &Error{488, "the far end answered an encrypted stream without usable keys"}
	}
	return nil
}

func acceptRole(setup string) Role {
	if setup == "active" {
		return RoleServer
	}
	return RoleClient // passive, and RFC 4145 §4.1: an answer's default is passive
}

func (s section) acceptSDES(ours section, st *Stream) *Error {
	answer := s.cryptos()[0]
	for _, c := range ours.cryptos() {
		if c.Tag == answer.Tag && c.Suite == answer.Suite {
			st.Security = SDES
			st.Keys = SDESKeys{Suite: c.Suite, Local: c.Key, Remote: answer.Key, Tag: c.Tag}
			return nil
		}
	}
	return &Error{488, "the far end answered with an SRTP suite that was not offered"}
}
