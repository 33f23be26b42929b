package api

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"reflect"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"tandem/config"
	"tandem/identity"
)

// A section is a part of the configuration that is there once.
type section struct {
	at, in, doc string
	part        func(*config.Config) any // points to it
	apart       []string                 // fields that are resources of their own
	keep        func(to, from *config.Config)
}

func sections() []section {
	none := func(_, _ *config.Config) {}
	return []section{
		{"numbers", "dial_plan.numbers", "the number plan", func(c *config.Config) any { return &c.DialPlan.Numbers }, nil, none},
		{"emergency", "dial_plan.emergency", "emergency numbers", func(c *config.Config) any { return &c.DialPlan.Emergency }, nil, none},
		{"outbound", "outbound", "where telephone numbers go that no rule knows", func(c *config.Config) any { return &c.Outbound }, nil, none},
		{"toll-guard", "toll_guard", "the guard against toll fraud", func(c *config.Config) any { return &c.Toll }, nil, none},
		{
			"meet", "meet", "Google Meet, without its access tokens", func(c *config.Config) any { return &c.Meet },
			[]string{"access_tokens"},
			func(to, from *config.Config) { to.Meet.Tokens = from.Meet.Tokens },
		},
		{
			"sip", "sip", "SIP, without devices and trunks", func(c *config.Config) any { return &c.SIP },
			[]string{"devices", "trunks", "proxies"},
			func(to, from *config.Config) {
				to.SIP.Devices, to.SIP.Trunks, to.SIP.Proxies = from.SIP.Devices, from.SIP.Trunks, from.SIP.Proxies
			},
		},
		{
			"dial-plan", "dial_plan", "the dial plan, without its parts", func(c *config.Config) any { return &c.DialPlan },
			[]string{"numbers", "emergency", "groups", "rules", "tests"},
			func(to, from *config.Config) {
				zone := to.DialPlan.Zone
				to.DialPlan = from.DialPlan
				to.DialPlan.Zone = zone
			},
		},
		{"alarms", "alarms", "who is told of alarms", func(c *config.Config) any { return &c.Alarms }, nil, none},
		{"retention", "retention", "how long the past can be looked up", func(c *config.Config) any { return &c.Retention }, nil, none},
		{"oidc", "oidc", "signing in by OpenID Connect", func(c *config.Config) any { return &c.OIDC }, nil, none},
		{"evidence", "evidence", "what calls leave to look at", func(c *config.Config) any { return &c.Evidence }, nil, none},
		{"limits", "limits", "the limits of this machine", func(c *config.Config) any { return &c.Limits }, nil, none},
	}
}

// A setting is any JSON value.
type setting json.RawMessage

// MarshalJSON implements json.Marshaler.
func (p setting) MarshalJSON() ([]byte, error) { return json.RawMessage(p).MarshalJSON() }

// UnmarshalJSON implements json.Unmarshaler.
func (p *setting) UnmarshalJSON(b []byte) error { return (*json.RawMessage)(p).UnmarshalJSON(b) }

// Schema takes everything; what is in it, the schema of the configuration says.
func (setting) Schema(huma.Registry) *huma.Schema { return &huma.Schema{} }

type (
	settingOutput struct {
		ETag string `header:"ETag"`
		Body setting
	}
	settingInput struct {
		IfMatch string `header:"If-Match"`
		Comment string `header:"X-Change-Comment" maxLength:"500"`
		Body    setting
	}
)

func (s *Server) registerSettings() {
	for _, sec := range sections() {
		huma.Register(s.api, operation(identity.Read, http.MethodGet, "/settings/"+sec.at, "get-settings-"+sec.at, "config", "Show "+sec.doc),
			func(context.Context, *struct{}) (*settingOutput, error) {
				c, _ := s.Config.Current()
				return sec.show(c)
			})
		op := operation(identity.Configure, http.MethodPut, "/settings/"+sec.at, "change-settings-"+sec.at, "config", "Change "+sec.doc)
		op.Errors = append(op.Errors, http.StatusConflict, http.StatusPreconditionFailed)
		huma.Register(s.api, op, func(ctx context.Context, in *settingInput) (*settingOutput, error) { return s.putSection(ctx, sec, in) })
	}
}

func (sec section) show(c *config.Config) (*settingOutput, error) {
	shown := new(config.Config)
	reflect.ValueOf(sec.part(shown)).Elem().Set(reflect.ValueOf(sec.part(c)).Elem())
	sec.keep(shown, new(config.Config))
	text, err := config.JSON(sec.part(shown))
	return &settingOutput{ETag: partTag(text), Body: text}, err
}

func (s *Server) putSection(ctx context.Context, sec section, in *settingInput) (*settingOutput, error) {
	_, err := s.change(ctx, s.author(ctx, in.Comment, "change "+sec.doc), 0, func(c *config.Config) error {
		seen, err := sec.show(c)
		if err != nil {
			return err
		}
		if !tagMatches(in.IfMatch, seen.ETag) {
			return errChanged
		}
		return sec.put(c, in.Body)
	})
	if err != nil {
		return nil, changeProblem(err, sec.in)
	}
	c, _ := s.Config.Current()
	return sec.show(c)
}

func (sec section) put(c *config.Config, text []byte) error {
	var fields map[string]json.RawMessage
	if json.Unmarshal(text, &fields) == nil {
		for _, name := range sec.apart {
			if _, there := fields[name]; there {
				return &bodyError{fmt.Errorf("%s: these are resources of their own, at %s/%s", name, prefix, strings.ReplaceAll(name, "_", "-"))}
			}
		}
	}
	fresh := new(config.Config)
	v, old := sec.part(fresh), sec.part(c)
	if err := config.FromJSON(text, v); err != nil {
		return &bodyError{err}
	}
	sec.keep(fresh, c)
	reflect.ValueOf(old).Elem().Set(reflect.ValueOf(v).Elem())
	return nil
}
