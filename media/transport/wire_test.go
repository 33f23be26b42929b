package transport

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/pion/stun/v4"

	"tandem/media"
	"tandem/media/sdp"
)

// Whatever comes from the network, from the right source or a wrong one, neither
// panics nor reaches the receiver with another payload type.
func FuzzDatagram(f *testing.F) {
	for _, seed := range []string{
		string(rtpPacket(1, 1, "voice")), "\x80\xc9\x00\x01\x00\x00\x00\x01", "\x80\xcb\x00\x01\x00\x00\x00\x01",
		"\x16\xfe\xfd\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00", "\x00\x01\x00\x00\x21\x12\xa4\x42123456789012",
		"\xb0\x00\x00\x01", "\x80", "\x00", "\xff",
	} {
		f.Add([]byte(seed), false)
		f.Add([]byte(seed), true)
	}
	e := &Engine{Workers: 1, BindIPv4: loop4}
	startEngine(f, e)
	var sessions []*Session
	for _, c := range []sdp.Capabilities{
		withSecurity(sdp.Plain), withSecurity(sdp.SDES), {Audio: voice().Audio, Security: sdp.DTLS, ICE: sdp.ICEFull, Mux: sdp.MuxRequire},
	} {
		a, err := e.NewSession(Options{Capabilities: c})
		if err != nil {
			f.Fatal(err)
		}
		b, err := e.NewSession(Options{Capabilities: c})
		if err != nil {
			f.Fatal(err)
		}
		join(f, a, b)
		sessions = append(sessions, a)
	}
	f.Fuzz(func(t *testing.T, b []byte, right bool) {
		if len(b) == 0 || len(b) > maxDatagram {
			return
		}
		for _, s := range sessions {
			from := netip.MustParseAddrPort("127.0.0.9:9")
			s.audio.in.mu.Lock()
			if right {
				from = s.audio.in.latch.remote
			}
			for _, p := range s.audio.ports.all() {
				if s.audio.datagram(p, append([]byte(nil), b...), from, time.Now()) != nil && !s.audio.in.types[s.audio.in.packet.PayloadType] {
					t.Errorf("payload type %d was not agreed", s.audio.in.packet.PayloadType)
				}
			}
			s.audio.in.mu.Unlock()
		}
	})
}

func TestAnotherBranchsAnswerTakesThePlaceOfTheFirst(t *testing.T) {
	s, _ := newTestSession(t, newEngine(t), nil)
	p, q := newPhone(t, loop4), newPhone(t, loop4)
	offer, err := s.Offer()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.AnswerTo([]byte(p.sdp()), ""); err == nil || !strings.Contains(err.Error(), "waiting") {
		t.Fatalf("glare: %v", err)
	}
	for _, far := range []*phone{p, q, q} {
		if err := s.SetAnswer([]byte(far.sdp())); err != nil {
			t.Fatal(err)
		}
	}
	got := collect(s)
	p.send(portOf(t, offer), 1, 1, "the first branch")
	q.send(portOf(t, offer), 2, 1, "the second")
	if l := got.wait(t, 1); string(l[0].Payload) != "the second" {
		t.Fatalf("got %q", l[0].Payload)
	}
}

// The STUN server sees us behind a NAT that maps to 203.0.113.77:7777.
func TestThePublicAddressBecomesACandidate(t *testing.T) {
	server := listen(t, loop4)
	done := make(chan struct{})
	go func() {
		defer close(done)
		var b [1500]byte
		for {
			n, from, err := server.ReadFromUDPAddrPort(b[:])
			if err != nil {
				return
			}
			m := &stun.Message{Raw: append([]byte(nil), b[:n]...)}
			if m.Decode() != nil {
				continue
			}
			mapped := netip.MustParseAddr("203.0.113.77")
			answer, _ := stun.Build(m, stun.BindingSuccess, &stun.XORMappedAddress{IP: mapped.AsSlice(), Port: 7777}, stun.Fingerprint)
			_, _ = server.WriteToUDPAddrPort(answer.Raw, from)
		}
	}()
	s, _ := newTestSession(t, newEngine(t), func(o *Options) {
		o.Capabilities.ICE, o.Capabilities.Mux = sdp.ICEFull, sdp.MuxRequire
		o.STUN = []netip.AddrPort{addrOf(server)}
	})
	offer, err := s.Offer()
	if err != nil || !strings.Contains(string(offer), "203.0.113.77 7777 typ srflx raddr 127.0.0.1") {
		t.Fatalf("%v\n%s", err, offer)
	}
	_ = server.Close()
	<-done
}

func TestTheAdvertisedAddressIsForFarEndsThatAreFar(t *testing.T) {
	e := &Engine{Workers: 1, BindIPv4: loop4, Advertise: netip.MustParseAddr("203.0.113.1")}
	startEngine(t, e)
	for far, want := range map[string]string{"192.168.1.20": "127.0.0.1", "198.51.100.20": "203.0.113.1"} {
		s, _ := newTestSession(t, e, func(o *Options) { o.Remote = netip.MustParseAddr(far) })
		offer, err := s.Offer()
		if err != nil || !strings.Contains(string(offer), "c=IN IP4 "+want) {
			t.Errorf("to %s: %v\n%s", far, err, offer)
		}
	}
}

func TestEngineRefusesBadSettings(t *testing.T) {
	for _, e := range []*Engine{
		{BindIPv4: loop6}, {BindIPv6: loop4}, {PortMin: 2, PortMax: 1}, {PortMin: 5000, PortMax: 5000}, {PortMax: 70000}, {DSCP: 64}, {Workers: -1},
	} {
		if err := e.Start(); err == nil {
			t.Errorf("%+v was taken", e)
			_ = e.Close()
		}
	}
}

func TestTheSessionsOfACallShareAWorker(t *testing.T) {
	e := newEngine(t)
	loop := media.Loop(&e.workers[1].clock)
	s, _ := newTestSession(t, e, func(o *Options) { o.Beside = loop })
	if s.Loop() != loop {
		t.Error("it is on another worker")
	}
	for range maxUneven {
		e.workers[1].used.Add(1) // as if others had opened ports
	}
	if s, _ := newTestSession(t, e, func(o *Options) { o.Beside = loop }); s.Loop() != loop {
		t.Error("a worker with a little more to do is not used")
	}
	e.workers[1].used.Add(1)
	if s, _ := newTestSession(t, e, func(o *Options) { o.Beside = loop }); s.Loop() == loop {
		t.Error("a worker with far more to do gets still more")
	}
	e.workers[1].used.Add(-maxUneven - 1)
}
