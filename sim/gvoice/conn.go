package gvoice

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"time"

	"tandem/sim/wire"
)

// conn is one TLS connection. One goroutine reads it and handles its messages
// in order; anybody may send.
type conn struct {
	srv        *Server
	id         int
	raw        net.Conn
	tls        *tls.Conn
	out        io.Writer // tls, but for tests
	sni        string
	remote     string
	clientCert string
	version    uint16
	since      time.Time

	wmu sync.Mutex // serialises writes

	// Guarded by srv.mu.
	dead     bool // fault dead-flow
	halfOpen bool // fault half-open
	pings    int
	lastPing time.Time
}

const writeTimeout = 5 * time.Second

func (c *conn) String() string { return fmt.Sprintf("%d %s", c.id, c.sni) }

// run reads until the connection ends.
func (c *conn) run() {
	r, lone := wire.NewReader(c.tls), false
	for {
		_ = c.raw.SetReadDeadline(time.Now().Add(c.srv.cfg.Options.IdleTimeout))
		frame, err := r.Next()
		if c.forgotten() {
			<-c.srv.ctx.Done()
			return
		}
		if err != nil {
			c.ended(frame, err)
			return
		}
		switch {
		case c.swallows():
		case frame.Ping, frame.Pong && lone: // the two halves may come in two segments
			lone = false
			c.ping()
		case frame.Pong:
			lone = true
		default:
			lone = false
			c.message(frame.Raw)
		}
	}
}

func (c *conn) ended(frame wire.Frame, err error) {
	var timeout net.Error
	switch {
	case errors.As(err, &timeout) && timeout.Timeout():
		c.srv.refuse(Refusal{
			Rule: "GV-S14", Action: "closed", What: "connection " + c.String(),
			Reason: fmt.Sprintf("nothing came for %v", c.srv.cfg.Options.IdleTimeout),
		})
	case errors.Is(err, io.EOF), errors.Is(err, net.ErrClosed):
	case frame.Raw != nil:
		c.srv.refuse(Refusal{Rule: "GV-S43", Action: "closed", What: firstLine(frame.Raw), Reason: err.Error()})
	}
	c.srv.log.Info("disconnected", "conn", c.id, "sni", c.sni, "error", err)
}

func (c *conn) swallows() bool {
	c.srv.mu.Lock()
	defer c.srv.mu.Unlock()
	return c.dead
}

func (c *conn) forgotten() bool {
	c.srv.mu.Lock()
	defer c.srv.mu.Unlock()
	return c.halfOpen
}

// ping answers CRLFCRLF with CRLF (GV-S14).
func (c *conn) ping() {
	s := c.srv
	s.mu.Lock()
	c.pings++
	c.lastPing = time.Now()
	s.mu.Unlock()
	if _, mute := s.fault(NoPong, c.sni, s.userOf(c)); mute {
		s.refuse(Refusal{Rule: "GV-S14", Action: "dropped", What: "keep-alive", Reason: "fault no-pong"})
		return
	}
	_ = c.write([]byte("\r\n"))
}

// message parses one message and hands it on.
func (c *conn) message(raw []byte) {
	m, err := wire.Parse(raw)
	if err != nil {
		c.srv.refuse(Refusal{Rule: "GV-S43", Action: "refused 400", What: firstLine(raw), Reason: err.Error()})
		c.badRequest(raw)
		return
	}
	c.srv.ladder.Message(c.String(), false, m)
	c.srv.log.Debug("received", "conn", c.id, "message", m.Summary())
	c.srv.handle(c, m)
}

// badRequest answers what could not be parsed, with an empty To (GV-S43).
func (c *conn) badRequest(raw []byte) {
	if len(raw) > 7 && string(raw[:7]) == "SIP/2.0" {
		return
	}
	m := wire.Headers(raw)
	_ = c.write(wire.Response(400, "").Each("Via", m.All("Via")).Add("To", " ").Add("From", m.Get("From")).
		Add("Call-ID", m.CallID()).Add("CSeq", m.Get("CSeq")).End())
}

// send writes a message and records it.
func (c *conn) send(raw []byte) {
	m, err := wire.Parse(raw)
	if err != nil {
		c.srv.log.Error("the simulator made a message its own parser refuses", "error", err, "message", string(raw))
		return
	}
	c.srv.ladder.Message(c.String(), true, m)
	if err := c.write(raw); err != nil {
		c.srv.log.Info("not sent", "conn", c.id, "message", m.Summary(), "error", err)
	}
}

func (c *conn) write(raw []byte) error {
	if c.swallows() || c.forgotten() {
		return nil
	}
	c.wmu.Lock()
	defer c.wmu.Unlock()
	_ = c.raw.SetWriteDeadline(time.Now().Add(writeTimeout))
	_, err := c.out.Write(raw)
	return err
}

func firstLine(raw []byte) string {
	for i, b := range raw {
		if b == '\r' || b == '\n' || i >= 120 {
			return string(raw[:i])
		}
	}
	return string(raw)
}
