package hostile

import (
	"crypto/tls"
	"errors"
	"io"
	"net"
	"os"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"time"
)

// TestSlowPeers opens connections that say nothing, half of something, or
// something very slowly: nobody else may notice, and none may last a minute
// (goals R-7). Only the long version waits for that.
func TestSlowPeers(t *testing.T) {
	t.Parallel()
	r := start(t, nil)
	was := measure()
	n, long := 100, volume(t, 0) > 0
	if long {
		n = 1000
	}
	half := request("OPTIONS", "sip:tandem.example", "tcp")
	var conns []net.Conn
	open := func(network, addr, say string) {
		for range n {
			c, err := net.Dial("tcp", addr)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := io.WriteString(c, say); err != nil {
				t.Fatalf("%s: %v", network, err)
			}
			conns = append(conns, c)
		}
	}
	hello := clientHello(t)
	for _, network := range []string{"tcp", "tls", "ws", "wss"} {
		open(network, r.SIP(network), "")
	}
	open("tcp, half a message", r.SIP("tcp"), half[:len(half)/2])
	open("tcp, a message and half a body", r.SIP("tcp"), half[:len(half)-21]+"Content-Length: 1000\r\n\r\nabc")
	open("tls, half a handshake", r.SIP("tls"), hello[:len(hello)/2])
	open("wss, half a handshake", r.SIP("wss"), hello[:len(hello)/2])
	open("ws, half an upgrade", r.SIP("ws"), "GET / HTTP/1.1\r\nHost: a\r\nUpgrade: web")
	open("http", r.Config.HTTP, "")
	open("http, half a request", r.Config.HTTP, "GET /metrics HTTP/1.1\r\nHost: ")
	open("http, half a body", r.Config.HTTP, "POST /status HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\nab")
	t.Cleanup(func() {
		for _, c := range conns {
			c.Close()
		}
	})
	r.serves(t)
	for range 20 {
		began := time.Now()
		resp, err := (&net.Dialer{}).Dial("tcp", r.Config.HTTP)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.WriteString(resp, "GET /healthz HTTP/1.0\r\n\r\n")
		b := make([]byte, 12)
		if _, err := io.ReadFull(resp, b); err != nil || string(b) != "HTTP/1.0 200" {
			t.Errorf("healthz: %q, %v", b, err)
		}
		resp.Close()
		if took := time.Since(began); timed(t) && took > time.Second {
			t.Errorf("healthz took %v", took)
		}
	}
	if !long {
		return
	}
	began := time.Now()
	stop := make(chan struct{})
	var drip sync.WaitGroup
	drip.Go(func() { // one byte now and then must not buy more time
		for {
			select {
			case <-stop:
				return
			case <-time.After(5 * time.Second):
			}
			for i, c := range conns {
				if i%10 == 9 {
					_, _ = c.Write([]byte("X"))
				}
			}
		}
	})
	for i, c := range conns {
		_ = c.SetReadDeadline(began.Add(60 * time.Second))
		_, err := io.Copy(io.Discard, c)
		if errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("connection %s is still open after a minute", strconv.Itoa(i/n))
			break
		} else if err != nil && !errors.Is(err, syscall.ECONNRESET) && !errors.Is(err, syscall.EPIPE) {
			t.Logf("connection %d: %v", i/n, err)
		}
	}
	t.Logf("all closed after %v", time.Since(began))
	close(stop)
	drip.Wait()
	for _, c := range conns {
		c.Close()
	}
	conns = nil // they are big enough to be seen
	r.serves(t)
	settles(t, was, 40*time.Second)
}

// clientHello is the first flight of a TLS client.
func clientHello(t *testing.T) string {
	t.Helper()
	a, b := net.Pipe()
	defer b.Close()
	go func() {
		_ = tls.Client(a, &tls.Config{InsecureSkipVerify: true}).Handshake()
		a.Close()
	}()
	buf := make([]byte, 4096)
	n, err := b.Read(buf)
	if err != nil {
		t.Fatal(err)
	}
	return string(buf[:n])
}
