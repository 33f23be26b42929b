package transport

import (
	"net/netip"
	"testing"
	"time"
)

var (
	home     = netip.MustParseAddrPort("192.0.2.10:4000")
	nat      = netip.MustParseAddrPort("198.51.100.7:61000")
	stranger = netip.MustParseAddrPort("203.0.113.9:9")
	zero     = time.Unix(1700000000, 0)
)

// step sends packets every 20 ms from one address.
type step struct {
	from  netip.AddrPort
	ssrc  uint32
	lasts time.Duration
	want  verdict // of the last packet
}

func TestLatch(t *testing.T) {
	tests := []struct {
		name   string
		policy LatchPolicy
		signal netip.Addr
		steps  []step
		remote netip.AddrPort
	}{
		{
			"the SDP's address counts at once, and for good", LatchAuto,
			netip.Addr{},
			[]step{{home, 1, 0, accept}, {stranger, 2, 3 * time.Second, drop}},
			home,
		},
		{
			"one packet of a stranger moves nothing", LatchAuto,
			netip.Addr{},
			[]step{{stranger, 2, 0, drop}, {home, 1, 0, accept}},
			home,
		},
		{
			"a steady source is taken while the SDP's is silent", LatchAuto,
			netip.Addr{},
			[]step{{nat, 1, 480 * time.Millisecond, drop}, {nat, 1, 40 * time.Millisecond, accept}, {stranger, 2, 4 * time.Second, drop}},
			nat,
		},
		{
			"the SDP's address wins when it sends soon after", LatchAuto,
			netip.Addr{},
			[]step{{stranger, 2, time.Second, accept}, {home, 1, 0, moved}, {stranger, 2, 0, drop}, {nat, 3, 6 * time.Second, drop}},
			home,
		},
		{
			"the latch moves once only", LatchAuto,
			netip.Addr{},
			[]step{{nat, 1, time.Second, accept}, {stranger, 2, 4 * time.Second, drop}, {nat, 1, 6 * time.Second, accept}, {home, 1, 0, drop}},
			nat,
		},
		{
			"a NAT that the signalling shows is believed at once", LatchAuto, nat.Addr(),
			[]step{{stranger, 2, 200 * time.Millisecond, drop}, {nat, 1, 0, moved}},
			nat,
		},
		{
			"no NAT in the signalling: no other host is ever heard", LatchAuto, home.Addr(),
			[]step{{stranger, 2, 4 * time.Second, drop}},
			home,
		},
		{
			"another port of the same host is", LatchAuto, home.Addr(),
			[]step{{netip.AddrPortFrom(home.Addr(), 5000), 2, time.Second, accept}},
			netip.AddrPortFrom(home.Addr(), 5000),
		},
		{
			"a changing SSRC proves nothing", LatchAuto,
			netip.Addr{},
			[]step{{stranger, 2, 300 * time.Millisecond, drop}, {stranger, 3, 300 * time.Millisecond, drop}, {stranger, 4, 300 * time.Millisecond, drop}},
			home,
		},
		{"never means never", LatchNever, nat.Addr(), []step{{nat, 1, 4 * time.Second, drop}}, home},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var l latch
			l.reset(tt.policy, home, tt.signal)
			now := zero
			for i, st := range tt.steps {
				var got verdict
				for end := now.Add(st.lasts); !now.After(end); now = now.Add(20 * time.Millisecond) {
					got = l.packet(now, st.from, st.ssrc)
				}
				if got != st.want {
					t.Fatalf("step %d: verdict %d, want %d", i, got, st.want)
				}
			}
			if l.remote != tt.remote {
				t.Errorf("remote is %v, want %v", l.remote, tt.remote)
			}
		})
	}
}

func TestTheLatchStaysShutAfterItsWindow(t *testing.T) {
	var l latch
	l.reset(LatchAuto, home, netip.Addr{})
	for i := range 400 { // packets too far apart to prove anything
		if v := l.packet(zero.Add(time.Duration(i)*300*time.Millisecond), stranger, 1); v != drop {
			t.Fatal("a stranger was heard")
		}
	}
	if !l.settled || l.remote != home {
		t.Fatalf("%+v", l)
	}
}

func TestALearntSourceOutlivesAReofferWithTheSameAddress(t *testing.T) {
	var l latch
	l.reset(LatchAuto, home, nat.Addr())
	l.packet(zero, nat, 1)
	l.reset(LatchAuto, home, nat.Addr())
	if l.remote != nat {
		t.Fatalf("remote is %v", l.remote)
	}
	other := netip.MustParseAddrPort("192.0.2.11:4000")
	if l.reset(LatchAuto, other, nat.Addr()); l.remote != other {
		t.Fatalf("remote is %v", l.remote)
	}
}
