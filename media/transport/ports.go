package transport

import (
	"errors"
	"fmt"
	"net/netip"
	"sync"
	"syscall"
)

// ErrNoPorts is wrapped by the error of an Offer or AnswerTo that found no free port.
var ErrNoPorts = errors.New("no free media port")

// port is one socket of a session. Its fields are guarded by the session's in.mu.
type port struct {
	session *stream
	sock    *socket
	slot    int32 // in its worker
	rtcp    bool  // carries RTCP only
	closed  bool
}

// portPool hands out port numbers in a circle, so that a number rests as long as
// possible before packets of an earlier call could reach a new one.
type portPool struct {
	min, max int // both included; min is even

	mu   sync.Mutex // guards what follows
	used map[int]bool
	next int
}

// take finds a free number n (even, with n+1 free too, for a pair) for which open
// succeeds. A number that another program holds is passed over.
func (p *portPool) take(pair bool, open func(n int) error) (int, error) {
	tries := p.max - p.min + 1
	for ; tries > 0; tries-- {
		n, ok := p.reserve(pair)
		if !ok {
			break
		}
		err := open(n)
		if err == nil {
			return n, nil
		}
		p.release(n, pair)
		if !errors.Is(err, syscall.EADDRINUSE) && !errors.Is(err, syscall.EACCES) {
			return 0, err
		}
	}
	return 0, fmt.Errorf("%w between %d and %d (%d in use): end calls or widen the port range", ErrNoPorts, p.min, p.max, p.inUse())
}

func (p *portPool) reserve(pair bool) (int, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for range p.max - p.min + 1 {
		n := p.next
		if p.next++; p.next > p.max {
			p.next = p.min
		}
		if p.used[n] || pair && (n%2 != 0 || n == p.max || p.used[n+1]) {
			continue
		}
		p.used[n] = true
		if pair {
			p.used[n+1] = true
		}
		return n, true
	}
	return 0, false
}

func (p *portPool) release(n int, pair bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.used, n)
	if pair {
		delete(p.used, n+1)
	}
}

func (p *portPool) inUse() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.used)
}

// ports are the open ports of a session.
type ports struct {
	number int  // RTP; RTCP has the next one
	pair   bool // number+1 is ours too
	rtp4   *port
	rtp6   *port
	rtcp   *port // of the family of the only RTP port; nil with rtcp-mux or ICE
}

// rtp is the port of an address family; nil when there is none.
func (p *ports) rtp(a netip.Addr) *port {
	if a.Is4() {
		return p.rtp4
	}
	return p.rtp6
}

func (p *ports) all() []*port {
	var list []*port
	for _, o := range []*port{p.rtp4, p.rtp6, p.rtcp} {
		if o != nil {
			list = append(list, o)
		}
	}
	return list
}

// openPorts opens the ports of a session: v4 and v6 say which families, pair
// whether RTCP gets a port of its own.
func (e *Engine) openPorts(s *stream, v4, v6, pair bool) (ports, error) {
	var got ports
	n, err := e.pool.take(pair, func(n int) (err error) {
		got, err = e.openAt(s, n, v4, v6, pair)
		return err
	})
	if err != nil {
		return ports{}, err
	}
	got.number, got.pair = n, pair
	for _, p := range got.all() {
		if err := s.worker.add(p); err != nil {
			s.closePorts(got)
			return ports{}, err
		}
	}
	return got, nil
}

func (e *Engine) openAt(s *stream, n int, v4, v6, pair bool) (got ports, err error) {
	defer func() {
		if err == nil {
			return
		}
		for _, p := range got.all() {
			_ = p.sock.close()
		}
	}()
	bind := e.BindIPv6
	if v6 {
		if got.rtp6, err = e.openPort(s, bind, n, false); err != nil {
			return got, err
		}
	}
	if v4 {
		bind = e.BindIPv4
		if got.rtp4, err = e.openPort(s, bind, n, false); err != nil {
			return got, err
		}
	}
	if pair {
		got.rtcp, err = e.openPort(s, bind, n+1, true)
	}
	return got, err
}

func (e *Engine) openPort(s *stream, bind netip.Addr, n int, rtcp bool) (*port, error) {
	sock, err := openSocket(netip.AddrPortFrom(bind, uint16(n)), e.DSCP)
	if err != nil {
		return nil, fmt.Errorf("open media port %d on %s: %w", n, bind, err)
	}
	return &port{session: s, sock: sock, slot: -1, rtcp: rtcp}, nil
}

// errno turns a system call's result into an error.
func errno(e syscall.Errno) error {
	if e == 0 {
		return nil
	}
	return e
}
