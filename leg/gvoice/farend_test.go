package gvoice

import (
	"bufio"
	"context"
	"fmt"
	"log/slog"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"tandem/alarm"
	"tandem/call"
	"tandem/sip/flow"
	"tandem/token"
)

// A farEnd is Google's side of all connections, in virtual time over pipes. The
// simulator does the same on real sockets; here hours pass in milliseconds and
// every moment is exact.
type farEnd struct {
	*testing.T
	c     *Connector
	board *alarm.Board

	mu        sync.Mutex // guards what follows
	dials     []time.Time
	hosts     []string
	registers []register
	conns     []net.Conn
	refuse    func(host string) error   // a dial
	answer    func(r register) []string // status line and headers; nil is the usual 200
	deaf      bool                      // pings stay unanswered
	pings     []time.Time
	others    []string // first lines of what is no REGISTER
}

// A register is one REGISTER as it came.
type register struct {
	at      time.Time
	headers map[string]string
}

func (r register) unregisters() bool { return r.headers["Expires"] == "0" }

// inTime runs accounts against a far end in a bubble of virtual time; before
// prepares the far end for the very first connection.
func inTime(t *testing.T, accounts []Account, do func(f *farEnd), before ...func(f *farEnd)) {
	synctest.Test(t, func(t *testing.T) {
		log := slog.New(slog.DiscardHandler)
		f := &farEnd{T: t, board: &alarm.Board{Log: log}}
		f.c = &Connector{Alarms: f.board, Log: log, Tokens: func(Account) TokenSource { return fixedToken{} }, dial: f.dial}
		if err := f.c.Apply(accounts); err != nil {
			t.Fatal(err)
		}
		for _, prepare := range before {
			prepare(f)
		}
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- f.c.Listen(ctx, func(call.Request, call.Leg) {}) }()
		do(f)
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
		synctest.Wait()
	})
}

func oneAccount(change ...func(*Account)) []Account {
	a := Account{Name: "home", Number: "+12025550123", User: "home", ClientID: "c", RefreshToken: "r"}
	for _, f := range change {
		f(&a)
	}
	return []Account{a}
}

type fixedToken struct{}

func (fixedToken) Token(context.Context) (token.Secret, time.Time, error) {
	return "canary-token", time.Now().Add(time.Hour), nil
}

// dial stands in for the network.
func (f *farEnd) dial(_ context.Context, to flow.Target) (*flow.Flow, error) {
	f.mu.Lock()
	f.dials, f.hosts = append(f.dials, time.Now()), append(f.hosts, to.ServerName)
	refuse := f.refuse
	f.mu.Unlock()
	if refuse != nil {
		if err := refuse(to.ServerName); err != nil {
			return nil, err
		}
	}
	near, far := net.Pipe()
	f.mu.Lock()
	f.conns = append(f.conns, far)
	f.mu.Unlock()
	go f.serve(far)
	return f.c.net.Adopt(near, "tls")
}

func (f *farEnd) serve(c net.Conn) {
	defer c.Close()
	in := bufio.NewReader(c)
	for {
		first, err := in.ReadString('\n')
		if err != nil {
			return
		}
		if first == "\r\n" {
			if _, err := in.ReadString('\n'); err != nil || !f.pong(c) {
				return
			}
			continue
		}
		r := register{time.Now(), map[string]string{}}
		for {
			line, err := in.ReadString('\n')
			if err != nil {
				return
			}
			name, value, ok := strings.Cut(strings.TrimSpace(line), ": ")
			if !ok {
				break
			}
			r.headers[name] = value
		}
		if !strings.HasPrefix(first, "REGISTER ") {
			f.mu.Lock()
			f.others = append(f.others, strings.TrimSpace(first))
			f.mu.Unlock()
			continue
		}
		if _, err := c.Write([]byte(f.reply(r))); err != nil {
			return
		}
	}
}

func (f *farEnd) pong(c net.Conn) bool {
	f.mu.Lock()
	f.pings = append(f.pings, time.Now())
	deaf := f.deaf
	f.mu.Unlock()
	if deaf {
		return true
	}
	_, err := c.Write([]byte("\r\n"))
	return err == nil
}

func (f *farEnd) reply(r register) string {
	f.mu.Lock()
	f.registers = append(f.registers, r)
	answer := f.answer
	f.mu.Unlock()
	var lines []string
	if answer != nil {
		lines = answer(r)
	}
	if lines == nil {
		contact, _, _ := strings.Cut(r.headers["Contact"], ";obn=")
		lines = []string{
			"SIP/2.0 200 OK", "Service-Route: <sip:one.invalid;lr>", "P-Associated-URI: <sip:ID@voice.sip.google.com>",
			"Contact: " + contact + ";expires=" + r.headers["Expires"],
		}
	}
	for _, name := range []string{"Via", "From", "Call-ID", "CSeq"} {
		lines = append(lines, name+": "+r.headers[name])
	}
	return strings.Join(lines, "\r\n") + "\r\nTo: " + r.headers["To"] + ";tag=far\r\nContent-Length: 0\r\n\r\n"
}

// says makes the far end answer every REGISTER so; without lines, as usual.
func (f *farEnd) says(lines ...string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.answer = nil
	if len(lines) > 0 {
		f.answer = func(register) []string { return slices.Clone(lines) }
	}
}

// refuses makes dials fail as refuse says; nil lets all succeed.
func (f *farEnd) refuses(refuse func(host string) error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.refuse = refuse
}

// drop closes all connections.
func (f *farEnd) drop() {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, c := range f.conns {
		c.Close()
	}
	f.conns = nil
}

// is fails unless the first account is in state want.
func (f *farEnd) is(want State) Status {
	f.Helper()
	synctest.Wait()
	s := f.c.Status()[0]
	if s.State != want {
		f.Errorf("the account is %v (%s), want %v", s.State, s.Problem, want)
	}
	return s
}

// since is what of times came after start, as durations.
func since(start time.Time, times []time.Time) string {
	var out []string
	for _, t := range times {
		if d := t.Sub(start); d >= 0 {
			out = append(out, d.Round(time.Second).String())
		}
	}
	return strings.Join(out, " ")
}

func (f *farEnd) registered() []time.Time {
	f.mu.Lock()
	defer f.mu.Unlock()
	var at []time.Time
	for _, r := range f.registers {
		if !r.unregisters() {
			at = append(at, r.at)
		}
	}
	return at
}

func (f *farEnd) dialled() []time.Time {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.dials)
}

// most is the largest number of times within any span.
func most(times []time.Time, span time.Duration) int {
	n, from := 0, 0
	for i, t := range times {
		for t.Sub(times[from]) >= span {
			from++
		}
		n = max(n, i-from+1)
	}
	return n
}

func manyAccounts(n int) []Account {
	var all []Account
	for i := range n {
		a := oneAccount()[0]
		a.Name, a.User = fmt.Sprintf("a%d", i), fmt.Sprintf("a%d", i)
		all = append(all, a)
	}
	return all
}
