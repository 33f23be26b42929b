package config

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
)

func TestTheSchemaSaysWhatTheSampleSays(t *testing.T) {
	s := Schema()
	for path, want := range map[string]SchemaNode{
		"http":                            {Type: "string", Description: "/metrics", Machine: true, Examples: []any{"127.0.0.1:8080"}},
		"sip":                             {Type: "object", Description: "Phones, ATAs, softphones and other SIP systems."},
		"sip.register.min":                {Type: "string", Format: "x-duration", Default: "1m", Description: "shorter registrations are refused with 423"},
		"sip.guard.failures":              {Type: "integer", Description: "wrong passwords"},
		"sip.devices":                     {Type: "array"},
		"sip.devices[].name":              {Type: "string", Description: "SIP user name"},
		"sip.devices[].password":          {Type: "string", Format: "password", WriteOnly: true},
		"sip.devices[].no_forward":        {Type: "boolean", Description: "true ignores call forwarding"},
		"sip.devices[].encrypt":           {Enum: []string{"", "off", "sdes", "dtls"}},
		"sip.trunks[].peers":              {Type: "array", Description: "where its calls come from"},
		"google_voice[].timing.pong":      {Type: "string", Default: "10s"},
		"google_voice[].ring[].within":    {Description: "Google's voicemail"},
		"meet.access_tokens[].trusted":    {Type: "boolean", Default: false},
		"toll_guard.callers.*.per_minute": {Type: "integer"},
		"dial_plan.groups.*":              {Type: "array"},
		"dial_plan.rules[].to[].trunk":    {Refers: "trunk"},
		"dial_plan.rules[].stop_on[]":     {Type: "string"},
		"dial_plan.tests[].expect":        {Type: "string", Description: "targets in order"},
		"receptions[].guard.wrong":        {Type: "integer", Default: uint64(20)},
		"limits.cpu":                      {Type: "number", Machine: false},
	} {
		got := s.At(path)
		switch {
		case got == nil:
			t.Errorf("there is no %s", path)
		case want.Type != "" && got.Type != want.Type, want.Default != nil && got.Default != want.Default,
			!strings.Contains(got.Description, want.Description), want.Format != "" && got.Format != want.Format,
			want.WriteOnly != got.WriteOnly, want.Refers != got.Refers, want.Enum != nil && !slices.Equal(want.Enum, got.Enum):
			t.Errorf("%s is %+v, want %+v", path, *got, want)
		}
	}
	for path := range enums() {
		if s.At(path) == nil {
			t.Errorf("enums: there is no field %s", path)
		}
	}
	if s.At("sip.nothing") != nil || s.At("nothing.at.all") != nil {
		t.Error("a field that does not exist has a schema")
	}
	if text, err := json.Marshal(s); err != nil || len(text) < 5000 {
		t.Errorf("%d bytes, %v", len(text), err)
	}
}

// A page shows these words beside the field.
func TestEveryFieldIsDescribed(t *testing.T) {
	var missing []string
	var look func(path string, s *SchemaNode)
	look = func(path string, s *SchemaNode) {
		for name, p := range s.Properties {
			at := strings.TrimPrefix(path+"."+name, ".")
			if p.Description == "" {
				missing = append(missing, at)
			}
			look(at, p)
		}
		if s.Items != nil {
			look(path+"[]", s.Items)
		}
	}
	look("", Schema())
	slices.Sort(missing)
	if len(missing) > 0 {
		t.Errorf("docs/tandem.yaml says nothing beside, or above, %s", strings.Join(missing, ", "))
	}
}
