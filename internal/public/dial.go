package public

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"syscall"
)

// ErrPrivate is why nothing connects to an address.
var ErrPrivate = errors.New("the address is one of a private network, where nothing leads unless allow_private says so")

// Control is for a net.Dialer that must not reach one's own network. It looks at the
// address that a name resolved to in the moment of connecting, so that no other answer
// of the DNS can come in between.
func Control(_, address string, _ syscall.RawConn) error {
	to, err := netip.ParseAddrPort(address)
	if err != nil {
		return fmt.Errorf("%w (%s)", ErrPrivate, address)
	}
	if !Is(to.Addr()) {
		return fmt.Errorf("%w (%s)", ErrPrivate, to.Addr())
	}
	return nil
}

// OwnHost reports whether what an address names is certainly in one's own network: an
// address of it, or this machine. A name can still lead there; see [Control].
func OwnHost(host string) bool {
	if host == "localhost" || strings.HasSuffix(host, ".localhost") {
		return true
	}
	a, err := netip.ParseAddr(strings.Trim(host, "[]"))
	return err == nil && !Is(a)
}
