package api

import (
	"os"
	"strings"
	"testing"
)

// The document names every operation, by its address or by the table for all
// resources.
func TestTheDocumentNamesEveryOperation(t *testing.T) {
	text, err := os.ReadFile("../docs/10-api.md")
	must(t, err)
	doc := string(text)
	resources := make(map[string]bool)
	for _, k := range kinds() {
		resources[k.path()] = true
		if !strings.Contains(doc, "`"+k.path()+"`") || !strings.Contains(doc, "`"+k.field()) {
			t.Errorf("docs/10-api.md does not tell of %s, %s", k.path(), k.field())
		}
	}
	describe2(t, newRig(t).server).each(func(method, path, id string, _, _ bool, _ []string) {
		kind, rest, _ := strings.Cut(strings.TrimPrefix(path, "/"), "/")
		if resources[kind] && (rest == "" || rest == "{name}") {
			return
		}
		if kind == "settings" {
			path = strings.TrimPrefix(path, "/")
		}
		if !strings.Contains(doc, path) {
			t.Errorf("docs/10-api.md does not tell of %s %s (%s)", method, path, id)
		}
	})
}
