package hostile

import (
	"fmt"
	"maps"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"tandem/config"
	"tandem/internal/stage"
	"tandem/leg/sipua"
	"tandem/route"
)

// challenger is the far end of a trunk: it takes every call, has us refresh it after
// five seconds, and asks for credentials in every request, for the realms it is told to.
type challenger struct {
	net.PacketConn
	realms  []string
	refresh string // the method of our refreshes: UPDATE or INVITE

	mu    sync.Mutex // guards what follows
	seen  []string   // Authorization and Proxy-Authorization values after the INVITE
	asked map[string]int
	done  sync.WaitGroup
}

func newChallenger(t *testing.T, refresh string, realms ...string) *challenger {
	t.Helper()
	c, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ch := &challenger{PacketConn: c, realms: realms, refresh: refresh, asked: map[string]int{}}
	ch.done.Go(ch.serve)
	t.Cleanup(func() { c.Close(); ch.done.Wait() })
	return ch
}

func (ch *challenger) serve() {
	b := make([]byte, 64<<10)
	for {
		n, from, err := ch.ReadFrom(b)
		if err != nil {
			return
		}
		if a := ch.answer(string(b[:n])); a != "" {
			_, _ = ch.WriteTo([]byte(a), from)
		}
	}
}

func (ch *challenger) answer(req string) string {
	head, _, _ := strings.Cut(req, "\r\n\r\n")
	lines := strings.Split(head, "\r\n")
	method, _, _ := strings.Cut(lines[0], " ")
	var copied []string
	inDialog := false
	for _, l := range lines[1:] {
		name, value, _ := strings.Cut(l, ": ")
		switch name {
		case "To":
			inDialog = strings.Contains(value, ";tag=")
			if !inDialog {
				l += ";tag=far"
			}
			copied = append(copied, l)
		case "Via", "From", "Call-ID", "CSeq", "Record-Route":
			copied = append(copied, l)
		case "Authorization", "Proxy-Authorization":
			ch.mu.Lock()
			ch.seen = append(ch.seen, method+" "+value)
			ch.mu.Unlock()
		}
	}
	common := strings.Join(copied, "\r\n") + "\r\n"
	switch {
	case method == "ACK" || method == "SIP/2.0":
		return ""
	case method == "INVITE" && !inDialog:
		const sdp = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 9 RTP/AVP 0\r\na=rtpmap:0 PCMU/8000\r\n"
		allow := "INVITE, ACK, BYE"
		if ch.refresh == "UPDATE" {
			allow += ", UPDATE"
		}
		return "SIP/2.0 200 OK\r\n" + common + "Allow: " + allow + "\r\nRequire: timer\r\nSession-Expires: 10;refresher=uac\r\nContact: <sip:far@" + ch.LocalAddr().String() + ">\r\nContent-Type: application/sdp\r\n" +
			fmt.Sprintf("Content-Length: %d\r\n\r\n%s", len(sdp), sdp)
	case method == "OPTIONS":
		return "SIP/2.0 200 OK\r\n" + common + "Content-Length: 0\r\n\r\n"
	}
	ch.mu.Lock()
	ch.asked[method]++
	n := ch.asked[method]
	ch.mu.Unlock()
	status, header := "401 Unauthorized", "WWW-Authenticate"
	if n%2 == 0 {
		status, header = "407 Proxy Authentication Required", "Proxy-Authenticate"
	}
	for i, realm := range ch.realms {
		common += fmt.Sprintf("%s: Digest realm=%q, nonce=\"n%d%d\", algorithm=MD5, qop=\"auth\"\r\n", header, realm, n, i)
	}
	return "SIP/2.0 " + status + "\r\n" + common + "Content-Length: 0\r\n\r\n"
}

func (ch *challenger) credentials() (seen []string, asked map[string]int) {
	ch.mu.Lock()
	defer ch.mu.Unlock()
	return append([]string(nil), ch.seen...), maps.Clone(ch.asked)
}

// await waits until the far end has challenged method, and was given credentials for it
// where it should be.
func (ch *challenger) await(t *testing.T, method string, answers bool) {
	t.Helper()
	for begin := time.Now(); ; time.Sleep(5 * time.Millisecond) {
		seen, asked := ch.credentials()
		given := slices.ContainsFunc(seen, func(s string) bool { return strings.HasPrefix(s, method+" ") })
		switch late := time.Since(begin); {
		case asked[method] > 0 && (given || !answers):
			return
		case late > 30*time.Second:
			t.Fatalf("%s: challenged %v, was given %v", method, asked, seen)
		}
	}
}

// TestChallengesOfTheFarEndLeakNothing has the far end of a call challenge our
// BYE, UPDATE and re-INVITE (goals R-5).
func TestChallengesOfTheFarEndLeakNothing(t *testing.T) {
	for _, row := range []struct {
		name    string
		realms  []string
		answers bool
	}{
		{"our own realm", []string{"tandem.example"}, false},
		{"another's realm", []string{"voice.sip.google.com", "elsewhere.example", ""}, false},
		{"the trunk's realm in other letters", []string{"Carrier.Example"}, false},
		{"the trunk's realm", []string{"carrier.example"}, true},
	} {
		for _, refresh := range []string{"UPDATE", "INVITE"} {
			t.Run(row.name+"/"+refresh, func(t *testing.T) {
				t.Parallel()
				challengeAll(t, newChallenger(t, refresh, row.realms...), row.answers)
			})
		}
	}
}

// challengeAll calls a far end that challenges, and hangs up when it has challenged our
// refresh. The phone's own password and the trunk's are told apart by their users.
func challengeAll(t *testing.T, far *challenger, answers bool) {
	r := start(t, func(c *config.Config) {
		c.SIP.Trunks = []sipua.Trunk{{
			Name: "carrier", Server: far.LocalAddr().String(), User: "canaryuser", Password: "canarypassword", Realm: "carrier.example",
		}}
		c.DialPlan.Rules = []route.RuleConfig{{Name: "carrier", Match: `7\d+`, To: []route.Target{{Trunk: "carrier"}}}}
	})
	ctx := within(t, patience)
	kitchen, err := r.Phone(ctx, stage.Kitchen, nil)
	if err != nil {
		t.Fatal(err)
	}
	c, err := kitchen.Call(ctx, "7001")
	if err != nil {
		t.Fatal(err)
	}
	if err := c.WaitAnswered(ctx); err != nil {
		t.Fatal(err)
	}
	far.await(t, far.refresh, answers)
	if err := c.Hold(ctx); err != nil { // the call goes on
		t.Fatal(err)
	}
	if err := c.HangUp(ctx); err != nil {
		t.Fatal(err)
	}
	r.Gateway.Switch.Wait()
	far.await(t, "BYE", answers) // the call is over with our BYE; its challenge comes later
	if !answers {
		time.Sleep(time.Second) // a leak would come within milliseconds
	}
	seen, asked := far.credentials()
	t.Logf("challenged %v, was given %v", asked, seen)
	if !answers && len(seen) > 0 {
		t.Errorf("credentials were given: %v", seen)
	}
	for _, s := range seen {
		if !strings.Contains(s, `username="canaryuser"`) || !strings.Contains(s, `realm="carrier.example"`) {
			t.Errorf("credentials of another realm or leg: %s", s)
		}
	}
}
