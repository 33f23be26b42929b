package token

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"tandem/alarm"

	"tandem/internal/public"
)

// newEndpoint is a token endpoint that answers with h, and a source for it.
func newEndpoint(t *testing.T, h http.HandlerFunc) *Source {
	t.Helper()
	server := httptest.NewTLSServer(h)
	t.Cleanup(server.Close)
	roots := x509.NewCertPool()
	roots.AddCert(server.Certificate())
	return &Source{
		Name: "home", ClientID: "id&1", ClientSecret: "s e=c", RefreshToken: "1//r",
		URL: server.URL + "/oauth2/v3/token", TLS: &tls.Config{RootCAs: roots}, Private: true,
	}
}

// GV-S5: the form's fields in the order Google Voice clients send them.
func TestTheRequestIsTheOneGoogleVoiceClientsSend(t *testing.T) {
	var got string
	s := newEndpoint(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		got = fmt.Sprintf("%s %s %s\n%s", r.Method, r.URL.Path, r.Header.Get("Content-Type"), body)
		fmt.Fprint(w, `{"access_token":"ya29.x","expires_in":3600,"token_type":"Bearer"}`)
	})
	before := time.Now()
	secret, expiry, err := s.Token(t.Context())
	if err != nil || secret.Reveal() != "ya29.x" {
		t.Fatalf("got %q, %v", secret.Reveal(), err)
	}
	if left := expiry.Sub(before); left < time.Hour || left > time.Hour+time.Minute {
		t.Errorf("expires in %v, want an hour", left)
	}
	want := "POST /oauth2/v3/token application/x-www-form-urlencoded\n" +
		"client_id=id%261&client_secret=s+e%3Dc&refresh_token=1%2F%2Fr&grant_type=refresh_token"
	if got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestAnswers(t *testing.T) {
	for _, test := range []struct {
		name   string
		status int
		body   string
		is     error
		says   string
	}{
		{"lifetime as text", 200, `{"access_token":"t","expires_in":"3599"}`, nil, ""},
		{"no lifetime", 200, `{"access_token":"t"}`, nil, ""},
		{"a lifetime of ages", 200, `{"access_token":"t","expires_in":1e300}`, nil, ""},
		{"an answer of 60 KiB", 200, `{"access_token":"t","id":"` + strings.Repeat("x", 60<<10) + `"}`, nil, ""},
		{"larger than 64 KiB", 200, `{"access_token":"t","id":"` + strings.Repeat("x", 65<<10) + `"}`, ErrAnswer, "larger than 65536 bytes"},
		{"no token", 200, `{"token_type":"Bearer"}`, ErrAnswer, "no access token"},
		{"no JSON", 200, `<html>`, ErrAnswer, "JSON"},
		{"another type", 200, `{"access_token":7}`, ErrAnswer, "JSON"},
		{"a header in the token", 200, `{"access_token":"t\"\r\nX: y"}`, ErrAnswer, "byte 2"},
		{
			"revoked", 400, `{"error":"invalid_grant","error_description":"Token has been expired\nor revoked."}`, ErrInvalidGrant,
			"answered 400 invalid_grant (Token has been expired or revoked.)",
		},
		{"deleted client", 401, `{"error":"deleted_client"}`, ErrInvalidClient, "401 deleted_client"},
		{"Google's other form", 403, `{"error":{"code":403,"message":"No.","status":"PERMISSION_DENIED"}}`, nil, "403 PERMISSION_DENIED (No.)"},
		{"down", 503, `<html>busy</html>`, nil, "answered 503"},
		{"elsewhere", 307, ``, nil, "answered 307"},
	} {
		s := newEndpoint(t, func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path != "/oauth2/v3/token" {
				t.Errorf("%s: the refresh token was sent to %s", test.name, r.URL)
			}
			w.Header().Set("Location", "/elsewhere")
			w.WriteHeader(test.status)
			fmt.Fprint(w, test.body)
		})
		secret, _, err := s.Token(t.Context())
		if test.says == "" {
			if err != nil || secret.Reveal() != "t" {
				t.Errorf("%s: got %q, %v", test.name, secret.Reveal(), err)
			}
			continue
		}
		if err == nil || !strings.Contains(err.Error(), test.says) || test.is != nil && !errors.Is(err, test.is) {
			t.Errorf("%s: got %v, want %q and %v", test.name, err, test.says, test.is)
		}
		var status *StatusError
		if errors.As(err, &status) && status.Status != test.status {
			t.Errorf("%s: got status %d", test.name, status.Status)
		}
	}
}

// GV-C3: fresh at every call, and the last good one when the refresh fails.
func TestEveryCallIsFreshAndAFailureKeepsTheLast(t *testing.T) {
	var calls atomic.Int32
	s := newEndpoint(t, func(w http.ResponseWriter, _ *http.Request) {
		n := calls.Add(1)
		if n == 3 {
			w.WriteHeader(http.StatusInternalServerError)
			return
		}
		fmt.Fprintf(w, `{"access_token":"t%d","expires_in":3600}`, n)
	})
	for i, want := range []struct {
		token string
		ok    bool
	}{{"t1", true}, {"t2", true}, {"t2", false}, {"t4", true}} {
		secret, expiry, err := s.Token(t.Context())
		if secret.Reveal() != want.token || (err == nil) != want.ok || expiry.IsZero() {
			t.Errorf("call %d: got %q, %v, want %q", i+1, secret.Reveal(), err, want.token)
		}
	}
	if last, _ := s.Last(); last != "t4" {
		t.Errorf("last: got %q", last.Reveal())
	}
}

func TestCallersAtTheSameTimeShareOneExchange(t *testing.T) {
	var calls atomic.Int32
	arrived, release := make(chan struct{}), make(chan struct{})
	s := newEndpoint(t, func(w http.ResponseWriter, _ *http.Request) {
		if calls.Add(1) == 1 {
			close(arrived)
			<-release
		}
		fmt.Fprint(w, `{"access_token":"t"}`)
	})
	leaderCtx, giveUp := context.WithCancel(t.Context())
	defer giveUp()
	var all sync.WaitGroup
	all.Go(func() {
		if _, _, err := s.Token(leaderCtx); !errors.Is(err, context.Canceled) {
			t.Errorf("the one who gave up: got %v", err)
		}
	})
	<-arrived
	for range 5 {
		all.Go(func() {
			if secret, _, err := s.Token(t.Context()); err != nil || secret != "t" {
				t.Errorf("got %q, %v", secret.Reveal(), err)
			}
		})
	}
	gone, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	if _, _, err := s.Token(gone); !errors.Is(err, ErrTimeout) {
		t.Errorf("the one without time: got %v", err)
	}
	giveUp() // the others must not fail for it
	close(release)
	all.Wait()
	if n := calls.Load(); n < 2 || n > 6 {
		t.Errorf("%d exchanges", n)
	}
}

func TestASlowEndpointTimesOut(t *testing.T) {
	release := make(chan struct{})
	s := newEndpoint(t, func(http.ResponseWriter, *http.Request) { <-release })
	defer close(release)
	s.Timeout = 50 * time.Millisecond
	if _, _, err := s.Token(t.Context()); !errors.Is(err, ErrTimeout) {
		t.Errorf("got %v", err)
	}
}

func TestTheRefreshTokenGoesToTheRightEndpointOnly(t *testing.T) {
	asked := false
	s := newEndpoint(t, func(http.ResponseWriter, *http.Request) { asked = true })
	s.TLS = nil // the system's roots do not know the test server
	if _, _, err := s.Token(t.Context()); err == nil || asked {
		t.Errorf("an untrusted certificate: got %v, asked %v", err, asked)
	}
	for url, want := range map[string]string{
		"http://tokens.example/token": "over https only",
		"ftp://127.0.0.1/":            "over https only",
		"://":                         "not the address",
		"nonsense":                    "not the address",
		"http://127.0.0.1:1/token":    "",
		"http://[::1]:1/token":        "",
		"":                            "",
	} {
		s := Source{ClientID: "x", RefreshToken: "y", URL: url}
		err := s.Validate()
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %v, want %q", url, err, want)
		}
	}
	if err := (&Source{RefreshToken: "x"}).Validate(); err == nil || !strings.Contains(err.Error(), "client_id") {
		t.Errorf("no client id: got %v", err)
	}
	if err := (&Source{ClientID: "x"}).Validate(); err == nil || !strings.Contains(err.Error(), "refresh_token") {
		t.Errorf("no refresh token: got %v", err)
	}
}

func TestAPersonHearsWhenConsentIsNeededAgain(t *testing.T) {
	answer := `{"error":"invalid_grant"}`
	status := http.StatusBadRequest
	s := newEndpoint(t, func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(status)
		fmt.Fprint(w, answer)
	})
	board := &alarm.Board{Log: slog.New(slog.DiscardHandler)}
	s.Alarms = board
	if _, _, err := s.Token(t.Context()); !errors.Is(err, ErrInvalidGrant) {
		t.Errorf("got %v", err)
	}
	active := board.Active()
	if len(active) != 1 || active[0].Subject != "home" || !strings.Contains(active[0].Do, "Grant consent again") {
		t.Errorf("got %+v", active)
	}
	status = http.StatusBadGateway
	_, _, _ = s.Token(t.Context())
	if len(board.Active()) != 1 {
		t.Error("another failure is no news about the refresh token")
	}
	answer, status = `{"access_token":"t"}`, http.StatusOK
	if _, _, err := s.Token(t.Context()); err != nil || len(board.Active()) != 0 {
		t.Errorf("after consent: %v, %+v", err, board.Active())
	}
}

func TestErrorsAndNamesHoldNoSecret(t *testing.T) {
	s := newEndpoint(t, func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, `{"access_token":"bad `+canary+`"}`) })
	s.RefreshToken, s.ClientSecret = canary, canary
	_, _, err := s.Token(t.Context())
	if out := fmt.Sprintf("%v %+v %s", err, s, s); err == nil || strings.Contains(out, canary) {
		t.Errorf("got %s", out)
	}
}

func FuzzAnswer(f *testing.F) {
	f.Add(200, []byte(`{"access_token":"t","expires_in":3600}`))
	f.Add(400, []byte(`{"error":"invalid_grant"}`))
	f.Add(403, []byte(`{"error":{"message":"No.","status":"PERMISSION_DENIED"}}`))
	f.Fuzz(func(t *testing.T, status int, body []byte) {
		var got flight
		err := got.read(status, body, time.Unix(0, 0))
		if err == nil && (got.secret == "" || strings.ContainsAny(got.secret.Reveal(), "\"\r\n\x00 ")) {
			t.Errorf("took the token %q", got.secret.Reveal())
		}
		if err != nil && strings.ContainsAny(err.Error(), "\r\n\x00") {
			t.Errorf("an error of several lines: %q", err)
		}
	})
}

// No token endpoint makes the gateway look around in its own network: what counts is the
// address that is connected to, however it was written or found.
func TestTheOwnNetworkIsNotAskedForTokens(t *testing.T) {
	asked := 0
	good := newEndpoint(t, func(w http.ResponseWriter, _ *http.Request) {
		asked++
		fmt.Fprint(w, `{"access_token":"ya29.x","expires_in":3600,"token_type":"Bearer"}`)
	})
	_, port, _ := strings.Cut(strings.TrimSuffix(strings.TrimPrefix(good.URL, "https://"), "/oauth2/v3/token"), ":")
	for _, host := range []string{"127.0.0.1", "localhost", "[::ffff:127.0.0.1]", "[::1]", "0.0.0.0"} {
		s := &Source{Name: "home", ClientID: "x", RefreshToken: "y", URL: "https://" + host + ":" + port + "/", TLS: good.TLS}
		if _, _, err := s.Token(t.Context()); !errors.Is(err, public.ErrPrivate) {
			t.Errorf("%s: %v", host, err)
		}
	}
	// A redirection there is not followed: neither secret nor request arrives.
	away := newEndpoint(t, func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, good.URL, http.StatusTemporaryRedirect)
	})
	if _, _, err := away.Token(t.Context()); err == nil || asked > 0 {
		t.Errorf("redirected: %v, %d requests", err, asked)
	}
	good.Private = true
	if _, _, err := good.Token(t.Context()); err != nil || asked != 1 {
		t.Errorf("allowed: %v, %d requests", err, asked)
	}
}
