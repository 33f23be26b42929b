package flow

import (
	"crypto/tls"
	"fmt"
	"net/netip"
	"strconv"
	"sync"
	"sync/atomic"

	"tandem/sip"
)

// A Flow is one two-way path to one far end (RFC 5626 §3): a TCP, TLS or
// WebSocket connection, or a UDP socket with one remote address. It is safe for
// concurrent use.
//
// A flow that died stays dead: it is never dialled again behind anybody's back.
type Flow struct {
	t        *Transport
	net      network
	local    netip.AddrPort // may be a wildcard, for UDP
	remote   netip.AddrPort
	host     string // remote address as text, for received=
	port     string // remote port as text, for rport=
	outgoing bool
	out      sender
	box      *outbox // of a connection: knows why writing failed
	state    *tls.ConnectionState
	sentBy   sentBy

	trusted atomic.Bool
	proven  atomic.Bool // a valid message has come
	place   *place      // of an accepted connection; else nil
	pinned  atomic.Bool // UDP: has a keep-alive, must not be forgotten

	mu    sync.Mutex // guards what follows
	dead  bool
	err   error
	done  chan struct{} // made when asked for
	links Link          // ring of watchers
	keep  keeper
}

// sender writes what Send gives it: a whole message or keep-alive. It must not
// block, and not keep b.
type sender interface {
	write(f *Flow, b []byte) error
	shut(f *Flow)
}

// Network is "udp", "tcp", "tls", "ws" or "wss".
func (f *Flow) Network() string { return networks[f.net].name }

// ViaTransport is Network in a Via header's spelling: "UDP", "TCP", "TLS", "WS", "WSS".
func (f *Flow) ViaTransport() string { return networks[f.net].via }

// Reliable reports whether the flow neither loses nor reorders: all but UDP.
func (f *Flow) Reliable() bool { return f.net != udp }

// Secure reports whether the flow is encrypted: TLS and WSS.
func (f *Flow) Secure() bool { return f.net == tlsNet || f.net == wss }

// Outgoing reports whether we opened the connection. It is false on UDP, where
// nothing is opened.
func (f *Flow) Outgoing() bool { return f.outgoing }

// TLS returns the state after the handshake, nil without TLS. It must not be changed.
func (f *Flow) TLS() *tls.ConnectionState { return f.state }

// Remote is the far end's address.
func (f *Flow) Remote() netip.AddrPort { return f.remote }

// Local is our address. A UDP socket on a wildcard address gives the address
// the system's routes choose towards the far end.
func (f *Flow) Local() netip.AddrPort {
	if !f.local.Addr().IsUnspecified() {
		return f.local
	}
	return netip.AddrPortFrom(f.t.routeTo(f.remote), f.local.Port())
}

// SentBy is the host and port for a Via or a Contact of ours on this flow: what
// the listener advertises, else Local; an invented name under .invalid and no
// port on a WebSocket that we opened (RFC 7118 §5). An IPv6 host has no brackets.
func (f *Flow) SentBy() (host string, port int) {
	if f.sentBy.host != "" {
		return f.sentBy.host, f.sentBy.port
	}
	l := f.Local()
	return l.Addr().String(), int(l.Port())
}

// String is "tls 192.0.2.1:40000 -> 198.51.100.2:5061".
func (f *Flow) String() string {
	return fmt.Sprintf("%s %s -> %s", f.Network(), f.local, f.remote)
}

// Trust says that the far end has proved who it is: a good digest, an accepted
// registration, a trunk's address. It lifts the limits that strangers have: the
// idle deadline of this flow, and on UDP the budget of the source address.
func (f *Flow) Trust() {
	if !f.trusted.Swap(true) {
		f.t.budgets.trust(f.remote.Addr())
	}
}

// Trusted reports whether Trust was called, we opened the flow, or its source is
// in [Transport.Trusted].
func (f *Flow) Trusted() bool { return f.trusted.Load() }

// Send sends m, in order with what others send. It encodes at once and keeps
// nothing of m. It never waits for the far end: what the system does not take
// goes to a bounded queue, and when that is full the flow ends with ErrQueueFull,
// which is counted. The error of a dead flow is its cause of death. On UDP an
// error does not end the flow; nor does UDP turn into TCP by itself for messages
// above 1,300 bytes (RFC 3261 §18.1.1): who chose the flow chose its size.
func (f *Flow) Send(m *sip.Message) error {
	b := f.t.buffer()
	*b = m.Append((*b)[:0])
	err := f.SendBytes(*b)
	f.t.recycle(b)
	return err
}

// SendBytes is [Flow.Send] for a message already in wire form.
func (f *Flow) SendBytes(b []byte) error {
	if err := f.Err(); err != nil {
		return err
	}
	f.t.trace(f, true, b)
	if err := f.out.write(f, b); err != nil {
		f.t.count.SendErrors.Add(1)
		if f.Reliable() {
			f.Close(err)
			err = f.Err()
		}
		return fmt.Errorf("send on %s: %w", f, err)
	}
	f.t.count.sent(f.net, len(b))
	return nil
}

// Done is closed when the flow has died.
func (f *Flow) Done() <-chan struct{} {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.done == nil {
		f.done = make(chan struct{})
		if f.dead {
			close(f.done)
		}
	}
	return f.done
}

// Err is the cause of death, nil while the flow lives.
func (f *Flow) Err() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.err
}

// Close ends the flow; a nil cause is ErrClosed. Only the first cause counts. It
// does not wait. What was sent before still leaves if the far end takes it within
// two seconds.
func (f *Flow) Close(cause error) {
	if f.die(cause) {
		f.out.shut(f)
	}
}

func (f *Flow) isDead() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.dead
}

// watched reports whether somebody is attached.
func (f *Flow) watched() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.links.next != nil && f.links.next != &f.links
}

// die records the cause of death, once.
func (f *Flow) die(cause error) (first bool) {
	if cause == nil {
		cause = ErrClosed
	}
	if f.box != nil { // the reader only sees a closed connection
		if err := f.box.cause(); err != nil {
			cause = err
		}
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.dead {
		return false
	}
	f.dead, f.err = true, cause
	f.keep.stop()
	if f.done != nil {
		close(f.done)
	}
	return true
}

// A Watcher is told of a flow's death, once, on the goroutine that read the
// flow, after the last message was handled. It must not block.
type Watcher interface{ FlowEnded(cause error) }

// A Link ties a Watcher to a Flow. It is embedded in the watcher, so that
// watching costs no allocation.
type Link struct {
	w          Watcher
	prev, next *Link
}

// Attach has w told of the death of f through l. It reports false, and does
// nothing, if f is dead already.
func (f *Flow) Attach(l *Link, w Watcher) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.dead {
		return false
	}
	root := &f.links
	if root.next == nil {
		root.prev, root.next = root, root
	}
	l.w, l.prev, l.next = w, root.prev, root
	l.prev.next, root.prev = l, l
	return true
}

// Detach undoes Attach. It may be called at any time, also twice.
func (f *Flow) Detach(l *Link) {
	f.mu.Lock()
	defer f.mu.Unlock()
	l.unlink()
}

func (l *Link) unlink() {
	if l.next == nil {
		return
	}
	l.prev.next, l.next.prev = l.next, l.prev
	l.prev, l.next = nil, nil
}

// mourn tells the watchers. The flow's reader calls it last.
func (f *Flow) mourn() {
	for {
		f.mu.Lock()
		l := f.links.next
		if l == nil || l == &f.links {
			f.mu.Unlock()
			return
		}
		l.unlink()
		err := f.err
		f.mu.Unlock()
		l.w.FlowEnded(err)
	}
}

// sentBy is what a flow calls itself in Via.
type sentBy struct {
	host string
	port int
}

func newFlow(t *Transport, n network, local, remote netip.AddrPort) *Flow {
	f := &Flow{t: t, net: n, local: local, remote: remote}
	f.host = remote.Addr().String()
	f.port = strconv.Itoa(int(remote.Port()))
	return f
}
