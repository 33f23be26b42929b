package gvoice

import (
	"crypto/ecdsa"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"strings"

	"tandem/token"
)

// explain names the cause of a failed TLS connection in words a person can act on.
func explain(err error, hasCert bool) error {
	var (
		name    x509.HostnameError
		unknown x509.UnknownAuthorityError
		invalid x509.CertificateInvalidError
		alert   tls.AlertError
		dns     *net.DNSError
	)
	switch {
	case errors.As(err, &dns):
		return fmt.Errorf("the name does not resolve: %w", err)
	case errors.As(err, &name):
		return fmt.Errorf("the server's certificate is for another name: %w", err)
	case errors.As(err, &unknown):
		return fmt.Errorf("the server's certificate comes from an authority that is not trusted (roots): %w", err)
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return fmt.Errorf("the server's certificate has expired, or this machine's clock is wrong: %w", err)
	case errors.As(err, &alert), strings.Contains(err.Error(), "remote error: tls:"):
		if !hasCert {
			return fmt.Errorf("the server ended the TLS handshake; it may want a client certificate (client_cert): %w", err)
		}
		return fmt.Errorf("the server refused our client certificate: %w", err)
	}
	return err
}

// advice is what a person can do about a registration that fails with err.
func advice(err error) string {
	var (
		no      *refusal
		name    x509.HostnameError
		unknown x509.UnknownAuthorityError
		invalid x509.CertificateInvalidError
	)
	switch {
	case errors.Is(err, token.ErrInvalidGrant):
		return "Give consent again and put the new refresh token into the account."
	case errors.Is(err, token.ErrInvalidClient):
		return "Check client_id and client_secret of the account; they must be your own OAuth client's."
	case errors.As(err, &no) && no.unauthorized():
		return "Google does not accept the access token. Check that the consent covers Google Voice, then renew the refresh token."
	case errors.As(err, &no):
		return "Nothing to do at once: registration is tried again. If it lasts, compare user, profile and registrar with docs/03-google-voice.md."
	case errors.As(err, &unknown):
		return "Check roots of the account: the file must hold the authority that signed the server's certificate. Without roots this machine's own authorities count."
	case errors.As(err, &name), errors.As(err, &invalid):
		return "Check the account's proxies and connect, and this machine's clock."
	case strings.Contains(err.Error(), "client certificate"):
		return "Check client_cert of the account."
	case errors.As(err, new(noToken)):
		return "Check this machine's network and token_url of the account; a token is asked for again."
	}
	return "Check this machine's network and that outgoing TCP 5061 is open; the connection is tried again."
}

// checkKey refuses weak client keys unless the account asks for them: devices of
// the OBi kind have RSA-1024 certificates.
func (a *Account) checkKey(cert tls.Certificate) error {
	leaf, err := x509.ParseCertificate(cert.Certificate[0])
	if err != nil {
		return fmt.Errorf("client_cert: %w", err)
	}
	bits := 2048
	switch k := leaf.PublicKey.(type) {
	case *rsa.PublicKey:
		bits = k.N.BitLen()
	case *ecdsa.PublicKey:
		if k.Curve.Params().BitSize < 256 {
			bits = 0
		}
	}
	if bits < 2048 && !a.WeakKeys {
		return fmt.Errorf("client_cert: the key has only %d bits; set weak_keys: true to use it all the same", bits)
	}
	return nil
}
