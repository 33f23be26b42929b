package pipe

import (
	"errors"
	"net"
	"net/netip"
	"testing"
	"time"
)

func TestAPipeFollowsTheFarEnd(t *testing.T) {
	one, two := netip.MustParseAddrPort("192.0.2.1:1000"), netip.MustParseAddrPort("192.0.2.2:2000")
	var sent []netip.AddrPort
	p := New(&net.UDPAddr{Port: 5}, 1, func(_ []byte, to netip.AddrPort) { sent = append(sent, to) })
	if _, _ = p.WriteTo([]byte("lost"), nil); p.Peer() != nil || len(sent) != 0 {
		t.Error("something was sent to nobody")
	}
	b := []byte("first")
	p.Feed(b, one)
	b[0] = 'x'
	p.Feed([]byte("too many"), two)
	<-p.Began()
	got := make([]byte, 9)
	if n, from, err := p.ReadFrom(got); err != nil || string(got[:n]) != "first" || from.String() != two.String() {
		t.Errorf("%q from %v, %v", got[:n], from, err)
	}
	if _, _ = p.WriteTo([]byte("answer"), nil); len(sent) != 1 || sent[0] != two {
		t.Errorf("sent to %v", sent)
	}
	_ = p.SetDeadline(time.Now().Add(-time.Second))
	if _, _, err := p.ReadFrom(got); err == nil {
		t.Error("a read after its deadline")
	}
	_ = p.SetDeadline(time.Time{})
	_ = p.Unclosed().Close()
	select {
	case <-p.Closed():
		t.Error("closed by somebody else")
	default:
	}
	_ = p.Close()
	if _, _, err := p.ReadFrom(got); !errors.Is(err, net.ErrClosed) {
		t.Error(err)
	}
}
