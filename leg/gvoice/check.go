package gvoice

import (
	"context"
	"fmt"
	"time"

	"tandem/sip"
	"tandem/sip/flow"
	"tandem/sip/transaction"
)

// A Check is one thing that was tried with an account, and what came of it.
type Check struct {
	Name string // "token", "registration", "answer"
	OK   bool
	Text string
	Took time.Duration
}

// Test tries the account's credentials, and where the account is registered here, asks
// Google over its connection whether it still answers. It sends no REGISTER: Google
// throttles accounts that register too often (reference 6.6).
func (c *Connector) Test(ctx context.Context, a Account) []Check {
	began := time.Now()
	err := c.TryWith(ctx, a)
	token := Check{Name: "token", OK: err == nil, Text: "Google gave an access token: the credentials are good.", Took: time.Since(began)}
	if err != nil {
		token.Text = err.Error()
	}
	c.mu.Lock()
	l := c.lines[a.Name]
	c.mu.Unlock()
	if l == nil {
		return []Check{token, {Name: "registration", Text: "The account is not in force here yet, so it does not register."}}
	}
	s := l.snapshot()
	r := Check{Name: "registration", OK: s.State == Registered, Took: 0}
	switch {
	case r.OK:
		r.Text = fmt.Sprintf("Registered at %s as %s until %s.", s.Proxy, l.account.user(), s.Until.UTC().Format(time.RFC3339))
	case s.Problem != "":
		r.Text = fmt.Sprintf("Not registered (%s): %s.", s.State, s.Problem)
	default:
		r.Text = fmt.Sprintf("Not registered: %s.", s.State)
	}
	b := l.bound.Load()
	if !r.OK || b == nil {
		return []Check{token, r}
	}
	return []Check{token, r, l.ping(ctx, b)}
}

// ping asks with OPTIONS over the registered connection (GV-S17).
func (l *line) ping(ctx context.Context, b *binding) Check {
	began := time.Now()
	done := make(chan transaction.Event, 1)
	l.c.layer.Request(b.flow, l.optionsRequest(b), func(e transaction.Event) {
		if e.Response == nil || e.Response.Status >= 200 {
			select {
			case done <- e:
			default:
			}
		}
	})
	c := Check{Name: "answer"}
	select {
	case e := <-done:
		switch c.Took = time.Since(began); {
		case e.Err != nil:
			c.Text = "Google did not answer OPTIONS: " + e.Err.Error() + "."
		case e.Response.Status >= 300:
			c.Text = fmt.Sprintf("Google answered OPTIONS with %d %s.", e.Response.Status, e.Response.Reason)
		default:
			c.OK, c.Text = true, fmt.Sprintf("Google answered OPTIONS over the connection in %v.", c.Took.Round(time.Millisecond))
		}
	case <-ctx.Done():
		c.Took, c.Text = time.Since(began), "Google did not answer OPTIONS in time."
	}
	return c
}

// optionsRequest builds the OPTIONS to the registrar, along the Service-Routes.
func (l *line) optionsRequest(b *binding) *sip.Message {
	domain := sip.URI{Scheme: "sip", Host: l.profile.Registrar}
	aor := sip.URI{Scheme: "sip", User: sip.EscapeUser(l.account.user()), Host: l.profile.Registrar}
	m := sip.NewRequest("OPTIONS", domain)
	for _, r := range b.routes {
		m.Add("Route", r)
	}
	m.Add("Max-Forwards", "70")
	m.Add("From", sip.Address{URI: aor, Params: sip.Params("").With("tag", sip.NewTag())}.String())
	m.Add("To", sip.Address{URI: domain}.String())
	m.Add("Call-ID", sip.NewCallID())
	m.Add("CSeq", "1 OPTIONS")
	m.Add("Contact", "<"+contactOf(l, b.flow)+">")
	m.Add("Accept", "application/sdp")
	return m
}

func contactOf(l *line, f *flow.Flow) string {
	if v, ok := l.c.flows.Load(f); ok {
		if bond, ok := v.(bond); ok {
			return bond.contact(f).String()
		}
	}
	return bond{l, ""}.contact(f).String()
}
