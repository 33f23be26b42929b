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

	"tandem/internal/stage"
)

// TestEveryMetricIsShown scrapes during a call and after it: a family that nothing
// fills would look to an operator like one at zero.
func TestEveryMetricIsShown(t *testing.T) {
	t.Parallel()
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
	page := func() string {
		w := httptest.NewRecorder()
		s.Gateway.Metrics.Handler().ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/metrics", nil))
		return w.Body.String()
	}
	talk(ctx, t, s, func() {
		status, err := json.Marshal(s.Gateway.Status().Calls)
		if err != nil || !strings.Contains(string(status), `"to":"study"`) || strings.Contains(string(status), `"cause"`) {
			t.Errorf("the running call is shown as %s, %v", status, err)
		}
		got := page()
		for _, want := range []string{
			`tandem_legs_active{connector="sipua"} 2`, `tandem_bridges_active{kind="relay"} 1`,
			`tandem_sip_connections{transport="tls"} 1`, `tandem_token_fetches_total{result="ok"} 1`,
		} {
			if !strings.Contains(got, want+"\n") {
				t.Errorf("during a call there is no %s in\n%s", want, tandems(got))
			}
		}
		for _, moved := range []string{
			`tandem_rtp_bytes_total{direction="out"}`, `tandem_sip_transactions_total{side="client"}`,
			`tandem_sip_transactions_total{side="server"}`, `tandem_sip_transactions{side="server"}`,
		} {
			if !strings.Contains(got, moved) || strings.Contains(got, moved+" 0\n") {
				t.Errorf("during a call %s has not moved:\n%s", moved, tandems(got))
			}
		}
	})
	families, err := os.ReadFile("../metrics/families.go")
	if err != nil {
		t.Fatal(err)
	}
	got := page()
	for _, name := range regexp.MustCompile(`"tandem_[a-z_]+"`).FindAllString(string(families), -1) {
		if strings.Contains(name, "token_expiry") { // there is no gateway token
			continue
		}
		if !regexp.MustCompile(`(?m)^` + strings.Trim(name, `"`) + `(_count)?[ {]`).MatchString(got) {
			t.Errorf("%s is not shown", name)
		}
	}
}

// talk lets two phones talk; during is called while they do.
func talk(ctx context.Context, t *testing.T, s *stage.Stage, during func()) {
	t.Helper()
	if err := s.WaitRegistered(ctx); err != nil {
		t.Fatal(err)
	}
	kitchen, err := s.Phone(ctx, stage.Kitchen, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Phone(ctx, stage.Study, nil); err != nil {
		t.Fatal(err)
	}
	c, err := kitchen.Call(ctx, stage.Study)
	if err != nil {
		t.Fatal(err)
	}
	if err := c.WaitAnswered(ctx); err != nil {
		t.Fatal(err)
	}
	for c.Heard().Packets < 10 {
		select {
		case <-ctx.Done():
			t.Fatal("no media comes")
		case <-time.After(10 * time.Millisecond):
		}
	}
	during()
	if err := c.HangUp(ctx); err != nil {
		t.Fatal(err)
	}
	for len(s.Gateway.Switch.Live()) > 0 {
		select {
		case <-ctx.Done():
			t.Fatal("the call does not end")
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// tandems are the lines of our own families.
func tandems(page string) string {
	return strings.Join(regexp.MustCompile(`(?m)^tandem_.*$`).FindAllString(page, -1), "\n")
}
