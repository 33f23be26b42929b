// Command b2bua is the gateway's SIP stack without the rest of the gateway: what
// `make bench` measures against a proxy. It ends both legs of every call, each
// with transactions and a dialog of its own, and passes descriptions through as
// they are. It opens no media, knows no dial plan and keeps no record. Start
// reading at [switchboard.incoming].
package main

import (
	"context"
	"flag"
	"fmt"
	"log/slog"
	"net/netip"
	"os"
	"os/signal"
	"runtime"
	"syscall"

	"tandem/sip"
	"tandem/sip/dialog"
	"tandem/sip/flow"
	"tandem/sip/transaction"
)

// headroom is the gateway's own (cmd/tandem): garbage that may gather at least.
const headroom = 64 << 20 // octets

func main() {
	at := flag.String("listen", "127.0.0.1:5060", "UDP address")
	to := flag.String("to", "", "UDP address that all calls go to")
	flag.Parse()
	room := make([]byte, headroom)
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, *at, *to); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	runtime.KeepAlive(room)
}

// switchboard joins calls.
type switchboard struct {
	core *dialog.Core
	to   *flow.Flow
}

func run(ctx context.Context, at, to string) error {
	called, err := netip.ParseAddrPort(to)
	if err != nil {
		return fmt.Errorf("-to: %w", err)
	}
	layer := &transaction.Layer{}
	net := &flow.Transport{
		Handler: layer.Receive, Malformed: layer.Malformed,
		Trusted: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}, // as the gateway trusts its trunks
	}
	core := &dialog.Core{Transactions: layer, Log: slog.New(slog.DiscardHandler), UserAgent: "Tandem", Contact: contact, MaxSessions: 100_000}
	layer.OnRequest, layer.OnStray = core.HandleRequest, core.HandleStray
	b := &switchboard{core: core}
	core.OnInvite = b.incoming
	addr, err := net.Listen(flow.Listen{Network: "udp", Addr: at})
	if err != nil {
		return err
	}
	if b.to, err = net.Dial(ctx, flow.Target{Network: "udp", Addr: called}); err != nil {
		return err
	}
	fmt.Println("listening on", addr)
	<-ctx.Done()
	core.Close()
	layer.Close()
	return net.Close()
}

// contact is where the far end of a flow reaches us.
func contact(f *flow.Flow) sip.URI {
	host, port := f.SentBy()
	return sip.URI{Scheme: "sip", Host: host, Port: port}
}

// incoming calls the other end for who calls us.
func (b *switchboard) incoming(a *dialog.Session) {
	in := a.Request()
	out := sip.NewRequest("INVITE", sip.URI{Scheme: "sip", User: in.URI.User, Host: b.to.Remote().Addr().String(), Port: int(b.to.Remote().Port())})
	from, to := a.Remote(), a.Local()
	from.Params, to.Params = "", "" // the tags are the other dialog's
	out.Add("From", from.String())
	out.Add("To", to.String())
	j := &joined{a: a}
	var err error
	if j.b, err = b.core.Invite(dialog.Invite{Flow: b.to, Request: out, SDP: in.Body, On: j.fromB}); err != nil {
		a.Reject(503, "")
		return
	}
	a.On(j.fromA)
}

// joined is one call. What one end says is told to the other.
type joined struct{ a, b *dialog.Session }

func (j *joined) fromA(ev dialog.Event) {
	switch ev := ev.(type) {
	case dialog.Offer:
		j.b.Reinvite(ev.SDP)
	case dialog.OfferAnswered:
		j.b.AnswerOffer(ev.SDP)
	case dialog.OfferRefused:
		j.b.RejectOffer(488)
	case dialog.Ended:
		j.b.Close()
	}
}

func (j *joined) fromB(ev dialog.Event) {
	switch ev := ev.(type) {
	case dialog.Provisional:
		if ev.Status > 100 {
			j.a.Progress(ev.Status, ev.SDP, false)
		}
	case dialog.Answered:
		j.a.Accept(ev.SDP)
	case dialog.Refused:
		j.a.Reject(ev.Status, ev.Reason)
	case dialog.Offer:
		j.a.Reinvite(ev.SDP)
	case dialog.OfferAnswered:
		j.a.AnswerOffer(ev.SDP)
	case dialog.OfferRefused:
		j.a.RejectOffer(488)
	case dialog.Ended:
		j.a.Close()
	}
}
