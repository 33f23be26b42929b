package sipua

import (
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"tandem/sip"
	"tandem/sip/flow"
)

func message(t testing.TB, text string) *sip.Message {
	t.Helper()
	m, err := sip.Parse([]byte(strings.ReplaceAll(text, "\n", "\r\n")))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

const passed = `INVITE sip:kitchen@192.0.2.7 SIP/2.0
Via: SIP/2.0/TLS 10.0.0.2:5070;branch=z9hG4bKabc;rport=5070;received=10.0.0.2
Route: <sip:hop-TOKEN-6e6f64652062@10.0.0.1:5070;transport=tls;lr>, <sip:edge.example.com;lr>
Max-Forwards: 12
From: <sip:a@x>;tag=1
To: <sip:b@x>
Call-ID: 1@x
CSeq: 7 INVITE
Content-Length: 0

`

func TestHopOf(t *testing.T) {
	for _, row := range []struct {
		name, route string
		token, node string
		ok          bool
	}{
		{"to a contact", "<sip:hop-AB2@10.0.0.1;lr>", "AB2", "", true},
		{"to a machine", "<sip:hop-AB2-6e6f64652062@10.0.0.1;lr>", "AB2", "node b", true},
		{"another's Route first", "<sip:edge;lr>, <sip:hop-AB2@10.0.0.1;lr>", "", "", false},
		{"no token", "<sip:hop-@10.0.0.1;lr>", "", "", false},
		{"a machine in no hexadecimal", "<sip:hop-AB2-xyz@10.0.0.1;lr>", "AB2", "", false},
		{"a display name", `"hop-" <sip:x@10.0.0.1;lr>`, "", "", false},
		{"nothing to read", "hop-<", "", "", false},
	} {
		m := sip.NewRequest("BYE", sip.URI{Scheme: "sip", Host: "x"})
		m.Add("Route", row.route)
		token, node, ok := hopOf(m)
		if ok != row.ok || ok && (token != row.token || node != row.node) {
			t.Errorf("%s: got %q, %q, %v", row.name, token, node, ok)
		}
	}
	if _, _, ok := hopOf(sip.NewRequest("BYE", sip.URI{})); ok {
		t.Error("a request without Route has a hop")
	}
}

// The branch of what is passed on is the same for all that belong to one request,
// and no other, and nobody without the key can make it.
func TestTheBranchOfAHop(t *testing.T) {
	branch := func(n *inner, change func(m *sip.Message)) string {
		m := message(t, passed)
		change(m)
		via, err := m.Via()
		if err != nil {
			t.Fatal(err)
		}
		return n.branch(toPeer, "17", via, m)
	}
	n := new(inner)
	same := func(*sip.Message) {}
	want := branch(n, same)
	if back, id, ok := cutHop(want); !ok || back != toPeer || id != "17" {
		t.Errorf("got %c, %q, %v of %s", back, id, ok, want)
	}
	if got := branch(n, func(m *sip.Message) { m.Method = "CANCEL"; m.Set("CSeq", "7 CANCEL") }); got != want {
		t.Errorf("the CANCEL has another branch")
	}
	for name, change := range map[string]func(*sip.Message){
		"next request":  func(m *sip.Message) { m.Set("CSeq", "8 INVITE") },
		"another call":  func(m *sip.Message) { m.Set("Call-ID", "2@x") },
		"another's Via": func(m *sip.Message) { m.Set("Via", "SIP/2.0/TLS 10.0.0.3;branch=z9hG4bKabc") },
	} {
		if branch(n, change) == want {
			t.Errorf("%s has the same branch", name)
		}
	}
	other := new(inner)
	other.key[0] = 1
	if branch(other, same) == want {
		t.Error("the key does not matter")
	}
}

func TestWhatIsPassedOnOverUDPIsSentAgainUntilItIsAnswered(t *testing.T) {
	for _, row := range []struct {
		name, method string
		answer       int           // status, after three seconds; 0 is none
		last         time.Duration // when it was sent last
	}{
		{"an INVITE rings", "INVITE", 180, 1500 * time.Millisecond},
		{"an INVITE that nobody hears", "INVITE", 0, 31500 * time.Millisecond},
		{"a BYE is not over with a 100", "BYE", 100, 31500 * time.Millisecond},
		{"a BYE is answered", "BYE", 200, 1500 * time.Millisecond},
	} {
		t.Run(row.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				near, far := net.Pipe()
				n := &flow.Transport{}
				f, err := n.Adopt(near, "udp")
				if err != nil {
					t.Fatal(err)
				}
				began, last := time.Now(), time.Duration(0)
				done := make(chan struct{})
				go func() {
					defer close(done)
					b := make([]byte, 4096)
					for {
						if _, err := far.Read(b); err != nil {
							return
						}
						last = time.Since(began)
					}
				}()
				m := message(t, passed)
				m.Method = row.method
				m.Set("CSeq", "7 "+row.method)
				var s resends
				s.add("z9hG4bKhop.x", f, m)
				s.add("z9hG4bKhop.x", f, m) // a repetition from the other machine
				time.Sleep(3 * time.Second)
				if row.answer > 0 {
					s.answered("z9hG4bKhop.x", sip.NewResponse(m, row.answer, ""))
				}
				time.Sleep(time.Minute)
				s.mu.Lock()
				left := len(s.wait)
				s.mu.Unlock()
				if left != 0 {
					t.Errorf("%d wait for ever", left)
				}
				s.close()
				_ = n.Close()
				far.Close()
				<-done
				if last != row.last {
					t.Errorf("sent last after %v, want %v", last, row.last)
				}
			})
		})
	}
}

func FuzzHop(f *testing.F) {
	f.Add(strings.ReplaceAll(passed, "\n", "\r\n"), "z9hG4bKhop.n17.00112233445566778899aabb")
	f.Add("BYE sip:x SIP/2.0\r\nRoute: <sip:hop-A-6e@h;lr>\r\n\r\n", "z9hG4bKhop.s.x")
	f.Add("", "\x000.")
	f.Fuzz(func(t *testing.T, text, branch string) {
		if m, _ := sip.Parse([]byte(text)); m != nil && m.IsRequest() {
			token, _, ok := hopOf(m)
			if ok && token == "" {
				t.Error("a hop without token")
			}
		}
		if back, id, ok := cutHop(branch); ok && (!strings.ContainsRune("nsp", rune(back)) || id == "") {
			t.Errorf("%q: %c, %q", branch, back, id)
		}
	})
}
