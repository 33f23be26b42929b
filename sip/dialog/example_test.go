package dialog_test

import (
	"context"
	"log"
	"net/netip"

	"tandem/sip"
	"tandem/sip/dialog"
	"tandem/sip/flow"
	"tandem/sip/transaction"
)

// How the layers are joined, and a call made. A leg posts the events to its own
// mailbox instead.
func Example() {
	layer := &transaction.Layer{}
	transport := &flow.Transport{Handler: layer.Receive, Malformed: layer.Malformed}
	core := &dialog.Core{
		Transactions: layer,
		Contact: func(f *flow.Flow) sip.URI {
			host, port := f.SentBy()
			return sip.URI{Scheme: "sip", User: "gateway", Host: host, Port: port}
		},
		OnInvite: func(s *dialog.Session) {
			s.On(func(dialog.Event) {})
			s.Reject(486, "")
		},
	}
	layer.OnRequest, layer.OnStray = core.HandleRequest, core.HandleStray
	defer transport.Close()
	defer layer.Close()
	defer core.Close()

	f, err := transport.Dial(context.Background(), flow.Target{Network: "tcp", Addr: netip.MustParseAddrPort("127.0.0.1:5060")})
	if err != nil {
		log.Print(err)
		return
	}
	invite := sip.NewRequest("INVITE", sip.URI{Scheme: "sip", User: "bob", Host: "example.com"})
	invite.Add("From", "<sip:alice@example.com>")
	invite.Add("To", "<sip:bob@example.com>")
	events := make(chan dialog.Event, 64)
	session, err := core.Invite(dialog.Invite{
		Flow: f, Request: invite, SDP: []byte("v=0..."),
		On: func(ev dialog.Event) { events <- ev },
	})
	if err != nil {
		log.Print(err)
		return
	}
	for ev := range events {
		switch ev := ev.(type) {
		case dialog.Answered:
			session.Bye(dialog.Reason{Protocol: "Q.850", Cause: 16}.Header())
		case dialog.Ended:
			log.Print(ev.Cause)
			return
		}
	}
}
