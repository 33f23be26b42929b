package flow

import (
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/pion/stun/v4"
)

func TestSTUNKeepAliveIsAnsweredOnUDP(t *testing.T) {
	b, _ := newTransport(t)
	for _, addr := range []string{"127.0.0.1:0", "[::1]:0"} {
		at := listen(t, b, Listen{Network: "udp", Addr: addr})
		c, err := net.Dial("udp", at.String())
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		ask := stun.MustBuild(stun.TransactionID, stun.BindingRequest)
		c.Write(ask.Raw)
		c.SetReadDeadline(time.Now().Add(time.Minute))
		buf := make([]byte, 100)
		n, err := c.Read(buf)
		if err != nil {
			t.Fatal(err)
		}
		answer := &stun.Message{Raw: buf[:n]}
		var mapped stun.XORMappedAddress
		if err := answer.Decode(); err != nil || mapped.GetFrom(answer) != nil || answer.TransactionID != ask.TransactionID {
			t.Fatalf("answer %x: %v", buf[:n], err)
		}
		if mapped.String() != c.LocalAddr().String() {
			t.Errorf("mapped to %s, want %s", mapped, c.LocalAddr())
		}
	}
}

func FuzzSTUN(f *testing.F) {
	f.Add(stun.MustBuild(stun.TransactionID, stun.BindingRequest).Raw)
	f.Add([]byte{0, 1, 0, 0})
	f.Fuzz(func(t *testing.T, b []byte) {
		if a := stunAnswer(b, netip.MustParseAddrPort("[2001:db8::1]:5060")); a != nil && len(a) != 44 {
			t.Errorf("%d bytes", len(a))
		}
	})
}
