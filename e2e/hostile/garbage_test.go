package hostile

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"os"
	"regexp"
	"strconv"
	"testing"
	"time"

	"github.com/coder/websocket"
)

// volume is how many hostile messages each socket gets: usual, unless TANDEM_HOSTILE says otherwise.
func volume(t *testing.T, usual int) int {
	s := os.Getenv("TANDEM_HOSTILE")
	if s == "" {
		return usual
	}
	n, err := strconv.Atoi(s)
	if err != nil {
		t.Fatalf("TANDEM_HOSTILE: %v", err)
	}
	return n
}

func TestGarbageOnEverySocket(t *testing.T) {
	r := start(t, nil)
	caller, callee := r.talk(t)
	r.serves(t)
	r.garbage(t, 200) // pools, buffers and tables take their size
	was := measure()
	p := r.probe(t)
	r.garbage(t, volume(t, 10_000))
	p.verdict(t, slack*50*time.Millisecond)
	unharmed(t, caller, callee)
	r.serves(t)
	// A finished transaction over UDP is remembered for 32 s.
	settles(t, was, 45*time.Second)
}

// garbage sends n random and mutated messages to each socket.
func (r *rig) garbage(t *testing.T, n int) {
	t.Helper()
	for name, send := range map[string]func(*testing.T, *mutants, int){
		"udp": r.garbageUDP, "rtp": r.garbageRTP, "http": r.garbageHTTP,
		"tcp": r.garbageStream("tcp"), "tls": r.garbageStream("tls"), "ws": r.garbageWS("ws"), "wss": r.garbageWS("wss"),
		"tls, not even a handshake": r.garbageRaw("tls"), "wss, not even a handshake": r.garbageRaw("wss"), "ws, not even an upgrade": r.garbageRaw("ws"),
	} {
		began := time.Now()
		send(t, newMutants(t), n)
		t.Logf("%s: %d messages in %v", name, n, time.Since(began))
	}
}

func (r *rig) garbageUDP(t *testing.T, m *mutants, n int) {
	c := r.dial(t, "udp")
	defer c.Close()
	for i := range n {
		if _, err := c.Write(m.some()); err != nil {
			t.Fatal(err)
		}
		if i%32 == 31 {
			time.Sleep(time.Millisecond) // the socket's buffer must hold it, else nothing is tested
		}
	}
}

// garbageRTP writes to every port that a running call has told.
func (r *rig) garbageRTP(t *testing.T, m *mutants, n int) {
	var ports []string
	for _, e := range r.ladders() {
		for _, f := range mediaPort.FindAllStringSubmatch(e, -1) {
			ports = append(ports, f[1])
		}
	}
	if len(ports) == 0 {
		t.Fatal("no media port is known")
	}
	for _, port := range ports {
		c, err := net.Dial("udp", "127.0.0.1:"+port)
		if err != nil {
			t.Fatal(err)
		}
		for i := range n {
			b := m.random()
			if len(b) > 2 && m.IntN(2) == 0 { // plausible RTP, RTCP, STUN or DTLS
				b[0], b[1] = []byte{0x80, 0x81, 0x00, 0x16, 0x90}[m.IntN(5)], []byte{0, 8, 101, 200, 203, 1}[m.IntN(6)]
			}
			_, _ = c.Write(b) // the port's owner may be a phone that is not there any more
			if i%32 == 31 {
				time.Sleep(time.Millisecond)
			}
		}
		c.Close()
	}
}

var mediaPort = regexp.MustCompile(`m=audio (\d+)`)

// ladders are the messages that the gateway sent to its phones.
func (r *rig) ladders() (raw []string) {
	for _, p := range r.Phones() {
		for _, e := range p.Ladder() {
			if !e.Out {
				raw = append(raw, e.Raw)
			}
		}
	}
	return raw
}

func (r *rig) garbageHTTP(t *testing.T, m *mutants, n int) {
	addr := r.Config.HTTP
	for range n / 10 {
		c, err := net.Dial("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = c.Write(append([]byte([]string{"", "GET /metrics HTTP/1.1\r\n", "POST /status HTTP/1.0\r\nContent-Length: 99999999\r\n\r\n"}[m.IntN(3)]), m.some()...))
		c.Close()
	}
	resp, err := http.Get("http://" + addr + "/healthz")
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	http.DefaultClient.CloseIdleConnections()
	if resp.StatusCode != http.StatusOK {
		t.Errorf("healthz: %s", resp.Status)
	}
}

// garbageStream writes ten messages to each connection, while it lives.
func (r *rig) garbageStream(network string) func(*testing.T, *mutants, int) {
	return func(t *testing.T, m *mutants, n int) {
		for range max(n/10, 1) {
			c, err := r.tryDial(network)
			if err != nil {
				t.Fatal(err)
			}
			for range 10 {
				if _, err := c.Write(m.some()); err != nil {
					break
				}
			}
			c.Close()
		}
	}
}

// garbageRaw writes what is no handshake.
func (r *rig) garbageRaw(network string) func(*testing.T, *mutants, int) {
	return func(t *testing.T, m *mutants, n int) {
		for range max(n/10, 1) {
			c, err := net.Dial("tcp", r.SIP(network))
			if err != nil {
				t.Fatal(err)
			}
			_, _ = c.Write(m.some())
			c.Close()
		}
	}
}

func (r *rig) garbageWS(network string) func(*testing.T, *mutants, int) {
	return func(t *testing.T, m *mutants, n int) {
		tr := &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, DisableKeepAlives: true}
		defer tr.CloseIdleConnections()
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
		defer cancel()
		for range max(n/10, 1) {
			c, resp, err := websocket.Dial(ctx, fmt.Sprintf("%s://%s/", network, r.SIP(network)), &websocket.DialOptions{
				HTTPClient: &http.Client{Transport: tr}, Subprotocols: []string{"sip"},
			})
			if err != nil {
				t.Fatal(err)
			}
			if resp.Body != nil {
				_ = resp.Body.Close()
			}
			for range 10 {
				kind := websocket.MessageText
				if m.IntN(2) == 0 {
					kind = websocket.MessageBinary
				}
				if c.Write(ctx, kind, m.some()) != nil {
					break
				}
			}
			_ = c.CloseNow()
		}
	}
}
