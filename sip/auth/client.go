package auth

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"tandem/sip"
)

// A Client answers Digest challenges with one account's password. Its zero value
// answers none: a realm has to be named. It is safe for concurrent use.
type Client struct {
	Username string
	Password Secret
	Realms   []string // answered; a far end must not choose whom we prove ourselves to
	Hosts    []string // of Request-URIs that may get credentials; none is any
}

var (
	// ErrRefused says that credentials were sent already and not accepted.
	ErrRefused = errors.New("auth: the far end refuses these credentials")
	// ErrNoChallenge says that no challenge is one we may and can answer.
	ErrNoChallenge = errors.New("auth: no challenge that may be answered")
)

// Authorize returns a copy of req with the credentials that resp, a 401 or 407,
// asks for: CSeq is one higher and the topmost Via is gone, for the transaction
// layer to make its own. The first challenge of a named realm and known algorithm
// is answered (RFC 8760 §2.4). A realm is answered once; a second challenge of it
// is ErrRefused, unless it says stale=true with a new nonce. Credentials for other
// realms stay. How often a stale nonce is followed is the caller's to bound.
func (c *Client) Authorize(req, resp *sip.Message) (*sip.Message, error) {
	asks, answers := "WWW-Authenticate", "Authorization"
	if resp.Status == 407 {
		asks, answers = "Proxy-Authenticate", "Proxy-Authorization"
	} else if resp.Status != 401 {
		return nil, fmt.Errorf("%w: %d is no challenge", ErrNoChallenge, resp.Status)
	}
	if !c.mayAnswerHost(req.URI.Host) {
		return nil, fmt.Errorf("%w: host %q is not this account's", ErrNoChallenge, req.URI.Host)
	}
	ch, err := c.choose(resp.Values(asks))
	if err != nil {
		return nil, err
	}
	for _, value := range req.Values(answers) {
		old, err := ParseDigest(value)
		if err == nil && old.Realm == ch.Realm && (!ch.Stale || old.Nonce == ch.Nonce) {
			return nil, ErrRefused
		}
	}
	return c.answer(req, ch, answers)
}

func (c *Client) mayAnswerHost(host string) bool {
	return len(c.Hosts) == 0 || slices.ContainsFunc(c.Hosts, func(h string) bool { return strings.EqualFold(h, host) })
}

func (c *Client) choose(values []string) (Challenge, error) {
	for _, value := range values {
		ch, err := ParseChallenge(value)
		if err != nil || !strings.EqualFold(ch.Scheme, "Digest") || ch.Nonce == "" || !slices.Contains(c.Realms, ch.Realm) {
			continue
		}
		_, _, known := hash(ch.Algorithm)
		if _, ok := ch.qop(); known && ok {
			return ch, nil
		}
	}
	var asked []string
	for _, value := range values {
		if ch, err := ParseChallenge(value); err == nil {
			asked = append(asked, fmt.Sprintf("%s of the realm %q", ch.Scheme, ch.Realm))
		}
	}
	return Challenge{}, fmt.Errorf("%w: asked is %s; answered is Digest of %q", ErrNoChallenge, strings.Join(asked, ", "), c.Realms)
}

func (c *Client) answer(req *sip.Message, ch Challenge, header string) (*sip.Message, error) {
	cseq, err := req.CSeq()
	if err != nil {
		return nil, fmt.Errorf("authorize %s: %w", req.Method, err)
	}
	d := Digest{
		Username: c.Username, Realm: ch.Realm, Nonce: ch.Nonce, URI: req.URI.String(),
		Algorithm: ch.Algorithm, Opaque: ch.Opaque,
	}
	if d.QOP, _ = ch.qop(); d.QOP != "" {
		d.NC = 1
	}
	if _, sess, _ := hash(ch.Algorithm); sess || d.QOP != "" {
		d.CNonce = sip.NewTag()
	}
	d.Response, _ = d.response(HA1(d.Algorithm, c.Username, ch.Realm, c.Password), req.Method, req.Body)

	again := req.Clone()
	again.Headers = slices.DeleteFunc(again.Headers, func(h sip.Header) bool {
		old, err := ParseDigest(h.Value)
		return strings.EqualFold(h.Name, header) && err == nil && old.Realm == ch.Realm
	})
	again.RemoveFirst("Via")
	again.Set("CSeq", fmt.Sprintf("%d %s", cseq.Seq+1, req.Method))
	again.Add(header, d.String())
	return again, nil
}
