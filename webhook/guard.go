package webhook

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"syscall"
	"time"

	"tandem/internal/public"
)

// errPrivate is why a hook does not reach an address.
var errPrivate = errors.New("the address is one of a private network; webhooks go there only when allow_private is set")

// newClient makes a client that follows no redirection, and with public that reaches
// no address of the own network: it looks at the address that a name resolved to in
// the moment of connecting, so that no other answer of the DNS can come in between.
func newClient(onlyPublic bool) *http.Client {
	d := &net.Dialer{Timeout: 5 * time.Second}
	if onlyPublic {
		d.Control = func(_, address string, _ syscall.RawConn) error {
			to, err := netip.ParseAddrPort(address)
			if err != nil {
				return fmt.Errorf("%w (%s)", errPrivate, address)
			}
			if !public.Is(to.Addr()) {
				return fmt.Errorf("%w (%s)", errPrivate, to.Addr())
			}
			return nil
		}
	}
	return &http.Client{
		Timeout:       tryTime,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport: &http.Transport{
			Proxy: nil, DialContext: d.DialContext, TLSHandshakeTimeout: 5 * time.Second, ResponseHeaderTimeout: tryTime,
			MaxIdleConnsPerHost: 1, IdleConnTimeout: 30 * time.Second, MaxResponseHeaderBytes: 16 << 10, DisableCompression: true,
		},
	}
}
