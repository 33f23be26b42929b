//go:build !linux || portable

package transport

import (
	"log/slog"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"
)

const maxDatagram = 2048 // longer ones are cut and then fail to parse

// worker serves the sockets of many sessions with a goroutine for each, and keeps
// their calls apart with turn, as if it were one.
type worker struct {
	clock
	log    *slog.Logger
	wakeUp chan struct{}
	quit   chan struct{}
	done   chan struct{}
	used   atomic.Int32

	turn    sync.Mutex // held while a datagram or a tick is worked on
	readers sync.WaitGroup
}

func newWorker(log *slog.Logger) (*worker, error) {
	w := &worker{log: log, wakeUp: make(chan struct{}, 1), quit: make(chan struct{}), done: make(chan struct{})}
	w.clock.init(time.Now(), w.wake)
	return w, nil
}

func (w *worker) wake() {
	select {
	case w.wakeUp <- struct{}{}:
	default:
	}
}

// stop ends run and the readers, and waits for them. All ports must be closed before.
func (w *worker) stop() {
	close(w.quit)
	<-w.done
	w.readers.Wait()
}

// run is the worker's clock.
func (w *worker) run() {
	defer close(w.done)
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		if ms := w.clock.timeout(time.Now()); ms >= 0 {
			timer.Reset(time.Duration(ms) * time.Millisecond)
		}
		select {
		case <-w.quit:
			return
		case <-w.wakeUp:
		case <-timer.C:
		}
		w.turn.Lock()
		w.clock.tick(time.Now())
		w.turn.Unlock()
	}
}

// add begins to serve p.
func (w *worker) add(p *port) error {
	p.slot = 0
	w.used.Add(1)
	w.readers.Add(1)
	go w.read(p)
	return nil
}

// remove ends serving p; the caller closes its socket.
func (w *worker) remove(*port) { w.used.Add(-1) }

// load is how many ports the worker serves.
func (w *worker) load() int { return int(w.used.Load()) }

// read serves one socket until it is closed.
func (w *worker) read(p *port) {
	defer w.readers.Done()
	buf := make([]byte, maxDatagram)
	for failures := 0; failures < 100; {
		n, from, err := p.sock.conn.ReadFromUDPAddrPort(buf)
		if err != nil {
			failures++ // what an earlier packet met with, or the end
			if p.session.isClosed(p) {
				return
			}
			continue
		}
		failures = 0
		if n > 0 {
			w.turn.Lock()
			p.session.received(p, buf[:n], netip.AddrPortFrom(from.Addr().Unmap(), from.Port()))
			w.turn.Unlock()
		}
	}
}

func (s *stream) isClosed(p *port) bool {
	s.in.mu.Lock()
	defer s.in.mu.Unlock()
	return p.closed
}

func (s *stream) received(p *port, b []byte, from netip.AddrPort) {
	in := &s.in
	in.mu.Lock()
	var to *stream
	if !p.closed {
		to = s.datagram(p, b, from, time.Now())
	}
	in.mu.Unlock()
	if to != nil {
		to.source.deliver(&to.in.packet)
	}
}
