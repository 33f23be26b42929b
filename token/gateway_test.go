package token

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"tandem/alarm"
)

// ca signs requests, with an intermediate between the root and the leaves.
type ca struct {
	key          crypto.Signer
	root, middle *x509.Certificate
	t            *testing.T
}

func newCA(t *testing.T) *ca {
	t.Helper()
	c := &ca{t: t}
	rootKey, err := newKey(false)
	must(t, err)
	c.key, err = newKey(false)
	must(t, err)
	template := func(name string) *x509.Certificate {
		return &x509.Certificate{
			SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, IsCA: true, BasicConstraintsValid: true,
			NotBefore: time.Now().AddDate(-1, 0, 0), NotAfter: time.Now().AddDate(9, 0, 0), KeyUsage: x509.KeyUsageCertSign,
		}
	}
	sign := func(t, by *x509.Certificate, pub crypto.PublicKey) *x509.Certificate {
		der, err := x509.CreateCertificate(rand.Reader, t, by, pub, rootKey)
		must(c.t, err)
		cert, err := x509.ParseCertificate(der)
		must(c.t, err)
		return cert
	}
	c.root = sign(template("root"), template("root"), rootKey.Public())
	c.middle = sign(template("middle"), c.root, c.key.Public())
	return c
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// sign answers a request; the chain comes in the wrong order on purpose.
func (c *ca) sign(csr []byte, from, until time.Time, change func(*x509.Certificate)) []byte {
	c.t.Helper()
	b, _ := pem.Decode(csr)
	req, err := x509.ParseCertificateRequest(b.Bytes)
	must(c.t, err)
	leaf := &x509.Certificate{SerialNumber: big.NewInt(2), Subject: req.Subject, NotBefore: from, NotAfter: until, KeyUsage: x509.KeyUsageDigitalSignature}
	if change != nil {
		change(leaf)
	}
	der, err := x509.CreateCertificate(rand.Reader, leaf, c.middle, req.PublicKey, c.key)
	must(c.t, err)
	var out []byte
	for _, raw := range [][]byte{c.root.Raw, c.middle.Raw, der} {
		out = append(out, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: raw})...)
	}
	return out
}

func day(n int) time.Time { return time.Now().AddDate(0, 0, n) }

func TestACertificateIsInstalledAndSpeaksForTheGateway(t *testing.T) {
	for _, useRSA := range []bool{false, true} {
		g := &Gateway{Dir: filepath.Join(t.TempDir(), "made")}
		authority := newCA(t)
		csr, err := g.Request("gw.example.com", useRSA)
		must(t, err)
		if !g.Status().Requested {
			t.Error("the request is not remembered")
		}
		if info, err := os.Stat(g.path(requestKey)); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("the key's mode is %v, %v", info.Mode(), err)
		}
		st, err := g.Install(authority.sign(csr, day(-1), day(90), nil), false)
		must(t, err)
		if !st.Active.Installed || st.Requested || st.Active.Subject != "gw.example.com" || st.Staged.Installed {
			t.Errorf("%+v", st)
		}
		again := &Gateway{Dir: g.Dir}
		must(t, again.Load())
		token, err := again.Token("https://aud.example/")
		must(t, err)
		checkToken(t, token, authority, useRSA)
	}
}

func checkToken(t *testing.T, token Secret, authority *ca, useRSA bool) {
	t.Helper()
	parts := strings.Split(token.Reveal(), ".")
	var h struct {
		Alg, Typ string
		X5c      []string
	}
	var claims struct {
		Iss, Sub, Aud, Jti string
		Iat, Nbf, Exp      int64
	}
	signature, err := base64.RawURLEncoding.DecodeString(parts[2])
	must(t, err)
	for i, v := range []any{&h, &claims} {
		b, err := base64.RawURLEncoding.DecodeString(parts[i])
		must(t, err)
		must(t, json.Unmarshal(b, v))
	}
	if len(h.X5c) != 2 || h.Typ != "JWT" {
		t.Fatalf("header %+v: want leaf and intermediate", h)
	}
	der, err := base64.StdEncoding.DecodeString(h.X5c[0])
	must(t, err)
	leaf, err := x509.ParseCertificate(der)
	must(t, err)
	if err := leaf.CheckSignatureFrom(authority.middle); err != nil {
		t.Error(err)
	}
	sum := sha256.Sum256([]byte(parts[0] + "." + parts[1]))
	good := false
	switch key := leaf.PublicKey.(type) {
	case *rsa.PublicKey:
		good = h.Alg == "RS256" && useRSA && rsa.VerifyPKCS1v15(key, crypto.SHA256, sum[:], signature) == nil
	case *ecdsa.PublicKey:
		good = h.Alg == "ES256" && !useRSA && len(signature) == 64 &&
			ecdsa.Verify(key, sum[:], new(big.Int).SetBytes(signature[:32]), new(big.Int).SetBytes(signature[32:]))
	}
	if !good {
		t.Error("the signature is not good")
	}
	if claims.Iss != "gw.example.com" || claims.Sub != claims.Iss || claims.Aud != "https://aud.example/" || claims.Exp-claims.Iat != 900 || claims.Nbf != claims.Iat || claims.Jti == "" {
		t.Errorf("claims %+v", claims)
	}
}

func TestWhatIsNotTheAnswerIsRefusedWithASentence(t *testing.T) {
	g, authority := &Gateway{Dir: t.TempDir()}, newCA(t)
	if _, err := g.Token("a"); !errors.Is(err, ErrNoGateway) {
		t.Errorf("%v", err)
	}
	other := &Gateway{Dir: t.TempDir()}
	foreign, err := other.Request("other", false)
	must(t, err)
	if _, err := g.Install(authority.sign(foreign, day(-1), day(9), nil), false); err == nil || !strings.Contains(err.Error(), "there is no key here") {
		t.Errorf("without a request: %v", err)
	}
	csr, err := g.Request("gw", false)
	must(t, err)
	key, err := os.ReadFile(g.path(requestKey))
	must(t, err)
	for _, test := range []struct {
		name  string
		chain []byte
		want  string
	}{
		{"the request itself", csr, "this is the request"},
		{"a key", key, "private key"},
		{"nothing", []byte("hello"), "no certificate in PEM form"},
		{"garbage", pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: []byte("x")}), "cannot be read"},
		{"another key", authority.sign(foreign, day(-1), day(9), nil), "another key"},
		{"expired", authority.sign(csr, day(-9), day(-1), nil), "expired on"},
		{"no name", authority.sign(csr, day(-1), day(9), func(c *x509.Certificate) { c.Subject = pkix.Name{} }), "no common name"},
		{"not for signatures", authority.sign(csr, day(-1), day(9), func(c *x509.Certificate) { c.KeyUsage = x509.KeyUsageKeyEncipherment }), "digital signatures"},
	} {
		if _, err := g.Install(test.chain, true); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v, want %q in it", test.name, err, test.want)
		}
	}
	if st := g.Status(); st.Active.Installed || st.Staged.Installed || !st.Requested {
		t.Errorf("a refused certificate left something behind: %+v", st)
	}
}

func TestAStagedCertificateTakesOverADayBeforeTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g, authority := &Gateway{Dir: t.TempDir()}, newCA(t)
		csr, err := g.Request("old", false)
		must(t, err)
		_, err = g.Install(authority.sign(csr, day(-1), day(10), nil), false)
		must(t, err)
		first, err := g.Token("a")
		must(t, err)
		if same, _ := g.Token("a"); same != first {
			t.Error("a token is not used again")
		}
		csr, err = g.Request("new", false)
		must(t, err)
		st, err := g.Install(authority.sign(csr, day(-1), day(90), nil), false)
		must(t, err)
		if st.Active.Subject != "old" || st.Staged.Subject != "new" {
			t.Fatalf("%+v", st)
		}
		time.Sleep(14 * time.Minute)
		if later, _ := g.Token("a"); later == first {
			t.Error("a token is used when it is about to expire")
		}
		time.Sleep(9 * 24 * time.Hour)
		must(t, g.Load())
		if st := g.Status(); st.Active.Subject != "new" || st.Staged.Installed {
			t.Errorf("%+v", st)
		}
	})
}

// board notes what is raised.
type board struct{ last alarm.Alarm }

func (b *board) Raise(a alarm.Alarm) { b.last = a }
func (b *board) Clear(string)        { b.last = alarm.Alarm{} }

func TestTheExpiryIsToldFourTimes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &board{}
		g, authority := &Gateway{Dir: t.TempDir(), Alarms: b}, newCA(t)
		csr, err := g.Request("gw", false)
		must(t, err)
		_, err = g.Install(authority.sign(csr, day(-1), day(40), nil), false)
		must(t, err)
		begin := time.Now()
		for _, test := range []struct {
			day      int
			detail   string
			severity alarm.Severity
		}{
			{0, "", 0},
			{9, "", 0},
			{11, "less than 30 days", alarm.Warning},
			{27, "less than 14 days", alarm.Warning},
			{34, "less than 7 days", alarm.Warning},
			{39, "less than a day", alarm.Critical},
			{41, "expired on", alarm.Critical},
		} {
			time.Sleep(time.Until(begin.AddDate(0, 0, test.day).Add(time.Minute)))
			must(t, g.Check())
			if !strings.Contains(b.last.Detail, test.detail) || (b.last.Detail == "") != (test.detail == "") || b.last.Severity != test.severity {
				t.Errorf("day %d: %v %q, want %q", test.day, b.last.Severity, b.last.Detail, test.detail)
			}
		}
	})
}
