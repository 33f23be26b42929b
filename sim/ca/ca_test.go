package ca

import (
	"crypto/x509"
	"encoding/pem"
	"testing"
	"time"
)

func TestAServersCertificateIsForItsNamesOnly(t *testing.T) {
	a, err := New("root")
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(PEM(a.Cert.Raw)) {
		t.Fatal("the root is no PEM")
	}
	c, err := a.Server(nil, "edge.example", "127.0.0.1")
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(c.Certificate[0])
	if err != nil {
		t.Fatal(err)
	}
	for name, good := range map[string]bool{"edge.example": true, "127.0.0.1": true, "other.example": false} {
		if _, err := leaf.Verify(x509.VerifyOptions{DNSName: name, Roots: roots}); (err == nil) != good {
			t.Errorf("%s: %v", name, err)
		}
	}
	stranger, err := New("another root")
	if err != nil {
		t.Fatal(err)
	}
	old, err := stranger.Server(func(t *x509.Certificate) { t.NotAfter = time.Now().Add(-time.Minute) }, "edge.example")
	if err != nil {
		t.Fatal(err)
	}
	if leaf, err = x509.ParseCertificate(old.Certificate[0]); err != nil {
		t.Fatal(err)
	}
	if _, err := leaf.Verify(x509.VerifyOptions{Roots: roots}); err == nil {
		t.Error("a stranger's certificate is taken")
	}
	if block, rest := pem.Decode(PEM(old.Certificate...)); block == nil || len(rest) == 0 {
		t.Error("a chain is not two blocks")
	}
}
