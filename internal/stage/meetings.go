package stage

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"tandem/leg/meet"
	"tandem/leg/reception"
	"tandem/route"
	simmeet "tandem/sim/meet"
	"tandem/token"
)

// How callers of the stage reach a meeting: its PIN alone leads in with the trusted
// access token, Knock before it with the untrusted one, so that somebody has to admit
// the caller.
const (
	Trusted   = "example"
	Untrusted = "visitors"
	Knock     = "0"
	Reception = "700" // asks for a PIN
)

// gatewayName is what the gateway's certificate says it is.
const gatewayName = "gateway.tandem.example"

// openMeetings starts the meeting service and lets the gateway in: certificate, access
// tokens, rules.
func (s *Stage) openMeetings(ctx context.Context) error {
	c := *s.options.Meet
	if len(c.Meetings) == 0 {
		c.Meetings = simmeet.ExampleMeetings()
	}
	if len(c.Tokens) == 0 {
		c.Tokens = simmeet.ExampleTokens()
	}
	server := &simmeet.Server{Config: c, Log: s.options.Log.With("part", "meet")}
	if err := server.Start(context.WithoutCancel(ctx)); err != nil { // it lives until Close
		return err
	}
	s.Meetings = server
	roots := filepath.Join(s.options.Dir, "meet-simulator-ca.pem")
	if err := os.WriteFile(roots, server.CAPEM(), 0o600); err != nil {
		return err
	}
	folder := filepath.Join(s.options.Dir, "gateway-token")
	if err := certify(folder, server); err != nil {
		return fmt.Errorf("the gateway's certificate: %w", err)
	}
	s.Config.Meet = meet.Config{Edge: server.EdgeURL(), Roots: roots, Gateway: folder, Tokens: access(c.Tokens)}
	s.Config.DialPlan.Rules = append(s.Config.DialPlan.Rules, meetingRules(s.Config.Meet.Tokens)...)
	s.Config.Receptions = []reception.Config{{Name: "front desk", Aliases: []string{Reception}, Token: Trusted}}
	return nil
}

// certify makes a key in folder and has the meeting service sign it.
func certify(folder string, server *simmeet.Server) error {
	g := &token.Gateway{Dir: folder}
	request, err := g.Request(gatewayName, false)
	if err != nil {
		return err
	}
	chain, err := server.SignGateway(request, simmeet.GatewayCert{})
	if err != nil {
		return err
	}
	_, err = g.Install(chain, true)
	return errors.Join(err, g.Load())
}

// access are the first trusted and the first untrusted access token, by our names.
func access(all []simmeet.AccessToken) []token.Access {
	var out []token.Access
	have := make(map[bool]bool)
	for _, t := range all {
		if have[t.Trusted] || t.Revoked || t.Type != "" {
			continue
		}
		have[t.Trusted] = true
		name := Untrusted
		if t.Trusted {
			name = Trusted
		}
		out = append(out, token.Access{Name: name, Secret: token.Secret(t.Value), Tenant: t.Tenant, Trusted: t.Trusted})
	}
	return out
}

func meetingRules(tokens []token.Access) []route.RuleConfig {
	var rules []route.RuleConfig
	for _, t := range tokens {
		r := route.RuleConfig{Name: "meetings", Match: `(\d{13})(@.*)?`, Replace: "$1", To: []route.Target{{Meet: t.Name}}}
		if !t.Trusted {
			r.Name, r.Match = "meetings of others", Knock+r.Match
		}
		rules = append(rules, r)
	}
	return rules
}
