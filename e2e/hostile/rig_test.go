// Package hostile holds the stories of those who mean no good: torture messages,
// garbage, floods, slow peers, smugglers and guessers, all against a running
// gateway's sockets. Nothing here uses the gateway's own parser.
package hostile

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"io"
	"log/slog"
	"math/big"
	"net"
	"net/textproto"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"tandem/config"
	"tandem/internal/ports"
	"tandem/internal/stage"
	"tandem/leg/sipua"
)

// patience is how long a test waits for anything; a good machine needs a tenth.
const patience = 90 * time.Second

// rig is a stage with every kind of listener.
type rig struct {
	*stage.Stage
}

// start starts a gateway that listens on every network.
func start(t *testing.T, change func(*config.Config)) *rig {
	t.Helper()
	dir := t.TempDir()
	cert := certificate(t, dir)
	var listens []sipua.Listen
	for _, n := range []string{"udp", "tcp", "tls", "ws", "wss"} {
		l := sipua.Listen{Network: n, Addr: "127.0.0.1:0"}
		if n == "tls" || n == "wss" {
			l.Cert = cert
		}
		listens = append(listens, l)
	}
	return startWith(t, stage.Options{Dir: dir, SIP: listens, HTTP: freeAddr(t), Change: change})
}

func startWith(t *testing.T, o stage.Options) *rig {
	t.Helper()
	if o.Log == nil {
		o.Log = testLog()
	}
	o.Edge.Options.ConcurrentCalls = -1
	ctx := within(t, patience)
	s, err := stage.Start(ctx, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("the stage does not close: %v", err)
		}
	})
	if err := s.WaitRegistered(ctx); err != nil {
		t.Fatal(err)
	}
	return &rig{Stage: s}
}

func testLog() *slog.Logger {
	if os.Getenv("TANDEM_E2E_LOG") != "" {
		return slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelDebug}))
	}
	return slog.New(slog.DiscardHandler)
}

func within(t *testing.T, d time.Duration) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), d)
	t.Cleanup(cancel)
	return ctx
}

func freeAddr(t *testing.T) string {
	t.Helper()
	addrs, err := ports.Free(1)
	if err != nil {
		t.Fatal(err)
	}
	return addrs[0]
}

// certificate writes a certificate for 127.0.0.1 and its key into one PEM file.
func certificate(t *testing.T, dir string) string {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	der, err := x509.CreateCertificate(rand.Reader, c, c, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "cert.pem")
	text := append(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: keyDER})...)
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// dial opens a plain socket to a listener: a connected one for udp, and one
// behind the TLS handshake for tls and wss.
func (r *rig) dial(t testing.TB, network string) net.Conn {
	t.Helper()
	c, err := r.tryDial(network)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

func (r *rig) tryDial(network string) (net.Conn, error) {
	addr := r.SIP(network)
	switch network {
	case "udp":
		return net.Dial("udp", addr)
	case "tls", "wss":
		return tls.Dial("tcp", addr, &tls.Config{InsecureSkipVerify: true})
	}
	return net.Dial("tcp", addr)
}

// answer is a response as bytes tell it.
type answer struct {
	status int
	reason string
	head   textproto.MIMEHeader
	raw    string
}

// receive reads one response, nil when there is none in time.
func receive(c net.Conn, network string, wait time.Duration) (*answer, error) {
	if err := c.SetReadDeadline(time.Now().Add(wait)); err != nil {
		return nil, err
	}
	b := make([]byte, 64<<10)
	if network == "udp" {
		n, err := c.Read(b)
		if err != nil {
			return nil, err
		}
		return parse(b[:n])
	}
	n := 0
	for !bytes.Contains(b[:n], []byte("\r\n\r\n")) { // our answers to strangers have no body
		if _, err := io.ReadFull(c, b[n:n+1]); err != nil {
			return nil, err
		}
		n++
	}
	return parse(b[:n])
}

func parse(b []byte) (*answer, error) {
	head, _, _ := strings.Cut(string(b), "\r\n\r\n")
	first, rest, _ := strings.Cut(head, "\r\n")
	version, rest1, _ := strings.Cut(first, " ")
	code, reason, _ := strings.Cut(rest1, " ")
	status, err := strconv.Atoi(code)
	if version != "SIP/2.0" || err != nil {
		return nil, fmt.Errorf("this is no answer: %q", b)
	}
	a := &answer{status: status, reason: reason, head: textproto.MIMEHeader{}, raw: string(b)}
	for line := range strings.SplitSeq(rest, "\r\n") {
		name, value, _ := strings.Cut(line, ":")
		a.head.Add(strings.TrimSpace(name), strings.TrimSpace(value))
	}
	return a, nil
}

// isTimeout reports whether nothing came.
func isTimeout(err error) bool {
	e, ok := err.(net.Error)
	return ok && e.Timeout()
}

// final skips provisional responses.
func final(c net.Conn, network string, wait time.Duration) (*answer, error) {
	for {
		a, err := receive(c, network, wait)
		if err != nil || a.status >= 200 {
			return a, err
		}
	}
}

// count counts from 1.
func count() func() int {
	n := make(chan int, 1)
	n <- 0
	return func() int {
		i := <-n + 1
		n <- i
		return i
	}
}

var serial = func() func() string {
	next := count()
	return func() string { return strconv.Itoa(next()) + "x" + strconv.FormatInt(time.Now().UnixNano(), 36) }
}()

// request builds a plain request; the lines are further headers.
func request(method, uri, network string, lines ...string) string {
	id := serial()
	m := []string{
		method + " " + uri + " SIP/2.0",
		"Via: SIP/2.0/" + strings.ToUpper(network) + " 127.0.0.1:9;rport;branch=z9hG4bK" + id,
		"Max-Forwards: 70", "From: <sip:mallory@elsewhere.example>;tag=" + id, "To: <" + uri + ">",
		"Call-ID: " + id, "CSeq: 1 " + method, "Contact: <sip:mallory@127.0.0.1:9>",
	}
	return strings.Join(append(m, lines...), "\r\n") + "\r\nContent-Length: 0\r\n\r\n"
}
