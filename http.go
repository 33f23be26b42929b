package tandem

import (
	"container/list"
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	"tandem/alarm"
	"tandem/config"
	"tandem/metrics"
	"tandem/web"
)

// pages serves the page, the API, metrics and health.
type pages struct {
	server *http.Server
	done   chan struct{}
}

func (p *pages) Close() error {
	if p.server == nil {
		return nil
	}
	err := p.server.Close()
	<-p.done
	return err
}

const (
	httpAlarm  = "http"
	plainAlarm = "http/plain"
)

// serveHTTP opens the HTTP listener. Without it calls work all the same: a
// failure is an alarm, not the end.
func (g *Gateway) serveHTTP(ctx context.Context) *pages {
	conf := g.conf.Load()
	addr := conf.HTTP
	if addr == "" {
		addr = "127.0.0.1:8080"
	}
	if addr == "off" {
		return &pages{}
	}
	ln, err := listenHTTP(addr, conf.Web)
	if err != nil {
		g.Alarms.Raise(alarm.Alarm{
			Key: httpAlarm, Severity: alarm.Warning, Title: "The page, the API and the metrics cannot be served",
			Subject: addr, Detail: err.Error(), Do: "Set http: to a free address, or to off; web: names the files of the certificate and its key.",
		})
		return &pages{}
	}
	crowd := &crowd{max: maxHTTP}
	p := &pages{&http.Server{
		Handler: g.routes(), ReadHeaderTimeout: 10 * time.Second, ReadTimeout: 30 * time.Second, WriteTimeout: 30 * time.Second,
		IdleTimeout: 30 * time.Second, MaxHeaderBytes: 64 << 10, ConnState: crowd.change,
		ErrorLog: slog.NewLogLogger(g.log.Handler(), slog.LevelDebug),
	}, make(chan struct{})}
	g.announce(ctx, ln, conf.Web)
	go func() {
		defer close(p.done)
		if err := p.server.Serve(ln); !errors.Is(err, http.ErrServerClosed) {
			g.log.Error("the page, the API and the metrics stopped", "err", err)
		}
	}()
	return p
}

func listenHTTP(addr string, conf config.Web) (net.Listener, error) {
	ln, err := net.Listen("tcp", addr)
	if err != nil || conf.Cert == "" {
		return ln, err
	}
	key := conf.Key
	if key == "" {
		key = conf.Cert
	}
	cert, err := tls.LoadX509KeyPair(conf.Cert, key)
	if err != nil {
		return nil, errors.Join(err, ln.Close())
	}
	return tls.NewListener(ln, &tls.Config{Certificates: []tls.Certificate{cert}, MinVersion: tls.VersionTLS12, NextProtos: []string{"http/1.1"}}), nil
}

// announce tells where the page is, how the first user is made, and what is unwise.
func (g *Gateway) announce(ctx context.Context, ln net.Listener, conf config.Web) {
	scheme, addr := "http", ln.Addr().(*net.TCPAddr)
	if conf.Cert != "" {
		scheme = "https"
	}
	url := scheme + "://" + addr.String()
	g.log.Info("page, API, metrics and health", "url", url+"/", "metrics", url+"/metrics")
	if conf.Cert == "" && !addr.IP.IsLoopback() {
		g.Alarms.Raise(alarm.Alarm{
			Key: plainAlarm, Severity: alarm.Warning, Title: "The page and the API are served without encryption",
			Subject: addr.String(), Detail: "Passwords and sessions can be read by whoever is on the way.",
			Do: "Name a certificate in web: {cert, key}, or set http: to 127.0.0.1:8080 and put a proxy with TLS before it.",
		})
	}
	switch token, err := g.admin.server.Identity.Invite(ctx); {
	case err != nil:
		g.log.Error("whether there are users cannot be told", "err", err)
	case token != "":
		g.log.Warn("there is no user yet: open this link once to make the first", "url", url+"/#/setup?token="+token)
	}
}

// routes is everything that is served.
func (g *Gateway) routes() http.Handler {
	mux := http.NewServeMux()
	metrics.Mount(mux, g.Metrics, g.Health)
	mux.HandleFunc("GET /status", g.serveStatus)
	mux.HandleFunc("POST /capture", g.serveCapture)
	mux.Handle("/api/", g.admin.server.Handler())
	mux.Handle("/", web.Handler())
	return secured(mux, g.admin.server.Encrypted)
}

// secured adds what keeps browsers from being tricked, wherever a handler does not say
// more; encrypted reports whether they came by TLS, here or at a trusted proxy.
func secured(next http.Handler, encrypted func(*http.Request) bool) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("X-Frame-Options", "DENY")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		if encrypted(r) {
			h.Set("Strict-Transport-Security", "max-age=31536000")
		}
		next.ServeHTTP(w, r)
	})
}

// isLocal reports whether a browser that was told a name of somebody else's for this
// machine (DNS rebinding) is not what asks.
func isLocal(host string) bool {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	host = strings.Trim(host, "[]")
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
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
