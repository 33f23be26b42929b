package meet

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"io"
	"net/http"
	"testing"
	"time"
)

const (
	trustedToken   = "trusted-token-0123456789"
	untrustedToken = "untrusted-token-0123456789"
	testPIN        = "1234567890123"
)

// newEdge is a running edge with one meeting.
func newEdge(t *testing.T, change func(*Config)) *Server {
	t.Helper()
	s := &Server{Config: Config{
		MediaPort: 0,
		Tokens: []AccessToken{
			{Value: trustedToken, Tenant: "example", Trusted: true},
			{Value: untrustedToken, Tenant: "example"},
			{Value: "of-another-tenant-012345", Tenant: "other", Trusted: true},
			{Value: "revoked-token-0123456789", Tenant: "example", Trusted: true, Revoked: true},
			{Value: "wrong-type-0123456789", Tenant: "example", Type: "cloud", Trusted: true},
		},
		Meetings: []Meeting{{PIN: testPIN, ID: "jQCFfuBOdN5z", Code: "abc-mnop-xyz", Title: "Weekly planning", Tenant: "example", People: []Person{
			{Name: "Ada", Colour: "#c03020", Tone: 400, Talking: true},
			{Name: "Bob", Colour: "#2060c0", Tone: 600},
		}}},
		Options: Options{FPS: 10},
		// A client on a busy machine takes its time.
		Timing: Timing{FirstCheck: 2 * time.Minute, Handshake: 2 * time.Minute, Channels: 2 * time.Minute},
	}}
	if change != nil {
		change(&s.Config)
	}
	if err := s.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func soon(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	t.Cleanup(cancel)
	return ctx
}

// identity is a gateway that can sign tokens.
type identity struct {
	name  string
	key   *ecdsa.PrivateKey
	chain []string // base64 DER
}

func newIdentity(t *testing.T, s *Server, how GatewayCert) identity {
	t.Helper()
	g, err := s.NewGateway("gateway-1", how)
	if err != nil {
		t.Fatal(err)
	}
	block, _ := pem.Decode(g.KeyPEM)
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	out := identity{name: g.Name, key: key.(*ecdsa.PrivateKey)}
	for rest := g.ChainPEM; ; {
		var b *pem.Block
		if b, rest = pem.Decode(rest); b == nil {
			return out
		}
		out.chain = append(out.chain, base64.StdEncoding.EncodeToString(b.Bytes))
	}
}

// token makes a JWT; change may spoil header and claims.
func (i identity) token(change func(header, claims map[string]any)) string {
	now := time.Now().Unix()
	header := map[string]any{"alg": "ES256", "typ": "JWT", "x5c": i.chain}
	claims := map[string]any{"iss": i.name, "sub": i.name, "aud": Audience, "iat": now, "nbf": now, "exp": now + 600, "jti": rand.Text()}
	if change != nil {
		change(header, claims)
	}
	part := func(v any) string {
		b, _ := json.Marshal(v)
		return base64.RawURLEncoding.EncodeToString(b)
	}
	signed := part(header) + "." + part(claims)
	sum := sha256.Sum256([]byte(signed))
	r, s, err := ecdsa.Sign(rand.Reader, i.key, sum[:])
	if err != nil {
		return ""
	}
	sig := append(r.FillBytes(make([]byte, 32)), s.FillBytes(make([]byte, 32))...)
	return signed + "." + base64.RawURLEncoding.EncodeToString(sig)
}

// httpClient trusts the edge.
func httpClient(t *testing.T, s *Server) *http.Client {
	t.Helper()
	tr := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: s.CertPool(), MinVersion: tls.VersionTLS12}}
	if m, ok := s.Config.Network.(*memory); ok {
		tr.DialContext = m.dial
	}
	t.Cleanup(tr.CloseIdleConnections)
	return &http.Client{Transport: tr}
}

// ask makes one request of the edge's API.
func ask(t *testing.T, c *http.Client, method, url, jwt, access string, body any) (int, []byte, http.Header) {
	t.Helper()
	b, _ := json.Marshal(body)
	if text, ok := body.(string); ok {
		b = []byte(text)
	}
	r, err := http.NewRequestWithContext(soon(t), method, url, bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	if jwt != "" {
		r.Header.Set("Authorization", "Bearer "+jwt)
	}
	if access != "" {
		r.Header.Set("Meet-Access-Token", access)
	}
	resp, err := c.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	out, _ := io.ReadAll(resp.Body)
	return resp.StatusCode, out, resp.Header
}

func reasonOf(body []byte) (Reason, string) {
	var e struct {
		Error struct {
			Details []struct {
				Reason   Reason
				Metadata map[string]string
			}
		}
	}
	if json.Unmarshal(body, &e) != nil || len(e.Error.Details) == 0 {
		return "", ""
	}
	return e.Error.Details[0].Reason, e.Error.Details[0].Metadata["rule"]
}

// rsaToken is a gateway token signed with RS256.
func rsaToken(s *Server) (string, error) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return "", err
	}
	csr, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{Subject: pkix.Name{CommonName: "rsa-gateway"}}, key)
	if err != nil {
		return "", err
	}
	chain, err := s.SignGateway(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE REQUEST", Bytes: csr}), GatewayCert{})
	if err != nil {
		return "", err
	}
	leaf, _ := pem.Decode(chain)
	part := func(v any) string {
		b, _ := json.Marshal(v)
		return base64.RawURLEncoding.EncodeToString(b)
	}
	now := time.Now().Unix()
	signed := part(map[string]any{"alg": "RS256", "x5c": []string{base64.StdEncoding.EncodeToString(leaf.Bytes)}}) + "." +
		part(map[string]any{"iss": "rsa-gateway", "aud": Audience, "iat": now, "exp": now + 60})
	sum := sha256.Sum256([]byte(signed))
	sig, err := rsa.SignPKCS1v15(rand.Reader, key, crypto.SHA256, sum[:])
	return signed + "." + base64.RawURLEncoding.EncodeToString(sig), err
}
