package gvoice

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"tandem/sip"
	"tandem/sip/flow"
	"tandem/token"
)

// What every request of ours says it can do (GV-C5). Google may Require what is in
// inviteSupported: it is known to require 100rel, timer and outbound.
const (
	allow             = "ACK, INVITE, BYE, CANCEL, REGISTER, REFER, OPTIONS, PRACK, INFO, UPDATE"
	registerSupported = "outbound, path"
	inviteSupported   = "outbound, path, replaces, 100rel, timer"
)

// A binding is what a successful REGISTER gave us: how to call, and for how long.
type binding struct {
	flow     *flow.Flow
	routes   []string // Service-Route values in order (RFC 3608); Routes of our requests (GV-C7)
	identity string   // first P-Associated-URI, for P-Preferred-Identity
	expires  time.Duration
	at       time.Time
}

// live reports whether calls work: the connection lives and the registration has
// not run out.
func (b *binding) live(now time.Time) bool {
	return b.flow.Err() == nil && now.Before(b.at.Add(b.expires))
}

// registration builds the account's REGISTERs: one Call-ID and one From tag for
// a flow's life, a rising CSeq.
type registration struct {
	bond
	callID string
	tag    string
	seq    uint32
}

// A bond ties an account to one connection. It never changes.
type bond struct {
	*line
	token string // in our Contact; inbound Request-URIs bring it back (GV-C6)
}

// contact is where Google finds us: over this connection, whatever the address.
func (b bond) contact(f *flow.Flow) sip.URI {
	host, port := f.SentBy()
	return sip.URI{
		Scheme: "sip", User: sip.EscapeUser(b.account.user()), Host: host, Port: port,
		Params: sip.Params("").With("transport", "tls").With("line", b.token),
	}
}

// request builds a REGISTER; expires 0 takes the registration back, with the
// same headers, or Google refuses it (GV-C26).
func (r *registration) request(f *flow.Flow, secret token.Secret, expires time.Duration) *sip.Message {
	domain := sip.URI{Scheme: "sip", Host: r.profile.Registrar}
	aor := sip.URI{Scheme: "sip", User: sip.EscapeUser(r.account.user()), Host: r.profile.Registrar}
	r.seq++
	m := sip.NewRequest("REGISTER", domain)
	m.Add("Max-Forwards", "70")
	m.Add("From", sip.Address{URI: aor, Params: sip.Params("").With("tag", r.tag)}.String())
	m.Add("To", sip.Address{URI: aor}.String())
	m.Add("Call-ID", r.callID)
	m.Add("CSeq", strconv.FormatUint(uint64(r.seq), 10)+" REGISTER")
	m.Add("Contact", "<"+r.contact(f).String()+">;obn="+token128(r.account.label())+";reg-id=1;+sip.instance="+strconv.Quote(instance(&r.account)))
	m.Add("Expires", strconv.Itoa(int(expires/time.Second)))
	m.Add("Allow", allow)
	m.Add("Supported", registerSupported)
	m.Add("Authorization", r.bearer(secret))
	return m
}

// bearer is the credentials in the form of draft-ietf-sipcore-sip-authn-02, sent
// without waiting for a challenge (GV-C3).
func (r *registration) bearer(secret token.Secret) string {
	user, realm, tok := strconv.Quote(r.account.user()), strconv.Quote(r.profile.Registrar), strconv.Quote(secret.Reveal())
	if r.profile.TokenFirst {
		return "Bearer token=" + tok + ", username=" + user + ", realm=" + realm
	}
	return "Bearer username=" + user + ",realm=" + realm + ",token=" + tok
}

// token128 makes a value a header parameter can have without quotes.
func token128(s string) string {
	out := strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', strings.ContainsRune("-.!%*_+`'~", r):
			return r
		}
		return '-'
	}, s)
	if out == "" {
		return "Tandem"
	}
	return out
}

// bind reads the 200 to a REGISTER.
func (r *registration) bind(f *flow.Flow, m *sip.Message, now time.Time) (*binding, error) {
	b := &binding{flow: f, routes: m.Values("Service-Route"), at: now, expires: r.granted(m)}
	if ids := m.Values("P-Associated-URI"); len(ids) > 0 {
		b.identity = ids[0]
	}
	switch {
	case b.expires <= 0:
		return nil, errors.New("the registrar answered 200 but did not keep our Contact")
	case b.identity == "":
		return nil, errors.New("the registrar answered 200 without P-Associated-URI; calls would be ignored")
	}
	return b, nil
}

// granted is how long our Contact stays: its own expires, else the Expires header.
func (r *registration) granted(m *sip.Message) time.Duration {
	seconds := func(s string) (time.Duration, bool) {
		n, err := strconv.ParseUint(strings.TrimSpace(s), 10, 32)
		return time.Duration(min(n, 86400*7)) * time.Second, err == nil
	}
	if cs, err := m.Contacts(); err == nil {
		for _, c := range cs {
			if v, _ := c.URI.Params.Get("line"); v != r.token && len(cs) > 1 {
				continue
			}
			if v, ok := c.Params.Get("expires"); ok {
				if d, ok := seconds(v); ok {
					return d
				}
			}
		}
	}
	if d, ok := seconds(m.Get("Expires")); ok {
		return d
	}
	return r.profile.Expires
}

// A refusal is a final answer to REGISTER other than 200.
type refusal struct {
	status int
	reason string
	retry  time.Duration // Retry-After
	min    time.Duration // Min-Expires of a 423
}

func (e *refusal) Error() string {
	return fmt.Sprintf("the registrar answered %d %s", e.status, e.reason)
}

// unauthorized reports whether the access token was not accepted.
func (e *refusal) unauthorized() bool { return e.status == 401 || e.status == 407 }

// noToken says that there is no access token to register with, or none but one
// that was used up.
type noToken struct{ error }

func (e noToken) Unwrap() error { return e.error }

func refusalOf(m *sip.Message) *refusal {
	seconds := func(name string) time.Duration {
		digits := strings.TrimSpace(m.Get(name))
		if i := strings.IndexFunc(digits, func(r rune) bool { return r < '0' || r > '9' }); i >= 0 {
			digits = digits[:i]
		}
		n, _ := strconv.ParseUint(digits, 10, 31)
		return time.Duration(min(n, 86400)) * time.Second
	}
	return &refusal{status: m.Status, reason: m.Reason, retry: seconds("Retry-After"), min: seconds("Min-Expires")}
}

// instance names this device for good: the same account on the same gateway
// gives the same URN (RFC 5626 §4.1).
func instance(a *Account) string {
	h := sha256.Sum256([]byte("tandem\x00" + a.Name + "\x00" + a.Number + "\x00" + a.user()))
	h[6], h[8] = h[6]&0x0f|0x80, h[8]&0x3f|0x80 // RFC 9562 version 8: made of a hash
	return fmt.Sprintf("<urn:uuid:%x-%x-%x-%x-%x>", h[0:4], h[4:6], h[6:8], h[8:10], h[10:16])
}
