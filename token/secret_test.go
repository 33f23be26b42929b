package token

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
)

const canary = "canary-5d81"

// holder is a struct that has secrets, as the parts' Config structs do.
type holder struct {
	Password Secret
	Tokens   []Secret
	ByName   map[string]Secret
	Pointer  *Secret
}

// onlyOne has a name, which XML needs.
type onlyOne struct{ S Secret }

func TestASecretNeverPrints(t *testing.T) {
	s := Secret(canary)
	h := holder{s, []Secret{s}, map[string]Secret{"a": s}, &s}
	var out bytes.Buffer
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "% x", "%10s", "%t", "%c"} {
		for _, what := range []any{s, &s, h, &h, Static{s}, errors.Join(fmt.Errorf("x %v", s))} {
			fmt.Fprintf(&out, verb+"\n", what)
		}
	}
	for _, handler := range []slog.Handler{slog.NewTextHandler(&out, nil), slog.NewJSONHandler(&out, nil)} {
		slog.New(handler).Info("x", "secret", s, "pointer", &s, "holder", h, "any", []any{s})
	}
	for _, marshal := range []func(any) ([]byte, error){json.Marshal, yaml.Marshal} {
		b, err := marshal(h)
		if err != nil || !strings.Contains(string(b), redacted) {
			t.Errorf("got %s, %v", b, err)
		}
		out.Write(b)
	}
	b, err := xml.Marshal(onlyOne{s})
	if err != nil {
		t.Error(err)
	}
	out.Write(b)
	hex := fmt.Sprintf("%x", canary)
	for line := range strings.Lines(out.String()) {
		if l := strings.ToLower(line); strings.Contains(l, canary) || strings.Contains(l, hex) {
			t.Errorf("revealed: %s", line)
		}
	}
	if s.Reveal() != canary {
		t.Errorf("Reveal: got %q", s.Reveal())
	}
}

func TestASecretIsReadLikeAString(t *testing.T) {
	var fromJSON, fromYAML holder
	if err := json.Unmarshal([]byte(`{"Password":"x"}`), &fromJSON); err != nil || fromJSON.Password != "x" {
		t.Errorf("JSON: %q, %v", fromJSON.Password.Reveal(), err)
	}
	if err := yaml.Unmarshal([]byte("password: x\n"), &fromYAML); err != nil || fromYAML.Password != "x" {
		t.Errorf("YAML: %q, %v", fromYAML.Password.Reveal(), err)
	}
	if !Secret("x").Equal("x") || Secret("x").Equal("y") || Secret("x").Equal("xx") || !Secret("").IsZero() {
		t.Error("Equal or IsZero is wrong")
	}
	if got := fmt.Sprintf("%v|%q", Secret(""), Secret("")); got != `|""` {
		t.Errorf("an empty secret prints as %s", got)
	}
}
