package transport

import (
	"crypto/rand"
	"fmt"

	"github.com/pion/srtp/v3"

	"tandem/media/sdp"
)

// replayWindow is how many packets late a protected packet may come (RFC 3711 §3.3.2).
const replayWindow = 64

// suites are the SDES suites we offer, the cheapest for this CPU first.
var suites = [...]sdp.Suite{sdp.AES128GCM, sdp.AES256GCM, sdp.AES128CMSHA1_80, sdp.AES128CMSHA1_32}

// newCrypto makes our SDES keys, one for each suite.
func newCrypto() []sdp.Crypto {
	octets := 0
	for _, s := range suites {
		octets += s.KeyLen()
	}
	list, keys := make([]sdp.Crypto, len(suites)), make([]byte, octets)
	_, _ = rand.Read(keys) // never fails
	for i, s := range suites {
		n := s.KeyLen()
		list[i] = sdp.Crypto{Tag: i + 1, Suite: s, Key: keys[:n:n]}
		keys = keys[n:]
	}
	return list
}

func profileOf(s sdp.Suite) (p srtp.ProtectionProfile, ok bool) {
	switch s {
	case sdp.AES128GCM:
		return srtp.ProtectionProfileAeadAes128Gcm, true
	case sdp.AES256GCM:
		return srtp.ProtectionProfileAeadAes256Gcm, true
	case sdp.AES128CMSHA1_80:
		return srtp.ProtectionProfileAes128CmHmacSha1_80, true
	case sdp.AES128CMSHA1_32:
		return srtp.ProtectionProfileAes128CmHmacSha1_32, true
	}
	return 0, false
}

// sdesContext makes the protection of one way from an SDES key.
func sdesContext(suite sdp.Suite, key []byte) (*srtp.Context, error) {
	profile, ok := profileOf(suite)
	if !ok {
		return nil, fmt.Errorf("the SRTP suite %q is not known here", suite)
	}
	n, err := profile.KeyLen()
	if err != nil || len(key) != suite.KeyLen() {
		return nil, fmt.Errorf("the key of SRTP suite %s has %d octets instead of %d", suite, len(key), suite.KeyLen())
	}
	return newContext(profile, key[:n], key[n:])
}

func newContext(profile srtp.ProtectionProfile, key, salt []byte) (*srtp.Context, error) {
	return srtp.CreateContext(key, salt, profile, srtp.SRTPReplayProtection(replayWindow), srtp.SRTCPReplayProtection(replayWindow))
}
