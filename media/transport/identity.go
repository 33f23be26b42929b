package transport

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"math/big"
	"strings"
	"time"

	"tandem/media/sdp"
)

// identity is the certificate of all DTLS associations of an engine. It proves
// nothing by itself; its fingerprint in the signalling does (RFC 5763 §5).
type identity struct {
	certificate tls.Certificate
	fingerprint sdp.Fingerprint
}

func newIdentity() (identity, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return identity{}, err
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	if err != nil {
		return identity{}, err
	}
	// The name says nothing about the machine, and the time nothing about its start
	// (RFC 8827 §6.5 asks for a certificate that cannot be followed).
	template := &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: "WebRTC"},
		NotBefore: time.Now().Add(-24 * time.Hour), NotAfter: time.Now().AddDate(5, 0, 0),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return identity{}, err
	}
	return identity{
		certificate: tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key},
		fingerprint: sdp.Fingerprint{Hash: "sha-256", Value: hash("sha-256", der)},
	}, nil
}

// hash is a certificate's fingerprint in SDP's form; "" for an unknown function.
func hash(function string, der []byte) string {
	var sum []byte
	switch strings.ToLower(function) {
	case "sha-1":
		s := sha1.Sum(der)
		sum = s[:]
	case "sha-256":
		s := sha256.Sum256(der)
		sum = s[:]
	case "sha-384":
		s := sha512.Sum384(der)
		sum = s[:]
	case "sha-512":
		s := sha512.Sum512(der)
		sum = s[:]
	}
	parts := make([]string, len(sum))
	for i, b := range sum {
		parts[i] = fmt.Sprintf("%02X", b)
	}
	return strings.Join(parts, ":")
}

var errFingerprint = errors.New("the far end's DTLS certificate is not the one its SDP announced")

// verify checks a certificate chain's first certificate against the SDP.
func verify(want []sdp.Fingerprint, chain [][]byte) error {
	if len(chain) == 0 {
		return errors.New("the far end sent no DTLS certificate")
	}
	for _, f := range want {
		if got := hash(f.Hash, chain[0]); got != "" && strings.EqualFold(got, f.Value) {
			return nil
		}
	}
	return errFingerprint
}
