package auth

import (
	"slices"
	"strings"
)

// A Challenge is the value of WWW-Authenticate or Proxy-Authenticate.
type Challenge struct {
	Scheme    string // as on the wire: "Digest", "Bearer"
	Realm     string
	Nonce     string
	Opaque    string
	Algorithm string   // "" is MD5
	QOP       []string // none is the form of RFC 2069
	Stale     bool
	Params    []Param // all of them, in order
}

// ParseChallenge parses one challenge. The error is [ErrMalformed].
func ParseChallenge(value string) (Challenge, error) {
	scheme, _, params, err := split(value)
	if err != nil {
		return Challenge{}, err
	}
	c := Challenge{
		Scheme:    scheme,
		Realm:     get(params, "realm"),
		Nonce:     get(params, "nonce"),
		Opaque:    get(params, "opaque"),
		Algorithm: get(params, "algorithm"),
		Stale:     strings.EqualFold(get(params, "stale"), "true"),
		Params:    params,
	}
	for q := range strings.SplitSeq(get(params, "qop"), ",") {
		if q = strings.TrimSpace(q); q != "" {
			c.QOP = append(c.QOP, strings.ToLower(q))
		}
	}
	return c, nil
}

// String is the wire form of a Digest challenge, or of another scheme with its
// realm.
func (c Challenge) String() string {
	s := c.Scheme + " realm=" + quote(c.Realm)
	if c.Nonce != "" {
		s += ", nonce=" + quote(c.Nonce)
	}
	if c.Opaque != "" {
		s += ", opaque=" + quote(c.Opaque)
	}
	if c.Algorithm != "" {
		s += ", algorithm=" + c.Algorithm
	}
	if len(c.QOP) > 0 {
		s += ", qop=" + quote(strings.Join(c.QOP, ","))
	}
	if c.Stale {
		s += ", stale=true"
	}
	return s
}

// qop chooses the protection of an answer: "auth" before "auth-int" before none.
// It returns false if the challenge knows only others.
func (c Challenge) qop() (string, bool) {
	for _, q := range []string{"auth", "auth-int"} {
		if slices.Contains(c.QOP, q) {
			return q, true
		}
	}
	return "", len(c.QOP) == 0
}
