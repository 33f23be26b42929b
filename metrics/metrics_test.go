package metrics

import (
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil/promlint"
)

func quiet() *Registry { return New("v1.2.3", slog.New(slog.DiscardHandler)) }

func scrape(t *testing.T, r *Registry) string {
	t.Helper()
	w := httptest.NewRecorder()
	r.Handler().ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	if w.Code != http.StatusOK {
		t.Fatalf("status %d: %s", w.Code, w.Body)
	}
	return w.Body.String()
}

func TestThePartsFiguresAreShown(t *testing.T) {
	r := quiet()
	r.GaugeFunc(Registrations, func() float64 { return 3 })
	r.CounterFunc(RTPLostTotal, func() uint64 { return 7 })
	r.Func(AccountState, func(emit Emit) {
		emit(1, "home", "registered")
		emit(0, "home", "offline")
	})
	r.Func(SIPMessagesTotal, func(emit Emit) {
		emit(2, "udp", "in")
		emit(3, "udp", "in") // two listeners
	})
	calls := r.Counter(CallsTotal)
	calls.Inc("gvoice", "busy")
	calls.Inc("gvoice", "busy")
	r.Histogram(CallSetupSeconds).Observe(1500*time.Millisecond, "gvoice")
	got := scrape(t, r)
	for _, want := range []string{
		`tandem_build_info{go_version="go`, `version="v1.2.3"} 1`,
		"tandem_registrations 3\n",
		"tandem_rtp_packets_lost_total 7\n",
		`tandem_gvoice_account_state{account="home",state="registered"} 1`,
		`tandem_gvoice_account_state{account="home",state="offline"} 0`,
		`tandem_sip_messages_total{direction="in",transport="udp"} 5`,
		`tandem_calls_total{cause="busy",connector="gvoice"} 2`,
		`tandem_call_setup_seconds_bucket{connector="gvoice",le="1"} 0`,
		`tandem_call_setup_seconds_bucket{connector="gvoice",le="2"} 1`,
		"go_goroutines ", "# TYPE tandem_calls_total counter", "# TYPE tandem_registrations gauge",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("%q is missing", want)
		}
	}
}

func TestLabelsFromTheWireDoNotGrowWithoutBound(t *testing.T) {
	r := quiet()
	r.Func(SIPDroppedTotal, func(emit Emit) {
		for i := range 3 * maxSeries {
			emit(1, fmt.Sprintf("reason %d", i))
		}
		emit(1, "bad \xff text \n\"")
		emit(1, strings.Repeat("ü", 1000))
	})
	calls := r.Counter(CallsTotal)
	for i := range 2*maxSeries + 5 {
		calls.Inc("gvoice", fmt.Sprint(i))
	}
	got := scrape(t, r)
	if n := strings.Count(got, "\ntandem_sip_dropped_total{"); n > maxSeries+1 {
		t.Errorf("%d series of one family", n)
	}
	if want := fmt.Sprintf(`tandem_sip_dropped_total{reason="other"} %d`, 2*maxSeries+2); !strings.Contains(got, want) {
		t.Errorf("%q is missing", want)
	}
	if want := fmt.Sprintf(`tandem_calls_total{cause="other",connector="other"} %d`, maxSeries+5); !strings.Contains(got, want) {
		t.Errorf("%q is missing", want)
	}
	if got := clean([]string{"a\xffb", "é" + strings.Repeat("ü", 100)}); got[0] != "a?b" || len(got[1]) > maxLabel+1 {
		t.Errorf("clean: got %q", got)
	}
}

func TestABrokenFamilyDoesNotHideTheOthers(t *testing.T) {
	r := quiet()
	r.Func(LegsActive, func(emit Emit) { emit(1, "too", "many") })
	r.GaugeFunc(Registrations, func() float64 { return 3 })
	if got := scrape(t, r); !strings.Contains(got, "tandem_registrations 3") || strings.Contains(got, "tandem_legs_active{") {
		t.Errorf("got %s", got)
	}
}

func TestTwoGatewaysInOneProcess(t *testing.T) {
	a, b := quiet(), quiet()
	a.GaugeFunc(Registrations, func() float64 { return 1 })
	b.GaugeFunc(Registrations, func() float64 { return 2 })
	if !strings.Contains(scrape(t, a), "tandem_registrations 1") || !strings.Contains(scrape(t, b), "tandem_registrations 2") {
		t.Error("the registries are not apart")
	}
}

// Every family is well named in Prometheus's own eyes.
func TestFamiliesAreWellNamed(t *testing.T) {
	r := quiet()
	families := []Family{
		CallsTotal, CallsActive, LegsActive, CallSetupSeconds, CallPostDialDelaySeconds, CallDurationSeconds, Registrations,
		AccountState, SIPMessagesTotal, SIPBytesTotal, SIPParseErrorsTotal, SIPDroppedTotal, SIPConnections, SIPTransactions,
		SIPTransactionsTotal, SIPRetransmissionsTotal, SIPTimeoutsTotal, SIPAuthFailuresTotal, TollRefusalsTotal, RTPPacketsTotal, RTPBytesTotal,
		RTPLostTotal, RTPDroppedTotal, RTPJitterSeconds, MediaSessions, BridgesActive, AlarmsActive, TokenFetchesTotal,
		TracesTotal, StoreWaiting, StoreDroppedTotal, MeetJoinsTotal, MeetCalls, MeetLobbiesTotal, MeetTokenExpiry,
	}
	for _, f := range families {
		if !regexp.MustCompile(`^tandem_[a-z_]+$`).MatchString(f.Name) || !strings.HasSuffix(f.Help, ".") {
			t.Errorf("%s: %s", f.Name, f.Help)
		}
		if f.Kind == Histogram {
			r.Histogram(f).Observe(time.Second, f.Labels...)
			continue
		}
		r.Func(f, func(emit Emit) { emit(1, f.Labels...) })
	}
	problems, err := promlint.New(strings.NewReader(scrape(t, r))).Lint()
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		if strings.HasPrefix(p.Metric, "tandem_") {
			t.Errorf("%s: %s", p.Metric, p.Text)
		}
	}
}
