package flow

import (
	"errors"
	"fmt"
	"net"
	"os"
	"sync"
	"syscall"
	"time"
)

const (
	// A far end that takes nothing for this long is dead.
	stallTimeout = 30 * time.Second
	// What was sent before Close has this long to leave.
	lingerTimeout = 2 * time.Second
)

// An outbox is a connection whose Write never waits for the far end. It offers
// the bytes to the system; what the system does not take is queued, and one
// goroutine, which lives only while the queue holds something, writes it in
// order. TLS and WebSocket sit on top and become non-blocking with it.
type outbox struct {
	net.Conn
	try     *tryWriter // nil: everything goes through the queue
	limit   int        // bytes
	start   func(func()) bool
	onClose func()
	onFull  func()
	onIdle  func() time.Time // asked when the read deadline has passed: the next one, zero to give up; may be nil

	mu      sync.Mutex // guards what follows
	queue   []byte
	spare   []byte
	writing bool // the writer runs
	closed  bool
	err     error
}

// newOutbox wraps c. start runs the writer; it reports false when it will not,
// because all is being closed. onClose is called once.
func newOutbox(c net.Conn, limit int, start func(func()) bool, onClose, onFull func()) *outbox {
	o := &outbox{Conn: c, limit: limit, start: start, onClose: onClose, onFull: onFull}
	if sc, ok := c.(syscall.Conn); ok {
		if raw, err := sc.SyscallConn(); err == nil {
			o.try = newTryWriter(raw)
		}
	}
	return o
}

// Write takes all of b, or fails for good.
func (o *outbox) Write(b []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.err != nil {
		return 0, o.err
	}
	if o.closed {
		return 0, net.ErrClosed
	}
	n := 0
	if !o.writing && o.try != nil {
		if n, o.err = o.try.write(b); o.err != nil {
			return n, o.err
		}
	}
	if n == len(b) {
		return n, nil
	}
	if len(o.queue)+len(b)-n > o.limit {
		o.err = ErrQueueFull
		o.onFull()
		o.closeLocked(true)
		return n, o.err
	}
	o.queue = append(o.queue, b[n:]...)
	if !o.writing {
		if !o.start(o.drain) {
			return n, net.ErrClosed
		}
		o.writing = true
	}
	return len(b), nil
}

// Read reads as the connection does, but lets onIdle put the deadline off. TLS and
// WebSocket could not go on after a timeout, so it must happen below them.
func (o *outbox) Read(b []byte) (int, error) {
	for {
		n, err := o.Conn.Read(b)
		if n > 0 || !errors.Is(err, os.ErrDeadlineExceeded) || !o.putOff() {
			return n, err
		}
	}
}

func (o *outbox) putOff() bool {
	if o.onIdle == nil {
		return false
	}
	at := o.onIdle()
	if at.IsZero() {
		return false
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.closed { // Close has set a deadline of its own
		return false
	}
	return o.Conn.SetReadDeadline(at) == nil
}

// drain is the writer: it ends when the queue is empty or the connection broken.
func (o *outbox) drain() {
	for {
		b, ok := o.take()
		if !ok {
			return
		}
		if _, err := o.Conn.Write(b); err != nil {
			o.fail(err)
			return
		}
	}
}

// take returns what is queued. When that is nothing it ends the writer.
func (o *outbox) take() ([]byte, bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(o.queue) == 0 || o.err != nil {
		o.writing = false
		o.queue, o.spare = nil, nil // a burst's buffers are not kept for the connection's life
		if o.closed {
			o.Conn.Close()
			return nil, false
		}
		o.Conn.SetWriteDeadline(time.Time{})
		return nil, false
	}
	b := o.queue
	o.queue, o.spare = o.spare[:0], b
	if !o.closed {
		o.Conn.SetWriteDeadline(time.Now().Add(stallTimeout))
	}
	return b, true
}

// cause is why writing failed, nil if it did not.
func (o *outbox) cause() error {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.err
}

func (o *outbox) fail(err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if errors.Is(err, os.ErrDeadlineExceeded) {
		err = fmt.Errorf("the far end took nothing for %v: %w", stallTimeout, err)
	}
	if o.err == nil {
		o.err = err
	}
	o.writing = false
	o.Conn.Close() // the reader notices
}

// Close closes the connection for reading at once, and for writing when the
// queue has left or lingerTimeout has passed.
func (o *outbox) Close() error {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.closeLocked(false)
	return nil
}

func (o *outbox) closeLocked(now bool) {
	if !o.closed {
		o.closed = true
		if o.onClose != nil {
			o.onClose()
		}
	}
	if now || !o.writing {
		o.Conn.Close()
		return
	}
	o.Conn.SetReadDeadline(time.Unix(1, 0))
	o.Conn.SetWriteDeadline(time.Now().Add(lingerTimeout))
}

// abort closes the connection at once.
func (o *outbox) abort() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.closeLocked(true)
}
