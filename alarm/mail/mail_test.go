package mail

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/big"
	"mime"
	"mime/quotedprintable"
	"net"
	"net/mail"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"tandem/alarm"
)

func TestTheConfigurationIsChecked(t *testing.T) {
	good := Config{Server: "mail.example.com", From: "Tandem <gw@example.com>", To: []string{"anna@example.com"}}
	for _, c := range []struct {
		name string
		edit func(*Config)
		want string // empty: good
	}{
		{"good", func(*Config) {}, ""},
		{"nothing", func(c *Config) { *c = Config{} }, ""},
		{"a port", func(c *Config) { c.Server = "mail.example.com:2525" }, ""},
		{"no server", func(c *Config) { c.Server = "" }, "server"},
		{"a URL", func(c *Config) { c.Server = "smtp://mail" }, "server"},
		{"no sender", func(c *Config) { c.From = "" }, "from"},
		{"no reader", func(c *Config) { c.To = nil }, "to"},
		{"a wrong reader", func(c *Config) { c.To = []string{"anna\r\nBcc: x"} }, "to[0]"},
		{"plain over the net", func(c *Config) { c.TLS = "none" }, "tls"},
		{"plain on this machine", func(c *Config) { c.TLS, c.Server = "none", "127.0.0.1:25" }, ""},
		{"another way", func(c *Config) { c.TLS = "ssl" }, "tls"},
		{"a severity", func(c *Config) { c.Severity = "loud" }, "min_severity"},
		{"a password alone", func(c *Config) { c.Password = "x" }, "user"},
	} {
		conf := good
		c.edit(&conf)
		err := conf.Validate()
		if (err == nil) != (c.want == "") || err != nil && !strings.HasPrefix(err.Error(), c.want) {
			t.Errorf("%s: got %v, want %q", c.name, err, c.want)
		}
	}
	for server, want := range map[string]string{"m": "m:587", "m:25": "m:25", "[::1]": "[::1]:587", "[::1]:25": "[::1]:25"} {
		if _, got := (&Config{Server: server}).address(); got != want {
			t.Errorf("%s: got %s, want %s", server, got, want)
		}
	}
}

// outbox collects mails in virtual time.
type outbox struct {
	fail  error
	mails []string // subjects
	at    []time.Time
}

func (o *outbox) hand(_ context.Context, _ Config, message []byte) error {
	if o.fail != nil {
		return o.fail
	}
	m, err := mail.ReadMessage(strings.NewReader(string(message)))
	if err != nil {
		return err
	}
	subject, err := new(mime.WordDecoder).DecodeHeader(m.Header.Get("Subject"))
	o.mails, o.at = append(o.mails, subject), append(o.at, time.Now())
	return err
}

// rig runs a mailer on a board until the test ends.
func rig(t *testing.T, o *outbox) (*alarm.Board, *Mailer) {
	t.Helper()
	log := slog.New(slog.DiscardHandler)
	b := &alarm.Board{Log: log}
	m := &Mailer{Node: "gw1", Log: log, Alarms: b, hand: o.hand}
	m.Apply(Config{Server: "mail.example.com", From: "gw@example.com", To: []string{"anna@example.com"}})
	b.Subscribe(m.Told)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- m.Run(ctx) }()
	t.Cleanup(func() { cancel(); <-done })
	return b, m
}

func raise(b *alarm.Board, key string, s alarm.Severity) {
	b.Raise(alarm.Alarm{Key: key, Severity: s, Title: "Title of " + key, Subject: "x", Do: "Do this."})
}

func TestAlarmsThatComeTogetherAreOneMail(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var o outbox
		b, m := rig(t, &o)
		began := time.Now()
		raise(b, "a", alarm.Warning)
		time.Sleep(time.Second)
		raise(b, "b", alarm.Critical)
		raise(b, "c", alarm.Info) // not worth a mail
		raise(b, "a", alarm.Warning)
		time.Sleep(10 * time.Second)
		b.Clear("a")
		b.Clear("c")
		raise(b, "b", alarm.Warning) // better: no news
		time.Sleep(10 * time.Minute)
		synctest.Wait()
		want := []string{"[Tandem gw1] critical: Title of b: x (and 1 more)", "[Tandem gw1] over: Title of a: x"}
		if fmt.Sprint(o.mails) != fmt.Sprint(want) {
			t.Fatalf("got %q, want %q", o.mails, want)
		}
		if first, second := o.at[0].Sub(began), o.at[1].Sub(o.at[0]); first != gather || second != apart+gather {
			t.Errorf("the first came after %v, the second %v later", first, second)
		}
		if s := m.Stats(); s != (Stats{Sent: 2}) {
			t.Errorf("got %+v", s)
		}
	})
}

func TestAMailIsTriedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := outbox{fail: errors.New("535 no")}
		b, m := rig(t, &o)
		raise(b, "a", alarm.Critical)
		time.Sleep(3 * time.Minute) // tries at 5 s, 40 s, 105 s
		synctest.Wait()
		if s := m.Stats(); s.Failed != 3 || s.Sent != 0 {
			t.Errorf("got %+v", s)
		}
		if active := b.Active(); len(active) != 2 || active[1].Key != Key || !strings.Contains(active[1].Detail, "535 no") {
			t.Errorf("got %+v", active)
		}
		o.fail = nil
		conf, _ := m.take(time.Time{})
		raise(b, "b", alarm.Critical)
		m.Apply(conf) // mended: no need to wait
		time.Sleep(gather)
		synctest.Wait()
		if len(o.mails) != 1 || len(b.Active()) != 2 {
			t.Errorf("got %q, %+v", o.mails, b.Active())
		}
	})
}

func TestTheQueueIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := outbox{fail: errors.New("gone")}
		b, m := rig(t, &o)
		for i := range maxWaiting + 10 {
			raise(b, fmt.Sprint(i), alarm.Critical)
		}
		time.Sleep(25 * time.Hour)
		if s := m.Stats(); s.Dropped != maxWaiting+10 || s.Sent != 0 {
			t.Errorf("got %+v", s)
		}
	})
}

func TestWhatWaitsIsSentWhenTheGatewayStops(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var o outbox
		log := slog.New(slog.DiscardHandler)
		m := &Mailer{Node: "gw1", Log: log, Alarms: &alarm.Board{Log: log}, hand: o.hand}
		m.Apply(Config{Server: "m"})
		m.Told(alarm.Alarm{Key: "a", Severity: alarm.Critical, Title: "x", Begin: time.Now()})
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if err := m.Run(ctx); err != nil || len(o.mails) != 1 {
			t.Errorf("got %v, %q", err, o.mails)
		}
	})
}

func TestNothingOfAnAlarmBecomesAHeader(t *testing.T) {
	a := alarm.Alarm{Title: "ä\r\nBcc: evil@example.com", Subject: "x\n.\nQUIT", Detail: "one\r\n.\r\ntwo", Do: "Do.", Severity: alarm.Critical}
	conf := Config{From: "Tandem <gw@example.com>", To: []string{"Änne <a@example.com>", "b@example.com"}}
	raw := compose(conf, "gw1", []alarm.Alarm{a}, time.Unix(0, 0))
	m, err := mail.ReadMessage(strings.NewReader(string(raw)))
	if err != nil {
		t.Fatal(err)
	}
	if m.Header.Get("Bcc") != "" || m.Header.Get("Auto-Submitted") != "auto-generated" {
		t.Errorf("got %+v", m.Header)
	}
	if to, err := m.Header.AddressList("To"); err != nil || len(to) != 2 || to[0].Name != "Änne" {
		t.Errorf("got %v, %v", to, err)
	}
	body, err := io.ReadAll(quotedprintable.NewReader(m.Body))
	if err != nil || !strings.Contains(string(body), "Detail    one ; . ; two") || !strings.Contains(string(body), "To do     Do.") {
		t.Errorf("got %s, %v", body, err)
	}
	for line := range strings.Lines(string(raw)) {
		if len(line) > 100 {
			t.Errorf("a line of %d characters", len(line))
		}
	}
}

// server is a mail server that takes one user and one password.
type server struct {
	addr, roots string
	secure      *tls.Config
	implicit    bool
	refuse      string // a command that is refused
	got         chan string
}

func serve(t *testing.T, s *server) *server {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	s.roots = filepath.Join(t.TempDir(), "roots.pem")
	if err := os.WriteFile(s.roots, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
	s.secure = &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}
	s.got = make(chan string, 1)
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s.addr = ln.Addr().String()
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			if s.implicit {
				c = tls.Server(c, s.secure)
			}
			s.talk(c)
			_ = c.Close()
		}
	}()
	t.Cleanup(func() { _ = ln.Close(); <-done })
	return s
}

func (s *server) talk(c net.Conn) {
	_ = c.SetDeadline(time.Now().Add(time.Minute))
	in := bufio.NewReader(c)
	say := func(text string) { _, _ = io.WriteString(c, text+"\r\n") }
	said := ""
	say("220 hello")
	for {
		line, err := in.ReadString('\n')
		if err != nil {
			return
		}
		line = strings.TrimSpace(line)
		said += line + "\n"
		_, encrypted := c.(*tls.Conn)
		switch verb, _, _ := strings.Cut(strings.ToUpper(line), " "); {
		case s.refuse != "" && strings.HasPrefix(line, s.refuse):
			say("550 not here")
		case verb == "EHLO" && encrypted:
			say("250-hello\r\n250 AUTH PLAIN")
		case verb == "EHLO":
			say("250-hello\r\n250 STARTTLS")
		case verb == "STARTTLS":
			say("220 go on")
			c = tls.Server(c, s.secure)
			in = bufio.NewReader(c)
		case verb == "AUTH" && line != "AUTH PLAIN "+base64.StdEncoding.EncodeToString([]byte("\x00gw\x00secret")):
			say("535 wrong password")
		case verb == "AUTH":
			say("235 welcome")
		case verb == "DATA":
			say("354 go on")
			for line := ""; line != ".\r\n"; said += line {
				if line, err = in.ReadString('\n'); err != nil {
					return
				}
			}
			say("250 taken")
			s.got <- said
		case verb == "QUIT":
			say("221 bye")
			return
		default:
			say("250 ok")
		}
	}
}

func TestAMailServerTakesTheMail(t *testing.T) {
	for _, c := range []struct {
		name   string
		server *server
		edit   func(*Config)
		want   string // in the error; empty: the mail arrives
	}{
		{"STARTTLS", &server{}, func(*Config) {}, ""},
		{"implicit TLS", &server{implicit: true}, func(c *Config) { c.TLS = implicitTLS }, ""},
		{"one of two readers is refused", &server{refuse: "RCPT TO:<b@"}, func(*Config) {}, ""},
		{"plain on this machine", &server{}, func(c *Config) { c.TLS, c.User, c.Password = noTLS, "", "" }, ""},
		{"a wrong password", &server{}, func(c *Config) { c.Password = "canary" }, "refuses user gw"},
		{"a sender that may not", &server{refuse: "MAIL"}, func(*Config) {}, "refuses the sender"},
		{"readers nobody knows", &server{refuse: "RCPT"}, func(*Config) {}, "refuses a@example.com"},
		{"no STARTTLS", &server{implicit: true}, func(c *Config) { c.TLS = noTLS }, "does not greet"},
		{"a certificate of nobody's", &server{}, func(c *Config) { c.Roots = "" }, "certificate"},
		{"nobody there", &server{}, func(c *Config) { c.Server = "127.0.0.1:1" }, "connect to"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := serve(t, c.server)
			conf := Config{Server: s.addr, From: "gw@example.com", To: []string{"a@example.com", "b@example.com"}, User: "gw", Password: "secret", Roots: s.roots}
			c.edit(&conf)
			limit := time.Minute
			if c.want == "does not greet" { // it never will
				limit = 3 * time.Second
			}
			ctx, cancel := context.WithTimeout(t.Context(), limit)
			defer cancel()
			err := send(ctx, conf, compose(conf, "gw1", []alarm.Alarm{{Title: "Title", Severity: alarm.Critical}}, time.Now()))
			if c.want != "" {
				if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "canary") {
					t.Errorf("got %v, want %q", err, c.want)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if got := <-s.got; !strings.Contains(got, "MAIL FROM:<gw@example.com>") || !strings.Contains(got, "Subject: [Tandem gw1] critical: Title") {
				t.Errorf("got %s", got)
			}
		})
	}
}
