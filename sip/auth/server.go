package auth

import (
	"cmp"
	"crypto/subtle"
	"slices"
	"strings"
	"time"

	"tandem/sip"
)

// A Server challenges requests and checks their Digest credentials. Realm and
// Lookup must be set before use. It is safe for concurrent use.
type Server struct {
	Realm         string
	Lookup        func(username string) (Account, bool) // may be called concurrently
	Proxy         bool                                  // 407 in place of 401
	Now           func() time.Time                      // default time.Now
	NonceLifetime time.Duration                         // default one minute; older ones are stale
	MaxNonces     int                                   // used nonces remembered; default 131072
	// Algorithms are offered in this order, and no other is taken: MD5, SHA-256.
	// The default is MD5 alone. RFC 8760 §2.3 lets a phone pick from several
	// challenges, but many (libre before 2.0, SIPp, older PJSIP) fail the whole
	// answer when one of its challenges has an algorithm they do not know.
	Algorithms []string

	nonces nonces
}

// An Account is what a server knows of a user: the password, or hashes of it.
type Account struct {
	Password Secret
	HA1      func(algorithm string) string // in the password's place; "" if there is none for that algorithm
}

// A Result says what became of a request's credentials.
type Result uint8

const (
	Accepted Result = iota
	Missing         // none for our realm: challenge
	Stale           // right, but the nonce is old or used: challenge with stale=true
	Refused         // wrong user or password: 403, or challenge again
)

func (r Result) String() string {
	return [...]string{"accepted", "missing", "stale", "refused"}[r]
}

// Check checks the credentials of req for our realm. The user is the one that was
// claimed, proven only if the result is Accepted. An unknown user costs the same
// time as a wrong password and gives the same result.
func (s *Server) Check(req *sip.Message) (user string, result Result) {
	return s.CheckAt(req, func(string) bool { return false })
}

// CheckAt is Check for a server that has several names: ours tells them.
func (s *Server) CheckAt(req *sip.Message, ours func(host string) bool) (user string, result Result) {
	header := "Authorization"
	if s.Proxy {
		header = "Proxy-Authorization"
	}
	for _, value := range req.Values(header) {
		if d, err := ParseDigest(value); err == nil && d.Realm == s.Realm {
			return d.Username, s.check(req, d, ours)
		}
	}
	return "", Missing
}

func (s *Server) check(req *sip.Message, d Digest, ours func(host string) bool) Result {
	if !s.offered(d.Algorithm) || !sameResource(req.URI, d.URI, ours) {
		return Refused
	}
	now := s.now()
	issued, fresh := s.nonces.verify(d.Nonce, now, s.lifetime())
	want, ok := d.response(s.ha1(d), req.Method, req.Body)
	if !ok || subtle.ConstantTimeCompare([]byte(want), []byte(d.Response)) != 1 {
		return Refused
	}
	// Only now: one who does not know the password can neither use up a nonce nor
	// fill the table.
	if !issued || !fresh || !s.nonces.use(d.Nonce, d.NC, now, s.lifetime(), s.max()) {
		return Stale
	}
	return Accepted
}

// ha1 looks the user up. For one that is unknown it makes a hash all the same, of
// a password nobody can know.
func (s *Server) ha1(d Digest) string {
	account, ok := s.Lookup(d.Username)
	password := account.Password
	if !ok || password == "" {
		password = s.nonces.unknowable()
	}
	computed := HA1(d.Algorithm, d.Username, s.Realm, password)
	if ok && account.HA1 != nil {
		if stored := account.HA1(d.Algorithm); stored != "" {
			return strings.ToLower(stored)
		}
	}
	return computed
}

// Challenge returns the response to req, 401 or 407, with one challenge for each
// of the server's algorithms (RFC 8760 §2.3).
func (s *Server) Challenge(req *sip.Message, stale bool) *sip.Message {
	status, header := 401, "WWW-Authenticate"
	if s.Proxy {
		status, header = 407, "Proxy-Authenticate"
	}
	resp := sip.NewResponse(req, status, "")
	for _, value := range s.Challenges(stale) {
		resp.Add(header, value)
	}
	return resp
}

// Challenges returns the values of WWW-Authenticate, or Proxy-Authenticate, for who
// makes the response: one for each of the server's algorithms.
func (s *Server) Challenges(stale bool) []string {
	var all []string
	for _, algorithm := range s.algorithms() {
		c := Challenge{
			Scheme: "Digest", Realm: s.Realm, Nonce: s.nonces.issue(s.now()),
			Algorithm: algorithm, QOP: []string{"auth"}, Stale: stale,
		}
		all = append(all, c.String())
	}
	return all
}

func (s *Server) algorithms() []string {
	if len(s.Algorithms) > 0 {
		return s.Algorithms
	}
	return []string{"MD5"}
}

// offered says whether a phone may answer with algorithm; none is MD5.
func (s *Server) offered(algorithm string) bool {
	return slices.ContainsFunc(s.algorithms(), func(a string) bool { return strings.EqualFold(a, cmp.Or(algorithm, "MD5")) })
}

// sameResource compares the digest's URI with the request's (RFC 3261 §22.4).
// Phones leave out parameters and ports. SIPp and others write the server they send
// to, without a user; a user that is there must agree.
func sameResource(uri sip.URI, digest string, ours func(host string) bool) bool {
	u, err := sip.ParseURI(digest)
	if err != nil || !strings.EqualFold(u.Host, uri.Host) && !ours(u.Host) {
		return false
	}
	return u.User == "" || sip.Unescape(u.User) == sip.Unescape(uri.User)
}

func (s *Server) now() time.Time {
	if s.Now != nil {
		return s.Now()
	}
	return time.Now()
}

func (s *Server) lifetime() time.Duration {
	if s.NonceLifetime > 0 {
		return s.NonceLifetime
	}
	return time.Minute
}

func (s *Server) max() int {
	if s.MaxNonces > 0 {
		return s.MaxNonces
	}
	return 1 << 17
}
