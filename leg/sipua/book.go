package sipua

import (
	"cmp"
	"net/netip"
	"reflect"
	"strings"
	"sync/atomic"
	"time"

	"tandem/sip"
	"tandem/sip/auth"
	"tandem/sip/flow"
)

// A book is the devices and trunks in force. It never changes; a new
// configuration makes a new one.
type book struct {
	conf    Config
	realm   string
	domain  string // ours, in From; "" takes our address
	domains map[string]bool
	devices map[string]*device
	trunks  map[string]*trunk
	proxies map[string]*trunk
}

// A device is its configuration, and what outlives a reload: the calls it has.
type device struct {
	Device
	calls   *atomic.Int32
	insists *atomic.Pointer[Encryption] // what it was found to insist on; nil: nothing
	shares  *atomic.Bool                // it was found to have a second screen
}

func (c *Connector) newBook(conf Config, old *book) (*book, error) {
	b := &book{conf: conf, domains: make(map[string]bool), devices: make(map[string]*device), trunks: make(map[string]*trunk)}
	for _, d := range conf.Domains {
		b.domains[strings.ToLower(d)] = true
	}
	if len(conf.Domains) > 0 {
		b.domain = conf.Domains[0]
	}
	b.realm = cmp.Or(conf.Realm, b.domain, "tandem")
	for _, l := range conf.Listen {
		if host, _, _ := strings.Cut(l.Advertise, ":"); host != "" {
			b.domains[strings.ToLower(host)] = true
		}
	}
	for _, d := range conf.Devices {
		dev := &device{d, new(atomic.Int32), new(atomic.Pointer[Encryption]), new(atomic.Bool)}
		if old != nil && old.devices[d.Name] != nil {
			dev.calls, dev.insists, dev.shares = old.devices[d.Name].calls, old.devices[d.Name].insists, old.devices[d.Name].shares
		}
		b.devices[d.Name] = dev
	}
	for _, t := range conf.Trunks {
		if old != nil && old.trunks[t.Name] != nil && reflect.DeepEqual(old.trunks[t.Name].Trunk, t) {
			b.trunks[t.Name] = old.trunks[t.Name]
			continue
		}
		made, err := c.newTrunk(t)
		if err != nil {
			return nil, err
		}
		b.trunks[t.Name] = made
	}
	b.proxies = make(map[string]*trunk)
	for _, p := range conf.Proxies {
		made, err := c.newProxy(p)
		if err != nil {
			return nil, err
		}
		b.proxies[p.Name] = made
	}
	return b, nil
}

// ours reports whether host means this gateway to the far end of f.
func (b *book) ours(f *flow.Flow, host string) bool {
	host = strings.ToLower(strings.Trim(host, "[]"))
	if b.domains[host] || host == b.realm {
		return true
	}
	if by, _ := f.SentBy(); strings.EqualFold(by, host) {
		return true
	}
	addr, err := netip.ParseAddr(host)
	return err == nil && addr.Unmap() == f.Local().Addr().Unmap()
}

// alias is what the dial plan understands of a URI: the user alone where the host
// is ours, user@host otherwise.
func (b *book) alias(f *flow.Flow, u sip.URI) string {
	user, _, _ := strings.Cut(sip.Unescape(u.User), ";") // ;phone-context and the like (RFC 3966)
	if u.Scheme == "tel" || u.Host == "" || b.ours(f, u.Host) {
		return user
	}
	return user + "@" + u.Host
}

// host is what stands for us in a URI on f.
func (b *book) host(f *flow.Flow) string {
	if b.domain != "" {
		return b.domain
	}
	host, _ := f.SentBy()
	return host
}

// lookup gives the digest check a device's password.
func (c *Connector) lookup(user string) (auth.Account, bool) {
	d := c.book.Load().devices[user]
	if d == nil {
		return auth.Account{}, false
	}
	return auth.Account{Password: auth.Secret(d.Password.Reveal())}, true
}

func (d *device) maxCalls() int {
	if d.MaxCalls == 0 {
		return 4
	}
	return d.MaxCalls
}

// orElse is a duration with its default.
func orElse(d, def time.Duration) time.Duration {
	if d <= 0 {
		return def
	}
	return d
}

func (r *Register) min() time.Duration { return orElse(r.Min, time.Minute) }
func (r *Register) max() time.Duration { return max(orElse(r.Max, time.Hour), r.min()) }
func (r *Register) usual() time.Duration {
	return min(max(orElse(r.Default, time.Hour), r.min()), r.max())
}
func (r *Register) qualify() time.Duration { return orElse(r.Qualify, 25*time.Second) }
func (r *Register) contacts() int {
	if r.Contacts <= 0 {
		return 10
	}
	return r.Contacts
}
