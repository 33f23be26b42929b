package flow

import (
	"fmt"
	"net"
	"net/netip"

	"tandem/sip"
)

// Adopt makes a flow of a connection that somebody else opened, such as one end
// of a net.Pipe, and owns it from then on. network is "tcp" or "tls" for a
// stream, on which it shakes no hands, or "udp" for a connection whose every Read
// and Write is one datagram. The flow counts as opened by us.
func (t *Transport) Adopt(c net.Conn, network string) (*Flow, error) {
	t.init()
	n, err := parseNetwork(network)
	if err == nil && n.webSocket() {
		err = fmt.Errorf("network %q: want udp, tcp or tls", network)
	}
	if err != nil {
		c.Close()
		return nil, fmt.Errorf("adopt: %w", err)
	}
	f := newFlow(t, n, adoptedAddr(c.LocalAddr()), adoptedAddr(c.RemoteAddr()))
	f.outgoing = true
	f.trusted.Store(true)
	adopt := t.adoptStream
	if n == udp {
		adopt = t.adoptDatagrams
	}
	run := adopt(f, c)
	if !t.launch(f, run) {
		c.Close()
		return nil, fmt.Errorf("adopt: %w", ErrClosed)
	}
	return f, nil
}

func (t *Transport) adoptStream(f *Flow, c net.Conn) (run func()) {
	f.box = newOutbox(c, t.limits.Queue, t.start, nil, t.queueFull)
	s := &stream{Conn: f.box}
	f.out = s
	return func() { t.readStream(f, s) }
}

func (t *Transport) adoptDatagrams(f *Flow, c net.Conn) (run func()) {
	d := &datagrams{Conn: c, queue: make(chan []byte, 256)}
	f.out = d
	return func() { t.readDatagrams(f, d) }
}

// adoptedAddr is an address to show for what has none.
func adoptedAddr(a net.Addr) netip.AddrPort {
	if ap := addrPort(a); ap.IsValid() {
		return ap
	}
	return netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), 5060)
}

// datagrams is an adopted connection of datagrams. A Write to a pipe waits for its
// reader, so a goroutine writes; a full queue drops, as UDP does.
type datagrams struct {
	net.Conn
	queue chan []byte
}

func (d *datagrams) write(_ *Flow, b []byte) error {
	select {
	case d.queue <- append([]byte(nil), b...):
	default:
	}
	return nil
}

func (d *datagrams) shut(*Flow) { d.Conn.Close() }

func (d *datagrams) drain(done <-chan struct{}) {
	for {
		select {
		case b := <-d.queue:
			d.Conn.Write(b)
		case <-done:
			return
		}
	}
}

func (t *Transport) readDatagrams(f *Flow, d *datagrams) {
	defer t.end(f)
	if !t.start(func() { d.drain(f.Done()) }) {
		return
	}
	b := make([]byte, maxDatagram)
	for {
		n, err := d.Conn.Read(b)
		if err != nil {
			f.Close(fmt.Errorf("read: %w", err))
			return
		}
		fr := t.limits.Message.ParseFrame(b[:n])
		if fr.Kind == sip.MessageFrame {
			t.deliver(f, fr.Message, fr.Fault, b[:n])
			continue
		}
		t.streamFrame(f, fr)
	}
}
