package sipua_test

import (
	"context"
	"crypto/tls"
	"errors"
	"net/netip"
	"strings"
	"sync"
	"testing"

	"tandem/call"
	"tandem/cluster"
	"tandem/leg/sipua"
	"tandem/sip"
	"tandem/sip/dialog"
	"tandem/sip/flow"
)

// A board of machines: what the store would tell them of each other.
type machines struct {
	mu       sync.Mutex
	at       map[string]netip.AddrPort // where machines are reached; those missing are dead
	bindings map[string]sipua.Binding  // by device and key
	away     bool                      // the store does not answer
}

// A node is what one machine knows: it is its connector's Nodes and Bindings.
type node struct {
	*machines
	name string
	id   *cluster.Identity
	tls  *tls.Config
}

func (n *node) Peer(s *tls.ConnectionState) (string, error) { return n.id.Peer(s) }

func (n *node) Reach(name string) (flow.Target, bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	at, ok := n.at[name]
	return flow.Target{Network: "tls", Host: at.Addr().String(), Port: int(at.Port()), ServerName: cluster.ServerName(name), TLS: n.tls}, ok
}

func (n *node) Contacts(_ context.Context, device string) ([]sipua.Binding, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.away {
		return nil, errors.New("the store is away")
	}
	var out []sipua.Binding
	for _, b := range n.bindings {
		if b.Device == device {
			out = append(out, b)
		}
	}
	return out, nil
}

func (n *node) Load(context.Context) ([]sipua.Binding, error) { return nil, nil }

func (n *node) Put(_ context.Context, b sipua.Binding) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.bindings[b.Device+" "+b.Key] = b
	return nil
}

func (n *node) Delete(_ context.Context, device, key string) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.bindings[device+" "+key].Node == n.name {
		delete(n.bindings, device+" "+key)
	}
	return nil
}

func (m *machines) stored(device string) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, b := range m.bindings {
		if b.Device == device {
			return true
		}
	}
	return false
}

func (m *machines) set(f func()) {
	m.mu.Lock()
	defer m.mu.Unlock()
	f()
}

// town starts machines that know each other.
func town(t *testing.T, names ...string) (*machines, []*rig) {
	t.Helper()
	m := &machines{at: make(map[string]netip.AddrPort), bindings: make(map[string]sipua.Binding)}
	var rigs []*rig
	for _, name := range names {
		id, err := cluster.NewIdentity("a secret of the test's machines", name)
		if err != nil {
			t.Fatal(err)
		}
		n := &node{machines: m, name: name, id: id, tls: id.Client()}
		r := newRig(t, devices("kitchen", "study"), func(c *sipua.Connector) {
			c.Node, c.Bindings = name, n
			c.Inner = &sipua.Inner{Listen: "127.0.0.1:0", TLS: id.Server(), Nodes: n}
		})
		m.set(func() { m.at[name] = netip.MustParseAddrPort(r.InnerAddr()) })
		rigs = append(rigs, r)
	}
	return m, rigs
}

// registered registers a phone and waits until the store has it.
func (m *machines) registered(p *phone) {
	p.Helper()
	p.mustRegister()
	p.until("the registration in the store", func() bool { return m.stored(p.name) })
}

func TestAPhoneOfAnotherMachineIsCalledThroughIt(t *testing.T) {
	t.Parallel()
	for _, network := range []string{"udp", "tcp"} {
		t.Run(network, func(t *testing.T) {
			t.Parallel()
			m, rigs := town(t, "a", "b")
			kitchen, study := rigs[0].phone("kitchen", network), rigs[1].phone("study", "udp")
			m.registered(kitchen)
			study.mustRegister()

			c := study.dial("kitchen")
			in := kitchen.rings()
			if rr := in.Request().Get("Record-Route"); !strings.Contains(rr, "hop-") || !strings.Contains(rr, rigs[0].addr[network].String()) {
				t.Errorf("Record-Route: %q, want the phone's own machine", rr)
			}
			if from := in.Request().Get("From"); !strings.Contains(from, "study") {
				t.Errorf("From: %q", from)
			}
			in.Progress(180, nil, false)
			in.answer()
			wait[dialog.Answered](c)
			wait[dialog.Acked](in)
			in.Bye()
			wait[dialog.Ended](c)

			c = study.dial("kitchen")
			in = kitchen.rings()
			in.answer()
			wait[dialog.Answered](c)
			wait[dialog.Acked](in)
			c.Bye()
			wait[dialog.Ended](in)

			c = study.dial("kitchen")
			in = kitchen.rings()
			in.Progress(180, nil, false)
			wait[dialog.Provisional](c)
			c.Cancel()
			wait[dialog.Cancelled](in)
			wait[dialog.Ended](c)

			c = study.dial("kitchen")
			kitchen.rings().Reject(486, "")
			if no := wait[dialog.Refused](c); no.Status != 486 {
				t.Errorf("got %d", no.Status)
			}
			if n := len(rigs[0].asked); n != 0 {
				t.Errorf("the phone's machine has routed %d calls itself", n)
			}
		})
	}
}

func TestAPhoneOfADeadMachine(t *testing.T) {
	t.Parallel()
	for network, reached := range map[string]bool{"udp": true, "tcp": false} {
		t.Run(network, func(t *testing.T) {
			t.Parallel()
			m, rigs := town(t, "a", "b")
			kitchen, study := rigs[0].phone("kitchen", network), rigs[1].phone("study", "udp")
			m.registered(kitchen)
			study.mustRegister()
			if reached { // at first nobody has noticed
				m.set(func() { m.at["a"] = netip.MustParseAddrPort("127.0.0.1:1") })
				c := study.dial("kitchen")
				kitchen.rings().Reject(486, "")
				wait[dialog.Refused](c)
			}
			m.set(func() { delete(m.at, "a") })
			c := study.dial("kitchen")
			if reached {
				in := kitchen.rings()
				if in.Request().Has("Record-Route") {
					t.Error("the call does not come directly")
				}
				in.answer()
				wait[dialog.Answered](c)
				c.Bye()
				wait[dialog.Ended](in)
				return
			}
			if no := wait[dialog.Refused](c); no.Status != 480 {
				t.Errorf("got %d", no.Status)
			}
		})
	}
}

// A phone that has moved is called where it is, not where it was, and its old machine
// does not take its new registration away.
func TestAPhoneThatMoves(t *testing.T) {
	t.Parallel()
	m, rigs := town(t, "a", "b")
	kitchen := rigs[0].phone("kitchen", "tcp")
	const contact = "<sip:kitchen@192.0.2.1>;+sip.instance=\"<urn:uuid:1>\";reg-id=1"
	kitchen.mustRegister("Contact", contact)
	kitchen.until("the registration", func() bool { return m.stored("kitchen") })
	moved := rigs[1].phone("kitchen", "tcp")
	moved.mustRegister("Contact", contact)
	node := func() (n string) {
		m.set(func() {
			for _, b := range m.bindings {
				if b.Device == "kitchen" {
					n = b.Node
				}
			}
		})
		return n
	}
	moved.until("the new registration", func() bool { return node() == "b" })
	study := rigs[0].phone("study", "udp")
	study.mustRegister()
	c := study.dial("kitchen")
	in := moved.rings()
	select {
	case <-kitchen.calls:
		t.Error("it rings where it was, too")
	default:
	}
	in.answer()
	wait[dialog.Answered](c)
	c.Bye()
	wait[dialog.Ended](in)
	kitchen.flow.Close(nil)
	kitchen.until("the old machine's notice", func() bool { return len(rigs[0].Devices()[0].Contacts) == 0 })
	study.mustRegister() // its save comes after the deletion
	if got := node(); got != "b" {
		t.Errorf("the registration is now at %q", got)
	}
	m.set(func() { m.away = true })
	c = study.dial("study")
	study.rings().Reject(486, "") // without the store our own phones ring
	wait[dialog.Refused](c)
}

// Nobody but a phone with a call through this machine gets anything to another one.
func TestAHopIsNoOpenDoor(t *testing.T) {
	t.Parallel()
	m, rigs := town(t, "a", "b")
	kitchen, study, thief := rigs[0].phone("kitchen", "tcp"), rigs[1].phone("study", "udp"), rigs[0].phone("study", "tcp")
	m.registered(kitchen)
	study.mustRegister()
	thief.mustRegister()
	c := study.dial("kitchen")
	in := kitchen.rings()
	in.answer()
	wait[dialog.Answered](c)
	route := in.Request().Get("Record-Route")

	ask := func(p *phone, method, to string) int {
		m := p.message(method, domain, "Route", route)
		m.Set("To", to)
		m.Set("Call-ID", in.Request().CallID())
		return p.send(m).Status
	}
	withTag := "<sip:study@127.0.0.1>;tag=guessed"
	if got := ask(thief, "BYE", withTag); got != 403 {
		t.Errorf("another phone's BYE: %d", got)
	}
	if got := ask(kitchen, "MESSAGE", withTag); got != 403 {
		t.Errorf("a MESSAGE: %d", got)
	}
	if got := ask(kitchen, "INVITE", "<sip:study@127.0.0.1>"); got != 403 {
		t.Errorf("an INVITE outside of the call: %d", got)
	}
	if got := ask(kitchen, "BYE", withTag); got != 481 {
		t.Errorf("a BYE of no call: %d", got)
	}
	in.Bye()
	wait[dialog.Ended](c)
}

func TestACallOverAnotherMachinesAccount(t *testing.T) {
	t.Parallel()
	_, rigs := town(t, "a", "b")
	a, b := rigs[0], rigs[1]
	b.routes(func(q call.Request) ([]call.Destination, error) {
		return nil, call.Refusal(call.Busy, errors.New("as far as it goes"))
	})
	for _, test := range []struct {
		from, name string
		private    bool
	}{
		{"+12025550123", "Grandma", false},
		{"kitchen", "", false},
		{"alice@example.com", "Alice \"A\" Jones", false},
		{"+12025550123", "", true},
	} {
		holders := []string{"b"}
		l, err := a.DialNode(t.Context(), "home & away", "+12025550100", call.Request{From: test.from, FromName: test.name, Private: test.private, Hops: 20}, func(context.Context, string) (string, bool) {
			n := holders[0]
			return n, true
		})
		if err != nil {
			t.Fatal(err)
		}
		var end call.Ended
		for ev := range l.Events() {
			if e, ok := ev.(call.Ended); ok {
				end = e
			}
		}
		if end.Cause != call.Busy {
			t.Errorf("ended with %+v", end)
		}
		b.mu.Lock()
		q := b.asked[len(b.asked)-1]
		b.mu.Unlock()
		if q.Over != "home & away" || q.To != "+12025550100" || q.From != test.from || q.FromName != test.name || q.Private != test.private || q.Via != "a" || q.Hops != 19 {
			t.Errorf("got %+v, want %+v", q, test)
		}
	}
}

func TestNobodyHoldsTheAccount(t *testing.T) {
	t.Parallel()
	m, rigs := town(t, "a")
	for name, holder := range map[string]sipua.Holder{
		"nobody":   func(context.Context, string) (string, bool) { return "", false },
		"the dead": func(context.Context, string) (string, bool) { return "gone", true },
		"an empty address": func(context.Context, string) (string, bool) {
			m.set(func() { m.at["empty"] = netip.MustParseAddrPort("127.0.0.1:1") })
			return "empty", true
		},
	} {
		l, err := rigs[0].DialNode(t.Context(), "home", "+12025550100", call.Request{From: "kitchen"}, holder)
		if err != nil {
			t.Fatal(err)
		}
		for ev := range l.Events() {
			if e, ok := ev.(call.Ended); ok && e.Cause != call.Unavailable {
				t.Errorf("%s: ended with %+v", name, e)
			}
		}
	}
}

// A connection without a certificate of the cluster is none.
func TestTheInnerListenerTakesMachinesOnly(t *testing.T) {
	t.Parallel()
	_, rigs := town(t, "a")
	id, err := cluster.NewIdentity("some other town's secret", "b")
	if err != nil {
		t.Fatal(err)
	}
	conf := id.Client()
	conf.InsecureSkipVerify = true
	for name, c := range map[string]*tls.Config{"another secret": conf, "no certificate": {InsecureSkipVerify: true}} {
		got := make(chan *sip.Message, 1)
		n := &flow.Transport{Handler: func(_ *flow.Flow, m *sip.Message) { got <- m }}
		f, err := n.Dial(t.Context(), flow.Target{Network: "tls", Addr: netip.MustParseAddrPort(rigs[0].InnerAddr()), TLS: c})
		if err == nil { // in TLS 1.3 the refusal comes after our side is done
			m := sip.NewRequest("OPTIONS", domain)
			m.Add("Via", "SIP/2.0/TLS 127.0.0.1;branch=z9hG4bKx")
			m.Add("From", "<sip:x@127.0.0.1>;tag=x")
			m.Add("To", "<sip:x@127.0.0.1>")
			m.Add("Call-ID", "x")
			m.Add("CSeq", "1 OPTIONS")
			_ = f.Send(m)
			select {
			case m := <-got:
				t.Errorf("%s: got %s", name, m)
			case <-f.Done():
			}
		}
		_ = n.Close()
	}
}
