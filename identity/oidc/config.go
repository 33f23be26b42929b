// Package oidc signs people in by an OpenID Connect provider: authorization code with
// PKCE, state and nonce. Start reading at [Client.Begin] and [Client.Finish].
package oidc

import (
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"net/url"
	"slices"
	"strings"

	"tandem/internal/public"
	"tandem/token"
)

// CallbackPath is where the provider sends browsers back to.
const CallbackPath = "/api/v1/oidc/callback"

// Config is the provider, and whom it may let in.
type Config struct {
	Issuer       string              `yaml:"issuer,omitempty"`        // as the provider names itself; left out: nobody signs in this way
	Label        string              `yaml:"label,omitempty"`         // on the page's button; default the issuer's host
	ClientID     string              `yaml:"client_id,omitempty"`     // as the provider knows this gateway
	ClientSecret token.Secret        `yaml:"client_secret,omitempty"` // left out: a public client, by PKCE alone
	RedirectURL  string              `yaml:"redirect_url,omitempty"`  // this gateway's /api/v1/oidc/callback as browsers reach it
	Scopes       []string            `yaml:"scopes,omitempty"`        // asked for besides openid; default email, profile
	Domains      []string            `yaml:"domains,omitempty"`       // of e-mail addresses, verified ones, that may sign in; left out: any
	Claim        string              `yaml:"groups_claim,omitempty"`  // that lists groups; default groups
	Roles        map[string][]string `yaml:"roles,omitempty"`         // viewer, operator, admin -> groups of the provider
	Role         string              `yaml:"role,omitempty"`          // of who is in none of these groups; left out: refused
	Private      bool                `yaml:"allow_private,omitempty"` // the provider may be in a private network
	Roots        string              `yaml:"roots,omitempty"`         // PEM file with the only authorities to trust; default the system's
}

// On reports whether there is a provider.
func (c *Config) On() bool { return c.Issuer != "" }

// Validate names the fields that are wrong, all at once.
func (c *Config) Validate() error {
	if !c.On() {
		if c.ClientID != "" || c.RedirectURL != "" {
			return errors.New("issuer: name the provider, as https://accounts.example.com")
		}
		return nil
	}
	var errs []error
	bad := func(field, format string, args ...any) {
		errs = append(errs, fmt.Errorf("%s: %s", field, fmt.Sprintf(format, args...)))
	}
	if u, err := url.Parse(c.Issuer); err != nil || u.Scheme != "https" || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		bad("issuer", "%q is no https address of a provider", c.Issuer)
	} else if !c.Private && public.OwnHost(u.Hostname()) {
		bad("issuer", "%s is in a private network, or this machine; say so with allow_private: true", u.Hostname())
	}
	if c.ClientID == "" {
		bad("client_id", "the provider gives one when this gateway is registered there")
	}
	if u, err := url.Parse(c.RedirectURL); err != nil || u.Path != CallbackPath || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" || u.Scheme != "https" && !(u.Scheme == "http" && isLoopback(u.Hostname())) {
		bad("redirect_url", "%q is not https://THIS-GATEWAY%s; plain http is for this machine only", c.RedirectURL, CallbackPath)
	}
	for i, d := range c.Domains {
		if d == "" || strings.ContainsAny(d, "@/ *") {
			bad(fmt.Sprintf("domains[%d]", i), "%q is no domain such as example.com", d)
		}
	}
	for _, role := range slices.Sorted(maps.Keys(c.Roles)) {
		if !slices.Contains(roles(), role) {
			bad("roles."+role, "a role is one of %s", strings.Join(roles(), ", "))
		}
		if len(c.Roles[role]) == 0 || slices.Contains(c.Roles[role], "") {
			bad("roles."+role, "name groups of the provider")
		}
	}
	if c.Role != "" && !slices.Contains(roles(), c.Role) {
		bad("role", "%q is none of %s", c.Role, strings.Join(roles(), ", "))
	}
	if c.Role == "" && len(c.Roles) == 0 {
		bad("role", "nobody could sign in: name the role of everybody, or the groups of roles")
	}
	if c.Role != "" && len(c.Domains) == 0 {
		bad("domains", "everybody who has an account at the provider could sign in as %s: name domains, or leave role out", c.Role)
	}
	return errors.Join(errs...)
}

// roles are the roles there are, the most powerful first.
func roles() []string { return []string{"admin", "operator", "viewer"} }

func isLoopback(host string) bool {
	a, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && a.IsLoopback()
}

// roleOf is the most powerful role that the groups have; "" is none.
func (c *Config) roleOf(groups []string) string {
	for _, role := range roles() {
		if slices.ContainsFunc(c.Roles[role], func(g string) bool { return slices.Contains(groups, g) }) {
			return role
		}
	}
	return c.Role
}

// allows reports whether an address is in one of the domains.
func (c *Config) allows(email string) bool {
	_, domain, ok := strings.Cut(email, "@")
	return ok && slices.ContainsFunc(c.Domains, func(d string) bool { return strings.EqualFold(d, domain) })
}
