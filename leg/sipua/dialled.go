package sipua

import (
	"net/netip"
	"slices"
	"strings"

	"tandem/sip"
)

// Dialled is the alias and the URI of what a person would dial, an alias or a URI,
// as the connector reports them: the host is left out of the alias where it is ours.
func (c *Config) Dialled(to string) (alias, uri string) {
	host := "localhost"
	if len(c.Domains) > 0 {
		host = c.Domains[0]
	}
	u, err := sip.ParseURI(to)
	switch {
	case err != nil && strings.Contains(to, "@"):
		return to, "sip:" + to
	case err != nil:
		return to, "sip:" + to + "@" + host
	case u.Scheme == "tel" || c.ours(u.Host):
		return sip.Unescape(u.User), to
	}
	return sip.Unescape(u.User) + "@" + u.Host, to
}

func (c *Config) ours(host string) bool {
	_, err := netip.ParseAddr(strings.Trim(host, "[]"))
	return err == nil || slices.ContainsFunc(c.Domains, func(d string) bool { return strings.EqualFold(d, host) })
}
