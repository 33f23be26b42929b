//go:build !portable

package transport

import (
	"fmt"
	"net/netip"
	"runtime"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"tandem/media"
	"tandem/media/sdp"
)

// relayed are two sessions with a relay between them, and their far ends, sockets
// of the benchmark's own.
type relayed struct {
	a, b     *Session
	one, two *socket
	atA      address
}

func newRelay(b testing.TB, e *Engine, security sdp.Security) *relayed {
	r := new(relayed)
	var at netip.AddrPort
	r.a, r.one, at = newLeg(b, e, sdp.Plain)
	r.atA = makeAddress(at)
	r.b, r.two, at = newLeg(b, e, security)
	if security == sdp.Plain { // both ways, so that both sockets are pinned
		to := makeAddress(at)
		heard := collect(r.b)
		_ = r.two.send(rtpPacket(2, 1, "hello"), &to)
		heard.wait(b, 1)
	}
	r.a.Sources()[0].Attach(relayTo{r.b.Sinks()[0]})
	r.b.Sources()[0].Attach(relayTo{r.a.Sinks()[0]})
	return r
}

func newLeg(b testing.TB, e *Engine, security sdp.Security) (*Session, *socket, netip.AddrPort) {
	b.Helper()
	s, err := e.NewSession(Options{Capabilities: withSecurity(security)})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(s.Close)
	sock, err := openSocket(netip.AddrPortFrom(loop4, 0), 0)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = sock.close() })
	local, err := localOf(sock)
	if err != nil {
		b.Fatal(err)
	}
	profile, crypto := "RTP/AVP", ""
	if security == sdp.SDES {
		profile, crypto = "RTP/SAVP", "a=crypto:1 AEAD_AES_128_GCM inline:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA==\r\n"
	}
	offer := fmt.Sprintf("v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio %d %s 0\r\n%s", local.Port(), profile, crypto)
	answer, err := s.AnswerTo([]byte(offer), "")
	if err != nil {
		b.Fatal(err)
	}
	return s, sock, portOf(b, answer)
}

func localOf(s *socket) (netip.AddrPort, error) {
	sa, err := syscall.Getsockname(s.fd)
	if err != nil {
		return netip.AddrPort{}, err
	}
	return netip.AddrPortFrom(loop4, uint16(sa.(*syscall.SockaddrInet4).Port)), nil
}

// P-1, P-3, P-14: what a relayed packet costs. "worker-ns/packet" is the CPU time of
// the relay's thread alone; BenchmarkFloor is the least it can be.
func BenchmarkRelay(b *testing.B) {
	for _, security := range []sdp.Security{sdp.Plain, sdp.SDES} {
		b.Run("plain to "+security.String(), func(b *testing.B) {
			e := &Engine{Workers: 1, BindIPv4: loop4}
			startEngine(b, e)
			var legs []*relayed
			for range calls {
				legs = append(legs, newRelay(b, e, security))
			}
			traffic(b, legs, func() time.Duration {
				used := make(chan time.Duration, 1)
				stop := e.Loop().Every(10*time.Millisecond, func(time.Time) {
					select {
					case used <- threadTime():
					default:
					}
				})
				defer stop()
				return <-used
			})
		})
	}
}

// BenchmarkFloor is a loop that does nothing but epoll_wait, recvfrom and sendto on
// connected sockets.
func BenchmarkFloor(b *testing.B) {
	epoll, err := unix.EpollCreate1(0)
	if err != nil {
		b.Fatal(err)
	}
	defer unix.Close(epoll)
	var legs []*relayed
	peer := map[int32]*socket{}
	for range calls {
		r := new(relayed)
		var ends [4]*socket // one -> in ... out -> two
		for i := range ends {
			if ends[i], err = openSocket(netip.AddrPortFrom(loop4, 0), 0); err != nil {
				b.Fatal(err)
			}
			defer ends[i].close()
		}
		r.one, r.two = ends[0], ends[3]
		at, _ := localOf(ends[1])
		r.atA = makeAddress(at)
		two, _ := localOf(ends[3])
		one, _ := localOf(ends[0])
		if ends[1].connect(one) != nil || ends[2].connect(two) != nil {
			b.Fatal("connect failed")
		}
		peer[int32(ends[1].fd)] = ends[2]
		_ = unix.EpollCtl(epoll, unix.EPOLL_CTL_ADD, ends[1].fd, &unix.EpollEvent{Events: unix.EPOLLIN, Fd: int32(ends[1].fd)})
		legs = append(legs, r)
	}
	var stop atomic.Bool
	used, done := make(chan time.Duration), make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread()
		events, buf, from := make([]unix.EpollEvent, batch), make([]byte, maxDatagram), new(address)
		for !stop.Load() {
			n, _ := unix.EpollWait(epoll, events, 10)
			for _, ev := range events[:max(n, 0)] {
				in := socket{fd: int(ev.Fd)}
				if k, e := in.receive(buf, from); e == 0 {
					_ = peer[ev.Fd].send(buf[:k], nil)
				}
			}
			select {
			case used <- threadTime():
			default:
			}
		}
	}()
	traffic(b, legs, func() time.Duration { return <-used })
	stop.Store(true)
	<-done
}

const calls = 50 // of the benchmarks

// traffic drives b.N packets through the relays and reports what their thread used.
func traffic(b *testing.B, legs []*relayed, used func() time.Duration) {
	const burst = 4
	packet, in, from := rtpPacket(1, 0, string(make([]byte, 160))), make([]byte, 2048), new(address)
	seq, n := 0, 0
	before := used()
	b.ReportAllocs()
	b.ResetTimer()
	for n < b.N {
		for range burst {
			seq++
			packet[2], packet[3] = byte(seq>>8), byte(seq)
			for _, l := range legs {
				for l.one.send(packet, &l.atA) != 0 {
				}
			}
		}
		for _, l := range legs {
			for range burst {
				n += await(b, l.two, in, from)
			}
		}
	}
	b.StopTimer()
	b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "packets/s")
	b.ReportMetric(float64(used()-before)/float64(n), "worker-ns/packet")
}

// threadTime is the CPU time of the calling thread.
func threadTime() time.Duration {
	var ts unix.Timespec
	_ = unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &ts)
	return time.Duration(ts.Nano())
}

// await reads one packet, and gives up on one that was lost.
func await(b testing.TB, s *socket, in []byte, from *address) int {
	limit := time.Now().Add(patience)
	for {
		if _, err := s.receive(in, from); err == 0 {
			return 1
		}
		if time.Now().After(limit) {
			b.Fatal("a packet was lost")
		}
		runtime.Gosched()
	}
}

// P-14: nothing is allocated for a packet, whatever its protection.
func TestRelayedPacketsAllocateNothing(t *testing.T) {
	for _, security := range []sdp.Security{sdp.Plain, sdp.SDES} {
		t.Run(security.String(), func(t *testing.T) {
			e := &Engine{Workers: 1, BindIPv4: loop4}
			startEngine(t, e)
			r := newRelay(t, e, security)
			packet, in, from := rtpPacket(1, 0, string(make([]byte, 160))), make([]byte, 2048), new(address)
			seq := 0
			if n := testing.AllocsPerRun(500, func() {
				seq++
				packet[2], packet[3] = byte(seq>>8), byte(seq)
				if r.one.send(packet, &r.atA) != 0 {
					t.Fatal("not sent")
				}
				await(t, r.two, in, from)
			}); n != 0 {
				t.Errorf("%v allocations per packet", n)
			}
		})
	}
}

// The way in of SRTP: a session decrypts without allocating.
func TestDecryptedPacketsAllocateNothing(t *testing.T) {
	e := &Engine{Workers: 1, BindIPv4: loop4}
	startEngine(t, e)
	a, _ := newTestSession(t, e, func(o *Options) { o.Capabilities.Security = sdp.SDES })
	b, _ := newTestSession(t, e, func(o *Options) { o.Capabilities.Security = sdp.SDES })
	join(t, a, b)
	came := make(chan struct{}, 1)
	b.Sources()[0].Attach(signal(came))
	p, seq := &media.Packet{SSRC: 1, Payload: make([]byte, 160)}, uint16(0)
	if n := testing.AllocsPerRun(500, func() {
		seq++
		p.Sequence, p.Timestamp = seq, 160*uint32(seq)
		a.Sinks()[0].Write(p)
		<-came
	}); n != 0 {
		t.Errorf("%v allocations per packet", n)
	}
}

type signal chan struct{}

func (s signal) Receive(*media.Packet) { s <- struct{}{} }
