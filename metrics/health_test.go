package metrics

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"reflect"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

func get(t *testing.T, mux *http.ServeMux, path string) (int, Report) {
	t.Helper()
	w := httptest.NewRecorder()
	mux.ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
	var r Report
	if err := json.Unmarshal(w.Body.Bytes(), &r); err != nil {
		t.Fatalf("%s: %v in %s", path, err, w.Body)
	}
	return w.Code, r
}

func TestHealthIsNotReadiness(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var h Health
		mux := http.NewServeMux()
		Mount(mux, quiet(), &h)
		if code, _ := get(t, mux, "/readyz"); code != http.StatusOK {
			t.Errorf("without checks: %d", code)
		}
		asked := 0
		var trouble error
		h.Live("loop", func() error { return nil })
		h.Ready("store", func() error { asked++; return trouble })
		h.Ready("broken", func() error { panic("oops") })
		if code, r := get(t, mux, "/healthz"); code != http.StatusOK || len(r.Checks) != 1 {
			t.Errorf("healthz: %d %+v", code, r)
		}
		trouble = errors.New("the disk is full")
		code, r := get(t, mux, "/readyz")
		want := Report{"fail", []CheckReport{
			{"loop", true, ""}, {"store", false, "the disk is full"}, {"broken", false, "the check is broken: oops"},
		}}
		if code != http.StatusServiceUnavailable || !reflect.DeepEqual(r, want) {
			t.Errorf("readyz: %d %+v", code, r)
		}
		trouble = nil
		for range 10 {
			if _, r := get(t, mux, "/readyz"); r.Checks[1].OK {
				t.Error("the answer of this second was not shared")
			}
		}
		time.Sleep(2 * time.Second)
		if _, r := get(t, mux, "/readyz"); !r.Checks[1].OK || asked != 2 {
			t.Errorf("a second later: %+v after %d runs", r, asked)
		}
	})
}

func TestACheckThatHangsHasFailed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var h Health
		mux := http.NewServeMux()
		Mount(mux, quiet(), &h)
		release := make(chan struct{})
		var runs atomic.Int32
		h.Ready("store", func() error { runs.Add(1); <-release; return nil })
		for i, want := range []time.Duration{checkTimeout, 0, 0} {
			begin := time.Now()
			code, r := get(t, mux, "/readyz")
			if took := time.Since(begin); code != 503 || took != want || r.Checks[0].Error != "no answer within 5s" {
				t.Errorf("ask %d: %d after %v, %+v", i, code, took, r)
			}
		}
		if runs := runs.Load(); runs != 1 {
			t.Errorf("%d runs hang", runs)
		}
		close(release)
		synctest.Wait()
		time.Sleep(checkFresh)
		if code, _ := get(t, mux, "/readyz"); code != http.StatusOK {
			t.Errorf("when it answers again: %d", code)
		}
	})
}
