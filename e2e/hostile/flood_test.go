package hostile

import (
	"fmt"
	"io"
	"net"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// TestFloods sends what strangers can send, as fast as this machine can, from one
// source and from many (goals R-6). What holds on any machine is claimed in every
// run: memory and answers are bounded, a call goes on, and service afterwards; what
// depends on its speed, in `make soak`.
func TestFloods(t *testing.T) {
	r := start(t, nil)
	caller, callee := r.talk(t)
	r.flood(t, "INVITE", 1000, 500*time.Millisecond) // tables take their size
	was := measure()
	begin, asked := r.Gateway.Phones.Stats().Flow, uint64(0)
	length := 700 * time.Millisecond
	if timed(t) {
		length = 10 * time.Second
	}
	for _, sources := range []int{1, 200, 1000} {
		for _, method := range []string{"OPTIONS", "REGISTER", "INVITE"} {
			t.Run(fmt.Sprintf("%s from %d", method, sources), func(t *testing.T) {
				g := r.goodInvites(t)
				p := r.probe(t)
				before := r.Gateway.Phones.Stats().Flow
				bytes, packets := r.flood(t, method, sources, length)
				asked += bytes
				after := r.Gateway.Phones.Stats().Flow
				p.verdict(t, slack*100*time.Millisecond)
				g.verdict(t)
				answered := after.BytesOut[0] - before.BytesOut[0]
				t.Logf("%d packets, %d bytes asked, %d answered (%.3f), over budget %d", packets, bytes, answered, float64(answered)/float64(bytes), after.OverBudget-before.OverBudget)
				// Never an amplifier, but for what all strangers together may have at once. Refusals
				// of one flood are still repeated during the next, so all are counted together.
				if total := after.BytesOut[0] - begin.BytesOut[0]; total > asked+1000*700 {
					t.Errorf("%d bytes were answered to %d asked", total, asked)
				}
				if timed(t) && floodRate == 60_000 && answered > bytes/10+1000*700 {
					t.Errorf("%d bytes were answered to %d asked", answered, bytes)
				}
				var m runtime.MemStats
				runtime.ReadMemStats(&m)
				t.Logf("the process takes %d MiB", m.Sys>>20)
				if m.Sys > 512<<20 {
					t.Errorf("the process takes %d MiB", m.Sys>>20)
				}
			})
		}
	}
	unharmed(t, caller, callee)
	r.serves(t)
	if timed(t) { // transactions over UDP are remembered for 32 s
		settles(t, was, 60*time.Second)
	}
}

// timed reports whether this run measures how long answers take and how many get
// lost: `make soak` does, on a machine with nothing else to do. A run among other
// tests only knows that there are answers.
func timed(t *testing.T) bool {
	t.Helper()
	return volume(t, 0) > 0
}

// flood sends one request again and again, each time as a new one, from sources
// of 127.1.0.0/16; nobody reads the answers.
func (r *rig) flood(t *testing.T, method string, sources int, length time.Duration) (bytes, packets uint64) {
	t.Helper()
	to, err := net.ResolveUDPAddr("udp", r.SIP("udp"))
	if err != nil {
		t.Fatal(err)
	}
	var conns []*net.UDPConn
	for i := range sources {
		c, err := net.DialUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 1, byte(i/250), byte(1+i%250))}, to)
		if err != nil {
			t.Fatal(err)
		}
		conns = append(conns, c)
		defer c.Close()
	}
	end := time.Now().Add(length)
	began := time.Now()
	for i := 0; time.Now().Before(end); i++ {
		if ahead := time.Duration(i)*time.Second/floodRate - time.Since(began); ahead > 2*time.Millisecond {
			time.Sleep(ahead)
		}
		m := request(method, "sip:1000@tandem.example", "udp")
		if method == "INVITE" {
			m = strings.Replace(m, "Content-Length: 0", "Content-Type: application/sdp\r\nContent-Length: 104", 1) +
				"v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 9 RTP/AVP 0\r\na=rtpmap:0 PCMU/8000\r\n"[:104]
		}
		if _, err := io.WriteString(conns[i%sources], m); err == nil {
			bytes += uint64(len(m))
			packets++
		}
	}
	return bytes, packets
}

// goods places calls of a phone that the gateway knows.
type goods struct {
	stop chan struct{}
	done sync.WaitGroup
	took []time.Duration
	lost int
}

func (r *rig) goodInvites(t *testing.T) *goods {
	t.Helper()
	g := &goods{stop: make(chan struct{})}
	c := r.dial(t, "udp")
	g.done.Go(func() {
		for {
			select {
			case <-g.stop:
				return
			case <-time.After(20 * time.Millisecond):
			}
			began := time.Now()
			_, _ = io.WriteString(c, request("INVITE", "sip:study@tandem.example", "udp"))
			if a, err := final(c, "udp", time.Second); err != nil || a.status != 401 {
				g.lost++
				continue
			}
			g.took = append(g.took, time.Since(began))
		}
	})
	return g
}

func (g *goods) verdict(t *testing.T) {
	t.Helper()
	close(g.stop)
	g.done.Wait()
	slices.Sort(g.took)
	n := len(g.took)
	if n == 0 {
		if timed(t) {
			t.Error("no INVITE was answered")
		}
		return
	}
	t.Logf("INVITE: %d answered, %d lost, median %v, most %v", n, g.lost, g.took[n/2], g.took[n-1])
	if timed(t) && (g.lost > 1+n/100 || g.took[n*9/10] > slack*100*time.Millisecond) {
		t.Errorf("%d of %d good INVITEs were not answered, 90 %% took up to %v", g.lost, n+g.lost, g.took[n*9/10])
	}
}
