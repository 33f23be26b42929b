package flow

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"testing"

	"tandem/sip"
)

func TestEveryNetworkCarriesMessagesBothWays(t *testing.T) {
	server, client := certificate()
	for _, network := range Networks() {
		for _, addr := range []string{"127.0.0.1:0", "[::1]:0"} {
			t.Run(network+" "+addr, func(t *testing.T) {
				a, fromB := newTransport(t)
				b, fromA := newTransport(t)
				at := listen(t, b, Listen{Network: network, Addr: addr, TLS: server, Path: "/websocket"})
				if network == "udp" {
					listen(t, a, Listen{Network: "udp", Addr: addr})
				}
				f := dial(t, a, Target{Network: network, Addr: at, Host: "sip.example.com", TLS: client, Path: "/websocket"})
				for i := range 100 {
					if err := f.Send(options(callID(i))); err != nil {
						t.Fatal(err)
					}
				}
				for i := range 100 {
					got := fromA.next(t)
					if got.m.CallID() != callID(i) {
						t.Fatalf("message %d is %s", i, got.m.CallID())
					}
					if err := got.f.Send(sip.NewResponse(got.m, 200, "")); err != nil {
						t.Fatal(err)
					}
				}
				for i := range 100 {
					got := fromB.next(t)
					if got.m.Status != 200 || got.m.CallID() != callID(i) || got.f != f {
						t.Fatalf("answer %d: %d %s", i, got.m.Status, got.m.CallID())
					}
				}
				checkFlow(t, f, network)
			})
		}
	}
}

func checkFlow(t *testing.T, f *Flow, network string) {
	t.Helper()
	if f.Network() != network || f.ViaTransport() != strings.ToUpper(network) || f.Outgoing() != f.Reliable() || !f.Trusted() {
		t.Errorf("the flow says %s %s", f.Network(), f.ViaTransport())
	}
	if f.Secure() != (f.TLS() != nil) || f.Reliable() == (network == "udp") {
		t.Errorf("secure %v, reliable %v", f.Secure(), f.Reliable())
	}
	host, port := f.SentBy()
	if web := network == "ws" || network == "wss"; web != strings.HasSuffix(host, ".invalid") || web != (port == 0) {
		t.Errorf("sent-by %s:%d", host, port)
	}
}

func TestViaSaysWhereARequestCameFrom(t *testing.T) {
	b, in := newTransport(t)
	at := listen(t, b, Listen{Network: "udp"})
	c, err := net.Dial("udp", at.String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	port := portOf(c.LocalAddr())
	for _, row := range []struct{ name, via, want, answer string }{
		{
			"rport is filled in", "SIP/2.0/UDP 10.0.0.1:5060;rport;branch=z9hG4bK1",
			"SIP/2.0/UDP 10.0.0.1:5060;rport=" + port + ";received=127.0.0.1;branch=z9hG4bK1", port,
		},
		{
			"rport at the end", "SIP/2.0/UDP 10.0.0.1;branch=z9hG4bK1;rport",
			"SIP/2.0/UDP 10.0.0.1;branch=z9hG4bK1;rport=" + port + ";received=127.0.0.1", port,
		},
		{
			"another host gets received", "SIP/2.0/UDP 10.0.0.1:5060;branch=z9hG4bK1",
			"SIP/2.0/UDP 10.0.0.1:5060;branch=z9hG4bK1;received=127.0.0.1", port,
		},
		{
			"the true host is left alone, and answered on the port it names", "SIP/2.0/UDP 127.0.0.1:5999;branch=z9hG4bK1",
			"SIP/2.0/UDP 127.0.0.1:5999;branch=z9hG4bK1", "5999",
		},
		{
			"no port is 5060", "SIP/2.0/UDP 127.0.0.1;branch=z9hG4bK1",
			"SIP/2.0/UDP 127.0.0.1;branch=z9hG4bK1", "5060",
		},
		{
			"a forged received is replaced", "SIP/2.0/UDP 10.0.0.1;received=192.0.2.1;rport=9;branch=z9hG4bK1",
			"SIP/2.0/UDP 10.0.0.1;rport=" + port + ";branch=z9hG4bK1;received=127.0.0.1", port,
		},
		{
			"maddr draws no answer to a third party", "SIP/2.0/UDP 10.0.0.1;maddr=192.0.2.1;branch=z9hG4bK1",
			"SIP/2.0/UDP 10.0.0.1;maddr=192.0.2.1;branch=z9hG4bK1;received=127.0.0.1", port,
		},
		{
			"only the first of a list", "SIP/2.0/UDP 10.0.0.1;branch=z9hG4bK1 , SIP/2.0/UDP 10.0.0.2;branch=z9hG4bK2",
			"SIP/2.0/UDP 10.0.0.1;branch=z9hG4bK1;received=127.0.0.1, SIP/2.0/UDP 10.0.0.2;branch=z9hG4bK2", port,
		},
	} {
		t.Run(row.name, func(t *testing.T) {
			m := options("x")
			m.Set("Via", row.via)
			c.Write(m.Append(nil))
			got := in.next(t)
			if via := got.m.Get("Via"); via != row.want {
				t.Errorf("got  %s\nwant %s", via, row.want)
			}
			if _, p, _ := net.SplitHostPort(got.f.Remote().String()); p != row.answer {
				t.Errorf("answers go to %s, want port %s", got.f.Remote(), row.answer)
			}
		})
	}
}

func portOf(a net.Addr) string {
	_, p, _ := net.SplitHostPort(a.String())
	return p
}

func TestGetReusesOnlyWhatIsTheSame(t *testing.T) {
	b, _ := newTransport(t)
	a, _ := newTransport(t)
	server, client := certificate()
	at := listen(t, b, Listen{Network: "tls", TLS: server})
	to := Target{Network: "tls", Addr: at, TLS: client}
	ctx := context.Background()
	var wg sync.WaitGroup
	flows := make([]*Flow, 8)
	for i := range flows {
		wg.Go(func() { flows[i], _ = a.Get(ctx, to) })
	}
	wg.Wait()
	for _, f := range flows {
		if f == nil || f != flows[0] {
			t.Fatalf("eight at once got different flows: %v", flows)
		}
	}
	other := to
	other.TLS = client.Clone()
	if f, err := a.Get(ctx, other); err != nil || f == flows[0] {
		t.Errorf("another identity shares the connection (%v)", err)
	}
	flows[0].Close(nil)
	within(t, "a new flow after the death of the old one", func() bool {
		f, err := a.Get(ctx, to)
		return err == nil && f != flows[0] && f.Err() == nil
	})
}

func TestNothingIsSentToABadCertificate(t *testing.T) {
	server, client := certificate()
	wrongName := client.Clone()
	wrongName.ServerName = "other.example.com"
	for name, conf := range map[string]*tls.Config{"untrusted": nil, "wrong name": wrongName} {
		for _, network := range []string{"tls", "wss"} {
			t.Run(name+" "+network, func(t *testing.T) {
				b, in := newTransport(t)
				a, _ := newTransport(t)
				at := listen(t, b, Listen{Network: network, TLS: server})
				_, err := a.Dial(context.Background(), Target{Network: network, Addr: at, TLS: conf})
				var bad *tls.CertificateVerificationError
				if !errors.As(err, &bad) {
					t.Errorf("error is %v", err)
				}
				if len(in) != 0 || a.Stats().BytesOut != [networkCount]uint64{} {
					t.Error("bytes were sent")
				}
			})
		}
	}
}

func TestFarEndsCloseEndsTheFlow(t *testing.T) {
	server, client := certificate()
	for _, network := range Networks()[1:] {
		t.Run(network, func(t *testing.T) {
			b, in := newTransport(t)
			a, _ := newTransport(t)
			at := listen(t, b, Listen{Network: network, TLS: server})
			f := dial(t, a, Target{Network: network, Addr: at, TLS: client})
			f.Send(options("1"))
			got := in.next(t)
			ended := make(chan error, 1)
			var l Link
			f.Attach(&l, watch(func(err error) { ended <- err }))
			got.f.Send(sip.NewResponse(got.m, 200, ""))
			got.f.Close(nil)
			waitDone(t, f)
			if err := <-ended; err == nil {
				t.Error("told of no reason")
			}
			if err := f.Send(options("2")); !errors.Is(err, f.Err()) {
				t.Errorf("a dead flow's Send gives %v", err)
			}
			if f.Attach(&l, watch(nil)) {
				t.Error("a dead flow can be watched")
			}
		})
	}
}

type watch func(error)

func (w watch) FlowEnded(err error) { w(err) }

func TestUDPFlowsEndWithTheTransport(t *testing.T) {
	a, _ := newTransport(t)
	listen(t, a, Listen{Network: "udp"})
	f := dial(t, a, Target{Network: "udp", Host: "127.0.0.1", Port: 5999})
	var told error
	var l Link
	f.Attach(&l, watch(func(err error) { told = err }))
	a.Close()
	if !errors.Is(told, ErrClosed) || !errors.Is(f.Err(), ErrClosed) {
		t.Errorf("told %v, Err %v", told, f.Err())
	}
	if _, err := a.Dial(context.Background(), Target{Network: "udp", Host: "127.0.0.1"}); err == nil {
		t.Error("a closed Transport dials")
	}
}

func TestAdvertisedAddressIsUsed(t *testing.T) {
	for advertise, want := range map[string]string{
		"gw.example.com:5070": "gw.example.com 5070", "[2001:db8::1]:5060": "2001:db8::1 5060",
		"gw.example.com": "gw.example.com own", "2001:db8::1": "2001:db8::1 own",
	} {
		a, _ := newTransport(t)
		at := listen(t, a, Listen{Network: "udp", Addr: ":0", Advertise: advertise})
		want = strings.Replace(want, "own", fmt.Sprint(at.Port()), 1)
		host, port := dial(t, a, Target{Network: "udp", Host: "127.0.0.1", Port: 5999}).SentBy()
		if got := fmt.Sprint(host, " ", port); got != want {
			t.Errorf("%s: sent-by %s, want %s", advertise, got, want)
		}
	}
	if _, err := (&Transport{}).Listen(Listen{Network: "udp", Advertise: "gw:x"}); err == nil {
		t.Error("a bad port is taken")
	}
}

func TestWildcardSocketKnowsItsAddress(t *testing.T) {
	a, _ := newTransport(t)
	listen(t, a, Listen{Network: "udp", Addr: ":0"})
	f := dial(t, a, Target{Network: "udp", Host: "127.0.0.1", Port: 5999})
	if host, _ := f.SentBy(); host != "127.0.0.1" {
		t.Errorf("sent-by %s", host)
	}
}
