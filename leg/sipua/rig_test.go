package sipua_test

import (
	"context"
	"fmt"
	"log/slog"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"tandem/alarm"
	"tandem/call"
	"tandem/leg/sipua"
	"tandem/media"
	"tandem/media/bridge"
	"tandem/media/transport"
	"tandem/sip"
	"tandem/sip/auth"
	"tandem/sip/dialog"
	"tandem/sip/flow"
	"tandem/sip/transaction"
	"tandem/token"
)

// A rig is a connector on loopback, with a switch that routes as the test says.
type rig struct {
	*testing.T
	*sipua.Connector
	board *alarm.Board
	sw    *call.Switch
	addr  map[string]netip.AddrPort // by network
	stop  func()

	mu      sync.Mutex
	to      func(call.Request) ([]call.Destination, error)
	asked   []call.Request
	records []call.Record
}

func (r *rig) Route(q call.Request) ([]call.Destination, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.asked = append(r.asked, q)
	if r.to == nil {
		return []call.Destination{{Connector: sipua.Name, Target: q.To, To: q.To}}, nil
	}
	return r.to(q)
}

// routes sets where calls go from now on.
func (r *rig) routes(to func(call.Request) ([]call.Destination, error)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.to = to
}

func (r *rig) Began(call.Record) {}
func (r *rig) Ended(rec call.Record) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.records = append(r.records, rec)
}

// request returns the n-th request that routing saw.
func (r *rig) request(n int) call.Request {
	r.Helper()
	var q call.Request
	r.until(fmt.Sprintf("request %d", n), func() bool {
		r.mu.Lock()
		defer r.mu.Unlock()
		if len(r.asked) <= n {
			return false
		}
		q = r.asked[n]
		return true
	})
	return q
}

func (r *rig) record(n int) call.Record {
	r.Helper()
	var rec call.Record
	r.until(fmt.Sprintf("record %d", n), func() bool {
		r.mu.Lock()
		defer r.mu.Unlock()
		if len(r.records) <= n {
			return false
		}
		rec = r.records[n]
		return true
	})
	return rec
}

// until waits for what happens in goroutines of sockets, where time is not virtual.
func (r *rig) until(what string, ok func() bool) {
	r.Helper()
	limit := time.After(time.Minute)
	t := time.NewTicker(2 * time.Millisecond)
	defer t.Stop()
	for !ok() {
		select {
		case <-t.C:
		case <-limit:
			r.Fatal("never: " + what)
		}
	}
}

func testLog(t *testing.T) *slog.Logger {
	if !testing.Verbose() {
		return slog.New(slog.DiscardHandler)
	}
	return slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelDebug}))
}

var loopback = netip.MustParseAddr("127.0.0.1")

func devices(names ...string) sipua.Config {
	c := sipua.Config{}
	for _, n := range names {
		c.Devices = append(c.Devices, sipua.Device{Name: n, Password: token.Secret("secret-of-" + n)})
	}
	return c
}

func newRig(t *testing.T, conf sipua.Config, change ...func(*sipua.Connector)) *rig {
	t.Helper()
	log := testLog(t)
	if conf.Listen == nil {
		conf.Listen = []sipua.Listen{{Network: "udp", Addr: "127.0.0.1:0"}, {Network: "tcp", Addr: "127.0.0.1:0"}}
	}
	if err := conf.Validate(); err != nil {
		t.Fatal(err)
	}
	engine := &transport.Engine{BindIPv4: loopback, Log: log}
	if err := engine.Start(); err != nil {
		t.Fatal(err)
	}
	r := &rig{T: t, board: &alarm.Board{Log: log}, addr: make(map[string]netip.AddrPort)}
	r.Connector = &sipua.Connector{Config: conf, Engine: engine, Alarms: r.board, Log: log, UserAgent: "Tandem/test"}
	for _, f := range change {
		f(r.Connector)
	}
	r.sw = &call.Switch{
		Router: r, Dialers: map[string]call.Dialer{sipua.Name: r.Connector}, Log: log, Recorder: r,
		Join: func(a, b media.Session, early bool, log *slog.Logger) call.Bridge {
			return bridge.Join(a, b, bridge.Options{Log: log, Early: early})
		},
	}
	addrs, err := r.Open()
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range addrs {
		r.addr[a.Network] = a.Addr
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() {
		done <- r.Listen(ctx, func(q call.Request, l call.Leg) { r.sw.Incoming(ctx, q, l) })
	}()
	r.stop = sync.OnceFunc(func() {
		cancel()
		r.sw.Wait()
		if err := <-done; err != nil {
			t.Error(err)
		}
		if err := engine.Close(); err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(r.stop)
	r.until("serving", r.Serving)
	return r
}

// A phone is a user agent of its own: stack, credentials, and no audio.
type phone struct {
	*rig
	name  string
	net   *flow.Transport
	layer *transaction.Layer
	core  *dialog.Core
	auth  *auth.Client
	flow  *flow.Flow // to the gateway
	calls chan *dialog.Session
	other chan *transaction.Server                  // requests outside of calls
	serve atomic.Pointer[func(*transaction.Server)] // takes REGISTERs, if set
	seq   int
	sdp   string // its offers
}

func (r *rig) phone(name, network string) *phone {
	r.Helper()
	p := &phone{rig: r, name: name, sdp: offer, calls: make(chan *dialog.Session, 8), other: make(chan *transaction.Server, 8)}
	p.layer = &transaction.Layer{Log: testLog(r.T)}
	p.net = &flow.Transport{Handler: p.layer.Receive, Malformed: p.layer.Malformed}
	p.core = &dialog.Core{
		Transactions: p.layer, Log: testLog(r.T).With("phone", name), Contact: p.contact, OnInvite: func(s *dialog.Session) { p.calls <- s },
		OnRequest: func(s *transaction.Server) {
			_ = s.Respond(sip.NewResponse(s.Request(), 200, ""))
			select {
			case p.other <- s:
			default:
			}
		},
	}
	p.layer.OnStray = p.core.HandleStray
	p.layer.OnRequest = func(s *transaction.Server) {
		if serve := p.serve.Load(); serve != nil && s.Request().Method == "REGISTER" {
			(*serve)(s)
			return
		}
		p.core.HandleRequest(s)
	}
	if network == "udp" {
		if _, err := p.net.Listen(flow.Listen{Network: "udp", Addr: "127.0.0.1:0"}); err != nil {
			r.Fatal(err)
		}
	}
	p.auth = &auth.Client{Username: name, Password: auth.Secret("secret-of-" + name), Realms: []string{"tandem"}}
	var err error
	if p.flow, err = p.net.Dial(context.Background(), flow.Target{Network: network, Addr: r.addr[network]}); err != nil {
		r.Fatal(err)
	}
	r.Cleanup(p.close)
	return p
}

func (p *phone) close() {
	p.core.Close()
	p.layer.Close()
	_ = p.net.Close()
}

func (p *phone) contact(f *flow.Flow) sip.URI {
	u := sip.URI{Scheme: "sip", User: p.name, Host: f.Local().Addr().String(), Port: int(f.Local().Port())}
	if f.Network() != "udp" {
		u.Params = u.Params.With("transport", f.Network())
	}
	return u
}

func (p *phone) aor() sip.Address {
	return sip.Address{URI: sip.URI{Scheme: "sip", User: p.name, Host: "127.0.0.1"}}
}

// send sends a request and returns the final answer.
func (p *phone) send(m *sip.Message) *sip.Message {
	p.Helper()
	done := make(chan transaction.Event, 4)
	p.layer.Request(p.flow, m.Clone(), func(e transaction.Event) {
		if e.Err != nil || e.Response.Status >= 200 {
			done <- e
		}
	})
	select {
	case e := <-done:
		if e.Err != nil {
			p.Fatalf("%s of %s: %v", m.Method, p.name, e.Err)
		}
		return e.Response
	case <-time.After(time.Minute):
		p.Fatalf("%s of %s: no answer", m.Method, p.name)
		return nil
	}
}

func (p *phone) message(method string, to sip.URI, more ...string) *sip.Message {
	p.seq++
	m := sip.NewRequest(method, to)
	m.Add("From", p.aor().WithTag(sip.NewTag()).String())
	m.Add("To", p.aor().String())
	m.Add("Call-ID", p.name+"@phone")
	m.Add("CSeq", fmt.Sprint(2*p.seq, " ", method))
	for i := 0; i+1 < len(more); i += 2 {
		m.Set(more[i], more[i+1])
	}
	return m
}

var domain = sip.URI{Scheme: "sip", Host: "127.0.0.1"}

// register registers and returns the last answer.
func (p *phone) register(more ...string) *sip.Message {
	p.Helper()
	if !strings.Contains(strings.Join(more, " "), "Contact") {
		more = append(more, "Contact", "<"+p.contact(p.flow).String()+">")
	}
	m := p.message("REGISTER", domain, more...)
	resp := p.send(m)
	if resp.Status != 401 {
		return resp
	}
	again, err := p.auth.Authorize(m, resp)
	if err != nil {
		p.Fatal(err)
	}
	return p.send(again)
}

func (p *phone) mustRegister(more ...string) {
	p.Helper()
	if resp := p.register(more...); resp.Status != 200 {
		p.Fatalf("REGISTER of %s: %s", p.name, resp)
	}
}

// A talk is one call as the phone sees it.
type talk struct {
	*dialog.Session
	t      *testing.T
	events chan dialog.Event
}

const offer = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n" +
	"m=audio 40000 RTP/AVP 0 8 101\r\na=rtpmap:0 PCMU/8000\r\na=rtpmap:8 PCMA/8000\r\na=rtpmap:101 telephone-event/8000\r\n"

// dial calls to; more are headers of the INVITE.
func (p *phone) dial(to string, more ...string) *talk {
	p.Helper()
	uri, err := sip.ParseURI("sip:" + to + "@127.0.0.1")
	if err != nil {
		p.Fatal(err)
	}
	m := sip.NewRequest("INVITE", uri)
	m.Add("From", p.aor().String())
	m.Add("To", sip.Address{URI: uri}.String())
	for i := 0; i+1 < len(more); i += 2 {
		m.Set(more[i], more[i+1])
	}
	c := &talk{t: p.T, events: make(chan dialog.Event, 64)}
	var body []byte
	if p.sdp != "" {
		body = []byte(p.sdp)
	}
	c.Session, err = p.core.Invite(dialog.Invite{
		Flow: p.flow, Request: m, SDP: body, Authorize: p.auth.Authorize,
		On: func(e dialog.Event) { c.events <- e },
	})
	if err != nil {
		p.Fatal(err)
	}
	return c
}

// rings waits for a call.
func (p *phone) rings() *talk {
	p.Helper()
	select {
	case s := <-p.calls:
		c := &talk{Session: s, t: p.T, events: make(chan dialog.Event, 64)}
		s.On(func(e dialog.Event) { c.events <- e })
		return c
	case <-time.After(time.Minute):
		p.Fatalf("%s does not ring", p.name)
		return nil
	}
}

// answer answers with the codec of the offer.
func (c *talk) answer() {
	sdp := strings.Replace(offer, "40000", "40002", 1)
	c.Accept([]byte(sdp))
}

// wait returns the next event of type E, passing over others.
func wait[E dialog.Event](c *talk) E {
	c.t.Helper()
	limit := time.After(time.Minute)
	for {
		select {
		case e := <-c.events:
			if v, ok := e.(E); ok {
				return v
			}
			if end, ok := e.(dialog.Ended); ok {
				c.t.Fatalf("the call ended: %v %d, while waiting for %T", end.Cause, end.Status, *new(E))
			}
		case <-limit:
			c.t.Fatalf("no %T", *new(E))
		}
	}
}
