package flow

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/miekg/dns"

	"tandem/sip"
)

// zone is what the test's DNS server knows.
const zone = `
naptr.example.com. 60 IN NAPTR 20 50 "s" "SIP+D2U" "" _sip._udp.naptr.example.com.
naptr.example.com. 60 IN NAPTR 10 60 "s" "SIP+D2T" "" _sip._tcp.naptr.example.com.
naptr.example.com. 60 IN NAPTR 10 50 "s" "SIPS+D2T" "" _sips._tcp.naptr.example.com.
naptr.example.com. 60 IN NAPTR 5 50 "s" "E2U+sip" "" _sip._udp.naptr.example.com.
_sips._tcp.naptr.example.com. 60 IN SRV 2 1 5061 two.example.com.
_sips._tcp.naptr.example.com. 60 IN SRV 1 1 5063 one.example.com.
_sip._tcp.naptr.example.com. 60 IN SRV 1 1 5070 one.example.com.
_sip._udp.naptr.example.com. 60 IN SRV 1 1 5080 dual.example.com.
_sip._tcp.srv.example.com. 60 IN SRV 1 1 5090 one.example.com.
_sip._udp.gone.example.com. 60 IN SRV 0 0 0 .
gone.example.com. 60 IN A 192.0.2.9
one.example.com. 60 IN A 192.0.2.1
two.example.com. 60 IN A 192.0.2.2
dual.example.com. 60 IN AAAA 2001:db8::3
dual.example.com. 60 IN A 192.0.2.3
plain.example.com. 60 IN A 192.0.2.4
_sip._udp.dead.example.com. 60 IN SRV 1 1 5060 nowhere.example.com.
_sip._udp.dead.example.com. 60 IN SRV 2 1 5060 one.example.com.
`

// dnsServer serves the zone on loopback and keeps the questions.
type dnsServer struct {
	records []dns.RR
	addr    string
	mu      sync.Mutex // guards asked
	asked   []string
}

func newDNS(t *testing.T) *dnsServer {
	t.Helper()
	s := &dnsServer{}
	for line := range strings.Lines(zone) {
		rr, err := dns.NewRR(line)
		if err != nil {
			t.Fatal(err)
		}
		if rr != nil {
			s.records = append(s.records, rr)
		}
	}
	pc, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s.addr = pc.LocalAddr().String()
	ready := make(chan struct{})
	srv := &dns.Server{PacketConn: pc, Handler: s, NotifyStartedFunc: func() { close(ready) }}
	done := make(chan error, 1)
	go func() { done <- srv.ActivateAndServe() }()
	<-ready
	t.Cleanup(func() { srv.Shutdown(); <-done })
	return s
}

func (s *dnsServer) ServeDNS(w dns.ResponseWriter, q *dns.Msg) {
	name, kind := q.Question[0].Name, q.Question[0].Qtype
	s.mu.Lock()
	s.asked = append(s.asked, dns.TypeToString[kind]+" "+name)
	s.mu.Unlock()
	r := new(dns.Msg).SetReply(q)
	for _, rr := range s.records {
		if strings.EqualFold(rr.Header().Name, name) && rr.Header().Rrtype == kind {
			r.Answer = append(r.Answer, rr)
		}
	}
	w.WriteMsg(r)
}

func (s *dnsServer) questions() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.asked)
}

func TestResolve(t *testing.T) {
	opaque := strings.Repeat("a", 63)
	for _, row := range []struct{ name, uri, want string }{
		{
			"NAPTR by order and preference, SRV by priority", "sip:a@naptr.example.com",
			"tls 192.0.2.1:5063, tls 192.0.2.2:5061, tcp 192.0.2.1:5070, udp 192.0.2.3:5080, udp [2001:db8::3]:5080",
		},
		{"sips takes only what is encrypted", "sips:a@naptr.example.com", "tls 192.0.2.1:5063, tls 192.0.2.2:5061"},
		{"transport goes straight to SRV", "sip:a@naptr.example.com;transport=tcp", "tcp 192.0.2.1:5070"},
		{"no NAPTR: SRV of all we speak", "sip:a@srv.example.com", "tcp 192.0.2.1:5090"},
		{"no SRV: the host itself", "sip:a@plain.example.com", "udp 192.0.2.4:5060"},
		{"no SRV, sips", "sips:a@plain.example.com", "tls 192.0.2.4:5061"},
		{"no SRV, WebSocket", "sip:a@plain.example.com;transport=ws", "ws 192.0.2.4:80"},
		{"a port goes straight to the address", "sip:a@naptr.example.com:5555", "resolve naptr.example.com: naptr.example.com: there is no such name in the DNS"},
		{"a port and a transport", "sip:a@one.example.com:5555;transport=tls", "tls 192.0.2.1:5555"},
		{"SRV of a dot: not that way", "sip:a@gone.example.com", "udp 192.0.2.9:5060"},
		{"a dead SRV target is left out", "sip:a@dead.example.com", "udp 192.0.2.1:5060"},
		{"numeric", "sip:a@192.0.2.77", "udp 192.0.2.77:5060"},
		{"numeric sips", "sips:a@192.0.2.77", "tls 192.0.2.77:5061"},
		{"numeric IPv6", "sip:a@[2001:db8::1]:5070;transport=tcp", "tcp [2001:db8::1]:5070"},
		{"maddr wins", "sip:a@one.example.com;maddr=192.0.2.5", "udp 192.0.2.5:5060"},
		{"sips is not for UDP", "sips:a@192.0.2.1;transport=udp", "resolve 192.0.2.1: sips does not go over UDP"},
		{"unknown transport", "sip:a@192.0.2.1;transport=sctp", `resolve 192.0.2.1: network "sctp": want udp, tcp, tls, ws or wss`},
		{"invented names", "sip:a@x.invalid", "resolve x.invalid: " + ErrNotResolvable.Error()},
		{"opaque hosts of Google (GV-C8)", "sip:a@" + opaque, "resolve " + opaque + ": " + ErrNotResolvable.Error()},
	} {
		t.Run(row.name, func(t *testing.T) {
			s := newDNS(t)
			r := &Resolver{Servers: []string{s.addr}}
			uri, err := sip.ParseURI(row.uri)
			if err != nil {
				t.Fatal(err)
			}
			targets, err := r.Resolve(context.Background(), uri)
			if got := describe(targets, err); got != row.want {
				t.Errorf("got  %s\nwant %s", got, row.want)
			}
			numeric := strings.Contains(row.name, "numeric") || strings.Contains(row.name, "opaque") || strings.Contains(row.name, "invented")
			if asked := s.questions(); numeric && len(asked) > 0 {
				t.Errorf("the DNS was asked for %v", asked)
			}
		})
	}
}

func describe(targets []Target, err error) string {
	if err != nil {
		return err.Error()
	}
	var out []string
	for _, to := range targets {
		out = append(out, fmt.Sprintf("%s %s", to.Network, to.Addr))
	}
	return strings.Join(out, ", ")
}

func TestResolverRemembersAndFailsOver(t *testing.T) {
	s := newDNS(t)
	dead, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	gone := dead.LocalAddr().String()
	dead.Close() // refuses at once
	r := &Resolver{Servers: []string{gone, s.addr}, IPv6: true}
	uri := sip.URI{Scheme: "sip", Host: "dual.example.com", Port: 5060}
	for range 3 {
		targets, err := r.Resolve(context.Background(), uri)
		if got := describe(targets, err); got != "udp [2001:db8::3]:5060, udp 192.0.2.3:5060" {
			t.Error(got)
		}
		if err == nil && targets[0].ServerName != "dual.example.com" {
			t.Errorf("certificate name is %s", targets[0].ServerName)
		}
	}
	if n := len(s.questions()); n != 2 {
		t.Errorf("%d questions for the same name", n)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	uri.Host = "two.example.com"
	if _, err := r.Resolve(ctx, uri); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}

func TestSRVWeights(t *testing.T) {
	records := []*dns.SRV{
		{Priority: 1, Weight: 90, Target: "heavy"},
		{Priority: 1, Weight: 10, Target: "light"},
		{Priority: 1, Weight: 0, Target: "zero"},
		{Priority: 0, Weight: 0, Target: "first"},
	}
	for _, row := range []struct {
		draws []int
		want  string
	}{
		{[]int{0, 0, 0, 0}, "first zero heavy light"},
		{[]int{0, 50, 0, 0}, "first heavy zero light"},
		{[]int{0, 100, 1, 0}, "first light heavy zero"},
	} {
		i := 0
		got := ""
		for _, s := range srvOrder(records, func(n int) int { i++; return min(row.draws[i-1], n-1) }) {
			got += " " + s.Target
		}
		if got[1:] != row.want {
			t.Errorf("draws %v: got %s, want %s", row.draws, got[1:], row.want)
		}
	}
}
