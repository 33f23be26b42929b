package transaction

import (
	"net"
	"net/netip"
	"strconv"
	"testing"

	"tandem/sip"
	"tandem/sip/flow"
)

// BenchmarkOptionsOverUDP is a whole transaction: datagram in, parsed, matched,
// answered, datagram out; the far end is a bare socket.
func BenchmarkOptionsOverUDP(b *testing.B) {
	l := &Layer{OnRequest: func(s *Server) { s.Respond(reply(s.Request(), 200)) }, Limits: Limits{Transactions: 1 << 30}}
	tr := &flow.Transport{
		Handler: l.Receive, Malformed: l.Malformed,
		Trusted: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")},
	}
	at, err := tr.Listen(flow.Listen{Network: "udp", Addr: "127.0.0.1:0"})
	if err != nil {
		b.Fatal(err)
	}
	defer tr.Close()
	defer l.Close()
	c, err := net.Dial("udp", at.String())
	if err != nil {
		b.Fatal(err)
	}
	defer c.Close()
	head, tail := split(incoming("OPTIONS", b1+"-"))
	buf, in := make([]byte, 0, 2048), make([]byte, 2048)
	const window = 16
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		buf = append(strconv.AppendInt(append(buf[:0], head...), int64(i), 10), tail...)
		c.Write(buf)
		if i >= window {
			c.Read(in)
		}
	}
	for range window {
		c.Read(in)
	}
}

// split cuts a message behind its branch.
func split(m *sip.Message) (head, tail string) {
	m.Set("Via", "SIP/2.0/UDP 127.0.0.1:5060;rport;branch="+b1+"-")
	s := string(m.Append(nil))
	i := len("OPTIONS sip:a@127.0.0.1 SIP/2.0\r\nVia: " + m.Get("Via"))
	return s[:i], s[i:]
}
