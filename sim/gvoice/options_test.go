package gvoice

import (
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"tandem/sim/wire"
)

func TestOptionExpiresFlowTimerAndContactRewrite(t *testing.T) {
	s := newEdge(t, func(c *Config) {
		c.Options.Expires, c.Options.FlowTimer, c.Options.RewriteContact = 120, 60, true
	})
	c := dial(t, s, "obihai.telephony.goog")
	c.vars["TOKEN"] = token(t, s)
	c.send(strings.Replace(c.fill("register-seed.sip", ""), "Contact: <sip:gv12025550123@192.0.2.10:38250", "Contact: <sip:gv12025550123@10.0.0.1:1", 1))
	m := c.status(200)
	if got := m.Get("Contact"); !strings.HasPrefix(got, "<sip:gv12025550123@192.0.2.10:38250;transport=tls>") || !strings.HasSuffix(got, ";expires=120") {
		t.Errorf("Contact %s", got)
	}
	if m.Get("Flow-Timer") != "60" {
		t.Errorf("Flow-Timer %q", m.Get("Flow-Timer"))
	}
}

func TestOptionRotateRoutesWantsTheNewest(t *testing.T) {
	c := registered(t, func(c *Config) { c.Options.RotateRoutes = true })
	old := c.vars["ROUTES"]
	c.register("register-seed.sip")
	fresh := c.vars["ROUTES"]
	if old == fresh {
		t.Fatal("the routes did not change")
	}
	c.vars["ROUTES"] = old
	c.invite("invite-seed.sip", "offer-seed.sdp", answersAt1000Hz)
	c.silence("GV-S15")
	c.vars["ROUTES"] = fresh
	c.invite("invite-seed.sip", "offer-seed.sdp", answersAt1000Hz)
	c.status(183)
}

func TestOptionEmptyAnswerLeavesThe200Bare(t *testing.T) {
	c := registered(t, func(c *Config) { c.Options.Reliable, c.Options.EmptyAnswer = true, true })
	c.invite("invite-seed.sip", "offer-seed.sdp", answersAt1000Hz)
	first := c.status(183)
	c.media.sound(first.Body, 500)
	cseq, _, _ := strings.Cut(first.Get("CSeq"), " ")
	c.send(c.inDialog("PRACK", first, "RAck: 1 "+cseq+" INVITE\r\n"))
	c.status(200) // to PRACK
	if ok := c.status(200); !strings.HasSuffix(ok.Get("CSeq"), "INVITE") || len(ok.Body) != 0 {
		t.Errorf("got %s", ok.Raw)
	}
}

func TestOptionBillingAnnouncement(t *testing.T) {
	c := registered(t, func(c *Config) { c.Options.Billing = BillingAnnouncement })
	c.invite("invite-seed.sip", "offer-seed.sdp", "011442079460000")
	c.media.check(c.status(183).Body)
	c.media.until("the announcement", func() bool { return c.media.heard().Tone > 900 })
}

func TestGVS5TheTokenEndpointIsServedOverTLSUnderGooglesName(t *testing.T) {
	s := newEdge(t, nil)
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: s.CertPool(), ServerName: "www.googleapis.com"}}}
	defer client.CloseIdleConnections()
	resp, err := client.Post(s.TokenURL(), "application/x-www-form-urlencoded",
		strings.NewReader("client_id=client&client_secret=secret&refresh_token=1//refresh&grant_type=refresh_token"))
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		t.Errorf("HTTP %d", resp.StatusCode)
	}
}

func TestDialContextKnowsOnlyTheEdgesHosts(t *testing.T) {
	s := newEdge(t, nil)
	c, err := s.DialContext(soon(t), "tcp", "voice.telephony.goog:5061")
	if err != nil {
		t.Fatal(err)
	}
	_ = c.Close()
	if _, err := s.DialContext(soon(t), "tcp", "voice.sip.google.com:5061"); err == nil {
		t.Error("a registrar domain must not resolve (GV-S4)")
	}
}

// FuzzEdge sends changed messages to a live edge with a live registration.
func FuzzEdge(f *testing.F) {
	files, _ := filepath.Glob("testdata/*.sip")
	for _, name := range files {
		raw, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		_, text, _ := bytes.Cut(raw, []byte("\n"))
		f.Add(text)
	}
	const lasts = 500 // inputs that a server serves, each as another device: an account has room for 1000
	var s *Server
	inputs := 0
	f.Cleanup(func() {
		if s != nil {
			_ = s.Close()
		}
	})
	f.Fuzz(func(t *testing.T, text []byte) {
		if inputs++; inputs%lasts == 1 {
			if s != nil {
				_ = s.Close()
			}
			s = &Server{Config: Config{Accounts: []Account{testAccount}, Options: Options{ClientCert: ClientCertNone, RegisterRate: -1, ConcurrentCalls: -1}}}
			if err := s.Start(context.Background()); err != nil {
				t.Fatal(err)
			}
		}
		c := dial(t, s, "obihai.telephony.goog")
		defer c.c.Close()
		c.vars["USER"] = wire.Token(12) // calls of earlier inputs look for their user's newest flow
		c.register("register-seed.sip")
		c.vars["NUMBER"], c.vars["CALLID"] = answersAt1000Hz, wire.Token(16)
		body := "v=0\r\nm=audio 9 RTP/AVP 0\r\na=ice-ufrag:abcd\r\na=ice-pwd:abcdefghijklmnopqrstuv\r\na=rtcp-mux\r\n"
		out := strings.TrimRight(c.fillText(string(text)), "\r\n")
		c.send(fmt.Sprintf("%s\r\nContent-Length: %d\r\n\r\n%s", out, len(body), body))
		_ = c.c.CloseWrite()
		_ = c.c.SetReadDeadline(time.Now().Add(time.Minute))
		for { // until the edge has read everything and closes too
			if _, err := c.r.Next(); err != nil {
				return
			}
		}
	})
}
