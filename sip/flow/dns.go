package flow

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"sync"
	"time"

	"github.com/miekg/dns"
)

const (
	dnsTimeout  = 2 * time.Second // for one question to one server
	dnsTries    = 2               // rounds over the servers
	dnsNames    = 1024            // answers that are remembered
	dnsMaxTTL   = time.Hour
	dnsNegative = 30 * time.Second // how long "there is none" is remembered
)

// ErrNoName is the error for a host that does not exist.
var ErrNoName = errors.New("there is no such name in the DNS")

// A dnsClient asks DNS servers and remembers their answers for as long as they
// say. The zero dnsClient is ready.
type dnsClient struct {
	mu     sync.Mutex // guards what follows
	cache  generations[dnsQuestion, dnsAnswer]
	system []string // of resolv.conf
}

type dnsQuestion struct {
	name string
	kind uint16
}

type dnsAnswer struct {
	rrs     []dns.RR
	expires time.Time
}

// ask returns the records of one kind, none if there are none.
func (c *dnsClient) ask(ctx context.Context, servers []string, name string, kind uint16) ([]dns.RR, error) {
	q := dnsQuestion{strings.ToLower(dns.Fqdn(name)), kind}
	if rrs, ok := c.remembered(q); ok {
		return rrs, nil
	}
	if len(servers) == 0 {
		servers = c.systemServers()
	}
	var err error
	for range dnsTries {
		for _, server := range servers {
			var a dnsAnswer
			if a, err = exchange(ctx, server, q); err == nil {
				c.remember(q, a)
				return a.rrs, nil
			}
			if ctx.Err() != nil {
				return nil, ctx.Err()
			}
		}
	}
	return nil, fmt.Errorf("DNS %s %s: %w", dns.TypeToString[kind], name, err)
}

// exchange asks one server, over TCP if the answer is cut off.
func exchange(ctx context.Context, server string, q dnsQuestion) (dnsAnswer, error) {
	m := new(dns.Msg)
	m.SetQuestion(q.name, q.kind)
	m.SetEdns0(1232, false)
	c := dns.Client{Timeout: dnsTimeout}
	r, _, err := c.ExchangeContext(ctx, m, server)
	if err == nil && r.Truncated {
		c.Net = "tcp"
		r, _, err = c.ExchangeContext(ctx, m, server)
	}
	if err != nil {
		return dnsAnswer{}, err
	}
	if r.Rcode != dns.RcodeSuccess && r.Rcode != dns.RcodeNameError {
		return dnsAnswer{}, fmt.Errorf("the server %s answers %s", server, dns.RcodeToString[r.Rcode])
	}
	return answerOf(r, q), nil
}

// answerOf picks the records asked for, which may hang on a chain of CNAMEs.
func answerOf(r *dns.Msg, q dnsQuestion) dnsAnswer {
	a := dnsAnswer{}
	ttl := dnsMaxTTL
	for _, rr := range r.Answer {
		if rr.Header().Rrtype == q.kind {
			a.rrs = append(a.rrs, rr)
		}
		ttl = min(ttl, time.Duration(rr.Header().Ttl)*time.Second)
	}
	if len(a.rrs) == 0 {
		ttl = min(ttl, dnsNegative)
	}
	a.expires = time.Now().Add(ttl)
	return a
}

func (c *dnsClient) remembered(q dnsQuestion) ([]dns.RR, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	a, ok := c.cache.get(q)
	return a.rrs, ok && time.Now().Before(a.expires)
}

func (c *dnsClient) remember(q dnsQuestion, a dnsAnswer) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.cache.young == nil {
		c.cache = newGenerations[dnsQuestion, dnsAnswer](dnsNames)
	}
	c.cache.put(q, a)
}

// systemServers are those of resolv.conf, read once.
func (c *dnsClient) systemServers() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.system != nil {
		return c.system
	}
	c.system = []string{"127.0.0.1:53"}
	if conf, err := dns.ClientConfigFromFile("/etc/resolv.conf"); err == nil && len(conf.Servers) > 0 {
		c.system = nil
		for _, s := range conf.Servers {
			c.system = append(c.system, net.JoinHostPort(s, conf.Port))
		}
	}
	return c.system
}

// addrs asks for A and AAAA records.
func (c *dnsClient) addrs(ctx context.Context, servers []string, host string) ([]netip.Addr, error) {
	var out []netip.Addr
	for _, kind := range []uint16{dns.TypeA, dns.TypeAAAA} {
		rrs, err := c.ask(ctx, servers, host, kind)
		if err != nil {
			return nil, err
		}
		for _, rr := range rrs {
			if a, ok := addrOf(rr); ok {
				out = append(out, a)
			}
		}
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("%s: %w", host, ErrNoName)
	}
	return out, nil
}

func addrOf(rr dns.RR) (netip.Addr, bool) {
	switch rr := rr.(type) {
	case *dns.A:
		return netip.AddrFromSlice(rr.A.To4())
	case *dns.AAAA:
		return netip.AddrFromSlice(rr.AAAA)
	}
	return netip.Addr{}, false
}
