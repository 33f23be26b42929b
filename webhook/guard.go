package webhook

import (
	"net"
	"net/http"
	"time"

	"tandem/internal/public"
)

// newClient makes a client that follows no redirection, and with public that reaches
// no address of the own network: it looks at the address that a name resolved to in
// the moment of connecting, so that no other answer of the DNS can come in between.
func newClient(onlyPublic bool) *http.Client {
	d := &net.Dialer{Timeout: 5 * time.Second}
	if onlyPublic {
		d.Control = public.Control
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
