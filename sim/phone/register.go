package phone

import (
	"context"
	"crypto/md5"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
	"strconv"
	"strings"
	"time"

	"tandem/sim/wire"
)

// Register registers the phone and keeps it registered. A refusal is an error
// that names the status; that of a later refresh shows in [Phone.Registered].
func (p *Phone) Register(ctx context.Context) error {
	if err := p.register(ctx, int(p.cfg.Expires.Seconds())); err != nil {
		return err
	}
	p.keep.Do(func() { p.work.Go(p.refresh) })
	return nil
}

// refresh re-registers at half of the granted time until the phone is closed
// or un-registered.
func (p *Phone) refresh() {
	for {
		p.mu.Lock()
		bound, granted := p.bound, p.granted
		p.mu.Unlock()
		select {
		case <-time.After(max(granted/2, time.Second)):
		case <-p.ctx.Done():
			return
		}
		if !bound {
			continue
		}
		if err := p.register(p.ctx, int(p.cfg.Expires.Seconds())); err != nil {
			p.mu.Lock()
			p.bound = false
			p.mu.Unlock()
			p.log.Info("not registered any more", "user", p.cfg.User, "error", err)
		}
	}
}

// Unregister removes the registration.
func (p *Phone) Unregister(ctx context.Context) error { return p.register(ctx, 0) }

func (p *Phone) register(ctx context.Context, expires int) error {
	aor := fmt.Sprintf("<sip:%s@%s>", p.cfg.User, p.cfg.Domain)
	tag := wire.Token(8)
	m, err := p.authorized(ctx, func(credentials wire.Header) []byte {
		p.mu.Lock()
		p.seq++
		seq := p.seq
		p.mu.Unlock()
		return wire.Request("REGISTER", "sip:"+p.cfg.Domain).Add("Via", p.via()).Add("Max-Forwards", "70").
			Add("From", aor+";tag="+tag).Add("To", aor).Add("Call-ID", p.callID).Add("CSeq", fmt.Sprintf("%d REGISTER", seq)).
			Add("Contact", "<"+p.contact+">").Add("Expires", fmt.Sprint(expires)).Add("Allow", allow).
			Add(credentials.Name, credentials.Value).End()
	}, nil)
	if err != nil {
		return err
	}
	if m.Status != 200 {
		return fmt.Errorf("phone %s: REGISTER refused: %d %s", p.cfg.User, m.Status, m.Reason)
	}
	p.mu.Lock()
	p.bound, p.granted = expires > 0, p.cfg.Expires
	for _, contact := range m.List("Contact") {
		if n, err := strconv.Atoi(wire.Param(contact, "expires")); err == nil && strings.Contains(contact, p.contact) {
			p.granted = time.Duration(n) * time.Second
		}
	}
	p.mu.Unlock()
	return nil
}

// Registered reports whether the last REGISTER was accepted.
func (p *Phone) Registered() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.bound
}

// credentials answers the first challenge it can (RFC 3261 section 22, RFC 7616,
// RFC 8760).
func (p *Phone) credentials(request, challenge *wire.Message) (wire.Header, error) {
	name, from := "Authorization", "WWW-Authenticate"
	if challenge.Status == 407 {
		name, from = "Proxy-Authorization", "Proxy-Authenticate"
	}
	for _, v := range challenge.All(from) {
		scheme, rest, _ := strings.Cut(v, " ")
		if !strings.EqualFold(scheme, "Digest") {
			continue
		}
		if d, ok := p.digest(request, params(rest)); ok {
			return wire.Header{Name: name, Value: d}, nil
		}
	}
	return wire.Header{}, fmt.Errorf("phone %s: %d without a challenge the phone can answer", p.cfg.User, challenge.Status)
}

// digest computes the response; false means an unknown algorithm.
func (p *Phone) digest(request *wire.Message, c map[string]string) (string, bool) {
	var newHash func() hash.Hash
	switch strings.ToUpper(c["algorithm"]) {
	case "", "MD5":
		newHash = md5.New
	case "SHA-256":
		newHash = sha256.New
	default:
		return "", false
	}
	h := func(parts ...string) string {
		sum := newHash()
		sum.Write([]byte(strings.Join(parts, ":")))
		return hex.EncodeToString(sum.Sum(nil))
	}
	ha1, ha2 := h(p.cfg.AuthUser, c["realm"], p.cfg.Password), h(request.Method, request.URI)
	out := fmt.Sprintf(`Digest username="%s", realm="%s", nonce="%s", uri="%s"`, p.cfg.AuthUser, c["realm"], c["nonce"], request.URI)
	if c["algorithm"] != "" {
		out += ", algorithm=" + c["algorithm"]
	}
	if strings.Contains(c["qop"], "auth") {
		cnonce := wire.Token(16)
		out += fmt.Sprintf(`, qop=auth, nc=00000001, cnonce="%s", response="%s"`, cnonce, h(ha1, c["nonce"], "00000001", cnonce, "auth", ha2))
	} else {
		out += fmt.Sprintf(`, response="%s"`, h(ha1, c["nonce"], ha2))
	}
	if c["opaque"] != "" {
		out += fmt.Sprintf(`, opaque="%s"`, c["opaque"])
	}
	return out, true
}

// params reads `a="b, c",d=e`.
func params(v string) map[string]string {
	out, quoted, start := map[string]string{}, false, 0
	add := func(part string) {
		k, val, _ := strings.Cut(strings.TrimSpace(part), "=")
		out[strings.ToLower(strings.TrimSpace(k))] = strings.Trim(strings.TrimSpace(val), `"`)
	}
	for i := range len(v) {
		switch {
		case v[i] == '"':
			quoted = !quoted
		case v[i] == ',' && !quoted:
			add(v[start:i])
			start = i + 1
		}
	}
	add(v[start:])
	return out
}
