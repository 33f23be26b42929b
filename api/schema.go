package api

import (
	"path"
	"reflect"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"tandem/config"
)

// describeConfig puts the schemas of the configuration's resources into the OpenAPI
// document.
func (s *Server) describeConfig() {
	whole := config.Schema()
	schemas := s.api.OpenAPI().Components.Schemas.Map()
	use := func(name string, node *config.SchemaNode, paths ...string) {
		if node == nil {
			return
		}
		schemas[name] = schemaOf(node)
		ref := &huma.Schema{Ref: "#/components/schemas/" + name}
		for _, path := range paths {
			s.setSchema(path, ref)
		}
	}
	use("Config", whole, "/config", "/config/try")
	for _, k := range kinds() {
		node := whole.At(k.field() + "[]")
		if k.path() == "groups" {
			node = groupSchema(whole)
		}
		name := "Config" + camel(k.path())
		use(name, node, "/"+k.path()+"/{name}")
		if node == nil {
			continue
		}
		ref := &huma.Schema{Ref: "#/components/schemas/" + name}
		item := s.api.OpenAPI().Paths[prefix+"/"+k.path()]
		item.Post.RequestBody.Content["application/json"].Schema = ref
		item.Post.Responses["201"].Content["application/json"].Schema = ref
		item.Get.Responses["200"].Content["application/json"].Schema = listSchema(ref)
	}
	for _, sec := range sections() {
		use("Config"+camel(sec.at)+"Settings", whole.At(sec.in), "/settings/"+sec.at)
	}
}

func listSchema(item *huma.Schema) *huma.Schema {
	return &huma.Schema{Type: huma.TypeObject, Required: []string{"items", "version", "total"}, Properties: map[string]*huma.Schema{
		"items":   {Type: huma.TypeArray, Items: item},
		"version": {Type: huma.TypeInteger, Description: "Of the configuration."},
		"total":   {Type: huma.TypeInteger, Description: "How many there are, on all pages."},
		"next":    {Type: huma.TypeString, Description: "Goes into after for the next page; nothing on the last."},
	}}
}

// setSchema says what is sent to, and what comes from, an address.
func (s *Server) setSchema(path string, ref *huma.Schema) {
	item := s.api.OpenAPI().Paths[prefix+path]
	for _, op := range []*huma.Operation{item.Get, item.Put, item.Post} {
		if op == nil {
			continue
		}
		if op.RequestBody != nil {
			op.RequestBody.Content["application/json"].Schema = ref
		}
		ok := op.Responses["200"]
		if ok == nil || ok.Content["application/json"] == nil || path == "/config/try" || path == "/config" && op.Method == "PUT" {
			continue
		}
		ok.Content["application/json"].Schema = ref
	}
}

// groupSchema is a ring group's, whose name is a key in the configuration.
func groupSchema(whole *config.SchemaNode) *config.SchemaNode {
	members := whole.At("dial_plan.groups.*")
	if members == nil {
		return nil
	}
	return &config.SchemaNode{
		Type: huma.TypeObject, Required: []string{"name", "members"}, Additional: false,
		Properties: map[string]*config.SchemaNode{"name": {Type: huma.TypeString, MaxLength: 250}, "members": members},
	}
}

// schemaOf is a schema of the configuration as OpenAPI has it. Whatever is left out
// has its default, so nothing but what the configuration itself demands is required.
func schemaOf(n *config.SchemaNode) *huma.Schema {
	s := &huma.Schema{
		Type: n.Type, Title: n.Title, Description: n.Description, Default: n.Default, Examples: n.Examples,
		Format: n.Format, Pattern: n.Pattern, WriteOnly: n.WriteOnly, Required: n.Required, Minimum: n.Minimum, Maximum: n.Maximum,
	}
	if n.MaxLength > 0 {
		s.MaxLength = &n.MaxLength
	}
	if n.MaxItems > 0 {
		s.MaxItems = &n.MaxItems
	}
	for _, word := range n.Enum {
		s.Enum = append(s.Enum, word)
	}
	if n.Items != nil {
		s.Items = schemaOf(n.Items)
	}
	for name, p := range n.Properties {
		if s.Properties == nil {
			s.Properties = make(map[string]*huma.Schema)
		}
		s.Properties[name] = schemaOf(p)
	}
	switch a := n.Additional.(type) {
	case *config.SchemaNode:
		s.AdditionalProperties = schemaOf(a)
	case bool:
		s.AdditionalProperties = a
	}
	return s
}

// camel makes a name of a path: dial-plan-tests becomes DialPlanTests.
func camel(path string) string {
	var b strings.Builder
	for word := range strings.SplitSeq(path, "-") {
		b.WriteString(strings.ToUpper(word[:1]) + word[1:])
	}
	return b.String()
}

// schemaName names a type in the OpenAPI document: those of other packages with the
// package's name before it, so that two are not mistaken for each other.
func schemaName(t reflect.Type, hint string) string {
	name := huma.DefaultSchemaNamer(t, hint)
	for t.Kind() == reflect.Pointer || t.Kind() == reflect.Slice {
		t = t.Elem()
	}
	pkg := path.Base(t.PkgPath())
	if t.PkgPath() == "" || pkg == "api" || pkg == "huma" {
		return name
	}
	return camel(pkg) + name
}
