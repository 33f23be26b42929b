package sipua

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"

	"tandem/call"
	"tandem/internal/public"
	"tandem/sip/flow"
	"tandem/token"
)

// A Proxy takes the calls to SIP addresses that are not ours; nothing comes in by it.
type Proxy struct {
	Name      string       `yaml:"name"`
	Note      string       `yaml:"note,omitempty"`          // what it is for, for people
	Address   string       `yaml:"address"`                 // host name or address
	Port      int          `yaml:"port,omitempty"`          // default what the DNS says (SRV), else 5060, with TLS 5061
	Transport string       `yaml:"transport,omitempty"`     // tls (default), tcp, udp
	User      string       `yaml:"user,omitempty"`          // for its challenges
	Password  token.Secret `yaml:"password,omitempty"`      //
	Realm     string       `yaml:"realm,omitempty"`         // the only realm our password is given to; default the address
	Encrypt   Encryption   `yaml:"encrypt,omitempty"`       // media; default optional
	Roots     string       `yaml:"roots,omitempty"`         // PEM file with the only roots to trust, for TLS
	Private   bool         `yaml:"allow_private,omitempty"` // it may be in a private network
}

// External is how calls to SIP addresses elsewhere go out without a proxy.
type External struct {
	Private bool       `yaml:"allow_private,omitempty"` // they may lead into private networks
	Encrypt Encryption `yaml:"encrypt,omitempty"`       // media; default optional
}

// trunk is the proxy as the other SIP system that it is.
func (p *Proxy) trunk() Trunk {
	host := p.Address
	switch {
	case p.Port > 0:
		host = net.JoinHostPort(p.Address, strconv.Itoa(p.Port))
	case strings.Contains(p.Address, ":"):
		host = "[" + p.Address + "]"
	}
	return Trunk{
		Name: p.Name, Server: "sip:" + host + ";transport=" + cmp.Or(p.Transport, "tls"), User: p.User, Password: p.Password,
		Realm: p.Realm, Encrypt: p.Encrypt, Roots: p.Roots,
	}
}

func (p *Proxy) validate(field string, bad func(field, format string, args ...any)) {
	switch t := p.trunk(); {
	case p.Address == "":
		bad(field+".address", "a proxy needs an address")
	case !isHost(p.Address):
		bad(field+".address", "%q is no host name or address", p.Address)
	default:
		if _, err := t.serverURI(); err != nil {
			bad(field+".address", "%v", err)
		}
	}
	if p.Port < 0 || p.Port > 65535 {
		bad(field+".port", "%d is no port", p.Port)
	}
	switch p.Transport {
	case "", "tls", "tcp", "udp":
	default:
		bad(field+".transport", "%q is none of tls, tcp, udp", p.Transport)
	}
	if a, err := netip.ParseAddr(p.Address); err == nil && !p.Private && !public.Is(a) {
		bad(field+".allow_private", "%s is in a private network; say so with allow_private: true", a)
	}
	checkMedia(field, p.Encrypt, nil, bad)
}

// isHost reports whether a text can stand where a URI has a host, and nothing else.
func isHost(s string) bool {
	if _, err := netip.ParseAddr(s); err == nil {
		return true
	}
	return s != "" && len(s) <= 253 && strings.Trim(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_") == ""
}

// externalName is how records call the way out without a proxy.
const externalName = "external"

// dialExternal calls a SIP address: a device of ours that has it, else whoever the
// proxy or the DNS finds.
func (c *Connector) dialExternal(ctx context.Context, b *book, d call.Destination, from call.Request) (call.Leg, error) {
	user, host, elsewhere := strings.Cut(d.To, "@")
	elsewhere = elsewhere && !b.domains[strings.ToLower(host)]
	if dev := b.devices[user]; dev != nil && !elsewhere {
		if leg, err := c.dialDevice(ctx, dev, d.To, from); err == nil || d.Proxy == "" {
			return leg, err
		}
	}
	switch {
	case d.Proxy != "":
		t := b.proxies[d.Proxy]
		if t == nil {
			return nil, call.Refusal(call.NoRoute, fmt.Errorf("there is no SIP proxy %q", d.Proxy))
		}
		return c.dialTrunk(ctx, t, d.To, from)
	case !elsewhere:
		return nil, call.Refusal(call.UnknownNumber, fmt.Errorf("%q is no address elsewhere, and nobody here has it", d.To))
	case user == "" || !isHost(strings.Trim(host, "[]")):
		return nil, call.Refusal(call.InvalidNumber, fmt.Errorf("%q is no SIP address", d.To))
	}
	t, err := c.newTrunk(Trunk{Name: externalName, Server: "sip:" + host, Encrypt: b.conf.External.Encrypt})
	if err != nil {
		return nil, call.Refusal(call.InvalidNumber, err)
	}
	t.public = !b.conf.External.Private
	return c.dialTrunk(ctx, t, d.To, from)
}

// newProxy makes a proxy ready for calls.
func (c *Connector) newProxy(p Proxy) (*trunk, error) {
	t, err := c.newTrunk(p.trunk())
	if err != nil {
		return nil, err
	}
	t.public = !p.Private
	return t, nil
}

// errPrivate is why a call does not go to an address that the DNS gave.
var errPrivate = errors.New("its name leads into a private network; allow_private: true lets calls go there")

// outside leaves out targets in private networks, where the trunk may not lead.
// It is what was resolved that counts, and what is then connected to.
func (t *trunk) outside(found []flow.Target) ([]flow.Target, error) {
	if !t.public {
		return found, nil
	}
	var out []flow.Target
	for _, to := range found {
		if public.Is(to.Addr.Addr()) {
			out = append(out, to)
		}
	}
	if len(out) == 0 && len(found) > 0 {
		return nil, fmt.Errorf("%s: %w", t.server.Host, errPrivate)
	}
	return out, nil
}
