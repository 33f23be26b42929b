package api

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"tandem/config"
	"tandem/identity"
	"tandem/leg/reception"
	"tandem/leg/sipua"
	"tandem/route"
	"tandem/token"
)

// kinds are all resources of the configuration.
func kinds() []kind {
	return []kind{
		list[config.VoiceAccount]{
			"google-voice", "google_voice", "Google Voice account",
			func(c *config.Config) *[]config.VoiceAccount { return &c.Voice }, func(a *config.VoiceAccount) *string { return &a.Name },
		},
		list[token.Access]{
			"access-tokens", "meet.access_tokens", "access token",
			func(c *config.Config) *[]token.Access { return &c.Meet.Tokens }, func(a *token.Access) *string { return &a.Name },
		},
		list[sipua.Device]{
			"devices", "sip.devices", "device",
			func(c *config.Config) *[]sipua.Device { return &c.SIP.Devices }, func(d *sipua.Device) *string { return &d.Name },
		},
		list[sipua.Trunk]{
			"trunks", "sip.trunks", "trunk",
			func(c *config.Config) *[]sipua.Trunk { return &c.SIP.Trunks }, func(t *sipua.Trunk) *string { return &t.Name },
		},
		list[sipua.Proxy]{
			"sip-proxies", "sip.proxies", "SIP proxy",
			func(c *config.Config) *[]sipua.Proxy { return &c.SIP.Proxies }, func(p *sipua.Proxy) *string { return &p.Name },
		},
		list[route.Location]{
			"locations", "locations", "location",
			func(c *config.Config) *[]route.Location { return &c.Locations }, func(l *route.Location) *string { return &l.Name },
		},
		rules(),
		groups{},
		list[reception.Config]{
			"receptions", "receptions", "reception",
			func(c *config.Config) *[]reception.Config { return &c.Receptions }, func(r *reception.Config) *string { return &r.Name },
		},
		tests(),
	}
}

func tests() list[route.Test] {
	return list[route.Test]{
		"dial-plan-tests", "dial_plan.tests", "dial-plan test",
		func(c *config.Config) *[]route.Test { return &c.DialPlan.Tests }, func(t *route.Test) *string { return &t.Name },
	}
}

func rules() list[route.RuleConfig] {
	return list[route.RuleConfig]{
		"rules", "dial_plan.rules", "rule",
		func(c *config.Config) *[]route.RuleConfig { return &c.DialPlan.Rules }, func(r *route.RuleConfig) *string { return &r.Name },
	}
}

// A group is a ring group as the API shows it: in the configuration its name is a key.
type group struct {
	Name    string         `yaml:"name"`
	Members []route.Target `yaml:"members"`
}

// groups is the kind of ring groups.
type groups struct{}

func (groups) path() string  { return "groups" }
func (groups) field() string { return "dial_plan.groups" }
func (groups) one() string   { return "group" }

func (groups) names(c *config.Config) []string {
	return slices.Sorted(maps.Keys(c.DialPlan.Groups))
}

func (groups) get(c *config.Config, name string) (any, string, bool) {
	members, ok := c.DialPlan.Groups[name]
	return &group{name, members}, "dial_plan.groups." + name, ok
}

func (g groups) at(c *config.Config, place int) any {
	v, _, _ := g.get(c, g.names(c)[place])
	return v
}

func (g groups) found(c *config.Config, text string) (places []int) {
	for i, name := range g.names(c) {
		v, _, _ := g.get(c, name)
		if mentions(reflect.ValueOf(v), text) {
			places = append(places, i)
		}
	}
	return places
}

func (g groups) put(c *config.Config, name string, text []byte) (string, error) {
	var v group
	if err := config.FromJSON(text, &v); err != nil {
		return "", &bodyError{err}
	}
	switch _, there := c.DialPlan.Groups[v.Name]; {
	case v.Name == "" && name != "":
		v.Name = name
	case v.Name == "":
		return "", &identity.InputError{Field: "name", Message: "a group needs a name"}
	case there && v.Name != name:
		return "", taken("group", v.Name)
	}
	if why := config.UnfitName(v.Name); why != "" {
		return "", &bodyError{&identity.InputError{Field: "name", Message: "a name " + why}}
	}
	all := maps.Clone(c.DialPlan.Groups)
	if all == nil {
		all = make(map[string][]route.Target)
	}
	delete(all, name)
	all[v.Name] = v.Members
	c.DialPlan.Groups = all
	return v.Name, nil
}

// inMembers says of the errors of a group where in its members they are: in the
// configuration a group is nothing but these.
func inMembers(err error) error {
	var model *huma.ErrorModel
	if !errors.As(err, &model) {
		return err
	}
	for _, e := range model.Errors {
		if rest, ok := strings.CutPrefix(e.Location, "body"); ok && (rest == "" || rest[0] == '[') {
			e.Location = "body.members" + rest
		}
	}
	return err
}

func (groups) remove(c *config.Config, name string) bool {
	_, ok := c.DialPlan.Groups[name]
	c.DialPlan.Groups = maps.Clone(c.DialPlan.Groups)
	delete(c.DialPlan.Groups, name)
	return ok
}

type orderInput struct {
	IfMatch string `header:"If-Match" doc:"The ETag of the list that was seen."`
	Comment string `header:"X-Change-Comment" maxLength:"500"`
	Body    struct {
		Names []string `json:"names" maxItems:"100000" doc:"All rules, the first to be tried first."`
	}
}

type orderOutput struct {
	ETag string `header:"ETag"`
	Body struct {
		Version int64 `json:"version"`
	}
}

// orderRules puts the rules into an order. Where their priorities say otherwise they
// are numbered anew, in the range the rules had.
func (s *Server) orderRules(ctx context.Context, in *orderInput) (*orderOutput, error) {
	var expect int64
	if in.IfMatch != "" && in.IfMatch != "*" {
		var err error
		if expect, err = versionOf(in.IfMatch); err != nil {
			return nil, err
		}
	}
	v, err := s.change(ctx, s.author(ctx, in.Comment, "order the rules"), expect, func(c *config.Config) error {
		ordered, err := inOrder(c.DialPlan.Rules, in.Body.Names)
		if err != nil {
			return &bodyError{err}
		}
		c.DialPlan.Rules = ordered
		return nil
	})
	if err != nil {
		return nil, changeProblem(err, "dial_plan.rules")
	}
	out := &orderOutput{ETag: versionTag(v.Number)}
	out.Body.Version = v.Number
	return out, nil
}

// mostPriority is the last one that a rule may have.
const mostPriority = 200

func inOrder(all []route.RuleConfig, names []string) ([]route.RuleConfig, error) {
	if len(names) != len(all) {
		return nil, fmt.Errorf("names: there are %d rules, and %d names were sent; send all of them", len(all), len(names))
	}
	byName := make(map[string]route.RuleConfig, len(all))
	for _, r := range all {
		byName[r.Name] = r
	}
	ordered := make([]route.RuleConfig, 0, len(all))
	for i, name := range names {
		r, ok := byName[name]
		if !ok {
			return nil, fmt.Errorf("names[%d]: there is no rule %q, or it was named before", i, clip(name, 60))
		}
		delete(byName, name)
		ordered = append(ordered, r)
	}
	if !slices.IsSortedFunc(ordered, func(a, b route.RuleConfig) int { return a.Priority - b.Priority }) {
		for i := range ordered { // equal ones stay as they are written, so many rules fit into few numbers
			ordered[i].Priority = 1 + i*min(len(ordered), mostPriority)/len(ordered)
		}
	}
	return ordered, nil
}
