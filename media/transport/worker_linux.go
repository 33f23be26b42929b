//go:build !portable

package transport

import (
	"fmt"
	"log/slog"
	"os"
	"runtime"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

const (
	batch       = 256  // events of one epoll_wait
	maxDatagram = 2048 // longer ones are cut by the kernel and then fail to parse
)

// worker serves the sockets of many sessions: one goroutine, one thread, one
// epoll set. epoll_wait goes through the scheduler, because it may wait long and
// must not hold up the garbage collector; everything else does not wait.
type worker struct {
	clock
	log   *slog.Logger
	epoll int
	event int // eventfd: wakes the worker
	done  chan struct{}

	buf  []byte  // of the datagram at hand
	from address // its source

	used     atomic.Int32 // ports it serves
	stopping atomic.Bool

	mu    sync.Mutex // guards what follows
	ports []*port    // index: slot
	free  []int32    // slots
}

func newWorker(log *slog.Logger) (*worker, error) {
	w := &worker{log: log, done: make(chan struct{}), buf: make([]byte, maxDatagram)}
	var err error
	if w.epoll, err = unix.EpollCreate1(unix.EPOLL_CLOEXEC); err != nil {
		return nil, fmt.Errorf("open a media worker: %w", os.NewSyscallError("epoll_create1", err))
	}
	if w.event, err = unix.Eventfd(0, unix.EFD_NONBLOCK|unix.EFD_CLOEXEC); err != nil {
		_ = unix.Close(w.epoll)
		return nil, fmt.Errorf("open a media worker: %w", os.NewSyscallError("eventfd2", err))
	}
	ev := unix.EpollEvent{Events: unix.EPOLLIN, Fd: -1}
	if err := unix.EpollCtl(w.epoll, unix.EPOLL_CTL_ADD, w.event, &ev); err != nil {
		w.closeFiles()
		return nil, fmt.Errorf("open a media worker: %w", os.NewSyscallError("epoll_ctl", err))
	}
	w.clock.init(time.Now(), w.wake)
	return w, nil
}

func (w *worker) closeFiles() {
	_ = unix.Close(w.event)
	_ = unix.Close(w.epoll)
}

// stop ends run and waits for it. All ports must be closed before.
func (w *worker) stop() {
	w.stopping.Store(true)
	w.wake()
	<-w.done
	w.closeFiles()
}

var one = [8]byte{7: 1} // any non-zero counter

func (w *worker) wake() { _, _ = unix.Write(w.event, one[:]) }

// timerSlack is by how much the kernel may be late with a worker's tick, in ns; the rest of
// the program may have a larger one.
const timerSlack = 50_000

// run is the worker's goroutine.
func (w *worker) run() {
	defer close(w.done)
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	_ = unix.Prctl(unix.PR_SET_TIMERSLACK, timerSlack, 0, 0, 0)
	events := make([]unix.EpollEvent, batch)
	ready := make([]*port, 0, batch)
	n := 0
	for !w.stopping.Load() {
		var err error
		if n, err = w.wait(events, n > 0); err != nil {
			w.log.Error("media worker failed", "err", os.NewSyscallError("epoll_wait", err))
			return
		}
		ready = w.lookUp(ready[:0], events[:n])
		now := time.Now()
		for _, p := range ready {
			p.session.readable(p, w, now)
		}
		w.clock.tick(now)
	}
}

// shortWait is how long a busy worker waits without telling the scheduler.
const shortWait = 1 // ms

// wait waits for packets, or until the next tick is due.
//
// Telling the scheduler of a wait costs more than relaying a packet: it hands the
// processor to another thread and must win it back. So a worker that has just had
// work waits for the next packet alone, for a millisecond at most. The garbage
// collector is not held up by it: its signal interrupts the wait (EINTR), and the
// next function call yields.
func (w *worker) wait(events []unix.EpollEvent, busy bool) (int, error) {
	timeout := w.clock.timeout(time.Now())
	if busy && timeout != 0 {
		n, _, e := syscall.RawSyscall6(unix.SYS_EPOLL_PWAIT, uintptr(w.epoll), uintptr(unsafe.Pointer(&events[0])), batch, shortWait, 0, 0)
		if e == 0 && n > 0 {
			return int(n), nil
		}
		timeout = w.clock.timeout(time.Now())
	}
	n, err := unix.EpollWait(w.epoll, events, timeout)
	if err == unix.EINTR {
		return 0, nil
	}
	return n, err
}

// readable reads one datagram from p. It runs on the worker.
func (s *stream) readable(p *port, w *worker, now time.Time) {
	in := &s.in
	in.mu.Lock()
	if p.closed {
		in.mu.Unlock()
		return
	}
	n, e := p.sock.receive(w.buf, &w.from)
	var to *stream
	if e == 0 && n > 0 {
		to = s.datagram(p, w.buf[:n], w.from.addrPort(), now)
	}
	in.mu.Unlock()
	if to != nil {
		to.source.deliver(&to.in.packet)
	}
}

// lookUp turns events into ports; a port that was closed meanwhile has none.
func (w *worker) lookUp(ready []*port, events []unix.EpollEvent) []*port {
	w.mu.Lock()
	defer w.mu.Unlock()
	for i := range events {
		slot := events[i].Fd
		if slot < 0 {
			var b [8]byte
			_, _ = unix.Read(w.event, b[:])
			continue
		}
		// A slot may have been given away since: reading from the new port finds
		// nothing or something, both are right.
		if p := w.ports[slot]; p != nil {
			ready = append(ready, p)
		}
	}
	return ready
}

// add begins to serve p.
func (w *worker) add(p *port) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.free) == 0 {
		w.ports = append(w.ports, nil)
		w.free = append(w.free, int32(len(w.ports)-1))
	}
	slot := w.free[len(w.free)-1]
	ev := unix.EpollEvent{Events: unix.EPOLLIN, Fd: slot}
	if err := unix.EpollCtl(w.epoll, unix.EPOLL_CTL_ADD, p.sock.fd, &ev); err != nil {
		return fmt.Errorf("serve a media port: %w", os.NewSyscallError("epoll_ctl", err))
	}
	w.free = w.free[:len(w.free)-1]
	w.ports[slot], p.slot = p, slot
	w.used.Add(1)
	return nil
}

// remove ends serving p. The caller holds the lock under which p is read, and
// closes the socket afterwards, which takes it out of the epoll set.
func (w *worker) remove(p *port) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.ports[p.slot] = nil
	w.free = append(w.free, p.slot)
	w.used.Add(-1)
}

// load is how many ports the worker serves.
func (w *worker) load() int { return int(w.used.Load()) }
