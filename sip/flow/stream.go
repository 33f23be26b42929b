package flow

import (
	"errors"
	"io"
	"net"
	"os"
	"time"

	"tandem/sip"
)

// A stream is a flow's TCP or TLS connection.
type stream struct {
	net.Conn
	place *place // of an accepted one
}

func (s *stream) write(_ *Flow, b []byte) error {
	_, err := s.Conn.Write(b)
	return err
}

func (s *stream) shut(*Flow) { s.Conn.Close() }

// readStream is the reader of a TCP or TLS flow. It returns when the flow is dead
// and its watchers know.
func (t *Transport) readStream(f *Flow, s *stream) {
	d := newDeadlines(f, s.Conn)
	r := sip.NewReader(d, t.limits.Message)
	for d.begin() {
		fr, err := r.Next()
		if err != nil {
			t.streamEnd(f, s.place, fr, err)
			break
		}
		t.streamFrame(f, fr)
	}
	t.end(f)
}

func (t *Transport) streamFrame(f *Flow, fr sip.Frame) {
	switch fr.Kind {
	case sip.PingFrame:
		t.trace(f, false, fr.Data)
		f.gotPing()
	case sip.PongFrame:
		t.trace(f, false, fr.Data)
		f.gotPong()
	default:
		if !t.patience(f) {
			return
		}
		t.deliver(f, fr.Message, fr.Fault, fr.Data)
	}
}

// streamEnd translates the reader's last error into the flow's cause of death.
// Where a message ends can no longer be told after a ParseError: it may be
// answered, but the connection is of no more use (RFC 3261 §18.3).
func (t *Transport) streamEnd(f *Flow, p *place, fr sip.Frame, err error) {
	var fault *sip.ParseError
	switch {
	case p.wasEvicted():
		f.Close(ErrEvicted)
	case errors.As(err, &fault):
		t.deliver(f, fr.Message, fault, fr.Data)
		f.Close(err)
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		f.Close(ErrFarEnd)
	case errors.Is(err, os.ErrDeadlineExceeded):
		if f.Err() == nil {
			t.count.Idle.Add(1)
		}
		f.Close(ErrIdle)
	default:
		f.Close(err)
	}
}

// end is the last act of a connection's reader.
func (t *Transport) end(f *Flow) {
	f.Close(ErrClosed)
	t.leave(f)
	f.mourn()
	t.log.Debug("flow ended", "flow", f, "cause", f.Err())
}

// patience holds a stranger's connection up while its source is over its budget:
// the far end feels it as back-pressure. It reports false when the flow died.
func (t *Transport) patience(f *Flow) bool {
	if f.Trusted() || t.budgets.admit(f.remote.Addr()) {
		return true
	}
	t.count.OverBudget.Add(1)
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-f.Done():
			return false
		case <-tick.C:
			if f.Trusted() || t.budgets.admit(f.remote.Addr()) {
				return true
			}
		}
	}
}

// deadlines is the reading side of an accepted connection with the patience its
// far end has earned: none of it counts for trusted flows.
type deadlines struct {
	f       *Flow
	conn    net.Conn
	born    time.Time
	set     bool // a deadline is set
	partial bool // some of the current message has come
}

func newDeadlines(f *Flow, c net.Conn) *deadlines {
	d := &deadlines{f: f, conn: c, born: time.Now()}
	if f.box != nil {
		f.box.onIdle = d.putOff
	}
	return d
}

// putOff is the next deadline of a flow that is silent but in use: a call may be
// up on it.
func (d *deadlines) putOff() time.Time {
	if d.partial || !d.f.proven.Load() || !d.f.watched() {
		return time.Time{}
	}
	return time.Now().Add(d.f.t.limits.Idle)
}

// begin is called before each message. It reports false if the flow is dead.
func (d *deadlines) begin() bool {
	d.partial = false
	if d.f.isDead() {
		return false
	}
	l := &d.f.t.limits
	switch {
	case d.f.Trusted():
		if d.set {
			d.set = false
			d.arm(time.Time{})
		}
	case d.f.proven.Load():
		d.arm(time.Now().Add(l.Idle))
	default:
		d.arm(d.born.Add(l.First))
	}
	return true
}

func (d *deadlines) arm(at time.Time) {
	d.conn.SetReadDeadline(at)
	d.set = !at.IsZero()
	if d.f.isDead() { // closed meanwhile: do not undo what Close set
		d.conn.SetReadDeadline(time.Unix(1, 0))
	}
}

func (d *deadlines) Read(b []byte) (int, error) {
	n, err := d.conn.Read(b)
	if n > 0 {
		d.started()
	}
	return n, err
}

// started is called when some of a message has come: the rest must follow soon.
func (d *deadlines) started() {
	if !d.partial && d.set && d.f.proven.Load() {
		d.partial = true
		d.arm(time.Now().Add(d.f.t.limits.Partial))
	}
}
