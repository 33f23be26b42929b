package gvoice

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"tandem/sim/wire"
)

var testAccount = Account{Number: "+12025550123", ClientID: "client", ClientSecret: "secret", RefreshToken: "1//refresh"}

// newEdge is a running edge that asks nobody for a client certificate.
func newEdge(t *testing.T, change func(*Config)) *Server {
	t.Helper()
	s := &Server{Config: Config{Accounts: []Account{testAccount}, Options: Options{ClientCert: ClientCertNone}}}
	s.Config.Timing.T1 = 50 * time.Millisecond
	if change != nil {
		change(&s.Config)
	}
	if err := s.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func soon(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	t.Cleanup(cancel)
	return ctx
}

// token fetches an access token.
func token(t *testing.T, s *Server) string {
	t.Helper()
	resp, err := http.PostForm(s.PlainTokenURL(), url.Values{
		"client_id": {"client"}, "client_secret": {"secret"}, "refresh_token": {"1//refresh"}, "grant_type": {"refresh_token"},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var body struct {
		AccessToken string `json:"access_token"`
	}
	if err := json.NewDecoder(resp.Body).Decode(&body); err != nil {
		t.Fatal(err)
	}
	return body.AccessToken
}

// client is a raw client: it sends text and sees what comes back.
type client struct {
	t      *testing.T
	s      *Server
	c      *tls.Conn
	r      *wire.Reader
	vars   map[string]string
	seq    int
	routes []string
	media  *media
	last   []byte          // what recv returned
	got    map[string]bool // all that came, to know what comes again
}

func dial(t *testing.T, s *Server, host string) *client {
	t.Helper()
	c, err := tryDial(s, host, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	cl := &client{t: t, s: s, c: c, r: wire.NewReader(c), got: map[string]bool{}, vars: map[string]string{
		"DOMAIN": "obihai.sip.google.com", "USER": "gv12025550123", "CALLID": wire.Token(12), "TAG": wire.Token(8),
	}}
	if strings.Contains(host, "voice.") {
		cl.vars["DOMAIN"] = "voice.sip.google.com"
	}
	return cl
}

func tryDial(s *Server, host string, change func(*tls.Config)) (*tls.Conn, error) {
	config := &tls.Config{ServerName: host, RootCAs: s.CertPool()}
	if change != nil {
		change(config)
	}
	return tls.DialWithDialer(&net.Dialer{Timeout: time.Minute}, "tcp", s.Addr(), config)
}

// fill is a golden message with its variables and CRLF line ends.
func (c *client) fill(file, body string) string {
	c.t.Helper()
	raw, err := os.ReadFile("testdata/" + file)
	if err != nil {
		c.t.Fatal(err)
	}
	text := string(raw)
	if strings.HasPrefix(text, "#") {
		_, text, _ = strings.Cut(text, "\n")
	}
	c.seq++
	c.vars["SEQ"], c.vars["BRANCH"] = fmt.Sprint(c.seq), wire.NewBranch()
	for k, v := range c.vars {
		text = strings.ReplaceAll(text, "$"+k, v)
	}
	text = strings.ReplaceAll(text, "\n", "\r\n")
	if body != "" {
		text += fmt.Sprintf("Content-Length: %d\r\n\r\n%s", len(body), body)
	}
	return text
}

func (c *client) send(text string) {
	c.t.Helper()
	if _, err := c.c.Write([]byte(text)); err != nil {
		c.t.Fatal(err)
	}
}

// recv is the next message; 100 Trying is skipped, and what comes again because this
// client was slow.
func (c *client) recv() *wire.Message {
	c.t.Helper()
	for {
		if m := c.next(); !c.got[string(c.last)] {
			c.got[string(c.last)] = true
			return m
		}
	}
}

// again demands that what recv returned last is sent once more.
func (c *client) again() {
	c.t.Helper()
	want := string(c.last)
	if c.next(); string(c.last) != want {
		c.t.Fatalf("got %s, want it again:\n%s", c.last, want)
	}
}

// next is the next message but for 100 Trying; last is its text.
func (c *client) next() *wire.Message {
	c.t.Helper()
	for {
		_ = c.c.SetReadDeadline(time.Now().Add(time.Minute))
		f, err := c.r.Next()
		if err != nil {
			c.t.Fatalf("reading: %v\n%s", err, wire.Text(c.s.Ladder()))
		}
		if f.Raw == nil {
			continue
		}
		m, err := wire.Parse(f.Raw)
		if err != nil {
			c.t.Fatal(err)
		}
		if m.Status != 100 {
			c.last = bytes.Clone(f.Raw)
			return m
		}
	}
}

// status demands an answer with a status.
func (c *client) status(want int) *wire.Message {
	c.t.Helper()
	m := c.recv()
	if m.Status != want {
		c.t.Fatalf("got %s, want %d\n%s", m.Summary(), want, wire.Text(c.s.Ladder()))
	}
	return m
}

// silence demands that what was sent before gets no answer: the connection is
// served in order, so the answer to an OPTIONS comes first.
func (c *client) silence(rule string) {
	c.t.Helper()
	c.send(c.fillText("OPTIONS sip:$DOMAIN SIP/2.0\nVia: SIP/2.0/TLS 192.0.2.10;branch=$BRANCH\nFrom: <sip:probe@x>;tag=1\nTo: <sip:probe@x>\nCall-ID: probe$SEQ\nCSeq: 1 OPTIONS\nMax-Forwards: 70\nContent-Length: 0\n\n"))
	if m := c.recv(); !strings.HasPrefix(m.CallID(), "probe") {
		c.t.Fatalf("want silence, got %s", m.Summary())
	}
	c.refused(rule)
}

func (c *client) fillText(text string) string {
	c.seq++
	c.vars["SEQ"], c.vars["BRANCH"] = fmt.Sprint(c.seq), wire.NewBranch()
	for k, v := range c.vars {
		text = strings.ReplaceAll(text, "$"+k, v)
	}
	return strings.ReplaceAll(text, "\n", "\r\n")
}

// refused demands that the edge said why, by rule.
func (c *client) refused(rule string) {
	c.t.Helper()
	if _, err := c.s.WaitRefusal(soon(c.t), rule); err != nil {
		c.t.Fatalf("%v: %+v", err, c.s.Refusals())
	}
}

// register registers with a golden message and keeps routes and identity.
func (c *client) register(file string) *wire.Message {
	c.t.Helper()
	c.vars["TOKEN"] = token(c.t, c.s)
	c.send(c.fill(file, ""))
	m := c.status(200)
	c.learn(m)
	return m
}

func (c *client) learn(m *wire.Message) {
	c.routes = m.All("Service-Route")
	var lines, bare []string
	for _, r := range c.routes {
		lines = append(lines, "Route: "+r)
		uri, _ := wire.InBrackets(r)
		bare = append(bare, "Route: "+strings.Replace(uri, ";lr", ";lr=lr", 1))
	}
	c.vars["ROUTES"], c.vars["BAREROUTES"] = strings.Join(lines, "\n"), strings.Join(bare, "\n")
	c.vars["IDENTITY"], _ = wire.InBrackets(m.All("P-Associated-URI")[0])
}

// invite sends a golden INVITE with a golden offer.
func (c *client) invite(file, sdp, number string) string {
	c.t.Helper()
	if c.media == nil {
		c.media = newMedia(c.t)
	}
	c.vars["NUMBER"], c.vars["CALLID"], c.vars["TAG"] = number, wire.Token(16), wire.Token(8)
	c.vars["UFRAG"], c.vars["PWD"] = c.media.ufrag, c.media.pwd
	text := c.fill(file, c.fill(sdp, ""))
	c.send(text)
	return text
}

// inDialog is a request in the dialog that answer made, along its route set.
func (c *client) inDialog(method string, answer *wire.Message, extra string) string {
	contact, _ := wire.InBrackets(answer.Get("Contact"))
	rr := answer.All("Record-Route")
	c.seq++
	text := method + " " + contact + " SIP/2.0\r\nVia: SIP/2.0/TLS 192.0.2.10:38250;rport;branch=" + wire.NewBranch() + "\r\n"
	for i := len(rr) - 1; i >= 0; i-- {
		text += "Route: " + rr[i] + "\r\n"
	}
	seq := c.seq
	if method == "ACK" {
		n, _ := answer.CSeq()
		seq = int(n)
	}
	text += "From: " + answer.Get("From") + "\r\nTo: " + answer.Get("To") + "\r\nCall-ID: " + answer.CallID() +
		fmt.Sprintf("\r\nCSeq: %d %s\r\nMax-Forwards: 70\r\n", seq, method) + extra
	if !strings.Contains(extra, "Content-Length") {
		text += "Content-Length: 0\r\n\r\n"
	}
	return text
}
