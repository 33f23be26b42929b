package gvoice

import (
	"bytes"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"strings"
	"testing"
	"time"

	"tandem/sim/wire"
)

// golden are the files of testdata with one of the given ends.
func golden(f *testing.F, ends ...string) (out [][]byte) {
	f.Helper()
	entries, err := os.ReadDir("testdata")
	if err != nil {
		f.Fatal(err)
	}
	for _, e := range entries {
		for _, end := range ends {
			if strings.HasSuffix(e.Name(), end) {
				b, err := os.ReadFile("testdata/" + e.Name())
				if err != nil {
					f.Fatal(err)
				}
				out = append(out, bytes.ReplaceAll(b, []byte("\n"), []byte("\r\n")))
			}
		}
	}
	return out
}

// FuzzMessages has an edge with a registration and a ringing call take whatever
// bytes come on the connection that they belong to.
func FuzzMessages(f *testing.F) {
	for _, b := range golden(f, ".sip") {
		_, b, _ = bytes.Cut(b, []byte("\r\n")) // the source
		f.Add(b)
	}
	for _, method := range []string{"ACK", "BYE", "PRACK", "UPDATE", "INFO", "REFER", "CANCEL", "OPTIONS", "MESSAGE"} {
		f.Add([]byte(method + " sip:x@h SIP/2.0\r\nVia: SIP/2.0/TLS h;branch=z9hG4bK1\r\nFrom: <sip:a@h>;tag=1\r\nTo: <sip:b@h>;tag=2\r\nCall-ID: fuzz\r\nCSeq: 2 " + method + "\r\nContent-Length: 0\r\n\r\n"))
	}
	f.Add([]byte("CANCEL sip:x@h SIP/2.0\r\nVia: SIP/2.0/TLS h\r\nFrom: <sip:a@h>;tag=1\r\nTo: <sip:b@h>\r\nCall-ID: fuzz\r\nCSeq: 2 CANCEL\r\nContent-Length: 0\r\n\r\n"))
	f.Add([]byte("SIP/2.0 200 OK\r\nVia: ;\r\nFrom: \"\r\nTo: <\r\nCall-ID: fuzz\r\nCSeq: 1 INVITE\r\nContent-Length: 0\r\n\r\n"))
	s := &Server{Config: Config{Accounts: []Account{testAccount}, Options: Options{ConcurrentCalls: -1, RegisterRate: -1, AcceptRefer: true, Reliable: true, MWI: true, RewriteContact: true}}}
	s.Config.Timing.T1 = time.Millisecond
	if err := s.Start(f.Context()); err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { _ = s.Close() })
	near, far := net.Pipe()
	f.Cleanup(func() { _ = near.Close() })
	go drain(far)
	c := &conn{srv: s, id: 1, raw: near, out: near, sni: "obihai.telephony.goog", remote: "192.0.2.10:5061"}
	if !s.enter(c) {
		f.Fatal("the edge is closed")
	}
	token, _, _ := s.issue(map[string]string{"client_id": "client", "client_secret": "secret", "refresh_token": "1//refresh"})
	s.mu.Lock()
	s.bindings["me"] = &binding{account: s.accounts[testAccount.Number], user: "me", domain: "obihai.sip.google.com", conn: c, contact: "sip:me@192.0.2.10", id: "1", routes: []string{"<sip:r;lr>"}, expires: time.Now().Add(time.Hour)}
	s.mu.Unlock()
	call, err := s.PlaceCall(f.Context(), Incoming{To: testAccount.Number, From: "+12025550147"})
	if err != nil {
		f.Fatal(err)
	}
	for len(call.legList()) == 0 {
		time.Sleep(time.Millisecond)
	}
	ringing := []byte(call.legList()[0].callID)
	f.Fuzz(func(t *testing.T, b []byte) {
		b = bytes.ReplaceAll(bytes.ReplaceAll(b, []byte("Call-ID: fuzz"), append([]byte("Call-ID: "), ringing...)), []byte("$TOKEN"), []byte(token))
		c.message(b)
		s.State()
	})
}

func drain(c net.Conn) {
	buf := make([]byte, 4096)
	for {
		if _, err := c.Read(buf); err != nil {
			return
		}
	}
}

// FuzzDescription reads, judges and answers session descriptions.
func FuzzDescription(f *testing.F) {
	for _, b := range golden(f, ".sdp") {
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		d, err := parseSDP(b)
		if err != nil {
			return
		}
		if _, err := d.check(); err != nil {
			return
		}
		codec, event, ok := d.choose(true)
		if !ok {
			return
		}
		out := serverSDP{
			addr4: netip.MustParseAddrPort("192.0.2.1:19305"), addr6: netip.MustParseAddrPort("[2001:db8::1]:19305"), ufrag: "abcd", pwd: strings.Repeat("p", 22),
			proto: d.proto, direction: mirrored[d.direction], codecs: []sdpCodec{codec, event},
		}
		if _, err := parseSDP([]byte(out.String())); err != nil {
			t.Errorf("our answer cannot be read: %v\n%s", err, out)
		}
	})
}

// FuzzDatagrams throws bytes at the media port's demultiplexer, from an address
// that has passed a check and from one that has not.
func FuzzDatagrams(f *testing.F) {
	for _, b := range [][]byte{{0x80, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1, 0xff}, {0x80, 200, 0, 1, 0, 0, 0, 0}, {0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42}, {22, 254, 253}, {}} {
		f.Add(b, true)
		f.Add(b, false)
	}
	s := &Server{Config: Config{Accounts: []Account{testAccount}}, Log: slog.New(slog.DiscardHandler)}
	if err := s.Start(f.Context()); err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { _ = s.Close() })
	session := s.media.newSession("me", func(string, string) {})
	known, strange := netip.MustParseAddrPort("127.0.0.1:9"), netip.MustParseAddrPort("127.0.0.2:9")
	s.media.peers[known] = session
	f.Fuzz(func(t *testing.T, b []byte, verified bool) {
		from := strange
		if verified {
			from = known
		}
		s.media.packet(b, from, false)
		session.measured()
	})
}

// FuzzControl reads bodies of the control endpoint and configuration files.
func FuzzControl(f *testing.F) {
	f.Add([]byte(`{"kind":"invite-status","status":503,"delay":"2s"}`))
	f.Add([]byte(`{"to":"+12025550123","from":"+12025550147","talk":{"tone":440,"talk_for":"5s"}}`))
	f.Add([]byte(`{"people":[{"number":"+*","ring":"1s"}],"timing":{"t1":5}}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		var fault Fault
		if decode(bytes.NewReader(b), &fault) == nil && fault.Validate() == nil && strings.ContainsAny(fault.Reason+fault.Host+fault.User, "\r\n") {
			t.Errorf("%+v", fault)
		}
		var in Incoming
		if decode(bytes.NewReader(b), &in) == nil && in.Validate() == nil {
			from, asserted, _ := callerIdentity(in, WithheldAnonymous)
			if strings.ContainsAny(from+asserted, "\r\n") {
				t.Errorf("%q", from)
			}
		}
		_, _ = ParseConfig(b)
	})
}

// FuzzCredentials reads Authorization values and token requests.
func FuzzCredentials(f *testing.F) {
	f.Add(`username="me",realm="d",token="x"`)
	f.Add(`grant_type=refresh_token&refresh_token=1%2F%2Fr`)
	f.Fuzz(func(t *testing.T, v string) {
		for k, val := range bearerParams(v) {
			if strings.ContainsRune(k, ',') || strings.HasPrefix(val, `"`) {
				t.Errorf("%q: %q", k, val)
			}
		}
		form(v)
		contactParams(v)
		sentBy(v)
		plainEquals(v)
		if w, err := wire.ParseURI(v); err == nil {
			_, _ = profile{}.e164(w.User)
		}
	})
}
