package transport

import (
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"tandem/media"
	"tandem/media/sdp"
)

// No goroutine may outlive its engine: not pion's either.
func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience bounds every wait of these tests on a busy machine.
const patience = time.Minute

var (
	loop4 = netip.MustParseAddr("127.0.0.1")
	loop6 = netip.IPv6Loopback()
)

func newEngine(t testing.TB) *Engine {
	t.Helper()
	e := &Engine{Workers: 2, BindIPv4: loop4, BindIPv6: loop6, Log: slog.New(slog.NewTextHandler(io.Discard, nil))}
	startEngine(t, e)
	return e
}

func startEngine(t testing.TB, e *Engine) {
	t.Helper()
	if e.Log == nil {
		e.Log = slog.New(slog.NewTextHandler(io.Discard, nil))
	}
	if err := e.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = e.Close() })
}

// voice is a leg that speaks PCMU and PCMA.
func voice() sdp.Capabilities {
	return sdp.Capabilities{
		Audio:  []sdp.Codec{{Name: "PCMU", Clock: 8000, PayloadType: 0}, {Name: "PCMA", Clock: 8000, PayloadType: 8}},
		Events: []media.Event{{PayloadType: 101, Clock: 8000}},
	}
}

func newTestSession(t testing.TB, e *Engine, change func(*Options)) (*Session, *eventLog) {
	t.Helper()
	o := Options{Name: t.Name(), Capabilities: voice()}
	if change != nil {
		change(&o)
	}
	s, err := e.NewSession(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	log := &eventLog{arrived: make(chan Event, 32)}
	s.OnEvent(log.add)
	return s, log
}

type eventLog struct{ arrived chan Event }

func (l *eventLog) add(e Event) { l.arrived <- e }

func (l *eventLog) wait(t testing.TB, want EventKind) Event {
	t.Helper()
	select {
	case e := <-l.arrived:
		if e.Kind != want {
			t.Fatalf("event %v (%v), want %v", e.Kind, e.Err, want)
		}
		return e
	case <-time.After(patience):
		t.Fatalf("no event, want %v", want)
	}
	return Event{}
}

// join makes offer and answer between two of our sessions.
func join(t testing.TB, offerer, answerer *Session) {
	t.Helper()
	offer, err := offerer.Offer()
	if err != nil {
		t.Fatal(err)
	}
	answer, err := answerer.AnswerTo(offer, "")
	if err != nil {
		t.Fatalf("%v, offer:\n%s", err, offer)
	}
	if err := offerer.SetAnswer(answer); err != nil {
		t.Fatalf("%v, answer:\n%s", err, answer)
	}
}

// collector keeps copies of what a source delivers.
type collector struct {
	mu      sync.Mutex
	packets []media.Packet
	arrived chan struct{}
}

func collect(s *Session) *collector {
	c := &collector{arrived: make(chan struct{}, 1)}
	s.Sources()[0].Attach(c)
	return c
}

func (c *collector) Receive(p *media.Packet) {
	c.mu.Lock()
	q := *p
	q.Payload = append([]byte(nil), p.Payload...)
	c.packets = append(c.packets, q)
	c.mu.Unlock()
	select {
	case c.arrived <- struct{}{}:
	default:
	}
}

func (c *collector) list() []media.Packet {
	c.mu.Lock()
	defer c.mu.Unlock()
	return append([]media.Packet(nil), c.packets...)
}

// wait waits until n packets are there.
func (c *collector) wait(t testing.TB, n int) []media.Packet {
	t.Helper()
	limit := time.After(patience)
	for {
		if l := c.list(); len(l) >= n {
			return l
		}
		select {
		case <-c.arrived:
		case <-limit:
			t.Fatalf("%d packets came, want %d", len(c.list()), n)
		}
	}
}

// talk writes n packets to a session.
func talk(s *Session, n int) {
	for i := range n {
		s.Sinks()[0].Write(&media.Packet{Sequence: uint16(i), Timestamp: uint32(160 * i), SSRC: 7, Payload: fmt.Appendf(nil, "packet %d", i)})
	}
}

// bothWays checks that media passes between two sessions.
func bothWays(t testing.TB, a, b *Session) {
	t.Helper()
	ca, cb := collect(a), collect(b)
	talk(a, 20)
	talk(b, 20)
	for _, c := range []*collector{ca, cb} {
		got := c.wait(t, 20)
		for i, p := range got[:20] {
			if want := fmt.Sprintf("packet %d", i); string(p.Payload) != want {
				t.Fatalf("packet %d is %q, want %q", i, p.Payload, want)
			}
			if i > 0 && (p.Sequence != got[i-1].Sequence+1 || p.Timestamp != got[i-1].Timestamp+160) {
				t.Fatalf("packet %d: sequence %d timestamp %d after %d %d", i, p.Sequence, p.Timestamp, got[i-1].Sequence, got[i-1].Timestamp)
			}
		}
	}
}

// phone is a far end of one or two UDP sockets that the test plays.
type phone struct {
	t         testing.TB
	rtp, rtcp *net.UDPConn
}

func newPhone(t testing.TB, ip netip.Addr) *phone {
	t.Helper()
	p := &phone{t: t}
	p.rtp, p.rtcp = listen(t, ip), listen(t, ip)
	return p
}

func listen(t testing.TB, ip netip.Addr) *net.UDPConn {
	t.Helper()
	c, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.AddrPortFrom(ip, 0)))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

func addrOf(c *net.UDPConn) netip.AddrPort {
	return c.LocalAddr().(*net.UDPAddr).AddrPort()
}

// sdp is the phone's description.
func (p *phone) sdp(extra ...string) string {
	a, family := addrOf(p.rtp), "IP4"
	if a.Addr().Is6() {
		family = "IP6"
	}
	return strings.Join(append([]string{
		"v=0", "o=phone 1 1 IN " + family + " " + a.Addr().String(), "s=-", "c=IN " + family + " " + a.Addr().String(), "t=0 0",
		fmt.Sprintf("m=audio %d RTP/AVP 0 8 101", a.Port()), "a=rtpmap:101 telephone-event/8000",
		fmt.Sprintf("a=rtcp:%d", addrOf(p.rtcp).Port()),
	}, append(extra, "")...), "\r\n")
}

// rtpPacket is a packet of PCMU.
func rtpPacket(ssrc uint32, seq int, payload string) []byte {
	b := []byte{0x80, 0, byte(seq >> 8), byte(seq)}
	b = append32(append32(b, uint32(160*seq)), ssrc)
	return append(b, payload...)
}

func (p *phone) send(to netip.AddrPort, ssrc uint32, seq int, payload string) {
	p.t.Helper()
	if _, err := p.rtp.WriteToUDPAddrPort(rtpPacket(ssrc, seq, payload), to); err != nil {
		p.t.Fatal(err)
	}
}

// read reads one datagram; "" when none came in time.
func read(t testing.TB, c *net.UDPConn, wait time.Duration) string {
	t.Helper()
	_ = c.SetReadDeadline(time.Now().Add(wait))
	var b [2048]byte
	n, _, err := c.ReadFromUDPAddrPort(b[:])
	if err != nil {
		return ""
	}
	return string(b[:n])
}

func (p *phone) readPayload() string {
	p.t.Helper()
	b := read(p.t, p.rtp, patience)
	if len(b) < 12 {
		p.t.Fatal("no RTP packet came")
	}
	return b[12:]
}

// port is where a session receives RTP, from its description.
func portOf(t testing.TB, description []byte) netip.AddrPort {
	t.Helper()
	d, err := sdp.Parse(description)
	if err != nil {
		t.Fatal(err)
	}
	return netip.AddrPortFrom(d.Connection.IP(), d.Media[0].Port)
}

// relayTo is what a bridge attaches when both legs speak one codec.
type relayTo struct{ sink media.Sink }

func (r relayTo) Receive(p *media.Packet) { r.sink.Write(p) }

func withSecurity(security sdp.Security) sdp.Capabilities {
	c := voice()
	c.Security = security
	return c
}
