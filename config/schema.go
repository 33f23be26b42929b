package config

import (
	"encoding"
	"log/slog"
	"net/netip"
	"reflect"
	"slices"
	"strings"
	"time"

	"tandem/call"
	"tandem/docs"
	"tandem/leg/reception"
	"tandem/leg/sipua"
	"tandem/route"
	"tandem/token"
)

// SchemaNode is a JSON Schema (draft 2020-12), as far as a configuration needs it.
type SchemaNode struct {
	Dialect     string                 `json:"$schema,omitempty"`
	Type        string                 `json:"type,omitempty"`
	Title       string                 `json:"title,omitempty"`
	Description string                 `json:"description,omitempty"`
	Default     any                    `json:"default,omitempty"`
	Examples    []any                  `json:"examples,omitempty"`
	Enum        []string               `json:"enum,omitempty"`
	Format      string                 `json:"format,omitempty"`
	Pattern     string                 `json:"pattern,omitempty"`
	MaxLength   int                    `json:"maxLength,omitempty"`
	MaxItems    int                    `json:"maxItems,omitempty"`
	Minimum     *float64               `json:"minimum,omitempty"`
	Maximum     *float64               `json:"maximum,omitempty"`
	WriteOnly   bool                   `json:"writeOnly,omitempty"` // a secret: shown as a mask
	Properties  map[string]*SchemaNode `json:"properties,omitempty"`
	Required    []string               `json:"required,omitempty"`
	Additional  any                    `json:"additionalProperties,omitempty"` // false, or a *SchemaNode
	Items       *SchemaNode            `json:"items,omitempty"`
	Order       []string               `json:"x-order,omitempty"`   // properties as the file has them
	Refers      string                 `json:"x-refers,omitempty"`  // the kind of thing it names: device, trunk, account, …
	Machine     bool                   `json:"x-machine,omitempty"` // belongs to the machine: not changed by the API
}

// Schema describes the whole configuration: what the types say, and in words and
// examples what docs/tandem.yaml says.
func Schema() *SchemaNode {
	s := schemaOf(reflect.TypeFor[Config](), "", notesOf(docs.Sample), allBounds())
	s.Dialect = "https://json-schema.org/draft/2020-12/schema"
	s.Title = "Configuration of Tandem"
	for _, name := range machineFields() {
		if p := s.Properties[name]; p != nil {
			p.Machine = true
		}
	}
	s.At("sip.listen").Machine = true
	return s
}

// At returns the schema of a field, such as sip.devices[] or dial_plan.groups.*,
// or nil.
func (s *SchemaNode) At(path string) *SchemaNode {
	for part := range strings.SplitSeq(path, ".") {
		name, list := strings.CutSuffix(part, "[]")
		switch {
		case s == nil:
			return nil
		case name == "*":
			s, _ = s.Additional.(*SchemaNode)
		default:
			s = s.Properties[name]
		}
		if list && s != nil {
			s = s.Items
		}
	}
	return s
}

func schemaOf(t reflect.Type, path string, notes map[string]note, all *bounds) *SchemaNode {
	s := &SchemaNode{Enum: enums()[path]}
	switch {
	case t.Kind() == reflect.Pointer:
		return schemaOf(t.Elem(), path, notes, all)
	case s.word(t):
	case t.Kind() == reflect.Struct:
		s.Type, s.Additional, s.Properties = "object", false, make(map[string]*SchemaNode)
		s.fields(t, path, notes, all)
	case t.Kind() == reflect.Map:
		s.Type, s.Additional = "object", schemaOf(t.Elem(), path+".*", notes, all)
	case t.Kind() == reflect.Slice:
		s.Type, s.Items = "array", schemaOf(t.Elem(), path+"[]", notes, all)
	}
	notes[path].describe(s)
	s.bounded(all.of(path, t))
	return s
}

// bounded says what the field may hold.
func (s *SchemaNode) bounded(b bound) {
	switch {
	case s.Type == "array":
		s.MaxItems = b.long
	case s.Type == "string" && len(s.Enum) == 0:
		s.MaxLength = b.long
	case (s.Type == "integer" || s.Type == "number") && b.most < largest:
		least := min(b.least, 0) // 0 stands for the default
		s.Minimum, s.Maximum = &least, &b.most
	}
}

// word describes what is one word in the file, and says whether it is.
func (s *SchemaNode) word(t reflect.Type) bool {
	s.Type = "string"
	switch t {
	case reflect.TypeFor[token.Secret]():
		s.Format, s.WriteOnly = "password", true
		return true
	case reflect.TypeFor[time.Duration]():
		s.Format, s.Pattern = "x-duration", `^(0|(\d+w)?(\d+d)?(\d+(\.\d+)?h)?(\d+(\.\d+)?m)?(\d+(\.\d+)?s)?(\d+ms)?)$`
		return true
	case reflect.TypeFor[netip.Addr]():
		s.Format = "x-ip"
		return true
	case reflect.TypeFor[slog.Level]():
		s.Enum = []string{"DEBUG", "INFO", "WARN", "ERROR"}
		return true
	case reflect.TypeFor[call.Cause]():
		s.Enum = call.CauseNames()
		return true
	case reflect.TypeFor[sipua.Encryption]():
		s.Enum = []string{"", string(sipua.Off), string(sipua.SDES), string(sipua.DTLS)}
		return true
	}
	if reflect.PointerTo(t).Implements(reflect.TypeFor[encoding.TextUnmarshaler]()) {
		return true
	}
	switch t.Kind() {
	case reflect.String:
	case reflect.Bool:
		s.Type = "boolean"
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64, reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		s.Type = "integer"
	case reflect.Float32, reflect.Float64:
		s.Type = "number"
	default:
		s.Type = ""
		return false
	}
	return true
}

func (s *SchemaNode) fields(t reflect.Type, path string, notes map[string]note, all *bounds) {
	for i := range t.NumField() {
		f := t.Field(i)
		name, inline := nameOf(f)
		switch {
		case inline:
			inner := f.Type
			if inner.Kind() == reflect.Pointer {
				inner = inner.Elem()
			}
			s.fields(inner, path, notes, all)
			continue
		case name == "":
			continue
		}
		p := schemaOf(f.Type, strings.TrimPrefix(path+"."+name, "."), notes, all)
		p.refer(t, name)
		if t == reflect.TypeFor[route.Target]() && p.Description == "" {
			p.Description = targetNotes()[name]
		}
		s.Properties[name] = p
		s.Order = append(s.Order, name)
		if !omits(f) && !p.WriteOnly { // a secret may be left out to keep it
			s.Required = append(s.Required, name)
		}
	}
	slices.Sort(s.Required)
}

// refer notes what kind of thing a field names.
func (s *SchemaNode) refer(t reflect.Type, name string) {
	switch {
	case t == reflect.TypeFor[route.Target]() && slices.Contains([]string{"device", "trunk", "account", "group", "meet", "reception"}, name):
		s.Refers = name
		if name == "meet" {
			s.Refers = "access-token"
		}
	case (t == reflect.TypeFor[route.Target]() || t == reflect.TypeFor[route.Location]()) && name == "proxy":
		s.Refers = "sip-proxy"
	case t == reflect.TypeFor[route.RuleConfig]() && name == "locations", t == reflect.TypeFor[route.Test]() && name == "location":
		s.Refers = "location"
	case t == reflect.TypeFor[reception.Config]() && name == "token":
		s.Refers = "access-token"
	case t == reflect.TypeFor[route.RuleConfig]() && name == "from", t == reflect.TypeFor[route.Test]() && name == "from":
		s.Refers = "source"
	}
}

// targetNotes describe a target, wherever there is one: exactly one of the first seven
// is given.
func targetNotes() map[string]string {
	return map[string]string{
		"device": "a device rings", "trunk": "the call goes out by this trunk", "account": "the call goes out by this Google Voice account",
		"group": "all of this ring group ring at once", "meet": "a Google Meet meeting is joined with this access token",
		"reception": "this reception asks for a meeting ID", "external": "a SIP address that was dialled: a device of ours, else by proxy or DNS",
		"proxy": "external: by this SIP proxy; default that of the caller's location", "lobby": "meet: how long the caller may wait to be admitted",
		"number": "dial this instead of what was dialled", "within": "how long it may ring; default the rule's",
	}
}

// enums are the words that fields of plain text may have.
func enums() map[string][]string {
	codecs := []string{"opus", "g722", "pcmu", "pcma"}
	return map[string][]string{
		"oidc.role":                     {"viewer", "operator", "admin"},
		"log.format":                    {"text", "json"},
		"sip.listen[].network":          {"udp", "tcp", "tls", "ws", "wss"},
		"sip.digest[]":                  {"md5", "sha-256"},
		"sip.devices[].codecs[]":        codecs,
		"sip.trunks[].codecs[]":         codecs,
		"sip.devices[].digits":          {"relay", "plain", "none"},
		"sip.devices[].dial":            {"name", "number"},
		"google_voice[].profile":        {"voice", "obihai"},
		"dial_plan.rules[].early_media": {"pass", "block"},
		"dial_plan.rules[].protocols[]": {"sip", "webrtc", "gvoice", "h323", "meet"},
		"dial_plan.rules[].codecs[]":    {"opus", "g722", "pcmu", "pcma", "h264", "vp8"},
		"dial_plan.tests[].codecs[]":    {"opus", "g722", "pcmu", "pcma", "h264", "vp8"},
		"dial_plan.tests[].protocol":    {"sip", "webrtc", "gvoice", "h323", "meet"},
		"sip.proxies[].transport":       {"tls", "tcp", "udp"},
	}
}
