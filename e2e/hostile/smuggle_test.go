package hostile

import (
	"io"
	"net"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"tandem/config"
	"tandem/internal/stage"
)

// inner is what a smuggler hides behind or in another request.
func inner() string {
	return strings.Replace(request("OPTIONS", "sip:smuggled@tandem.example", "tcp"), "Call-ID: ", "Call-ID: smuggled", 1)
}

// TestNothingIsSmuggled hides a request in another one whose length can be read
// in two ways. Neither reading may let the inner one out as a request of its own
// unless it truly is one.
func TestNothingIsSmuggled(t *testing.T) {
	r := start(t, nil)
	n := strconv.Itoa(len(inner()))
	outer := func(lines ...string) string {
		m := request("OPTIONS", "sip:tandem.example", "tcp", lines...)
		return strings.Replace(m, "\r\nContent-Length: 0\r\n", "\r\n", 1)
	}
	for _, row := range []struct {
		name, message string
		want          int // answer to the outer request; 0 is none
		inner         bool
	}{
		{"two lengths", outer("Content-Length: "+n, "Content-Length: 0") + inner(), 400, false},
		{"two lengths, the other way", outer("Content-Length: 0", "Content-Length: "+n) + inner(), 400, false},
		{"two equal lengths", outer("Content-Length: "+n, "Content-Length: "+n) + inner(), 400, false},
		{"a compact and a long one", outer("l: 0", "Content-Length: "+n) + inner(), 400, false},
		{"a space before the colon is SIP", outer("Content-Length : "+n) + inner(), 200, false},
		{"a tab before the colon is SIP", outer("Content-Length\t: "+n) + inner(), 200, false},
		{"a space in the name", outer("Content Length: "+n, "Content-Length: 0") + inner(), 400, false},
		{"folded", outer("Content-Length:\r\n "+n) + inner(), 200, false},
		{"folded to two numbers", outer("Content-Length: "+n+"\r\n 0") + inner(), 400, false},
		{"a list", outer("Content-Length: "+n+", "+n) + inner(), 400, false},
		{"a sign", outer("Content-Length: +"+n) + inner(), 400, false},
		{"negative", outer("Content-Length: -1") + inner(), 400, false},
		{"hexadecimal", outer("Content-Length: 0x10") + inner(), 400, false},
		{"empty", outer("Content-Length:") + inner(), 400, false},
		{"over 32 bits", outer("Content-Length: 4294967296") + inner(), 400, false},
		{"over 64 bits", outer("Content-Length: 18446744073709551616") + inner(), 400, false},
		{"very long", outer("Content-Length: 2000000000") + inner(), 513, false},
		{"leading zeros are a number", outer("Content-Length: 000"+n) + inner(), 200, false},
		{"none", outer() + inner(), 400, false},
		{"chunked is nothing in SIP", outer("Transfer-Encoding: chunked", "Content-Length: "+n) + inner(), 200, false},
		{"a bare LF", outer("Subject: a\nContent-Length: 0", "Content-Length: "+n) + inner(), 400, false},
		{"a bare CR", outer("Subject: a\rContent-Length: 0", "Content-Length: "+n) + inner(), 400, false},
		{"a NUL", outer("Subject: a\x00b", "Content-Length: "+n) + inner(), 400, false},
		{"a NUL in a name", outer("Content-Length\x00: 0", "Content-Length: "+n) + inner(), 400, false},
		{"a line that begins with a space", strings.Replace(outer("Content-Length: 0"), "\r\nVia", "\r\n X: y\r\nVia", 1), 400, false},
		{"no colon", outer("Subject", "Content-Length: 0"), 400, false},
		{"two lines end the head by LF", outer("Subject: a\n\n"+inner(), "Content-Length: 0"), 400, false},
		{"length 0, and then a request of its own", outer("Content-Length: 0") + inner(), 200, true},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			// One after the other: the same request twice at once is a merged one (482).
			for _, network := range []string{"tcp", "tls"} {
				got, leaked := r.smuggle(t, network, row.message, row.want != 0, row.inner)
				if want := []int{row.want}; row.want != 0 && !slices.Equal(got, want) {
					t.Errorf("%s: answered %v, want %v", network, got, want)
				}
				if leaked != row.inner {
					t.Errorf("%s: the inner request was answered: %v", network, leaked)
				}
			}
		})
	}
}

// smuggle sends a message and returns how it, and whether one hidden in it, was
// answered. For answers that must come it waits.
func (r *rig) smuggle(t *testing.T, network, message string, answered, inner bool) (got []int, leaked bool) {
	t.Helper()
	c := r.dial(t, network)
	if _, err := io.WriteString(c, message); err != nil {
		t.Fatal(err)
	}
	for {
		wait := 500 * time.Millisecond
		if answered && len(got) == 0 || inner && !leaked {
			wait = patience
		}
		a, err := receive(c, network, wait)
		switch {
		case err != nil:
			return got, leaked
		case strings.HasPrefix(a.head.Get("Call-Id"), "smuggled"):
			leaked = true
		default:
			got = append(got, a.status)
		}
	}
}

// trap listens where a request points to, and must hear nothing.
type trap struct {
	udp net.PacketConn
	tcp net.Listener
}

func newTrap(t *testing.T) *trap {
	t.Helper()
	tcp, err := net.Listen("tcp", "127.0.0.9:0")
	if err != nil {
		t.Fatal(err)
	}
	udp, err := net.ListenPacket("udp", tcp.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { tcp.Close(); udp.Close() })
	return &trap{udp, tcp}
}

func (p *trap) empty(t *testing.T) {
	t.Helper()
	_ = p.udp.SetReadDeadline(time.Now().Add(300 * time.Millisecond))
	b := make([]byte, 2048)
	if n, from, err := p.udp.ReadFrom(b); err == nil {
		t.Errorf("%v sent a datagram where it was pointed to: %q", from, b[:n])
	}
	_ = p.tcp.(*net.TCPListener).SetDeadline(time.Now().Add(10 * time.Millisecond))
	if c, err := p.tcp.Accept(); err == nil {
		t.Errorf("%v connected where it was pointed to", c.RemoteAddr())
		c.Close()
	}
}

// TestNobodyIsSentToThirdParties points every header at a trap.
func TestNobodyIsSentToThirdParties(t *testing.T) {
	r := start(t, nil)
	p := newTrap(t)
	at := p.tcp.Addr().String()
	host, port, _ := net.SplitHostPort(at)
	for _, network := range []string{"udp", "tcp", "tls"} {
		c := r.dial(t, network)
		for _, method := range []string{"OPTIONS", "REGISTER", "INVITE", "SUBSCRIBE", "NOTIFY", "REFER", "MESSAGE", "BYE", "CANCEL"} {
			for _, via := range []string{at, host + ":" + port + ";received=" + host, "127.0.0.1:1;received=" + host + ";rport=" + port, "127.0.0.1:1;maddr=" + host + ";rport", host + ":" + port + ";maddr=" + host + ";ttl=1"} {
				m := request(method, "sip:x@"+at, network,
					"Route: <sip:"+at+";lr>", "Record-Route: <sip:"+at+";lr>", "Path: <sip:"+at+";lr>", "Refer-To: <sip:a@"+at+">",
					"Referred-By: <sip:"+at+">", "Reply-To: <sip:"+at+">", "Event: message-summary", "Alert-Info: <http://"+at+"/a>", "Call-Info: <http://"+at+"/b>",
					"Identity-Info: <http://"+at+"/c>", "Error-Info: <http://"+at+"/d>")
				m = strings.Replace(m, "127.0.0.1:9;rport", via, 1)
				m = strings.Replace(m, "mallory@127.0.0.1:9", "mallory@"+at, 1)
				if _, err := io.WriteString(c, m); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	p.empty(t)
	r.serves(t)
}

// TestStrangersCannotCallOut tries every way in which a caller could be taken for
// one of us.
func TestStrangersCannotCallOut(t *testing.T) {
	r := start(t, nil)
	ctx := within(t, patience)
	if _, err := r.Phone(ctx, stage.Kitchen, nil); err != nil { // its address is known and trusted now
		t.Fatal(err)
	}
	calls := len(r.Edge.Calls())
	const sdp = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 9 RTP/AVP 0\r\n"
	host, _, _ := net.SplitHostPort(r.SIP("udp"))
	for _, network := range []string{"udp", "tcp", "tls"} {
		for _, uri := range []string{"sip:+12025550147@tandem.example", "sip:12025550147@" + host, "tel:+12025550147", "sip:2025550147@tandem.example;user=phone", "sip:kitchen@tandem.example"} {
			for _, from := range []string{"<sip:kitchen@tandem.example>", "<sip:kitchen@" + host + ">", "<sip:study@tandem.example>", "<sip:+12025550123@tandem.example>", "<sip:home@tandem.example>", "<sip:anonymous@anonymous.invalid>", "<tel:+12025550123>", "sip:tandem.example"} {
				for _, line := range []string{
					"X: y", "P-Asserted-Identity: <sip:kitchen@tandem.example>", "Remote-Party-ID: <sip:kitchen@tandem.example>", "Route: <sip:" + r.SIP(network) + ";lr>",
					"Authorization: Digest username=\"kitchen\"", "Authorization: Basic a2l0Y2hlbjo=", "Proxy-Authorization: Digest username=\"kitchen\", realm=\"tandem.example\"",
					"Authorization: Digest username=\"kitchen\", realm=\"tandem.example\", nonce=\"\", uri=\"" + uri + "\", response=\"\"",
					"Authorization: Digest username=\"\", realm=\"tandem.example\", nonce=\"x\", uri=\"" + uri + "\", response=\"d41d8cd98f00b204e9800998ecf8427e\"",
				} {
					m := request("INVITE", uri, network, line, "Content-Type: application/sdp")
					m = strings.Replace(m, "<sip:mallory@elsewhere.example>", from, 1)
					m = strings.Replace(m, "Content-Length: 0\r\n\r\n", "Content-Length: "+strconv.Itoa(len(sdp))+"\r\n\r\n"+sdp, 1)
					c := r.dial(t, network)
					if _, err := io.WriteString(c, m); err != nil {
						t.Fatal(err)
					}
					a, err := final(c, network, 2*time.Second)
					if err == nil && a.status != 401 && a.status != 403 {
						t.Errorf("%s %s from %s with %s: answered %d %s", network, uri, from, line, a.status, a.reason)
					}
					c.Close()
				}
			}
		}
	}
	if n := len(r.Edge.Calls()); n != calls {
		t.Errorf("%d calls went out", n-calls)
	}
	if live := r.Gateway.Switch.Live(); len(live) > 0 {
		t.Errorf("%d calls run", len(live))
	}
}

// TestUsersCannotBeEnumerated demands the same answers for users that exist and users
// that do not and, where nothing else keeps the machine busy, in the same time.
func TestUsersCannotBeEnumerated(t *testing.T) {
	r := start(t, func(c *config.Config) { c.SIP.Guard.Off = true })
	took := map[string][]time.Duration{}
	shape := map[string][]string{}
	c := r.dial(t, "tcp")
	for range 100 {
		for _, user := range []string{stage.Kitchen, "nobody1"} {
			for _, method := range []string{"REGISTER", "INVITE", "SUBSCRIBE", "OPTIONS"} {
				for _, password := range []bool{false, true} {
					uri := "sip:" + user + "@tandem.example"
					var lines []string
					if password {
						lines = append(lines, `Authorization: Digest username="`+user+`", realm="tandem.example", nonce="abc", uri="`+uri+`", algorithm=MD5, response="d41d8cd98f00b204e9800998ecf8427e"`)
					}
					m := strings.Replace(request(method, uri, "tcp", lines...), "mallory@elsewhere.example", user+"@tandem.example", 1)
					began := time.Now()
					if _, err := io.WriteString(c, m); err != nil {
						t.Fatal(err)
					}
					a, err := final(c, "tcp", patience)
					if err != nil {
						t.Fatal(err)
					}
					took[user] = append(took[user], time.Since(began))
					var names []string
					for name := range a.head {
						names = append(names, name)
					}
					slices.Sort(names)
					shape[user] = append(shape[user], strconv.Itoa(a.status)+" "+a.reason+" "+strings.Join(names, ","))
				}
			}
		}
	}
	known, unknown := shape[stage.Kitchen], shape["nobody1"]
	for i := range known {
		if i >= 8 && known[i] != unknown[i] { // the very first failures are counted per address, in the order they come
			t.Fatalf("known %q, unknown %q", known[i], unknown[i])
		}
	}
	if !timed(t) {
		return
	}
	for _, d := range took {
		slices.Sort(d)
	}
	a, b := took[stage.Kitchen], took["nobody1"]
	quarter := len(a) / 4
	t.Logf("known %v, unknown %v", a[quarter], b[quarter])
	if x, y := float64(a[quarter]), float64(b[quarter]); x > 1.5*y || y > 1.5*x {
		t.Errorf("known users take %v, unknown ones %v", a[quarter], b[quarter])
	}
}
