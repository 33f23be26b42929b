package tandem

import (
	"container/list"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"

	"tandem/alarm"
	"tandem/metrics"
)

// web serves the metrics and health pages.
type web struct {
	server *http.Server
	done   chan struct{}
}

func (w *web) Close() error {
	if w.server == nil {
		return nil
	}
	err := w.server.Close()
	<-w.done
	return err
}

// serveHTTP opens the HTTP listener. Without it calls work all the same: a
// failure is an alarm, not the end.
func (g *Gateway) serveHTTP() *web {
	addr := g.http
	if addr == "" {
		addr = "127.0.0.1:8080"
	}
	if addr == "off" {
		return &web{}
	}
	ln, err := net.Listen("tcp", addr)
	if err != nil {
		g.Alarms.Raise(alarm.Alarm{
			Key: "http", Severity: alarm.Warning, Title: "The metrics and health page cannot be served",
			Subject: addr, Detail: err.Error(), Do: "Set http: to a free address, or to off.",
		})
		return &web{}
	}
	mux := http.NewServeMux()
	metrics.Mount(mux, g.Metrics, g.Health)
	mux.HandleFunc("GET /status", g.serveStatus)
	crowd := &crowd{max: maxHTTP}
	w := &web{&http.Server{
		Handler: mux, ReadHeaderTimeout: 10 * time.Second, ReadTimeout: 30 * time.Second, WriteTimeout: 30 * time.Second,
		IdleTimeout: 30 * time.Second, MaxHeaderBytes: 64 << 10, ConnState: crowd.change,
		ErrorLog: slog.NewLogLogger(g.log.Handler(), slog.LevelDebug),
	}, make(chan struct{})}
	g.log.Info("metrics and health", "url", "http://"+ln.Addr().String()+"/metrics")
	go func() {
		defer close(w.done)
		if err := w.server.Serve(ln); !errors.Is(err, http.ErrServerClosed) {
			g.log.Error("metrics and health stopped", "err", err)
		}
	}()
	return w
}

// maxHTTP bounds the connections to the HTTP listener that do nothing.
const maxHTTP = 1024

// A crowd closes the oldest connection that asks nothing when there are too many,
// so that slow ones keep no good one out (goals R-7).
type crowd struct {
	max int

	mu   sync.Mutex // guards what follows
	idle list.List  // of net.Conn, oldest first
	at   map[net.Conn]*list.Element
}

// change is the server's ConnState. A new connection counts as idle until its
// first request has been read.
func (c *crowd) change(conn net.Conn, s http.ConnState) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if e := c.at[conn]; e != nil {
		c.idle.Remove(e)
		delete(c.at, conn)
	}
	if s != http.StateNew && s != http.StateIdle {
		return
	}
	if c.at == nil {
		c.at = make(map[net.Conn]*list.Element)
	}
	c.at[conn] = c.idle.PushBack(conn)
	if c.idle.Len() > c.max {
		oldest := c.idle.Remove(c.idle.Front()).(net.Conn)
		delete(c.at, oldest)
		_ = oldest.Close() // its goroutine finds out
	}
}
