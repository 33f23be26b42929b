package api

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"tandem/config"
	"tandem/control"
	"tandem/identity"
	"tandem/route"
)

// A breach is one value that is out of bounds, put where the schema has the field.
type breach struct {
	at   string // "to[0].number"
	body any    // everything around it
}

// breaches are those of all fields of a schema, one value for each bound.
func breaches(n *config.SchemaNode) (all []breach) {
	switch {
	case n.MaxItems > 0 && n.Items != nil:
		if n.MaxItems <= 1000 {
			all = append(all, breach{"", slices.Repeat([]any{filler(n.Items)}, n.MaxItems+1)})
		}
		for _, b := range breaches(n.Items) {
			dot := ""
			if b.at != "" && b.at[0] != '[' {
				dot = "."
			}
			all = append(all, breach{"[0]" + dot + b.at, []any{b.body}})
		}
	case n.Maximum != nil:
		all = append(all, breach{"", *n.Maximum + 1}, breach{"", *n.Minimum - 1})
	case n.MaxLength > 0 && n.Format != "x-duration" && n.Format != "x-ip":
		all = append(all, breach{"", strings.Repeat("x", n.MaxLength+1)})
		if n.Format != "password" {
			all = append(all, breach{"", "a\r\nb"})
		}
	}
	for _, name := range slices.Sorted(maps.Keys(n.Properties)) {
		if n.Properties[name].Machine || name == "token_command" { // cannot be set here at all
			continue
		}
		for _, b := range breaches(n.Properties[name]) {
			at := name
			if b.at != "" && b.at[0] != '[' {
				at += "."
			}
			at += b.at
			all = append(all, breach{at, map[string]any{name: b.body}})
		}
	}
	return all
}

// filler is a small value of a kind.
func filler(n *config.SchemaNode) any {
	switch n.Type {
	case "object":
		return map[string]any{}
	case "array":
		return []any{}
	case "string":
		return "1"
	}
	return 1
}

// Every field of every resource and setting is refused beyond its bound, and named.
func TestFieldsOutOfBoundsAreNamed(t *testing.T) {
	r := newRig(t)
	c := r.as(identity.Administrator)
	whole := config.Schema()
	tried := 0
	try := func(method, path, base string, node *config.SchemaNode, name bool) {
		for _, b := range breaches(node) {
			if tried++; tried%300 == 0 {
				r.server.limits.sweep(time.Now().Add(time.Hour))
			}
			body, _ := b.body.(map[string]any)
			if _, named := body["name"]; name && !named {
				body["name"] = "x"
			}
			sent := b.body
			if body != nil {
				sent = body
			}
			a := c.do(method, path, sent)
			where := strings.TrimSuffix(base+b.at, ".")
			if a.status != 422 || a.errorAt(where) == "" && a.errorAt(where+"[0]") == "" {
				t.Errorf("%s %s with %s out of bounds: %d %.600s", method, path, where, a.status, a.raw)
			}
		}
	}
	for _, k := range kinds() {
		node := whole.At(k.field() + "[]")
		if k.path() == "groups" {
			node = groupSchema(whole)
		}
		try("POST", "/"+k.path(), "body.", node, true)
	}
	for _, sec := range sections() {
		node := *whole.At(sec.in)
		if node.Machine { // cannot be set here at all
			continue
		}
		node.Properties = maps.Clone(node.Properties)
		for _, name := range sec.apart {
			delete(node.Properties, name)
		}
		base := "body."
		if node.Type == "array" { // its entries are body[0] …
			base = "body"
		}
		try("PUT", "/settings/"+sec.at, base, &node, false)
	}
	if tried < 300 {
		t.Errorf("%d fields were tried only", tried)
	}
	if _, v := r.manager.Current(); v.Number != 1 {
		t.Errorf("something was taken: there is %v", v)
	}
}

// property is a field of a body in the OpenAPI document.
type property struct {
	Type                any
	Format              string
	Enum                []any
	MaxLength, MaxItems *int
	MaxProperties       *int
	Minimum, Maximum    *float64
}

// So are the fields of all other bodies; a field without a bound has to say why.
func TestBodiesHaveBounds(t *testing.T) {
	r := newRig(t)
	c := r.as(identity.Administrator)
	text, err := r.server.OpenAPI()
	must(t, err)
	var doc struct {
		Paths map[string]map[string]struct {
			OperationID string
			RequestBody struct {
				Content map[string]struct {
					Schema struct {
						Ref string `json:"$ref"`
					}
				}
			}
		}
		Components struct {
			Schemas map[string]struct{ Properties map[string]property }
		}
	}
	must(t, json.Unmarshal(text, &doc))
	tried := 0
	for path, methods := range doc.Paths {
		for method, op := range methods {
			ref := op.RequestBody.Content["application/json"].Schema.Ref
			name := strings.TrimPrefix(ref, "#/components/schemas/")
			if ref == "" || strings.HasPrefix(name, "Config") { // see above
				continue
			}
			s := doc.Components.Schemas[name]
			for field, p := range s.Properties {
				var bad []any
				switch {
				case len(p.Enum) > 0 || p.Format == "date-time":
					bad = []any{strings.Repeat("x", 1000)}
				case p.MaxLength != nil:
					bad = []any{strings.Repeat("x", *p.MaxLength+1)}
				case p.MaxProperties != nil:
					many := make(map[string]string)
					for i := range *p.MaxProperties + 1 {
						many[fmt.Sprint(i)] = "x"
					}
					bad = []any{many}
				case p.MaxItems != nil && *p.MaxItems <= 1000:
					bad = []any{slices.Repeat([]any{"x"}, *p.MaxItems+1)}
				case p.Maximum != nil && p.Minimum != nil:
					bad = []any{*p.Maximum + 1, *p.Minimum - 1}
				case p.Type == "boolean" || p.MaxItems != nil:
				default:
					t.Errorf("%s: %s has no bound: %+v", op.OperationID, field, p)
				}
				for _, v := range bad {
					if tried++; tried%300 == 0 {
						r.server.limits.sweep(time.Now().Add(time.Hour))
					}
					a := c.do(strings.ToUpper(method), filled(strings.TrimPrefix(path, prefix)), map[string]any{field: v})
					if a.status != 422 || a.errorAt("body."+field) == "" {
						t.Errorf("%s with %s out of bounds: %d %.300s", op.OperationID, field, a.status, a.raw)
					}
				}
			}
		}
	}
	if tried < 25 {
		t.Errorf("%d fields were tried only", tried)
	}
}

func TestManyRulesAreOrderedWithinTheirPriorities(t *testing.T) {
	r := newRig(t)
	c := r.as(identity.Administrator)
	_, err := r.manager.Change(t.Context(), control.Author{Name: "test"}, 0, func(conf *config.Config) error {
		for i := range 300 {
			rule := thousandth(i)
			conf.DialPlan.Rules = append(conf.DialPlan.Rules, rule)
		}
		return nil
	})
	must(t, err)
	var names []string
	for i := range 300 {
		names = append(names, fmt.Sprintf("rule %d", 299-i))
	}
	c.do("POST", "/rules/order", map[string]any{"names": names}).want(t, 200)
	conf, _ := r.manager.Current()
	for i, rule := range conf.DialPlan.Rules {
		if rule.Name != names[i] || rule.Priority < 1 || rule.Priority > 200 || i > 0 && rule.Priority < conf.DialPlan.Rules[i-1].Priority {
			t.Fatalf("at %d there is %s with the priority %d", i, rule.Name, rule.Priority)
		}
	}
}

// thousandth is one of many rules, each with a priority of its own as far as there are any.
func thousandth(i int) route.RuleConfig {
	return route.RuleConfig{Name: fmt.Sprintf("rule %d", i), Priority: 1 + i*200/300, Match: fmt.Sprintf("%d", i), To: []route.Target{{External: true}}}
}
