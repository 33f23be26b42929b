package transaction

import (
	"fmt"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"tandem/sip"
	"tandem/sip/flow"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// A bench is a layer on one flow whose far end is the test. It lives in a
// synctest bubble.
type bench struct {
	t     *testing.T
	layer *Layer
	tr    *flow.Transport
	flow  *flow.Flow
	far   net.Conn
	start time.Time

	mu      sync.Mutex // guards what follows
	sent    []string   // what the layer sent: "500ms INVITE"
	last    *sip.Message
	servers []*Server
	stray   []string
	events  []string
	on      func(*Server)
}

// onBench runs a test in virtual time.
func onBench(t *testing.T, network string, fn func(b *bench)) {
	synctest.Test(t, func(t *testing.T) {
		b := &bench{t: t, start: time.Now(), layer: &Layer{}, tr: &flow.Transport{}}
		b.layer.OnRequest = b.request
		b.layer.OnStray = func(_ *flow.Flow, m *sip.Message) { b.note(&b.stray, m) }
		b.tr.Handler, b.tr.Malformed = b.layer.Receive, b.layer.Malformed
		near, far := net.Pipe()
		f, err := b.tr.Adopt(near, network)
		if err != nil {
			t.Fatal(err)
		}
		b.flow, b.far = f, far
		var reader sync.WaitGroup
		reader.Go(b.read)
		fn(b)
		b.layer.Close()
		far.Close()
		b.tr.Close()
		reader.Wait()
		if n := b.layer.Stats().Live; n != 0 {
			t.Errorf("%d transactions are left", n)
		}
	})
}

func (b *bench) read() {
	r := sip.NewReader(b.far, sip.Limits{})
	for {
		fr, err := r.Next()
		if err != nil {
			return
		}
		b.note(&b.sent, fr.Message)
		b.mu.Lock()
		b.last = fr.Message
		b.mu.Unlock()
	}
}

func (b *bench) request(s *Server) {
	b.mu.Lock()
	b.servers = append(b.servers, s)
	on := b.on
	b.mu.Unlock()
	if on != nil {
		on(s)
	}
}

// name is "INVITE" or "200 INVITE".
func name(m *sip.Message) string {
	if m.IsRequest() {
		return m.Method
	}
	cseq, _ := m.CSeq()
	return fmt.Sprint(m.Status, " ", cseq.Method)
}

func (b *bench) note(list *[]string, m *sip.Message) { b.noteText(list, name(m)) }

func (b *bench) noteText(list *[]string, s string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	*list = append(*list, fmt.Sprint(time.Since(b.start), " ", s))
}

// event is an on function.
func (b *bench) event(e Event) {
	if e.Err != nil {
		b.noteText(&b.events, "error: "+e.Err.Error())
		return
	}
	b.note(&b.events, e.Response)
}

// say has the far end send m.
func (b *bench) say(m *sip.Message) {
	b.t.Helper()
	if _, err := b.far.Write(m.Append(nil)); err != nil {
		b.t.Fatal(err)
	}
	synctest.Wait()
}

// answer has the far end answer the client's request.
func (b *bench) answer(req *sip.Message, status int) {
	b.t.Helper()
	b.say(response(req, status))
}

func response(req *sip.Message, status int) *sip.Message {
	r := sip.NewResponse(req, status, "")
	if status > 100 {
		r.Set("To", req.Get("To")+";tag=far")
	}
	return r
}

func (b *bench) wait(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

// check compares what happened since the last check, and forgets it.
func (b *bench) check(what string, list *[]string, want ...string) {
	b.t.Helper()
	synctest.Wait()
	b.mu.Lock()
	defer b.mu.Unlock()
	if !slices.Equal(*list, want) {
		b.t.Errorf("%s:\ngot  %s\nwant %s", what, strings.Join(*list, ", "), strings.Join(want, ", "))
	}
	*list = nil
}

func (b *bench) sentIs(want ...string)    { b.t.Helper(); b.check("sent", &b.sent, want...) }
func (b *bench) eventsAre(want ...string) { b.t.Helper(); b.check("events", &b.events, want...) }
func (b *bench) straysAre(want ...string) { b.t.Helper(); b.check("stray", &b.stray, want...) }

func (b *bench) server() *Server {
	b.t.Helper()
	synctest.Wait()
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.servers) == 0 {
		b.t.Fatal("no request came")
	}
	return b.servers[len(b.servers)-1]
}

// lastSent is the last message the layer sent.
func (b *bench) lastSent() *sip.Message {
	synctest.Wait()
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.last
}

// outgoing is a request of ours, not yet prepared.
func outgoing(method string) *sip.Message {
	m := sip.NewRequest(method, sip.URI{Scheme: "sip", User: "b", Host: "example.com"})
	m.Add("Route", "<sip:proxy.example.com;lr>")
	m.Add("From", "<sip:a@example.com>;tag=a")
	m.Add("To", "<sip:b@example.com>")
	m.Add("Call-ID", "ours")
	m.Add("CSeq", "7 "+method)
	return m
}

// incoming is a request of the far end.
func incoming(method, branch string) *sip.Message {
	m := sip.NewRequest(method, sip.URI{Scheme: "sip", User: "a", Host: "127.0.0.1"})
	m.Add("Via", "SIP/2.0/UDP far.example.com;rport;branch="+branch)
	m.Add("Max-Forwards", "70")
	m.Add("From", "<sip:b@example.com>;tag=b")
	m.Add("To", "<sip:a@127.0.0.1>")
	m.Add("Call-ID", "theirs-"+branch)
	m.Add("CSeq", "1 "+method)
	return m
}
