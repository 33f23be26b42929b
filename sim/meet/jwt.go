package meet

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"math/big"
	"slices"
	"strings"
	"time"
)

const (
	// Audience is whom gateway tokens must be for.
	Audience = "https://meetings.googleapis.com/"

	maxToken    = 16 << 10
	maxChain    = 8
	clockSkew   = time.Minute
	maxLifetime = time.Hour + clockSkew
)

type jwtHeader struct {
	Alg  string   `json:"alg"`
	Typ  string   `json:"typ"`
	Crit []string `json:"crit"`
	X5C  []string `json:"x5c"`
}

type jwtClaims struct {
	Iss string          `json:"iss"`
	Sub string          `json:"sub"`
	Aud json.RawMessage `json:"aud"`
	Iat *float64        `json:"iat"`
	Nbf *float64        `json:"nbf"`
	Exp *float64        `json:"exp"`
}

// verifyJWT checks a gateway token (section 2.1 of the contract) and returns its
// issuer.
func verifyJWT(token string, roots *x509.CertPool, now time.Time) (string, *refusal) {
	parts := strings.Split(token, ".")
	if len(token) > maxToken || len(parts) != 3 {
		return "", refused(TokenMalformed, "want three parts and at most %d octets", maxToken)
	}
	var h jwtHeader
	if err := decodePart(parts[0], &h); err != nil {
		return "", refused(TokenMalformed, "header: %v", err)
	}
	if h.Typ != "" && !strings.EqualFold(h.Typ, "JWT") || len(h.Crit) > 0 || h.Alg != "RS256" && h.Alg != "ES256" {
		return "", refused(TokenMalformed, "header: alg %q, typ %q, crit %v; want RS256 or ES256", h.Alg, h.Typ, h.Crit)
	}
	leaf, no := verifyChain(h.X5C, roots, now)
	if no != nil {
		return "", no
	}
	sum := sha256.Sum256([]byte(parts[0] + "." + parts[1]))
	signature, err := base64.RawURLEncoding.DecodeString(parts[2])
	if err != nil {
		return "", refused(TokenMalformed, "signature: %v", err)
	}
	if no := verifySignature(h.Alg, leaf, sum[:], signature); no != nil {
		return "", no
	}
	var c jwtClaims
	if err := decodePart(parts[1], &c); err != nil {
		return "", refused(TokenMalformed, "claims: %v", err)
	}
	return c.Iss, c.check(leaf, now)
}

func decodePart(part string, into any) error {
	b, err := base64.RawURLEncoding.DecodeString(part)
	if err != nil {
		return err
	}
	return json.Unmarshal(b, into)
}

// verifyChain: x5c is standard base64 and begins with the leaf (RFC 7515 section
// 4.1.6).
func verifyChain(x5c []string, roots *x509.CertPool, now time.Time) (*x509.Certificate, *refusal) {
	if len(x5c) == 0 || len(x5c) > maxChain {
		return nil, refused(TokenMalformed, "x5c has %d certificates, want 1 to %d", len(x5c), maxChain)
	}
	var leaf *x509.Certificate
	between := x509.NewCertPool()
	for i, text := range x5c {
		der, err := base64.StdEncoding.DecodeString(text)
		if err != nil {
			return nil, refused(TokenMalformed, "x5c[%d]: %v", i, err)
		}
		cert, err := x509.ParseCertificate(der)
		if err != nil {
			return nil, refused(TokenMalformed, "x5c[%d]: %v", i, err)
		}
		if i == 0 {
			leaf = cert
			continue
		}
		between.AddCert(cert)
	}
	// The chain is looked at in the leaf's own time, so that expiry has its own
	// reason.
	_, err := leaf.Verify(x509.VerifyOptions{
		Roots: roots, Intermediates: between, CurrentTime: within(now, leaf),
		KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageAny},
	})
	switch {
	case err != nil:
		return nil, refused(CertUntrusted, "%v", err)
	case leaf.KeyUsage&x509.KeyUsageDigitalSignature == 0:
		return nil, refused(CertUntrusted, "the certificate's key usage has no digitalSignature")
	case now.Before(leaf.NotBefore) || now.After(leaf.NotAfter):
		return nil, refused(CertExpired, "it is valid from %s to %s", leaf.NotBefore.UTC().Format(time.RFC3339), leaf.NotAfter.UTC().Format(time.RFC3339))
	}
	return leaf, nil
}

func within(now time.Time, c *x509.Certificate) time.Time {
	if now.Before(c.NotBefore) {
		return c.NotBefore
	}
	if now.After(c.NotAfter) {
		return c.NotAfter
	}
	return now
}

func verifySignature(alg string, leaf *x509.Certificate, sum, signature []byte) *refusal {
	if err := checkGatewayKey(leaf.PublicKey); err != nil {
		return refused(TokenMalformed, "%v", err)
	}
	ok := false
	switch key := leaf.PublicKey.(type) {
	case *rsa.PublicKey:
		ok = alg == "RS256" && rsa.VerifyPKCS1v15(key, crypto.SHA256, sum, signature) == nil
	case *ecdsa.PublicKey: // r and s, 32 octets each (RFC 7518 section 3.4)
		ok = alg == "ES256" && len(signature) == 64 &&
			ecdsa.Verify(key, sum, new(big.Int).SetBytes(signature[:32]), new(big.Int).SetBytes(signature[32:]))
	}
	if !ok {
		return refused(TokenBadSignature, "")
	}
	return nil
}

func (c jwtClaims) check(leaf *x509.Certificate, now time.Time) *refusal {
	if name := leaf.Subject.CommonName; c.Iss != name || c.Sub != "" && c.Sub != name {
		return refused(TokenWrongIssuer, "iss %q, sub %q, the certificate is for %q", c.Iss, c.Sub, name)
	}
	if !slices.Contains(audiences(c.Aud), Audience) {
		return refused(TokenWrongAudience, "aud is %s, want %s", c.Aud, Audience)
	}
	if c.Exp == nil || c.Iat == nil {
		return refused(TokenMalformed, "the token has no exp or no iat")
	}
	exp, iat := numericDate(*c.Exp), numericDate(*c.Iat)
	switch {
	case !now.Add(-clockSkew).Before(exp):
		return refused(TokenExpired, "it expired at %s", exp.UTC().Format(time.RFC3339))
	case exp.Sub(iat) > maxLifetime:
		return refused(TokenExpired, "it is valid for %s, at most one hour is allowed", exp.Sub(iat))
	case iat.After(now.Add(clockSkew)) || c.Nbf != nil && numericDate(*c.Nbf).After(now.Add(clockSkew)):
		return refused(TokenNotYetValid, "")
	}
	return nil
}

// numericDate is RFC 7519 section 2; what is out of range becomes a time far away.
func numericDate(v float64) time.Time {
	return time.Unix(int64(min(max(v, 0), 1<<40)), 0)
}

func audiences(raw json.RawMessage) []string {
	var one string
	if json.Unmarshal(raw, &one) == nil {
		return []string{one}
	}
	var many []string
	_ = json.Unmarshal(raw, &many)
	return many
}
