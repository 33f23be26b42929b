package hostile

import (
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"

	"tandem/internal/stage"
	"tandem/sim/phone"
)

// volume is how many hostile messages each socket gets; TANDEM_HOSTILE sets it,
// `make soak` to 10,000 of each kind.
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

// talk sets up a call between two phones, with tones both ways.
func (r *rig) talk(t *testing.T) (caller, callee *phone.Call) {
	t.Helper()
	ctx := within(t, patience)
	kitchen, err := r.Phone(ctx, stage.Kitchen, func(c *phone.Config) { c.Tone = 440 })
	if err != nil {
		t.Fatal(err)
	}
	study, err := r.Phone(ctx, stage.Study, func(c *phone.Config) { c.Tone = 620 })
	if err != nil {
		t.Fatal(err)
	}
	if caller, err = kitchen.Call(ctx, stage.Study); err != nil {
		t.Fatal(err)
	}
	if callee, err = study.NextCall(ctx); err != nil {
		t.Fatal(err)
	}
	for _, c := range []*phone.Call{caller, callee} {
		if err := c.WaitAnswered(ctx); err != nil {
			t.Fatal(err)
		}
	}
	if err := caller.WaitTone(ctx, 620, 300*time.Millisecond); err != nil {
		t.Fatal(err)
	}
	if err := callee.WaitTone(ctx, 440, 300*time.Millisecond); err != nil {
		t.Fatal(err)
	}
	return caller, callee
}

// unharmed demands that the call goes on and has lost no media.
func unharmed(t *testing.T, calls ...*phone.Call) {
	t.Helper()
	for _, c := range calls {
		select {
		case <-c.Done():
			t.Errorf("the call of %s was ended: %+v", c.CallID(), c.Report().Reason)
			continue
		default:
		}
		before := c.Heard()
		ctx := within(t, patience)
		for c.Heard().Packets < before.Packets+10 {
			select {
			case <-ctx.Done():
				t.Fatal("no media comes any more")
			case <-time.After(10 * time.Millisecond):
			}
		}
		if h := c.Heard(); h.Lost > 0 || h.Duplicates > 0 {
			t.Errorf("of %d packets %d were lost and %d doubled", h.Packets, h.Lost, h.Duplicates)
		}
	}
}

// footprint is what must not grow.
type footprint struct {
	goroutines, files int
	heap              uint64
}

func measure() footprint {
	for range 3 {
		runtime.GC()
	}
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	fds, _ := os.ReadDir("/proc/self/fd")
	return footprint{runtime.NumGoroutine(), len(fds), m.HeapAlloc}
}

// settles waits until the process is back at what it was: goroutines and files
// but for a few of the runtime's, the heap within a tenth, or 4 MiB of a small one.
func settles(t *testing.T, was footprint, within time.Duration) {
	t.Helper()
	var now footprint
	for end := time.Now().Add(within); time.Now().Before(end); {
		now = measure()
		if now.goroutines <= was.goroutines+4 && now.files <= was.files+2 && now.heap <= was.heap+max(was.heap/10, 4<<20) {
			t.Logf("before %+v, after %+v", was, now)
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
	t.Errorf("left behind: before %+v, after %+v", was, now)
	if now.goroutines > was.goroutines+4 {
		b := make([]byte, 1<<20)
		t.Logf("%s", b[:runtime.Stack(b, true)])
	}
}

// prober asks OPTIONS again and again, and keeps how long the answers took.
type prober struct {
	stop chan struct{}
	done sync.WaitGroup
	took []time.Duration
	lost int
}

func (r *rig) probe(t *testing.T) *prober {
	t.Helper()
	p := &prober{stop: make(chan struct{})}
	c := r.dial(t, "udp")
	p.done.Go(func() {
		for {
			select {
			case <-p.stop:
				return
			case <-time.After(20 * time.Millisecond):
			}
			began := time.Now()
			if _, err := io.WriteString(c, request("OPTIONS", "sip:tandem.example", "udp")); err != nil {
				p.lost++
				continue
			}
			if a, err := final(c, "udp", time.Second); err != nil || a.status != 200 {
				p.lost++
				continue
			}
			p.took = append(p.took, time.Since(began))
		}
	})
	return p
}

// verdict ends the probing: in a run that is timed hardly any answer
// may be missing or late. A machine that does other things besides is
// why one in ten may take longer.
func (p *prober) verdict(t *testing.T, limit time.Duration) {
	t.Helper()
	close(p.stop)
	p.done.Wait()
	if len(p.took) == 0 {
		if timed(t) {
			t.Error("no OPTIONS was answered")
		}
		return
	}
	slices.Sort(p.took)
	n := len(p.took)
	t.Logf("OPTIONS: %d answered, %d lost, median %v, 99 %% %v, most %v", n, p.lost, p.took[n/2], p.took[n*99/100], p.took[n-1])
	if !timed(t) {
		return
	}
	if p.lost > 1+n/20 {
		t.Errorf("%d of %d OPTIONS were not answered", p.lost, n+p.lost)
	}
	if p.took[n*9/10] > limit {
		t.Errorf("a tenth of the OPTIONS took more than %v", p.took[n*9/10])
	}
}

// mutants makes hostile messages out of good and bad ones.
type mutants struct {
	*rand.Rand
	seeds []string
}

func newMutants(t testing.TB) *mutants {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	m := &mutants{Rand: rand.New(rand.NewPCG(seed, 1))}
	for _, file := range []string{"rfc4475.txtar", "rfc5118.txtar"} {
		for _, s := range archive(t, file) {
			m.seeds = append(m.seeds, s)
		}
	}
	slices.Sort(m.seeds)
	for _, method := range []string{"OPTIONS", "REGISTER", "SUBSCRIBE", "BYE", "CANCEL", "PRACK", "NOTIFY", "REFER"} {
		m.seeds = append(m.seeds, request(method, "sip:kitchen@tandem.example", "udp",
			"Require: 100rel", "Authorization: Digest username=\"kitchen\", realm=\"tandem.example\", nonce=\"a\", uri=\"sip:a\", response=\"00\"",
			"Refer-To: <sip:a@b?Replaces=x%3Bto-tag%3D1>", "Replaces: a;to-tag=b;from-tag=c", "RAck: 1 1 INVITE", "Session-Expires: 1800;refresher=uac",
			"Route: <sip:127.0.0.1;lr>", "Record-Route: <sip:127.0.0.1;lr>", "Path: <sip:p;lr>", "Event: refer"))
	}
	return m
}

func (m *mutants) random() []byte {
	b := make([]byte, m.IntN(1400))
	for i := range b {
		b[i] = byte(m.Uint32())
	}
	return b
}

// spice is what parsers stumble over.
var spice = []string{
	"\x00", "\n", "\r", "\r\n", "\r\n\r\n", "\r\n ", ";", ",", ":", "\"", "\\", "<", ">", "%00", "%", "@", "?", "=", " ", "\t", "[", "]", "*",
	"-1", "0", "4294967296", "99999999999999999999999", "Content-Length: 5\r\n", "Content-Length : 0\r\n", "l: 1\r\n", ";tag=", ";branch=z9hG4bK", ";lr",
	"SIP/2.0", "\xff\xfe", "é", "Via: ", "v:", "To:", ";received=", ";rport", "a=crypto:1 ", "m=audio 0 ",
}

func (m *mutants) next() []byte {
	b := []byte(m.seeds[m.IntN(len(m.seeds))])
	for range 1 + m.IntN(6) {
		at := m.IntN(len(b) + 1)
		end := min(len(b), at+m.IntN(40))
		switch m.IntN(7) {
		case 0:
			if len(b) > 0 {
				b[min(at, len(b)-1)] ^= 1 << m.IntN(8)
			}
		case 1:
			b = slices.Delete(b, at, end)
		case 2:
			b = slices.Insert(b, at, bytes.Repeat(b[at:end], 1+m.IntN(60))...)
		case 3, 4:
			b = slices.Insert(b, at, []byte(spice[m.IntN(len(spice))])...)
		case 5:
			other := m.seeds[m.IntN(len(m.seeds))]
			b = append(b[:at:at], other[m.IntN(len(other)):]...)
		case 6:
			b = b[:at]
		}
		if len(b) > 60_000 {
			b = b[:60_000]
		}
	}
	return b
}

// some is a random or a mutated message.
func (m *mutants) some() []byte {
	if m.IntN(2) == 0 {
		return m.random()
	}
	return m.next()
}

func TestGarbageOnEverySocket(t *testing.T) {
	r := start(t, nil)
	caller, callee := r.talk(t)
	r.serves(t)
	r.garbage(t, 200) // pools, buffers and tables take their size
	was := measure()
	p := r.probe(t)
	r.garbage(t, volume(t, 2000))
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
