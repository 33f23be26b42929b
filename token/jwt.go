package token

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"time"
)

const (
	jwtLifetime = 15 * time.Minute
	jwtMargin   = 2 * time.Minute // before its end a token is not used any more
)

// minted is a token that is used until it is about to expire.
type minted struct {
	audience string
	token    Secret
	until    time.Time
}

// Token returns a JSON Web Token (RFC 7519) for the audience, signed with the
// active key (ES256 or RS256, RFC 7518) and with the certificates in its header
// (x5c, RFC 7515 §4.1.6). It is the same one until it is about to expire.
func (g *Gateway) Token(audience string) (Secret, error) {
	now := time.Now()
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.minted.audience == audience && now.Before(g.minted.until.Add(-jwtMargin)) {
		return g.minted.token, nil
	}
	if g.active == nil || !g.active.valid(now) {
		if err := g.loadLocked(); err != nil { // another may have been installed meanwhile
			return "", err
		}
	}
	if g.active == nil {
		return "", ErrNoGateway
	}
	t, err := g.active.sign(audience, now)
	if err != nil {
		return "", fmt.Errorf("sign the gateway token: %w", err)
	}
	g.minted = minted{audience, t, now.Add(jwtLifetime)}
	return t, nil
}

// Renew makes the next Token a new one, after the service found the last one
// expired.
func (g *Gateway) Renew() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.minted = minted{}
}

type jwtHeader struct {
	Algorithm string   `json:"alg"`
	Type      string   `json:"typ"`
	Chain     [][]byte `json:"x5c"` // standard base64, which is JSON's own for bytes
}

type jwtClaims struct {
	Issuer    string `json:"iss"`
	Subject   string `json:"sub"`
	Audience  string `json:"aud"`
	IssuedAt  int64  `json:"iat"`
	NotBefore int64  `json:"nbf"`
	Expires   int64  `json:"exp"`
	ID        string `json:"jti"`
}

// sign makes a token that is good from now on.
func (c *credential) sign(audience string, now time.Time) (Secret, error) {
	h := jwtHeader{Algorithm: "ES256", Type: "JWT"}
	if _, ok := c.key.(*rsa.PrivateKey); ok {
		h.Algorithm = "RS256"
	}
	for i, cert := range c.chain {
		if i > 0 && selfSigned(cert) {
			break // who trusts the root has it
		}
		h.Chain = append(h.Chain, cert.Raw)
	}
	name := c.chain[0].Subject.CommonName
	claims := jwtClaims{name, name, audience, now.Unix(), now.Unix(), now.Add(jwtLifetime).Unix(), rand.Text()}
	header, err := encodePart(h)
	if err != nil {
		return "", err
	}
	body, err := encodePart(claims)
	if err != nil {
		return "", err
	}
	text := header + "." + body
	sum := sha256.Sum256([]byte(text))
	signature, err := c.signDigest(sum[:])
	if err != nil {
		return "", err
	}
	return Secret(text + "." + base64.RawURLEncoding.EncodeToString(signature)), nil
}

// signDigest signs as RFC 7518 §3.3 and §3.4 say; for ES256 that is R and S of 32
// octets each, not the ASN.1 of certificates.
func (c *credential) signDigest(sum []byte) ([]byte, error) {
	key, ok := c.key.(*ecdsa.PrivateKey)
	if !ok {
		return c.key.Sign(rand.Reader, sum, crypto.SHA256)
	}
	r, s, err := ecdsa.Sign(rand.Reader, key, sum)
	if err != nil {
		return nil, err
	}
	return append(r.FillBytes(make([]byte, 32)), s.FillBytes(make([]byte, 32))...), nil
}

func encodePart(v any) (string, error) {
	b, err := json.Marshal(v)
	return base64.RawURLEncoding.EncodeToString(b), err
}
