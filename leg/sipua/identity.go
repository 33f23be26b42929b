package sipua

import (
	"strings"
	"sync/atomic"
	"time"

	"tandem/sip"
	"tandem/sip/auth"
	"tandem/sip/flow"
)

// A denial is an answer to a request that we do not carry out.
type denial struct {
	status  int
	reason  string
	headers []sip.Header
}

func deny(status int, reason string) *denial { return &denial{status: status, reason: reason} }

// identify finds out which device sent req, by its credentials or by the
// connection it has registered on; a UDP source proves nothing.
func (c *Connector) identify(f *flow.Flow, req *sip.Message) (*device, *denial) {
	b := c.book.Load()
	user, result := c.auth.CheckAt(req, func(host string) bool { return b.ours(f, host) })
	switch result {
	case auth.Accepted:
		if d := b.devices[user]; d != nil { // else it was removed just now
			f.Trust()
			c.guard.forgive(f.Remote())
			return d, nil
		}
	case auth.Stale:
		return nil, c.challenge(true)
	case auth.Refused:
		return nil, c.wrong(b, f, req, user)
	}
	if f.Reliable() && req.Method != "REGISTER" {
		if from, err := req.From(); err == nil {
			if d := b.devices[sip.Unescape(from.URI.User)]; d != nil && c.reg.on(f, d.Name) {
				return d, nil
			}
		}
	}
	return nil, c.challenge(false)
}

// challenge asks for credentials.
func (c *Connector) challenge(stale bool) *denial {
	no := deny(401, "")
	for _, value := range c.auth.Challenges(stale) {
		no.headers = append(no.headers, sip.Header{Name: "WWW-Authenticate", Value: value})
	}
	return no
}

// wrong answers a wrong password. The user is asked once more, then refused:
// phones stop at a 403. It is the same, and takes as long, for a user that does
// not exist.
func (c *Connector) wrong(b *book, f *flow.Flow, req *sip.Message, user string) *denial {
	c.count.failures.Add(1)
	n, out := c.guard.failed(b.conf.Guard, f.Remote(), c.reg.known(f.Remote().Addr()), time.Now())
	c.Log.Warn("wrong password or unknown user", "user", user, "from", f.Remote(), "method", req.Method, "failures", n)
	if out {
		c.shut(f.Remote(), n)
	}
	if n <= 1 {
		return c.challenge(false)
	}
	return deny(403, "")
}

// A caller is who sent an INVITE, and how much it may.
type caller struct {
	device *device
	trunk  *trunk // of which it came; neither is a guest
	via    string
	calls  *atomic.Int32 // nil for a guest
	limit  int           // 0 is none; of all machines together
	away   int           // calls at the other machines
}

// caller finds out who calls: a trunk by its address or our registration with
// it, a device by its password, nobody we know as a guest.
func (c *Connector) caller(f *flow.Flow, req *sip.Message) (*caller, *denial) {
	b := c.book.Load()
	from, err := req.From()
	if err != nil {
		return nil, deny(400, "From cannot be read")
	}
	ours := b.ours(f, from.URI.Host)
	isDevice := ours && b.devices[sip.Unescape(from.URI.User)] != nil
	if !req.Has("Authorization") {
		if t := b.trunkOf(f, req, isDevice); t != nil {
			f.Trust()
			return &caller{trunk: t, via: t.Name, calls: &t.calls, limit: t.MaxCalls, away: c.elsewhere(t.Name)}, nil
		}
		if b.conf.Guests && !ours {
			return &caller{}, nil
		}
	}
	d, no := c.identify(f, req)
	if no != nil {
		return nil, no
	}
	return &caller{device: d, via: d.Name, calls: d.calls, away: c.elsewhere(d.Name)}, nil
}

// trunkOf finds the trunk a request came from. Where a device lives at a peer's
// address, too, only what cannot be the device counts.
func (b *book) trunkOf(f *flow.Flow, req *sip.Message, isDevice bool) *trunk {
	var found *trunk
	for _, conf := range b.conf.Trunks { // in their order, so that the same call always finds the same trunk
		t := b.trunks[conf.Name]
		switch t.match(f, req) {
		case certain:
			return t
		case likely:
			if found == nil && !isDevice {
				found = t
			}
		}
	}
	return found
}

// identityOf is who a caller says it is: number or user@host, name, and whether
// it wants that withheld (RFC 3323, RFC 3325).
func (c *Connector) identityOf(who *caller, f *flow.Flow, req *sip.Message) (from, name string, private bool) {
	b := c.book.Load()
	addr, err := req.From()
	if err != nil {
		return "", "", true
	}
	private = strings.EqualFold(addr.URI.Host, "anonymous.invalid") || strings.EqualFold(addr.URI.User, "anonymous") || wantsPrivacy(req)
	if who.device != nil { // its own identity, whatever it writes
		from, name = who.device.Name, cleanName(addr.Display)
		if who.device.CallerID != "" {
			from = who.device.CallerID
		}
		if who.device.Display != "" {
			name = who.device.Display
		}
		return from, name, private
	}
	if who.trunk != nil && who.trunk.Trusted {
		if ids, err := req.Addresses("P-Asserted-Identity"); err == nil && len(ids) > 0 {
			if addr.Display != "" && ids[0].Display == "" && !private {
				ids[0].Display = addr.Display
			}
			addr = ids[0]
		}
	}
	user, _, _ := strings.Cut(sip.Unescape(addr.URI.User), ";")
	if number, ok := telephone(user); ok {
		from = number
	} else {
		from = b.alias(f, addr.URI)
		if who.trunk != nil && user != "" && addr.URI.Host != "" {
			from = user + "@" + addr.URI.Host
		}
	}
	if strings.EqualFold(user, "anonymous") {
		from = ""
	}
	if name = cleanName(addr.Display); name == from {
		name = ""
	}
	return from, name, private
}

func wantsPrivacy(req *sip.Message) bool {
	for _, v := range strings.FieldsFunc(req.Get("Privacy"), func(r rune) bool { return r == ';' || r == ',' || r == ' ' }) {
		switch strings.ToLower(v) {
		case "id", "user", "header":
			return true
		}
	}
	return false
}

// telephone reports whether a user part is a telephone number, and gives it
// without what people write into numbers.
func telephone(user string) (string, bool) {
	digits := strings.Map(func(r rune) rune {
		if strings.ContainsRune("-.() ", r) {
			return -1
		}
		return r
	}, user)
	bare := strings.TrimPrefix(digits, "+")
	if bare == "" || strings.Trim(bare, "0123456789") != "" {
		return "", false
	}
	return digits, true
}

// cleanName is a display name without control characters, cut to what a phone
// shows; a placeholder is none.
func cleanName(s string) string {
	s = strings.TrimSpace(strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return -1
		}
		return r
	}, s))
	switch strings.ToLower(s) {
	case "anonymous", "unavailable", "unknown", "restricted":
		return ""
	}
	if r := []rune(s); len(r) > 80 {
		s = string(r[:80])
	}
	return s
}
