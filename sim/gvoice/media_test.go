package gvoice

import (
	"net"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pion/rtp"
	"github.com/pion/stun/v4"

	"tandem/sim/audio"
)

// media is a client's audio: a socket, checks, a tone and an ear.
type media struct {
	t          *testing.T
	conn       *net.UDPConn
	ufrag, pwd string
	stop       chan struct{}
	once       sync.Once
	work       sync.WaitGroup

	mu  sync.Mutex // guards everything below
	in  audio.Receiver
	out audio.Sender
	ok  int // checks answered
	bad int // checks refused
}

func newMedia(t *testing.T) *media {
	t.Helper()
	conn, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	m := &media{t: t, conn: conn, ufrag: "abcd", pwd: "abcdefghijklmnopqrstuv", stop: make(chan struct{})}
	m.in.Event, m.out.Event = 101, 101
	m.work.Go(m.read)
	t.Cleanup(m.close)
	return m
}

func (m *media) close() {
	m.once.Do(func() { close(m.stop); _ = m.conn.Close() })
	m.work.Wait()
}

func (m *media) read() {
	buf := make([]byte, 2048)
	for {
		n, _, err := m.conn.ReadFromUDPAddrPort(buf)
		if err != nil {
			return
		}
		m.mu.Lock()
		var p rtp.Packet
		switch {
		case stun.IsMessage(buf[:n]):
			answer := stun.New()
			if _, err := answer.Write(buf[:n]); err == nil && answer.Type == stun.BindingSuccess {
				m.ok++
			} else {
				m.bad++
			}
		case p.Unmarshal(buf[:n]) == nil:
			m.in.Packet(time.Now(), &p)
		}
		m.mu.Unlock()
	}
}

// check sends one connectivity check to the IPv4 candidate of sdp.
func (m *media) check(sdp []byte, attrs ...stun.Setter) netip.AddrPort {
	m.t.Helper()
	d, err := parseSDP(sdp)
	if err != nil {
		m.t.Fatal(err)
	}
	var to netip.AddrPort
	for line := range strings.SplitSeq(string(sdp), "\r\n") {
		if f := strings.Fields(line); strings.HasPrefix(line, "a=candidate:1 ") {
			to = netip.MustParseAddrPort(f[4] + ":" + f[5])
		}
	}
	all := append([]stun.Setter{stun.TransactionID, stun.BindingRequest, stun.NewUsername(d.ufrag + ":" + m.ufrag)}, attrs...)
	request, err := stun.Build(append(all, stun.NewShortTermIntegrity(d.pwd), stun.Fingerprint)...)
	if err != nil {
		m.t.Fatal(err)
	}
	if _, err := m.conn.WriteToUDPAddrPort(request.Raw, to); err != nil {
		m.t.Fatal(err)
	}
	return to
}

// sound sends a tone to the edge until the test ends; it checks first.
func (m *media) sound(sdp []byte, frequency float64) {
	to := m.check(sdp)
	m.out.Tone.Frequency = frequency
	m.work.Go(func() {
		tick := time.NewTicker(20 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-m.stop:
				return
			case <-tick.C:
			}
			m.mu.Lock()
			var p rtp.Packet
			m.out.Next(&p, nil)
			raw, _ := p.Marshal()
			m.mu.Unlock()
			_, _ = m.conn.WriteToUDPAddrPort(raw, to)
		}
	})
}

// heard is what came from the edge so far.
func (m *media) heard() audio.Report {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.in.Report()
}

// until polls ok, which looks at real packets in real time.
func (m *media) until(what string, ok func() bool) {
	m.t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	limit := time.After(time.Minute)
	for !ok() {
		select {
		case <-tick.C:
		case <-limit:
			m.t.Fatalf("waiting for %s; heard %+v", what, m.heard())
		}
	}
}
