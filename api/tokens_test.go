package api

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"strings"
	"testing"
	"time"

	"tandem/identity"
	"tandem/token"
)

// sign answers a request as the operator of the meeting service would.
func sign(t *testing.T, csr string) string {
	t.Helper()
	b, _ := pem.Decode([]byte(csr))
	if b == nil {
		t.Fatalf("no PEM: %q", csr)
	}
	req, err := x509.ParseCertificateRequest(b.Bytes)
	must(t, err)
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	ca := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "operator"}, NotAfter: time.Now().AddDate(1, 0, 0), IsCA: true, BasicConstraintsValid: true}
	leaf := &x509.Certificate{SerialNumber: big.NewInt(2), Subject: req.Subject, NotBefore: time.Now().Add(-time.Minute), NotAfter: time.Now().AddDate(1, 0, 0), KeyUsage: x509.KeyUsageDigitalSignature}
	der, err := x509.CreateCertificate(rand.Reader, leaf, ca, req.PublicKey, key)
	must(t, err)
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
}

func TestTheGatewayTokenIsRequestedInstalledAndSwapped(t *testing.T) {
	r := newRig(t)
	c := r.as(identity.Administrator)
	if a := c.do("GET", "/gateway-token", nil).want(t, 200); a.text("state") != "off" {
		t.Errorf("%s", a.raw)
	}
	c.do("POST", "/gateway-token/csr", map[string]any{}).want(t, 409)
	r.gateway.token = &token.Gateway{Dir: t.TempDir()}
	csr := c.do("POST", "/gateway-token/csr", map[string]any{"name": "gw1.example"}).want(t, 200).text("csr")
	if a := c.do("GET", "/gateway-token", nil).want(t, 200); a.text("state") != "requested" {
		t.Errorf("%s", a.raw)
	}
	for _, bad := range []string{csr, "junk", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", sign(t, otherRequest(t))} {
		if a := c.do("PUT", "/gateway-token/certificate", map[string]any{"pem": bad}).want(t, 422); a.errorAt("body.pem") == "" {
			t.Errorf("%s", a.raw)
		}
	}
	a := c.do("PUT", "/gateway-token/certificate", map[string]any{"pem": sign(t, csr)}).want(t, 200)
	if a.text("state") != "active" || a.text("subject") != "gw1.example" {
		t.Errorf("%s", a.raw)
	}
	second := c.do("POST", "/gateway-token/csr", map[string]any{"name": "gw2.example"}).want(t, 200).text("csr")
	if a = c.do("PUT", "/gateway-token/certificate", map[string]any{"pem": sign(t, second)}).want(t, 200); a.text("subject") != "gw1.example" || a.body["staged"] == nil {
		t.Errorf("%s", a.raw)
	}
	if a = c.do("POST", "/gateway-token/activate", map[string]any{}).want(t, 200); a.text("subject") != "gw2.example" || a.body["staged"] != nil {
		t.Errorf("%s", a.raw)
	}
	c.do("POST", "/gateway-token/activate", map[string]any{}).want(t, 409)
	c.do("DELETE", "/gateway-token/staged", nil).want(t, 409)
	for _, a := range []answer{c.do("GET", "/gateway-token", nil), c.do("GET", "/audit", nil)} {
		if strings.Contains(string(a.raw), "PRIVATE") {
			t.Errorf("%s", a.raw)
		}
	}
}

func otherRequest(t *testing.T) string {
	t.Helper()
	csr, err := (&token.Gateway{Dir: t.TempDir()}).Request("other", false)
	must(t, err)
	return string(csr)
}

func TestAnAccountIsTried(t *testing.T) {
	r := newRig(t)
	c := r.as(identity.Administrator)
	if a := c.do("POST", "/google-voice/home/test", map[string]any{}).want(t, 200); a.body["ok"] != true || a.text("state") != "registered" {
		t.Errorf("%s", a.raw)
	}
	c.do("POST", "/google-voice/other/test", nil).want(t, 404)
}

// Whoever may change the configuration over the network must not become a user of
// the machine by it.
func TestNoProgramIsNamedByTheAPI(t *testing.T) {
	r := newRig(t)
	c := r.as(identity.Administrator)
	account := map[string]any{"name": "home", "number": "+12025550123", "token_command": []string{"/bin/sh", "-c", "id"}}
	if a := c.do("POST", "/google-voice", account).want(t, 422); a.errorAt("body.token_command") == "" {
		t.Errorf("%s", a.raw)
	}
	document := map[string]any{"google_voice": []any{account}}
	for _, a := range []answer{c.do("PUT", "/config", document), c.do("POST", "/config/try", document)} {
		if a.want(t, 422).errorAt("body.google_voice[0].token_command") == "" {
			t.Errorf("%s", a.raw)
		}
	}
}
