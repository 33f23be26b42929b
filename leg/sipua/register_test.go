package sipua_test

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"tandem/call"
	"tandem/leg/sipua"
	"tandem/sip/auth"
	"tandem/sip/dialog"
	"tandem/sip/transaction"
)

func TestRegistrar(t *testing.T) {
	type step struct {
		headers []string
		status  int
		want    string // Contacts of the 200, or a header and its value
	}
	contact := func(c string, more ...string) []string { return append([]string{"Contact", c}, more...) }
	for _, row := range []struct {
		name  string
		steps []step
	}{
		{"the header's expires counts where the Contact has none", []step{
			{contact("<sip:100@192.0.2.1>", "Expires", "90"), 200, "<sip:100@192.0.2.1>;expires=90"},
		}},
		{"the Contact's expires comes first", []step{
			{contact("<sip:100@192.0.2.1>;expires=120", "Expires", "90"), 200, "<sip:100@192.0.2.1>;expires=120"},
		}},
		{"nothing said is an hour, more than an hour is one", []step{
			{contact("<sip:100@192.0.2.1>"), 200, "<sip:100@192.0.2.1>;expires=3600"},
			{contact("<sip:100@192.0.2.1>;expires=99999999999999999999"), 200, "<sip:100@192.0.2.1>;expires=3600"},
		}},
		{"too short", []step{{contact("<sip:100@192.0.2.1>;expires=5"), 423, "Min-Expires: 60"}}},
		{"a query changes nothing", []step{
			{contact("<sip:100@192.0.2.1>;q=0.5"), 200, "<sip:100@192.0.2.1>;q=0.5;expires=3600"},
			{[]string{"X-Contact", "none"}, 200, "<sip:100@192.0.2.1>;q=0.5;expires=3600"},
		}},
		{"two contacts, one leaves", []step{
			{contact("<sip:100@192.0.2.1>, <sip:100@192.0.2.2>"), 200, "<sip:100@192.0.2.1>;expires=3600 <sip:100@192.0.2.2>;expires=3600"},
			{contact("<sip:100@192.0.2.1>;expires=0"), 200, "<sip:100@192.0.2.2>;expires=3600"},
		}},
		{"all leave", []step{
			{contact("<sip:100@192.0.2.1>, <sip:100@192.0.2.2>"), 200, "<sip:100@192.0.2.1>;expires=3600 <sip:100@192.0.2.2>;expires=3600"},
			{contact("*", "Expires", "0"), 200, ""},
		}},
		{"the star goes alone", []step{{contact("*, <sip:100@192.0.2.1>", "Expires", "0"), 400, ""}}},
		{"the star wants Expires 0", []step{{contact("*", "Expires", "60"), 400, ""}, {contact("*"), 400, ""}}},
		{"one phone that moved is one contact", []step{
			{contact(`<sip:100@192.0.2.1:1>;+sip.instance="<urn:uuid:1>"`), 200, `<sip:100@192.0.2.1:1>;+sip.instance="<urn:uuid:1>";expires=3600`},
			{contact(`<sip:100@192.0.2.1:2>;+sip.instance="<urn:uuid:1>"`), 200, `<sip:100@192.0.2.1:2>;+sip.instance="<urn:uuid:1>";expires=3600`},
		}},
		{"two flows of one phone are two contacts", []step{
			{contact(`<sip:100@192.0.2.1:1>;reg-id=1;+sip.instance="<urn:uuid:1>"`, "Supported", "outbound"), 200, "Require: outbound"},
			{
				contact(`<sip:100@192.0.2.1:2>;reg-id=2;+sip.instance="<urn:uuid:1>"`), 200,
				`<sip:100@192.0.2.1:1>;reg-id=1;+sip.instance="<urn:uuid:1>";expires=3600 <sip:100@192.0.2.1:2>;reg-id=2;+sip.instance="<urn:uuid:1>";expires=3600`,
			},
		}},
		{"a path comes back", []step{{contact("<sip:100@192.0.2.1>", "Path", "<sip:edge.example;lr>"), 200, "Path: <sip:edge.example;lr>"}}},
		{"the oldest of too many gives way", []step{
			{contact("<sip:100@192.0.2.1>"), 200, "<sip:100@192.0.2.1>;expires=3600"},
			{contact("<sip:100@192.0.2.2>"), 200, "<sip:100@192.0.2.1>;expires=3600 <sip:100@192.0.2.2>;expires=3600"},
			{contact("<sip:100@192.0.2.3>"), 200, "<sip:100@192.0.2.2>;expires=3600 <sip:100@192.0.2.3>;expires=3600"},
		}},
		{"too many at once", []step{{contact("<sip:100@192.0.2.1>, <sip:100@192.0.2.2>, <sip:100@192.0.2.3>"), 403, ""}}},
		{"an older REGISTER is out of order", []step{
			{contact("<sip:100@192.0.2.1>", "CSeq", "900 REGISTER"), 200, "<sip:100@192.0.2.1>;expires=3600"},
			{contact("<sip:100@192.0.2.1>;expires=0", "CSeq", "800 REGISTER"), 500, ""},
		}},
		{"no telephone lives there", []step{{contact("<mailto:a@example.com>"), 400, ""}}},
		{"another user's address", []step{{contact("<sip:100@192.0.2.1>", "To", "<sip:200@127.0.0.1>"), 403, ""}}},
	} {
		t.Run(row.name, func(t *testing.T) {
			conf := devices("100", "200")
			conf.Register.Contacts = 2
			r := newRig(t, conf)
			p := r.phone("100", "udp")
			began := time.Now()
			for i, s := range row.steps {
				m := p.message("REGISTER", domain)
				for n := 0; n+1 < len(s.headers); n += 2 {
					m.Set(s.headers[n], s.headers[n+1])
				}
				resp := p.send(m)
				if resp.Status == 401 {
					again, err := p.auth.Authorize(m, resp)
					if err != nil {
						t.Fatal(err)
					}
					resp = p.send(again)
				}
				if to, err := resp.To(); err != nil || to.Tag() == "" {
					t.Errorf("step %d: To %q has no tag (RFC 3261 §8.2.6.2)", i, resp.Get("To"))
				}
				if resp.Status != s.status {
					t.Fatalf("step %d: %d %s, want %d", i, resp.Status, resp.Reason, s.status)
				}
				got := strings.Join(resp.Values("Contact"), " ")
				if name, value, ok := strings.Cut(s.want, ": "); ok && !strings.HasPrefix(s.want, "<") {
					got, s.want = resp.Get(name), value
				}
				if !sameButFor(time.Since(began), got, s.want) {
					t.Errorf("step %d: %s\nwant %s", i, got, s.want)
				}
			}
		})
	}
}

var expires = regexp.MustCompile(`expires=(\d+)`)

// sameButFor compares Contacts, of whose expires the time that has passed may be gone.
func sameButFor(passed time.Duration, got, want string) bool {
	if expires.ReplaceAllString(got, "") != expires.ReplaceAllString(want, "") {
		return false
	}
	wants := expires.FindAllStringSubmatch(want, -1)
	for i, m := range expires.FindAllStringSubmatch(got, -1) {
		left, err := strconv.Atoi(m[1])
		agreed, err2 := strconv.Atoi(wants[i][1])
		if err != nil || err2 != nil || left > agreed || left < agreed-int(passed.Round(time.Second)/time.Second) {
			return false
		}
	}
	return true
}

func TestWrongPasswordsAreRefusedAndThenShutOut(t *testing.T) {
	for _, user := range []string{"100", "nobody"} { // the same for both
		t.Run(user, func(t *testing.T) {
			conf := devices("100")
			conf.Guard = sipua.Guard{Failures: 3}
			r := newRig(t, conf)
			p := r.phone(user, "udp")
			p.auth.Password = "wrong"
			var got []int
			for range 3 {
				got = append(got, p.register().Status)
			}
			if want := []int{401, 403, 403}; fmt.Sprint(got) != fmt.Sprint(want) {
				t.Errorf("answers %v, want %v", got, want)
			}
			if n := r.Stats().AuthFailures; n != 3 {
				t.Errorf("%d failures, want 3", n)
			}
			m := p.message("OPTIONS", domain)
			p.layer.Request(p.flow, m, func(transaction.Event) {})
			r.until("shut out", func() bool { return r.Stats().Blocked > 0 })
			if a := r.board.Active(); len(a) != 1 || a[0].Subject != "127.0.0.1" {
				t.Errorf("alarms %v", a)
			}
		})
	}
}

func TestAKnownDeviceIsNotShutOutByItsNeighbour(t *testing.T) {
	conf := devices("100", "200")
	conf.Guard = sipua.Guard{Failures: 2}
	r := newRig(t, conf)
	good, bad := r.phone("100", "udp"), r.phone("200", "udp")
	good.mustRegister()
	bad.auth.Password = "wrong"
	for range 2 {
		bad.register()
	}
	good.mustRegister()
	late := r.phone("200", "udp") // another one of the same office
	late.mustRegister()
	bad.layer.Request(bad.flow, bad.message("OPTIONS", domain), func(transaction.Event) {})
	r.until("shut out", func() bool { return r.Stats().Blocked > 0 })
}

func TestAStaleNonceIsNoFailure(t *testing.T) {
	r := newRig(t, devices("100"))
	p := r.phone("100", "udp")
	m := p.message("REGISTER", domain, "Contact", "<"+p.contact(p.flow).String()+">")
	resp := p.send(m)
	again, err := p.auth.Authorize(m, resp)
	if err != nil {
		t.Fatal(err)
	}
	if resp := p.send(again); resp.Status != 200 {
		t.Fatalf("%d", resp.Status)
	}
	replay := again.Clone()
	replay.Set("CSeq", "99 REGISTER")
	resp = p.send(replay)
	if c, err := auth.ParseChallenge(resp.Get("WWW-Authenticate")); resp.Status != 401 || err != nil || !c.Stale {
		t.Errorf("a replay is answered by %d %v, want 401 stale", resp.Status, c)
	}
	if n := r.Stats().AuthFailures; n != 0 {
		t.Errorf("%d failures", n)
	}
}

// kept is a store of bindings.
type kept struct {
	mu   sync.Mutex
	all  map[string]sipua.Binding
	puts int
	err  error
}

func (k *kept) Load(context.Context) ([]sipua.Binding, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	var out []sipua.Binding
	for _, b := range k.all {
		out = append(out, b)
	}
	return out, k.err
}

func (k *kept) Put(_ context.Context, b sipua.Binding) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.all[b.Device+" "+b.Key] = b
	k.puts++
	return k.err
}

func (k *kept) Delete(_ context.Context, device, key string) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	delete(k.all, device+" "+key)
	return k.err
}

func (k *kept) size() int {
	k.mu.Lock()
	defer k.mu.Unlock()
	return len(k.all)
}

func (k *kept) written() int {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.puts
}

// What a phone was told holds whenever the gateway is killed: what the store has never
// ends before it (goals R-10).
func TestARefreshIsWrittenWhenTheStoreWouldForgetThePhone(t *testing.T) {
	store := &kept{all: make(map[string]sipua.Binding)}
	r := newRig(t, devices("100"), func(c *sipua.Connector) { c.Bindings = store })
	p := r.phone("100", "udp")
	contact := "<" + p.contact(p.flow).String() + ">"
	for _, row := range []struct {
		name, contact, expires string
		puts                   int
	}{
		{"the first", contact, "120", 1},
		{"a refresh", contact, "120", 1},
		{"one for longer, which the store keeps anyway", contact, "300", 1},
		{"one for longer than the store keeps it", contact, "900", 2},
		{"one for much shorter", contact, "60", 3},
		{"one with another Contact", contact + ";+sip.ice", "60", 4},
	} {
		asked := time.Now()
		p.mustRegister("Contact", row.contact, "Expires", row.expires)
		if n := store.written(); n != row.puts {
			t.Errorf("%s: written %d times, want %d", row.name, n, row.puts)
		}
		agreed, err := time.ParseDuration(row.expires + "s")
		if err != nil {
			t.Fatal(err)
		}
		store.mu.Lock()
		for _, b := range store.all {
			if left := b.Expires.Sub(asked); left < agreed-time.Second || left > agreed+6*time.Minute {
				t.Errorf("%s: the store keeps it for %v, %v was agreed", row.name, left, agreed)
			}
		}
		store.mu.Unlock()
	}
	p.mustRegister("Contact", contact, "Expires", "0")
	if n := store.size(); n != 0 {
		t.Errorf("%d registrations in the store after the last was taken back", n)
	}
}

func TestPhonesAreReachableAfterARestart(t *testing.T) {
	store := &kept{all: make(map[string]sipua.Binding)}
	with := func(c *sipua.Connector) { c.Bindings = store }
	first := newRig(t, devices("100", "200", "300"), with)
	a, b, c := first.phone("100", "udp"), first.phone("200", "udp"), first.phone("300", "tcp")
	a.mustRegister()
	b.mustRegister()
	c.mustRegister()
	first.until("stored", func() bool { return store.size() == 3 })
	first.stop()
	if store.size() != 3 {
		t.Fatalf("%d registrations after the stop, want all 3", store.size())
	}
	conf := devices("100", "200", "300")
	conf.Listen = []sipua.Listen{{Network: "udp", Addr: first.addr["udp"].String()}}
	second := newRig(t, conf, with)
	if n := second.Stats().Registered; n != 2 {
		t.Errorf("%d contacts came back, want the two over UDP", n)
	}
	a.rig = second
	out := a.dial("200")
	in := b.rings()
	in.answer()
	wait[dialog.Answered](out)
	out.Bye()
	wait[dialog.Ended](in)
	second.until("the connection's binding is forgotten", func() bool { return store.size() == 2 })
}

func TestAStoreThatFailsKeepsNobodyFromRegistering(t *testing.T) {
	store := &kept{all: make(map[string]sipua.Binding), err: errors.New("the disk is full")}
	r := newRig(t, devices("100"), func(c *sipua.Connector) { c.Bindings = store })
	r.phone("100", "udp").mustRegister()
	if n := r.Stats().Registered; n != 1 {
		t.Errorf("%d registered", n)
	}
}

func TestADeadConnectionEndsTheRegistration(t *testing.T) {
	r := newRig(t, devices("100", "200"))
	a, b := r.phone("100", "udp"), r.phone("200", "tcp")
	a.mustRegister()
	b.mustRegister()
	b.close()
	r.until("unregistered", func() bool { return r.Stats().Registered == 1 })
	out := a.dial("200")
	if no := wait[dialog.Refused](out); no.Status != 480 {
		t.Errorf("refused with %d, want 480", no.Status)
	}
	if rec := r.record(0); rec.Cause != call.Unreachable {
		t.Errorf("cause %v", rec.Cause)
	}
}
