package meet

import (
	"context"
	"fmt"
	"net"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pion/transport/v4/vnet"
	"github.com/pion/webrtc/v4"
)

// memory is a network that is kept in memory: TCP by pipes, UDP by a virtual router.
type memory struct {
	udp *vnet.Net

	mu        sync.Mutex // guards everything below
	listeners map[string]*pipeListener
}

func (m *memory) Listen(_, address string) (net.Listener, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	l := &pipeListener{conns: make(chan net.Conn), closed: make(chan struct{})}
	l.addr = &net.TCPAddr{IP: net.ParseIP(host), Port: 40000 + len(m.listeners)}
	m.listeners[l.addr.String()] = l
	return l, nil
}

func (m *memory) ListenPacket(network, address string) (net.PacketConn, error) {
	return m.udp.ListenPacket(network, address)
}

func (m *memory) dial(ctx context.Context, _, address string) (net.Conn, error) {
	m.mu.Lock()
	l := m.listeners[address]
	m.mu.Unlock()
	if l == nil {
		return nil, fmt.Errorf("nobody listens on %s", address)
	}
	here, there := net.Pipe()
	select {
	case l.conns <- there:
		return here, nil
	case <-l.closed:
		return nil, net.ErrClosed
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

type pipeListener struct {
	addr   net.Addr
	conns  chan net.Conn
	closed chan struct{}
	once   sync.Once
}

func (l *pipeListener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

func (l *pipeListener) Close() error   { l.once.Do(func() { close(l.closed) }); return nil }
func (l *pipeListener) Addr() net.Addr { return l.addr }

// inMemory is an edge and the network of its client.
func inMemory(t *testing.T, change func(*Config)) (*Server, func(*webrtc.SettingEngine)) {
	t.Helper()
	router, err := vnet.NewRouter(&vnet.RouterConfig{CIDR: "192.0.2.0/24", LoggerFactory: quiet{}})
	if err != nil {
		t.Fatal(err)
	}
	nets := map[string]*vnet.Net{}
	for _, ip := range []string{"192.0.2.1", "192.0.2.2"} {
		if nets[ip], err = vnet.NewNet(&vnet.NetConfig{StaticIPs: []string{ip}}); err != nil {
			t.Fatal(err)
		}
		if err := router.AddNet(nets[ip]); err != nil {
			t.Fatal(err)
		}
	}
	if err := router.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = router.Stop() })
	s := newEdge(t, func(c *Config) {
		c.Bind = "192.0.2.1"
		c.Network = &memory{udp: nets["192.0.2.1"], listeners: map[string]*pipeListener{}}
		if change != nil {
			change(c)
		}
	})
	return s, func(se *webrtc.SettingEngine) { se.SetNet(nets["192.0.2.2"]) }
}

func TestInVirtualTimeTheLobbyTakesThirtySeconds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, network := inMemory(t, nil)
		o := roomOptions{kind: "PHONE", token: untrustedToken, network: network}
		r := newRoom(t, s, o)
		began := time.Now()
		r.join(o)
		r.patience = time.Minute
		r.until(chControl, "REASON_KNOCK_TIMEOUT")
		if took := time.Since(began); took < 30*time.Second || took > 30*time.Second+100*time.Millisecond {
			t.Errorf("the lobby took %v", took)
		}
		r.mu.Lock()
		defer r.mu.Unlock()
		if n := len(r.messages[chControl]); n != 7 { // at once, every 5 s, and the end
			t.Errorf("%d messages: %v", n, r.messages[chControl])
		}
	})
}

func TestInVirtualTimeASilentClientIsMissedAfterThirtySeconds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, network := inMemory(t, func(c *Config) { c.Options.StatsInterval = -1 })
		r := enter(t, s, roomOptions{kind: "PHONE", network: network})
		r.patience = 2 * time.Minute
		time.Sleep(time.Minute)
		if st, _ := s.Meeting(testPIN); len(st.Devices) != 1 {
			t.Fatalf("the call did not last a minute: %+v", st.Past)
		}
		if err := s.SetFault(Fault{Kind: Blocked, Direction: "up"}); err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		r.wait("the end", func() bool { st, _ := s.Meeting(testPIN); return len(st.Past) == 1 })
		if took := time.Since(began); took < 20*time.Second || took > 31*time.Second {
			t.Errorf("it took %v", took)
		}
	})
}

// TestInVirtualTimeThreeLayersAreSeenWithinASecond is what the story with Chromium asks of
// the edge, on a machine that never keeps a client waiting.
func TestInVirtualTimeThreeLayersAreSeenWithinASecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, network := inMemory(t, nil)
		o := roomOptions{network: network}
		r := newRoom(t, s, o)
		r.join(o)
		r.until(chControl, "STATE_JOINED")
		began := time.Now()
		r.filmAll("#208040")
		st, err := s.WaitFor(r.ctx, testPIN, "three layers", func(m MeetingState) bool {
			d, ok := m.Device("Board room")
			return ok && d.Up.Track("l").Decoded > 0 && d.Up.Track("m").Decoded > 0 && d.Up.Track("h").Decoded > 0
		})
		if took := time.Since(began); err != nil || took > time.Second {
			t.Errorf("after %v: %v, %+v", took, err, st)
		}
	})
}
