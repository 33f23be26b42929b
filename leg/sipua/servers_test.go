package sipua_test

import (
	"net"
	"net/netip"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/miekg/dns"

	"tandem/call"
	"tandem/leg/sipua"
	"tandem/sip/dialog"
)

// zone is a name server on loopback that knows what the test says.
type zone struct {
	records atomic.Pointer[[]dns.RR]
	addr    string
}

func newZone(t *testing.T) *zone {
	t.Helper()
	pc, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	z := &zone{addr: pc.LocalAddr().String()}
	ready, done := make(chan struct{}), make(chan error, 1)
	srv := &dns.Server{PacketConn: pc, Handler: z, NotifyStartedFunc: func() { close(ready) }}
	go func() { done <- srv.ActivateAndServe() }()
	<-ready
	t.Cleanup(func() { _ = srv.Shutdown(); <-done })
	return z
}

// says replaces the zone; each line is a record.
func (z *zone) says(t *testing.T, lines string) {
	t.Helper()
	var all []dns.RR
	for line := range strings.Lines(lines) {
		rr, err := dns.NewRR(strings.TrimSpace(line))
		if err != nil {
			t.Fatal(err)
		}
		if rr != nil {
			all = append(all, rr)
		}
	}
	z.records.Store(&all)
}

// ServeDNS implements dns.Handler.
func (z *zone) ServeDNS(w dns.ResponseWriter, q *dns.Msg) {
	r := new(dns.Msg).SetReply(q)
	for _, rr := range *z.records.Load() {
		if strings.EqualFold(rr.Header().Name, q.Question[0].Name) && rr.Header().Rrtype == q.Question[0].Qtype {
			r.Answer = append(r.Answer, rr)
		}
	}
	_ = w.WriteMsg(r)
}

func port(a netip.AddrPort) string { return strconv.Itoa(int(a.Port())) }

// closedPort is one where nobody answers: it belongs to a UDP socket that is not read
// for as long as the test runs, and refuses TCP.
func closedPort(t *testing.T) string {
	t.Helper()
	c, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return port(c.LocalAddr().(*net.UDPAddr).AddrPort())
}

// A carrier names its servers in the DNS: TCP before UDP (NAPTR), the first of two for
// each (SRV). A call goes out by the first that takes it.
func TestACallGoesToTheNextServerThatTheDNSNames(t *testing.T) {
	for _, row := range []struct {
		name     string
		overload bool // the first server answers, and takes no call
		zone     string
	}{
		{"the first server that SRV names is dead", false, `
			carrier.example. 60 IN NAPTR 10 10 "s" "SIP+D2U" "" _sip._udp.carrier.example.
			_sip._udp.carrier.example. 60 IN SRV 20 10 SECOND b.carrier.example.
			_sip._udp.carrier.example. 60 IN SRV 10 10 DEAD a.carrier.example.`},
		{"the transport that NAPTR names first is dead", false, `
			carrier.example. 60 IN NAPTR 20 10 "s" "SIP+D2U" "" _sip._udp.carrier.example.
			carrier.example. 60 IN NAPTR 10 10 "s" "SIP+D2T" "" _sip._tcp.carrier.example.
			_sip._udp.carrier.example. 60 IN SRV 10 10 SECOND b.carrier.example.
			_sip._tcp.carrier.example. 60 IN SRV 10 10 DEAD a.carrier.example.
			_sip._tcp.carrier.example. 60 IN SRV 20 10 DEAD b.carrier.example.`},
		{"the first server is overloaded, and there is no NAPTR", true, `
			_sip._udp.carrier.example. 60 IN SRV 20 10 SECOND b.carrier.example.
			_sip._udp.carrier.example. 60 IN SRV 10 10 FIRST a.carrier.example.`},
	} {
		t.Run(row.name, func(t *testing.T) {
			z := newZone(t)
			conf := devices("100")
			r := newRig(t, conf, func(c *sipua.Connector) { c.DNS = []string{z.addr} })
			first, second, a := r.phone("first", "udp"), r.phone("second", "udp"), r.phone("100", "udp")
			ports := strings.NewReplacer("FIRST", port(first.flow.Local()), "SECOND", port(second.flow.Local()), "DEAD", closedPort(t))
			z.says(t, ports.Replace(row.zone)+`
				a.carrier.example. 60 IN A 127.0.0.1
				b.carrier.example. 60 IN A 127.0.0.1`)
			conf.Trunks = []sipua.Trunk{{Name: "pbx", Server: "carrier.example", Encrypt: sipua.Off, Qualify: -1}}
			if err := r.Apply(conf); err != nil {
				t.Fatal(err)
			}
			r.routes(toTrunk)
			out := a.dial("+15550001111")
			if row.overload {
				first.rings().Reject(503, "")
			}
			in := second.rings()
			if u := in.Request().URI; u.Host != "carrier.example" || u.User != "15550001111" {
				t.Errorf("Request-URI %s, want the carrier's name", u)
			}
			in.answer()
			wait[dialog.Answered](out)
			out.Bye()
			wait[dialog.Ended](in)
			if rec := r.record(0); rec.Cause != call.NormalClearing || len(rec.Tried) != 0 || rec.B.Via != "pbx" {
				t.Errorf("record %+v", rec)
			}
		})
	}
}
