package auth

import (
	"crypto/md5"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"
)

// Digest are the credentials of RFC 7616 §3.4.
type Digest struct {
	Username  string
	Realm     string
	Nonce     string
	URI       string // as on the wire
	Response  string // lower case hexadecimal
	Algorithm string // "" is MD5
	Opaque    string
	QOP       string // "" is the form of RFC 2069
	CNonce    string
	NC        uint32 // nonce count; 0 without QOP
}

// ParseDigest parses the value of Authorization or Proxy-Authorization. The error
// is [ErrMalformed], also for another scheme.
func ParseDigest(value string) (Digest, error) {
	scheme, _, params, err := split(value)
	if err != nil || !strings.EqualFold(scheme, "Digest") {
		return Digest{}, ErrMalformed
	}
	d := Digest{
		Username:  get(params, "username"),
		Realm:     get(params, "realm"),
		Nonce:     get(params, "nonce"),
		URI:       get(params, "uri"),
		Response:  strings.ToLower(get(params, "response")),
		Algorithm: get(params, "algorithm"),
		Opaque:    get(params, "opaque"),
		QOP:       strings.ToLower(get(params, "qop")),
		CNonce:    get(params, "cnonce"),
	}
	if d.QOP == "" {
		return d, nil
	}
	nc := get(params, "nc")
	n, err := strconv.ParseUint(nc, 16, 32)
	if err != nil || len(nc) != 8 || n == 0 || d.CNonce == "" {
		return Digest{}, ErrMalformed
	}
	d.NC = uint32(n)
	return d, nil
}

// String is the wire form, in the order that the clients of Google's web edge use
// (reference §5.2).
func (d Digest) String() string {
	s := "Digest "
	if d.Algorithm != "" {
		s += "algorithm=" + d.Algorithm + ", "
	}
	s += "username=" + quote(d.Username) + ", realm=" + quote(d.Realm) + ", nonce=" + quote(d.Nonce) +
		", uri=" + quote(d.URI) + ", response=" + quote(d.Response)
	if d.QOP != "" {
		s += fmt.Sprintf(", qop=%s, nc=%08x", d.QOP, d.NC)
	}
	if d.CNonce != "" { // a -sess algorithm has one without qop, too
		s += ", cnonce=" + quote(d.CNonce)
	}
	if d.Opaque != "" {
		s += ", opaque=" + quote(d.Opaque)
	}
	return s
}

// hash returns the hash of an algorithm (RFC 7616 §6.1), whether it is a -sess
// one, and whether we know it.
func hash(algorithm string) (h func(string) string, sess, ok bool) {
	name := strings.ToUpper(algorithm)
	name, sess = strings.CutSuffix(name, "-SESS")
	switch name {
	case "", "MD5":
		h = func(s string) string { b := md5.Sum([]byte(s)); return hex.EncodeToString(b[:]) }
	case "SHA-256":
		h = func(s string) string { b := sha256.Sum256([]byte(s)); return hex.EncodeToString(b[:]) }
	case "SHA-512-256":
		h = func(s string) string { b := sha512.Sum512_256([]byte(s)); return hex.EncodeToString(b[:]) }
	}
	return h, sess, h != nil
}

// HA1 is the hash a server may store in a password's place: of
// username:realm:password, in hexadecimal. It is "" for an unknown algorithm.
func HA1(algorithm, username, realm string, password Secret) string {
	h, _, ok := hash(algorithm)
	if !ok {
		return ""
	}
	return h(username + ":" + realm + ":" + string(password))
}

// response computes what Response must be (RFC 7616 §3.4.1; RFC 2069 §2.1.2
// without qop). It returns false for an algorithm or qop we do not know.
func (d Digest) response(ha1, method string, body []byte) (string, bool) {
	h, sess, ok := hash(d.Algorithm)
	if !ok {
		return "", false
	}
	if sess {
		ha1 = h(ha1 + ":" + d.Nonce + ":" + d.CNonce)
	}
	a2 := method + ":" + d.URI
	switch d.QOP {
	case "":
		return h(ha1 + ":" + d.Nonce + ":" + h(a2)), true
	case "auth":
	case "auth-int":
		a2 += ":" + h(string(body))
	default:
		return "", false
	}
	return h(fmt.Sprintf("%s:%s:%08x:%s:%s:%s", ha1, d.Nonce, d.NC, d.CNonce, d.QOP, h(a2))), true
}
