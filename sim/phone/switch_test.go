package phone

import (
	"context"
	"net"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"tandem/sim/wire"
)

// exchange is a stateless switch between phones: requests go by the user of
// the Request-URI, answers by the Via. It challenges REGISTER.
type exchange struct {
	conn *net.UDPConn
	work sync.WaitGroup

	mu        sync.Mutex // guards everything below
	phones    map[string]netip.AddrPort
	algorithm string
	lose      int // drop so many of the next requests
}

func newExchange(t *testing.T) *exchange {
	t.Helper()
	conn, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	x := &exchange{conn: conn, phones: map[string]netip.AddrPort{}, algorithm: "MD5"}
	x.work.Go(x.run)
	t.Cleanup(func() { _ = conn.Close(); x.work.Wait() })
	return x
}

func (x *exchange) run() {
	buf := make([]byte, 65536)
	for {
		n, from, err := x.conn.ReadFromUDPAddrPort(buf)
		if err != nil {
			return
		}
		m, err := wire.Parse(append([]byte(nil), buf[:n]...))
		if err != nil {
			continue
		}
		x.mu.Lock()
		drop := m.Method != "" && x.lose > 0
		if drop {
			x.lose--
		}
		x.mu.Unlock()
		switch {
		case drop:
		case m.Method == "REGISTER":
			x.register(m, from)
		default:
			x.forward(m)
		}
	}
}

func (x *exchange) forward(m *wire.Message) {
	var to netip.AddrPort
	if m.Method == "" {
		host := strings.TrimSpace(strings.Split(strings.SplitN(m.Get("Via"), " ", 2)[1], ";")[0])
		to, _ = netip.ParseAddrPort(host)
	} else if u, err := wire.ParseURI(m.URI); err == nil {
		x.mu.Lock()
		to = x.phones[u.User]
		x.mu.Unlock()
	}
	if to.IsValid() {
		_, _ = x.conn.WriteToUDPAddrPort(m.Raw, to)
	}
}

// register accepts the user "alice" with password "secret".
func (x *exchange) register(m *wire.Message, from netip.AddrPort) {
	x.mu.Lock()
	algorithm := x.algorithm
	x.mu.Unlock()
	judge := &Phone{cfg: Config{AuthUser: "alice", Password: "secret"}}
	status, challenge := 401, `Digest realm="x.test", nonce="abc", qop="auth", algorithm=`+algorithm
	if auth := m.Get("Authorization"); auth != "" {
		got := params(strings.TrimPrefix(auth, "Digest "))
		// Without qop the response can be computed again by the same code.
		want, _ := judge.digest(m, map[string]string{"realm": "x.test", "nonce": "abc", "algorithm": algorithm})
		if got["qop"] == "" && params(strings.TrimPrefix(want, "Digest "))["response"] == got["response"] {
			status, challenge = 200, ""
		} else if got["qop"] == "auth" && got["username"] == "alice" && got["nc"] == "00000001" && len(got["response"]) == map[string]int{"MD5": 32, "SHA-256": 64}[algorithm] {
			status, challenge = 200, ""
		}
		if got["username"] != "alice" {
			status, challenge = 403, ""
		}
	}
	raw := wire.Response(status, "").Add("Via", m.Get("Via")).Add("From", m.Get("From")).Add("To", m.Get("To")+";tag=1").
		Add("Call-ID", m.CallID()).Add("CSeq", m.Get("CSeq")).Add("WWW-Authenticate", challenge).End()
	_, _ = x.conn.WriteToUDPAddrPort(raw, from)
}

// plug connects a phone to the exchange.
func (x *exchange) plug(t *testing.T, config Config) *Phone {
	t.Helper()
	config.Server, config.Domain = x.conn.LocalAddr().String(), "x.test"
	config.T1 = 250 * time.Millisecond
	p := &Phone{Config: config}
	if err := p.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.Close() })
	x.mu.Lock()
	x.phones[config.User] = netip.MustParseAddrPort(p.Addr())
	x.mu.Unlock()
	return p
}

func soon(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	t.Cleanup(cancel)
	return ctx
}
