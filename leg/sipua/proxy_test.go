package sipua_test

import (
	"strings"
	"testing"

	"tandem/call"
	"tandem/leg/sipua"
	"tandem/sip/dialog"
)

func TestACallToAnAddressElsewhereGoesByTheProxy(t *testing.T) {
	conf := devices("100", "200")
	conf.Domains, conf.Realm = []string{"here.example"}, "tandem"
	r := newRig(t, conf)
	edge, a := r.phone("edge", "udp"), r.phone("100", "udp")
	at := edge.flow.Local()
	conf.Proxies = []sipua.Proxy{{Name: "edge", Address: at.Addr().String(), Port: int(at.Port()), Transport: "udp", Private: true}}
	if err := conf.Validate(); err != nil {
		t.Fatal(err)
	}
	if err := r.Apply(conf); err != nil {
		t.Fatal(err)
	}
	r.routes(func(call.Request) ([]call.Destination, error) {
		return []call.Destination{{Connector: sipua.Name, External: true, Proxy: "edge", To: "anna@far.example"}}, nil
	})
	out := a.dial("anything")
	in := edge.rings()
	if u := in.Request().URI; u.User != "anna" || u.Host != "far.example" {
		t.Errorf("Request-URI %s, want anna@far.example", u)
	}
	in.answer()
	wait[dialog.Answered](out)
	in.Bye()
	wait[dialog.Ended](out)
	if rec := r.record(0); rec.B.Via != "edge" {
		t.Errorf("the record has %q, want the proxy", rec.B.Via)
	}
}

func TestARegisteredDeviceIsCalledBeforeAnyProxy(t *testing.T) {
	conf := devices("100", "200")
	conf.Domains, conf.Realm = []string{"here.example"}, "tandem"
	r := newRig(t, conf)
	a, b := r.phone("100", "udp"), r.phone("200", "udp")
	b.mustRegister()
	r.routes(func(call.Request) ([]call.Destination, error) {
		return []call.Destination{{Connector: sipua.Name, External: true, To: "200@here.example"}}, nil
	})
	out := a.dial("anything")
	in := b.rings()
	in.answer()
	wait[dialog.Answered](out)
	in.Bye()
	wait[dialog.Ended](out)
}

func TestNoCallLeadsIntoAPrivateNetworkUnlessItMay(t *testing.T) {
	for _, row := range []struct {
		name, to string
		status   int
	}{
		{"an address of this machine", "anna@127.0.0.1", 503},
		{"a private address", "anna@10.0.0.1", 503},
		{"a private address in disguise", "anna@[::ffff:10.0.0.1]", 503},
		{"no host", "anna", 404},
		{"a host of ours that has no such device", "anna@here.example", 404},
		{"a host that is none", "anna@a b", 484},
		{"parameters for a host", "anna@example.com;maddr=10.0.0.1", 484},
	} {
		t.Run(row.name, func(t *testing.T) {
			conf := devices("100")
			conf.Domains, conf.Realm = []string{"here.example"}, "tandem"
			r := newRig(t, conf)
			a := r.phone("100", "udp")
			r.routes(func(call.Request) ([]call.Destination, error) {
				return []call.Destination{{Connector: sipua.Name, External: true, To: row.to}}, nil
			})
			out := a.dial("anything")
			for {
				if e, ok := (<-out.events).(dialog.Ended); ok {
					if e.Status != row.status {
						t.Errorf("status %d, want %d", e.Status, row.status)
					}
					return
				}
			}
		})
	}
}

func TestAProxyThatCannotBeNamesTheField(t *testing.T) {
	for want, p := range map[string]sipua.Proxy{
		"proxies[0].name":          {Address: "a.example"},
		"proxies[0].address":       {Name: "x", Address: "a.example;maddr=10.0.0.1"},
		"proxies[0].port":          {Name: "x", Address: "a.example", Port: 70000},
		"proxies[0].transport":     {Name: "x", Address: "a.example", Transport: "sctp"},
		"proxies[0].allow_private": {Name: "x", Address: "10.0.0.1"},
		"proxies[0].encrypt":       {Name: "x", Address: "a.example", Encrypt: "rot13"},
	} {
		c := sipua.Config{Proxies: []sipua.Proxy{p}}
		if err := c.Validate(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want an error about %s", err, want)
		}
	}
}
