package e2e

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/goccy/go-yaml"

	"tandem/internal/stage"
)

// exposed are the series a gateway shows after a call: the names, each with its labels.
func exposed(t *testing.T) map[string]map[string]bool {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 4*time.Minute)
	defer cancel()
	s, err := stage.Start(ctx, stage.Options{Dir: t.TempDir(), Log: storyLog()})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}()
	talk(ctx, t, s, func() {})
	w := httptest.NewRecorder()
	s.Gateway.Metrics.Handler().ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	all := make(map[string]map[string]bool)
	for _, m := range regexp.MustCompile(`(?m)^([a-z_]+)(?:\{(.*)\})? `).FindAllStringSubmatch(w.Body.String(), -1) {
		if all[m[1]] == nil {
			all[m[1]] = map[string]bool{"instance": true, "job": true} // Prometheus adds them
		}
		for _, l := range regexp.MustCompile(`([a-z_]+)="`).FindAllStringSubmatch(m[2], -1) {
			all[m[1]][l[1]] = true
		}
	}
	// What cannot be shown without a gateway token, or before the first time.
	all["tandem_meet_gateway_token_expiry_seconds"] = map[string]bool{"instance": true}
	return all
}

var (
	series   = regexp.MustCompile(`\b((?:tandem|go|process)_[a-z_]+)(\{[^}]*\})?`)
	selector = regexp.MustCompile(`([a-z_]+)\s*[=!]~?"`)
	grouping = regexp.MustCompile(`\bby \(([^)]*)\)`)
)

// checkQuery finds series and labels that no gateway shows.
func checkQuery(t *testing.T, where, query string, all map[string]map[string]bool) (used []string) {
	t.Helper()
	labels := map[string]bool{}
	for _, m := range series.FindAllStringSubmatch(query, -1) {
		if all[m[1]] == nil {
			t.Errorf("%s: no gateway shows %s", where, m[1])
			continue
		}
		used = append(used, m[1])
		for _, l := range selector.FindAllStringSubmatch(m[2], -1) {
			if !all[m[1]][l[1]] {
				t.Errorf("%s: %s has no label %s", where, m[1], l[1])
			}
		}
		for l := range all[m[1]] {
			labels[l] = true
		}
	}
	for _, m := range grouping.FindAllStringSubmatch(query, -1) {
		for l := range strings.SplitSeq(m[1], ",") {
			if l = strings.TrimSpace(l); !labels[l] {
				t.Errorf("%s: nothing in it has a label %s: %s", where, l, query)
			}
		}
	}
	if strings.Count(query, "(") != strings.Count(query, ")") || strings.Count(query, "{") != strings.Count(query, "}") {
		t.Errorf("%s: brackets do not match: %s", where, query)
	}
	return used
}

func TestTheDashboardAsksForWhatTheGatewayShows(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../packaging/grafana/tandem.json")
	if err != nil {
		t.Fatal(err)
	}
	var board struct {
		Title  string
		Panels []struct {
			ID      int
			Type    string
			Title   string
			GridPos struct{ H, W, X, Y int }
			Targets []struct{ Expr string }
		}
	}
	if err := json.Unmarshal(text, &board); err != nil || board.Title == "" {
		t.Fatal(err)
	}
	all := exposed(t)
	ids, shown := map[int]bool{}, map[string]bool{}
	for _, p := range board.Panels {
		if ids[p.ID] || p.GridPos.X+p.GridPos.W > 24 || p.GridPos.H == 0 {
			t.Errorf("%s: its place or its number is wrong", p.Title)
		}
		ids[p.ID] = true
		if p.Type != "row" && len(p.Targets) == 0 {
			t.Errorf("%s asks for nothing", p.Title)
		}
		for _, q := range p.Targets {
			for _, name := range checkQuery(t, p.Title, q.Expr, all) {
				shown[regexp.MustCompile(`_(bucket|sum|count)$`).ReplaceAllString(name, "")] = true
			}
		}
	}
	families, err := os.ReadFile("../metrics/families.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range regexp.MustCompile(`tandem_[a-z_]+`).FindAllString(string(families), -1) {
		if !shown[name] && name != "tandem_build_info" && !strings.HasPrefix(name, "tandem_capture") {
			t.Errorf("no panel shows %s", name)
		}
	}
}

func TestTheAlertRulesAskForWhatTheGatewayShows(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../packaging/prometheus/tandem.rules.yml")
	if err != nil {
		t.Fatal(err)
	}
	var rules struct {
		Groups []struct {
			Rules []struct {
				Alert, Expr, For    string
				Labels, Annotations map[string]string
			}
		}
	}
	if err := yaml.Unmarshal(text, &rules); err != nil || len(rules.Groups) != 1 || len(rules.Groups[0].Rules) < 5 {
		t.Fatalf("%v, %+v", err, rules)
	}
	all := exposed(t)
	for _, r := range rules.Groups[0].Rules {
		if len(checkQuery(t, r.Alert, r.Expr, all)) == 0 {
			t.Errorf("%s asks for nothing", r.Alert)
		}
		if r.Labels["severity"] == "" || r.Annotations["summary"] == "" || r.Annotations["description"] == "" {
			t.Errorf("%s does not say how bad it is, what it is and what to do", r.Alert)
		}
		if _, err := time.ParseDuration(r.For); r.For != "" && err != nil {
			t.Errorf("%s: %v", r.Alert, err)
		}
	}
}
