package flow

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"math/big"
	"net"
	"net/netip"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"tandem/sip"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// loopback lifts the stranger's budget for tests that are not about it.
var loopback = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128")}

func options(id string) *sip.Message {
	m := sip.NewRequest("OPTIONS", sip.URI{Scheme: "sip", Host: "127.0.0.1"})
	m.Add("Via", "SIP/2.0/UDP client.invalid;rport;branch=z9hG4bK"+id)
	m.Add("Max-Forwards", "70")
	m.Add("From", "<sip:a@client.invalid>;tag=1")
	m.Add("To", "<sip:b@127.0.0.1>")
	m.Add("Call-ID", id)
	m.Add("CSeq", "1 OPTIONS")
	return m
}

// received is one message with its flow.
type received struct {
	f *Flow
	m *sip.Message
}

// inbox collects what a Transport receives.
type inbox chan received

func (i inbox) handle(f *Flow, m *sip.Message) { i <- received{f, m} }

func (i inbox) next(t *testing.T) received {
	t.Helper()
	select {
	case r := <-i:
		return r
	case <-time.After(time.Minute):
		t.Fatal("nothing received")
		return received{}
	}
}

// newTransport returns a Transport with an inbox; it is closed with the test.
func newTransport(t *testing.T) (*Transport, inbox) {
	t.Helper()
	in := make(inbox, 10_000)
	tr := &Transport{Handler: in.handle, Trusted: loopback}
	t.Cleanup(func() { tr.Close() })
	return tr, in
}

func listen(t *testing.T, tr *Transport, l Listen) netip.AddrPort {
	t.Helper()
	if l.Addr == "" {
		l.Addr = "127.0.0.1:0"
	}
	at, err := tr.Listen(l)
	if err != nil {
		t.Fatal(err)
	}
	return at
}

func dial(t *testing.T, tr *Transport, to Target) *Flow {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	f, err := tr.Dial(ctx, to)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func waitDone(t *testing.T, f *Flow) error {
	t.Helper()
	select {
	case <-f.Done():
		return f.Err()
	case <-time.After(time.Minute):
		t.Fatal("the flow lives")
		return nil
	}
}

// within waits for a condition that another goroutine makes true.
func within(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(time.Minute); time.Now().Before(end); {
		if ok() {
			return
		}
		time.Sleep(time.Millisecond)
	}
	t.Fatalf("not within a minute: %s", what)
}

// certificate makes a server's and a client's TLS configuration for a name.
var certificate = sync.OnceValues(func() (server, client *tls.Config) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err)
	}
	c := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "sip.example.com"},
		DNSNames:  []string{"sip.example.com"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, c, c, key.Public(), key)
	if err != nil {
		panic(err)
	}
	leaf, _ := x509.ParseCertificate(der)
	roots := x509.NewCertPool()
	roots.AddCert(leaf)
	return &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}},
		&tls.Config{RootCAs: roots, ServerName: "sip.example.com"}
})

func wire(m *sip.Message) string { return string(m.Append(nil)) }

func rawDial(t *testing.T, at netip.AddrPort) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", at.String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

func callID(i int) string { return fmt.Sprintf("call-%d", i) }
