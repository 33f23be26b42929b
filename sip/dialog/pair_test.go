package dialog

import (
	"io"
	"log/slog"
	"net"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"tandem/sip"
	"tandem/sip/flow"
	"tandem/sip/transaction"
)

const (
	offerSDP  = "v=0\r\no=a 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\n"
	answerSDP = "v=0\r\no=b 1 1 IN IP4 192.0.2.2\r\ns=-\r\nc=IN IP4 192.0.2.2\r\nt=0 0\r\nm=audio 5000 RTP/AVP 0\r\n"
	holdSDP   = offerSDP + "a=sendonly\r\n"
	heldSDP   = answerSDP + "a=recvonly\r\n"
)

// An end is one user agent: a core, its transaction layer and transport, and one flow.
type end struct {
	t      *testing.T
	core   *Core
	layer  *transaction.Layer
	tr     *flow.Transport
	flow   *flow.Flow
	events chan Event
	calls  chan *Session // incoming

	mu   sync.Mutex // guards sent
	sent []string   // start lines of what was sent
}

func newEnd(t *testing.T, conn net.Conn, network string) *end {
	t.Helper()
	e := &end{t: t, events: make(chan Event, 256), calls: make(chan *Session, 16)}
	e.layer = &transaction.Layer{Log: quiet}
	e.tr = &flow.Transport{Handler: e.layer.Receive, Malformed: e.layer.Malformed, Log: quiet, Trace: e.trace}
	e.core = &Core{
		Transactions: e.layer, Log: quiet,
		Contact:  func(*flow.Flow) sip.URI { return sip.URI{Scheme: "sip", User: "me", Host: "192.0.2.9"} },
		OnInvite: func(s *Session) { s.On(func(ev Event) { e.events <- ev }); e.calls <- s },
	}
	e.layer.OnRequest, e.layer.OnStray = e.core.HandleRequest, e.core.HandleStray
	var err error
	if e.flow, err = e.tr.Adopt(conn, network); err != nil {
		t.Fatal(err)
	}
	return e
}

var quiet = slog.New(slog.NewTextHandler(io.Discard, nil))

func (e *end) trace(ev flow.TraceEvent) {
	if !ev.Out {
		return
	}
	line, _, _ := strings.Cut(string(ev.Data), "\r\n")
	e.mu.Lock()
	e.sent = append(e.sent, strings.Replace(strings.Replace(line, "SIP/2.0 ", "", 1), " SIP/2.0", "", 1))
	e.mu.Unlock()
}

// count returns how many messages were sent whose start line begins so.
func (e *end) count(prefix string) int {
	e.mu.Lock()
	defer e.mu.Unlock()
	n := 0
	for _, l := range e.sent {
		if strings.HasPrefix(l, prefix) {
			n++
		}
	}
	return n
}

func (e *end) close() {
	e.core.Close()
	e.layer.Close()
	e.tr.Close()
}

// invite makes a call; what may be changed in it is.
func (e *end) invite(change ...func(*Invite)) *Session {
	e.t.Helper()
	req := sip.NewRequest("INVITE", sip.URI{Scheme: "sip", User: "bob", Host: "example.com"})
	req.Add("From", "<sip:alice@example.com>")
	req.Add("To", "<sip:bob@example.com>")
	inv := Invite{Flow: e.flow, Request: req, SDP: []byte(offerSDP), On: func(ev Event) { e.events <- ev }}
	for _, c := range change {
		c(&inv)
	}
	s, err := e.core.Invite(inv)
	if err != nil {
		e.t.Fatal(err)
	}
	return s
}

// incoming waits for a call.
func (e *end) incoming() *Session {
	e.t.Helper()
	select {
	case s := <-e.calls:
		return s
	case <-time.After(time.Minute):
		e.t.Fatal("no call came in")
		return nil
	}
}

// next returns the next event, which must be a T.
func next[T Event](e *end) T {
	e.t.Helper()
	select {
	case ev := <-e.events:
		got, ok := ev.(T)
		if _, announced := ev.(Ending); !ok && announced {
			return next[T](e)
		}
		if !ok {
			e.t.Fatalf("event %T %+v, want %T", ev, ev, got)
		}
		return got
	case <-time.After(10 * time.Minute):
		var want T
		e.t.Fatalf("no event came, want %T", want)
		return want
	}
}

// ended waits for Ended, and checks that nothing comes after it.
func ended(e *end, cause Cause) Ended {
	e.t.Helper()
	got := next[Ended](e)
	if got.Cause != cause {
		e.t.Errorf("ended by %v (status %d, err %v), want %v", got.Cause, got.Status, got.Err, cause)
	}
	synctest.Wait()
	select {
	case ev := <-e.events:
		e.t.Errorf("%T after Ended", ev)
	default:
	}
	return got
}

// silent checks that no event waits.
func (e *end) silent() {
	e.t.Helper()
	synctest.Wait()
	select {
	case ev := <-e.events:
		e.t.Fatalf("unexpected event %T %+v", ev, ev)
	default:
	}
}

// pair runs a test with two cores back to back, 10 ms apart, in virtual time.
func pair(t *testing.T, test func(t *testing.T, a, b *end)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		var wires sync.WaitGroup
		defer wires.Wait()
		left, right := slowPipe(&wires)
		a, b := newEnd(t, left, "tcp"), newEnd(t, right, "tcp")
		defer b.close()
		defer a.close()
		test(t, a, b)
		synctest.Wait()
		for _, e := range []*end{a, b} {
			if n := e.core.Stats().Sessions; n > 0 && !t.Failed() {
				t.Errorf("%d sessions left", n)
			}
		}
	})
}

// slowPipe is a stream whose bytes need 10 ms.
func slowPipe(wires *sync.WaitGroup) (net.Conn, net.Conn) {
	a, am := net.Pipe()
	bm, b := net.Pipe()
	relay := func(to, from net.Conn) {
		defer to.Close()
		defer from.Close()
		buf := make([]byte, 1<<16)
		for {
			n, err := from.Read(buf)
			if err != nil {
				return
			}
			time.Sleep(10 * time.Millisecond) // the wire's latency
			if _, err := to.Write(buf[:n]); err != nil {
				return
			}
		}
	}
	wires.Go(func() { relay(bm, am) })
	wires.Go(func() { relay(am, bm) })
	return a, b
}

// call sets up an answered call from a to b.
func connect(a, b *end, change ...func(*Invite)) (sa, sb *Session) {
	a.t.Helper()
	sa = a.invite(change...)
	sb = b.incoming()
	sb.Accept([]byte(answerSDP))
	next[Answered](a)
	next[Acked](b)
	return sa, sb
}

// A peer is a far end whose every message the test writes.
type peer struct {
	t    *testing.T
	conn net.Conn
	in   chan *sip.Message
}

// scripted runs a test with one core against a scripted far end, in virtual time.
func scripted(t *testing.T, network string, test func(t *testing.T, e *end, p *peer)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		left, right := net.Pipe()
		e := newEnd(t, left, network)
		p := &peer{t: t, conn: right, in: make(chan *sip.Message, 256)}
		go p.read()
		defer right.Close()
		defer e.close()
		test(t, e, p)
	})
}

func (p *peer) read() {
	r := sip.NewReader(p.conn, sip.Limits{})
	for {
		f, err := r.Next()
		if err != nil {
			return
		}
		if f.Kind == sip.MessageFrame {
			p.in <- f.Message
		}
	}
}

// expect returns the next message, which must be this request ("BYE") or response ("200").
func (p *peer) expect(what string) *sip.Message {
	p.t.Helper()
	select {
	case m := <-p.in:
		got := m.Method
		if !m.IsRequest() {
			got = strconv.Itoa(m.Status)
		}
		if got != what {
			p.t.Fatalf("got %s, want %s:\n%s", got, what, m)
		}
		return m
	case <-time.After(10 * time.Minute):
		p.t.Fatalf("nothing came, want %s", what)
		return nil
	}
}

// quiet checks that nothing was sent.
func (p *peer) quiet() {
	p.t.Helper()
	synctest.Wait()
	select {
	case m := <-p.in:
		p.t.Fatalf("unexpected message:\n%s", m)
	default:
	}
}

func (p *peer) send(m *sip.Message) {
	p.t.Helper()
	if _, err := p.conn.Write(m.Append(nil)); err != nil {
		p.t.Fatal(err)
	}
}

// reply answers a request. Headers are "Name: value" lines; a body is SDP.
func (p *peer) reply(req *sip.Message, status int, tag, body string, headers ...string) *sip.Message {
	p.t.Helper()
	m := sip.NewResponse(req, status, "")
	if tag != "" && tagOf(m, "To") == "" {
		m.Set("To", m.Get("To")+";tag="+tag)
	}
	if tag != "" && (req.Method == "INVITE" || req.Method == "UPDATE") {
		m.Add("Contact", "<sip:"+tag+"@192.0.2.77;ob>")
	}
	fill(m, body, headers)
	p.send(m)
	return m
}

func fill(m *sip.Message, body string, headers []string) {
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		m.Add(name, value)
	}
	if body != "" {
		setSDP(m, []byte(body))
	}
}

// request builds a request of the peer's. With a dialog (a message of the
// core in it) it is in that dialog.
func (p *peer) request(method string, seq int, in *sip.Message, body string, headers ...string) *sip.Message {
	p.t.Helper()
	m := sip.NewRequest(method, sip.URI{Scheme: "sip", User: "me", Host: "192.0.2.9"})
	m.Add("Via", "SIP/2.0/TCP 192.0.2.77;branch="+sip.NewBranch())
	m.Add("Max-Forwards", "70")
	if in == nil {
		m.Add("From", "<sip:carol@example.com>;tag=carol")
		m.Add("To", "<sip:me@example.com>")
		m.Add("Call-ID", "call-of-carol")
	} else {
		from, to := "To", "From"
		if !in.IsRequest() { // a response of the core to our INVITE
			from, to = "From", "To"
		}
		m.Add("From", in.Get(from))
		m.Add("To", in.Get(to))
		m.Add("Call-ID", in.CallID())
	}
	m.Add("CSeq", strconv.Itoa(seq)+" "+method)
	if method == "INVITE" {
		m.Add("Contact", "<sip:carol@192.0.2.77>")
	}
	fill(m, body, headers)
	return m
}
