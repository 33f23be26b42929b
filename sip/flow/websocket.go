package flow

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"time"
	"unicode/utf8"

	"github.com/coder/websocket"

	"tandem/sip"
)

// subprotocol is the WebSocket subprotocol of SIP (RFC 7118 §4.1).
const subprotocol = "sip"

// maxPerFrame is how many messages one WebSocket frame may hold. RFC 7118 §5.1
// says one; some senders put in more.
const maxPerFrame = 32

// connKey finds an HTTP request's connection in its context.
type connKey struct{}

// runHTTP serves the handshakes of a ws or wss listener until it is closed.
func (a *acceptor) runHTTP() {
	defer a.t.disown(a.Listener)
	s := &http.Server{
		Handler:           http.HandlerFunc(a.upgrade),
		ReadHeaderTimeout: a.t.limits.Handshake, // covers the TLS handshake too
		IdleTimeout:       a.t.limits.Handshake,
		MaxHeaderBytes:    16 << 10,
		ErrorLog:          slog.NewLogLogger(a.t.log.Handler(), slog.LevelDebug),
		ConnContext: func(ctx context.Context, c net.Conn) context.Context {
			return context.WithValue(ctx, connKey{}, c)
		},
	}
	// Close of the Transport closes the connections that are still shaking hands.
	if !a.t.own(s) {
		return
	}
	defer a.t.disown(s)
	defer s.Close()
	s.Serve(tlsListener{a})
}

// tlsListener puts TLS on what an acceptor accepts.
type tlsListener struct{ *acceptor }

func (l tlsListener) Accept() (net.Conn, error) {
	c, err := l.acceptor.Accept()
	if err != nil || l.tls == nil {
		return c, err
	}
	return tls.Server(c, l.tls), nil
}

// upgrade is the HTTP handler. It stays in it while the flow lives, so that the
// goroutine that shook hands is the flow's reader.
func (a *acceptor) upgrade(w http.ResponseWriter, r *http.Request) {
	t := a.t
	done, ok := t.busy()
	if !ok {
		http.Error(w, "closing", http.StatusServiceUnavailable)
		return
	}
	defer done()
	if a.conf.Path != "" && r.URL.Path != a.conf.Path {
		http.NotFound(w, r)
		return
	}
	under := r.Context().Value(connKey{}).(net.Conn)
	c, err := websocket.Accept(w, r, &websocket.AcceptOptions{
		Subprotocols: []string{subprotocol}, OriginPatterns: a.conf.Origins,
	})
	if err != nil {
		t.count.Handshakes.Add(1)
		t.log.Debug("WebSocket handshake", "remote", r.RemoteAddr, "err", err)
		return
	}
	defer c.CloseNow()
	if c.Subprotocol() != subprotocol {
		t.count.Handshakes.Add(1)
		c.Close(websocket.StatusPolicyViolation, "subprotocol sip is needed (RFC 7118)")
		return
	}
	f := newFlow(t, a.net, addrPort(under.LocalAddr()), addrPort(under.RemoteAddr()))
	f.sentBy, f.state = a.sentBy, r.TLS
	f.trusted.Store(t.budgets.isFree(f.remote.Addr()))
	ac := acceptedBelow(under)
	f.box, f.place = ac.outbox, ac.place
	t.serveWebSocket(f, &webSocket{c: c, under: under, place: ac.place})
}

// acceptedBelow finds what our listener accepted under an HTTP connection.
func acceptedBelow(c net.Conn) *acceptedConn {
	if tc, ok := c.(*tls.Conn); ok {
		c = tc.NetConn()
	}
	return c.(*acceptedConn)
}

// busy counts the caller among the goroutines that Close waits for.
func (t *Transport) busy() (done func(), ok bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed {
		return nil, false
	}
	t.work.Add(1)
	return t.work.Done, true
}

// A webSocket is a flow's WebSocket connection.
type webSocket struct {
	c     *websocket.Conn
	under net.Conn // for deadlines
	place *place   // of an accepted one
}

// write sends one frame. SIP is text, but a body may be anything, and a text frame
// that is no UTF-8 would end the connection (RFC 6455 §8.1).
func (s *webSocket) write(_ *Flow, b []byte) error {
	kind := websocket.MessageText
	if !utf8.Valid(b) {
		kind = websocket.MessageBinary
	}
	return s.c.Write(context.Background(), kind, b)
}

func (s *webSocket) shut(*Flow) { s.c.CloseNow() }

// serveWebSocket is the reader of a WebSocket flow, until it is dead.
func (t *Transport) serveWebSocket(f *Flow, s *webSocket) {
	f.out = s
	if !t.enter(f) {
		s.c.CloseNow()
		return
	}
	t.readWebSocket(f, s)
}

func (t *Transport) readWebSocket(f *Flow, s *webSocket) {
	s.c.SetReadLimit(int64(t.limits.Message.Message))
	d := newDeadlines(f, s.under)
	var buf bytes.Buffer
	for d.begin() {
		if err := s.next(d, &buf); err != nil {
			t.webSocketEnd(f, s.place, err)
			break
		}
		t.webSocketFrame(f, buf.Bytes())
		if buf.Cap() > maxPooled {
			buf = bytes.Buffer{}
		}
	}
	t.end(f)
}

// next reads one WebSocket message, text or binary: Google's edge sends binary
// (GV-C4).
func (s *webSocket) next(d *deadlines, buf *bytes.Buffer) error {
	_, r, err := s.c.Reader(context.Background())
	if err != nil {
		return err
	}
	d.started()
	buf.Reset()
	_, err = buf.ReadFrom(r)
	return err
}

func (t *Transport) webSocketEnd(f *Flow, p *place, err error) {
	switch {
	case p.wasEvicted():
		f.Close(ErrEvicted)
	case websocket.CloseStatus(err) != -1, errors.Is(err, io.EOF):
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

// webSocketFrame handles the messages and keep-alives of one frame.
func (t *Transport) webSocketFrame(f *Flow, b []byte) {
	for range maxPerFrame {
		fr := t.limits.Message.ParseFrame(b)
		n := frameEnd(fr, b)
		fr.Data = b[:n]
		t.streamFrame(f, fr)
		if b = bytes.TrimLeft(b[n:], "\r\n"); len(b) == 0 {
			return
		}
	}
}

// frameEnd is the length of the first message in b: up to what its Content-Length
// says, or all.
func frameEnd(fr sip.Frame, b []byte) int {
	if fr.Kind != sip.MessageFrame || fr.Fault != nil || fr.Message == nil || !fr.Message.Has("Content-Length") {
		return len(b)
	}
	start := len(b) - len(bytes.TrimLeft(b, "\r\n"))
	head := bytes.Index(b[start:], []byte("\r\n\r\n"))
	if head < 0 {
		return len(b)
	}
	return min(start+head+4+len(fr.Message.Body), len(b))
}

// dialWebSocket upgrades a connection that is already there and encrypted.
func dialWebSocket(ctx context.Context, c net.Conn, to Target, limit time.Duration) (*websocket.Conn, error) {
	used := false
	rt := &http.Transport{
		DialContext: func(context.Context, string, string) (net.Conn, error) {
			if used {
				return nil, errors.New("the far end wants a second connection")
			}
			used = true
			return c, nil
		},
		ResponseHeaderTimeout: limit,
	}
	header := http.Header{}
	for k, v := range to.Header {
		header[k] = v
	}
	if to.Origin != "" {
		header.Set("Origin", to.Origin)
	}
	path := to.Path
	if path == "" {
		path = "/"
	}
	conn, resp, err := websocket.Dial(ctx, "ws://"+to.hostPort()+path, &websocket.DialOptions{
		HTTPClient: &http.Client{
			Transport:     rt,
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
		HTTPHeader: header, Subprotocols: []string{subprotocol}, Host: to.hostHeader(),
	})
	if err != nil {
		rt.CloseIdleConnections()
		if resp != nil {
			return nil, &UpgradeError{Status: resp.StatusCode}
		}
		return nil, err
	}
	return conn, nil
}
