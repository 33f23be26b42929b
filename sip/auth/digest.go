package auth

import (
	"crypto/md5"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/binary"
	"encoding/hex"
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
		s += ", qop=" + d.QOP + ", nc=" + d.count()
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
func hash(algorithm string) (h hashFunc, sess, ok bool) {
	name := strings.ToUpper(algorithm)
	name, sess = strings.CutSuffix(name, "-SESS")
	switch name {
	case "", "MD5":
		h = md5Hex
	case "SHA-256":
		h = sha256Hex
	case "SHA-512-256":
		h = sha512Hex
	}
	return h, sess, h != nil
}

// A hashFunc hashes its parts, with a colon between them, and returns hexadecimal.
type hashFunc func(parts ...string) string

func md5Hex(parts ...string) string {
	b := md5.Sum(joined(new(inputBuffer), parts))
	return hex.EncodeToString(b[:])
}

func sha256Hex(parts ...string) string {
	b := sha256.Sum256(joined(new(inputBuffer), parts))
	return hex.EncodeToString(b[:])
}

func sha512Hex(parts ...string) string {
	b := sha512.Sum512_256(joined(new(inputBuffer), parts))
	return hex.EncodeToString(b[:])
}

// An inputBuffer has room for what is hashed as a rule.
type inputBuffer [256]byte

func joined(room *inputBuffer, parts []string) []byte {
	b := room[:0]
	for i, p := range parts {
		if i > 0 {
			b = append(b, ':')
		}
		b = append(b, p...)
	}
	return b
}

// HA1 is the hash a server may store in a password's place: of
// username:realm:password, in hexadecimal. It is "" for an unknown algorithm.
func HA1(algorithm, username, realm string, password Secret) string {
	h, _, ok := hash(algorithm)
	if !ok {
		return ""
	}
	return h(username, realm, string(password))
}

// count is the nonce count as it is written.
func (d Digest) count() string {
	var b [4]byte
	binary.BigEndian.PutUint32(b[:], d.NC)
	return hex.EncodeToString(b[:])
}

// response computes what Response must be (RFC 7616 §3.4.1; RFC 2069 §2.1.2
// without qop). It returns false for an algorithm or qop we do not know.
func (d Digest) response(ha1, method string, body []byte) (string, bool) {
	h, sess, ok := hash(d.Algorithm)
	if !ok {
		return "", false
	}
	if sess {
		ha1 = h(ha1, d.Nonce, d.CNonce)
	}
	var ha2 string
	switch d.QOP {
	case "":
		return h(ha1, d.Nonce, h(method, d.URI)), true
	case "auth":
		ha2 = h(method, d.URI)
	case "auth-int":
		ha2 = h(method, d.URI, h(string(body)))
	default:
		return "", false
	}
	return h(ha1, d.Nonce, d.count(), d.CNonce, d.QOP, ha2), true
}
