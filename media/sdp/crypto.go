package sdp

import (
	"encoding/base64"
	"fmt"
	"strconv"
	"strings"
)

// Suite is an SRTP protection profile as SDES names it (RFC 4568 §6.2, RFC 7714 §14.2).
type Suite string

const (
	AES128CMSHA1_80 Suite = "AES_CM_128_HMAC_SHA1_80"
	AES128CMSHA1_32 Suite = "AES_CM_128_HMAC_SHA1_32"
	AES128GCM       Suite = "AEAD_AES_128_GCM"
	AES256GCM       Suite = "AEAD_AES_256_GCM"
)

// KeyLen is the length of the suite's master key and its salt together, in octets;
// 0 for a suite this package does not know.
func (s Suite) KeyLen() int {
	switch s {
	case AES128CMSHA1_80, AES128CMSHA1_32:
		return 16 + 14
	case AES128GCM:
		return 16 + 12
	case AES256GCM:
		return 32 + 12
	}
	return 0
}

// Crypto is an a=crypto line (RFC 4568). Its String hides the key.
type Crypto struct {
	Tag   int
	Suite Suite
	Key   []byte // master key and salt, Suite.KeyLen() octets
}

func (c Crypto) String() string { return fmt.Sprintf("%d %s [redacted]", c.Tag, c.Suite) }

func (c Crypto) value() string {
	return strconv.Itoa(c.Tag) + " " + string(c.Suite) + " inline:" + base64.StdEncoding.EncodeToString(c.Key)
}

// parseCrypto reads one a=crypto value. ok is false for what we cannot do, which
// is not an error of the far end's: another suite, an MKI, several keys, or a
// parameter that switches protection off.
func parseCrypto(v string) (c Crypto, ok bool) {
	f := strings.Fields(v)
	if len(f) < 3 {
		return c, false
	}
	tag, err := strconv.Atoi(f[0])
	if err != nil || tag < 0 || tag > 999999999 {
		return c, false
	}
	c = Crypto{Tag: tag, Suite: Suite(strings.ToUpper(f[1]))}
	if c.Suite.KeyLen() == 0 || !sessionParametersOK(f[3:]) {
		return c, false
	}
	c.Key, ok = parseInline(f[2], c.Suite.KeyLen())
	return c, ok
}

// parseInline reads "inline:BASE64|lifetime". An MKI would put octets into every
// packet (RFC 3711 §3.1); nobody who offers one offers nothing else.
func parseInline(v string, n int) ([]byte, bool) {
	const method = "inline:"
	if len(v) < len(method) || !strings.EqualFold(v[:len(method)], method) {
		return nil, false
	}
	v = v[len(method):]
	if strings.Contains(v, ";") {
		return nil, false
	}
	parts := strings.Split(v, "|")
	for _, p := range parts[1:] {
		if strings.Contains(p, ":") {
			return nil, false
		}
	}
	key, err := base64.RawStdEncoding.DecodeString(strings.TrimRight(parts[0], "="))
	return key, err == nil && len(key) == n
}

// sessionParametersOK reports whether we can live with the parameters (RFC 4568
// §6.3): only a window size hint changes nothing on the wire.
func sessionParametersOK(params []string) bool {
	for _, p := range params {
		name, _, _ := strings.Cut(strings.ToUpper(p), "=")
		if name != "WSH" && name != "" {
			return false
		}
	}
	return true
}
