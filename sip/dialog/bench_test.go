package dialog

import (
	"net"
	"testing"

	"tandem/sip"
	"tandem/sip/flow"
	"tandem/sip/transaction"
)

// BenchmarkCall makes, answers and hangs up calls between two cores over a loopback TCP
// connection: both ends' work, from INVITE to the 200 for BYE.
func BenchmarkCall(b *testing.B) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	defer l.Close()
	left, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		b.Fatal(err)
	}
	right, err := l.Accept()
	if err != nil {
		b.Fatal(err)
	}
	make1 := func(c net.Conn, on func(*Session)) (*Core, *flow.Flow, func()) {
		layer := &transaction.Layer{Log: quiet}
		tr := &flow.Transport{Handler: layer.Receive, Malformed: layer.Malformed, Log: quiet}
		core := &Core{Transactions: layer, Log: quiet, OnInvite: on, Contact: func(*flow.Flow) sip.URI {
			return sip.URI{Scheme: "sip", User: "me", Host: "192.0.2.9"}
		}}
		layer.OnRequest, layer.OnStray = core.HandleRequest, core.HandleStray
		f, err := tr.Adopt(c, "tcp")
		if err != nil {
			b.Fatal(err)
		}
		return core, f, func() { core.Close(); layer.Close(); tr.Close() }
	}
	caller, f, done := make1(left, nil)
	defer done()
	_, _, done = make1(right, func(s *Session) {
		s.On(func(Event) {})
		s.Accept([]byte(answerSDP))
	})
	defer done()
	b.ReportAllocs()
	for b.Loop() {
		ended := make(chan struct{})
		var s *Session
		up := make(chan struct{})
		req := sip.NewRequest("INVITE", sip.URI{Scheme: "sip", User: "bob", Host: "example.com"})
		req.Add("From", "<sip:alice@example.com>")
		req.Add("To", "<sip:bob@example.com>")
		s, err := caller.Invite(Invite{Flow: f, Request: req, SDP: []byte(offerSDP), On: func(ev Event) {
			switch ev.(type) {
			case Answered:
				close(up)
			case Ended:
				close(ended)
			}
		}})
		if err != nil {
			b.Fatal(err)
		}
		<-up
		s.Bye()
		<-ended
	}
}
