package meet

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"tandem/call"
	"tandem/media"
	"tandem/token"
)

// Section 2.6 of the contract.
func TestReasonsHaveCauses(t *testing.T) {
	for _, test := range []struct {
		status int
		reason string
		want   call.Cause
		again  again
		alarm  bool
	}{
		{400, "INVALID_REQUEST", call.ProtocolError, never, false},
		{400, "INVALID_OFFER", call.ProtocolError, never, false},
		{401, "GATEWAY_TOKEN_MISSING", call.CredentialsWrong, never, true},
		{401, "GATEWAY_TOKEN_EXPIRED", call.CredentialsWrong, renewToken, true},
		{401, "GATEWAY_CERTIFICATE_UNTRUSTED", call.CredentialsWrong, never, true},
		{401, "ACCESS_TOKEN_MISSING", call.CredentialsWrong, never, true},
		{403, "ACCESS_TOKEN_UNKNOWN", call.CredentialsWrong, never, true},
		{403, "ACCESS_TOKEN_REVOKED", call.CredentialsWrong, never, true},
		{403, "ACCESS_TOKEN_WRONG_TYPE", call.CredentialsWrong, never, true},
		{403, "INTEROP_DISABLED", call.Forbidden, never, false},
		{403, "DISABLED_BY_ADMIN", call.Forbidden, never, false},
		{403, "DISABLED_BY_HOST_CONTROL", call.Forbidden, never, false},
		{403, "VIDEO_LOCKED", call.VideoRefused, never, false},
		{403, "DEVICE_CONTROL_DENIED", call.ProtocolError, never, false},
		{404, "MEETING_NOT_FOUND", call.MeetingUnknown, never, false},
		{404, "DEVICE_NOT_FOUND", call.NetworkFailure, never, false},
		{400, "CONFERENCE_ENDED", call.MeetingOver, never, false},
		{400, "DISABLED_DUE_TO_ENCRYPTION", call.Forbidden, never, false},
		{400, "DISABLED_DUE_TO_WATERMARKING", call.Forbidden, never, false},
		{429, "MEETING_FULL", call.MeetingFull, never, false},
		{429, "TOO_MANY_KNOCKS", call.LobbyTimeout, never, false},
		{429, "RATE_LIMITED", call.Congestion, backOff, false},
		{500, "INTERNAL", call.Unavailable, once, false},
		{503, "UNAVAILABLE", call.Unavailable, backOff, false},
		{418, "FUTURE", call.ProtocolError, never, false},
		{401, "", call.CredentialsWrong, never, true},
		{403, "", call.Forbidden, never, false},
		{404, "", call.MeetingUnknown, never, false},
		{429, "", call.Congestion, backOff, false},
		{500, "", call.Unavailable, once, false},
		{502, "", call.Unavailable, backOff, false},
	} {
		v := (&Refusal{Status: test.status, Reason: test.reason}).verdict()
		if v.cause != test.want || v.again != test.again || v.alarm != test.alarm {
			t.Errorf("%d %s: %+v", test.status, test.reason, v)
		}
	}
	if call.VideoRefused.SIP() != 480 { // MEET-C19
		t.Error("a locked video is not 480")
	}
}

// Section 8.1 of the contract.
func TestDisconnectReasonsHaveCauses(t *testing.T) {
	for reason, want := range map[string]call.Cause{
		"REASON_CLIENT_LEFT": call.NormalClearing, "REASON_KNOCK_DENIED": call.NotAdmitted, "REASON_KNOCK_TIMEOUT": call.LobbyTimeout,
		"REASON_CONFERENCE_ENDED": call.MeetingOver, "REASON_USER_STOPPED": call.Removed, "REASON_VIDEO_LOCKED": call.VideoRefused,
		"REASON_TOKEN_REVOKED": call.CredentialsWrong, "REASON_SESSION_UNHEALTHY": call.NetworkFailure,
		"REASON_PROTOCOL_VIOLATION": call.ProtocolError, "REASON_OF_THE_FUTURE": call.NetworkFailure,
	} {
		if got := disconnectOf(reason).cause; got != want {
			t.Errorf("%s: %v, want %v", reason, got, want)
		}
	}
}

func TestAnErrorAnswerIsReadWhereverItsReasonIs(t *testing.T) {
	retry := http.Header{"Retry-After": {"7"}}
	for _, test := range []struct {
		body string
		head http.Header
		want Refusal
	}{
		{`{"error":{"code":403,"message":"ACCESS_TOKEN_REVOKED: revoked","details":[{"reason":"ACCESS_TOKEN_REVOKED","metadata":{"rule":"MEET-S17"}}]}}`, nil, Refusal{Reason: "ACCESS_TOKEN_REVOKED", Message: "ACCESS_TOKEN_REVOKED: revoked", Rule: "MEET-S17"}},
		{`{"error":{"message":"MEETING_FULL: the meeting is full"}}`, nil, Refusal{Reason: "MEETING_FULL", Message: "MEETING_FULL: the meeting is full"}},
		{`{"error":{"message":"Something else: no reason"}}`, nil, Refusal{Message: "Something else: no reason"}},
		{`{"error":{"details":[{"reason":"RATE_LIMITED"},{"retryDelay":"30s"}]}}`, retry, Refusal{Reason: "RATE_LIMITED", Retry: 30 * time.Second}},
		{`<html>`, retry, Refusal{Retry: 7 * time.Second}},
	} {
		test.want.Status = 400
		if got := refused(400, test.head, []byte(test.body)); *got != test.want {
			t.Errorf("%s: %+v", test.body, got)
		}
	}
}

func TestRetriesFollowTheTable(t *testing.T) {
	no := func(status int, reason string) error { return &Refusal{Status: status, Reason: reason} }
	other := errors.New("connection refused")
	for _, test := range []struct {
		name string
		errs []error // the service's answers; then it works
		asks int
		good bool
		took time.Duration // at least
	}{
		{"at once", nil, 1, true, 0},
		{"unknown meeting", []error{no(404, "MEETING_NOT_FOUND")}, 1, false, 0},
		{"500 once", []error{no(500, "")}, 2, true, 500 * time.Millisecond},
		{"500 twice", []error{no(500, ""), no(500, "")}, 2, false, 500 * time.Millisecond},
		{"503 three times", []error{no(503, ""), no(503, ""), no(503, "")}, 4, true, 3500 * time.Millisecond},
		{"expired token", []error{no(401, "GATEWAY_TOKEN_EXPIRED")}, 2, true, 0},
		{"expired token again", []error{no(401, "GATEWAY_TOKEN_EXPIRED"), no(401, "GATEWAY_TOKEN_EXPIRED")}, 2, false, 0},
		{"no connection", []error{other, other}, 3, true, 1500 * time.Millisecond},
		{"told when", []error{&Refusal{Status: 429, Reason: "RATE_LIMITED", Retry: 6 * time.Second}}, 2, true, 6 * time.Second},
		{"told when it is too late", []error{&Refusal{Status: 429, Reason: "RATE_LIMITED", Retry: time.Minute}}, 1, false, 0},
		{"no certificate", []error{token.ErrNoGateway}, 1, false, 0},
		{"a stranger answers", []error{fmt.Errorf("ask: %w", &tls.CertificateVerificationError{Err: errors.New("who?")})}, 1, false, 0},
		{"slow once", []error{context.DeadlineExceeded}, 2, true, 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				e := &edge{gateway: &token.Gateway{}, log: discard()}
				ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
				defer cancel()
				asks, began := 0, time.Now()
				err := e.retrying(ctx, nil, func(context.Context) error {
					asks++
					if asks <= len(test.errs) {
						return test.errs[asks-1]
					}
					return nil
				})
				took := time.Since(began)
				if asks != test.asks || (err == nil) != test.good || took < test.took || took > test.took*5/4+time.Millisecond && test.took > 0 && test.name != "slow once" {
					t.Errorf("asked %d times in %v: %v", asks, took, err)
				}
			})
		})
	}
}

func TestTheAssignmentIsStableThrottledAndNoMoreThanAsked(t *testing.T) {
	now := time.Unix(1000, 0)
	v := views{videos: 2, content: true}
	if set, wait := v.next(now); set != nil || wait != 0 {
		t.Error("something is asked for although nothing is wanted")
	}
	v.show([]media.View{{Width: 1280, Height: 720}, {Width: 3, Height: 9000}, {Width: 10, Height: 10}, {Width: 1920, Height: 1080, Content: true}, {Width: 1, Height: 1, Content: true}})
	set, _ := v.next(now)
	if got := fmt.Sprintf("%+v", set.Layout.Canvases); len(set.Layout.Canvases) != 3 || set.Layout.Canvases[0].ID != 1 || set.Layout.Canvases[1].Dimensions != (dimensions{4096, 16}) || set.Layout.Canvases[2].ID != presentation {
		t.Error(got)
	}
	if *set.MaxResolution != (resolution{4096, 1920, 30}) {
		t.Errorf("%+v", set.MaxResolution)
	}
	if again, wait := v.next(now); again != nil || wait != 0 {
		t.Error("the same is asked for again")
	}
	v.show([]media.View{{Width: 320, Height: 180}})
	if set, wait := v.next(now.Add(300 * time.Millisecond)); set != nil || wait != 700*time.Millisecond {
		t.Errorf("%v %v", set, wait)
	}
	if set, _ := v.next(now.Add(time.Second)); set == nil || len(set.Layout.Canvases) != 1 || set.Layout.Canvases[0].ID != 1 {
		t.Errorf("%+v", set)
	}
	v.show(nil)
	if set, _ := v.next(now.Add(3 * time.Second)); set == nil || len(set.Layout.Canvases) != 0 || set.MaxResolution != nil {
		t.Errorf("%+v", set)
	}
}

// TestTheLimitLeavesOutNoLayerThatFillsACanvas: tiles are a little smaller than the sizes
// that cameras come in.
func TestTheLimitLeavesOutNoLayerThatFillsACanvas(t *testing.T) {
	for _, c := range []struct {
		view media.View
		want resolution
	}{
		{media.View{Width: 312, Height: 172}, resolution{180, 320, 30}},
		{media.View{Width: 320, Height: 180}, resolution{180, 320, 30}},
		{media.View{Width: 624, Height: 352}, resolution{360, 640, 30}},
		{media.View{Width: 952, Height: 532}, resolution{720, 1280, 30}},
		{media.View{Width: 900, Height: 352}, resolution{720, 1280, 30}},
		{media.View{Width: 1280, Height: 720}, resolution{720, 1280, 30}},
		{media.View{Width: 1912, Height: 1072}, resolution{1080, 1920, 30}},
		{media.View{Width: 2560, Height: 1440}, resolution{1440, 2560, 30}},
	} {
		v := views{videos: 8}
		v.show([]media.View{{Width: 312, Height: 172}, c.view})
		if set, _ := v.next(time.Unix(1000, 0)); *set.MaxResolution != c.want {
			t.Errorf("a tile of %dx%d: limit %+v, want %+v", c.view.Width, c.view.Height, *set.MaxResolution, c.want)
		}
	}
}

func TestMeetingIDs(t *testing.T) {
	for alias, want := range map[string]string{
		"1234567890123": "1234567890123", "1234567890123@its.domain": "1234567890123", "123 4567 890123": "1234567890123",
		"abc-mnop-xyz": "abc-mnop-xyz", "spaces/jQCFfuBOdN5z": "jQCFfuBOdN5z",
		"123": "", "": "", "@x": "", "a/b": "", "../x": "", "spaces/": "", "a b": "",
	} {
		got, ok := meetingID(alias)
		if ok != (want != "") || ok && got != want {
			t.Errorf("%q: %q %v", alias, got, ok)
		}
	}
}

func TestDisplayNames(t *testing.T) {
	for _, test := range []struct {
		name, from string
		phone      bool
		want       string
	}{
		{"Board room", "sip:room@example.com", false, "Board room"},
		{"", "sip:room@example.com", false, "room"},
		{"", "+12025550147", true, "+•••••••••47"},
		{" \u202e\n ", "", false, "Guest"},
		{"", "4711", true, "4711"},
	} {
		if got := displayName(test.name, test.from, test.phone); got != test.want {
			t.Errorf("%q %q: %q, want %q", test.name, test.from, got, test.want)
		}
	}
}

func TestTheMeterNeverLetsMoreThanTheCeilingThrough(t *testing.T) {
	var m meter
	now, sent := time.Unix(1000, 0), 0
	for range 1000 {
		if m.room(now, 800_000) {
			m.add(now, 1000)
			sent += 1000
		}
		now = now.Add(time.Millisecond)
	}
	if sent > 100_000 || sent < 95_000 {
		t.Errorf("%d octets in a second", sent)
	}
	if m.add(now.Add(time.Hour), 1000); m.sum != 1000 {
		t.Errorf("%d after an hour", m.sum)
	}
}

func TestAPresentationBeginsAndYields(t *testing.T) {
	asked := 0
	p := presenting{want: func() { asked++ }}
	now := time.Unix(1000, 0)
	if p.written(now) || asked != 1 || p.written(now.Add(time.Second)) || asked != 1 {
		t.Errorf("asked %d times", asked)
	}
	p.told(true)
	if !p.written(now.Add(time.Second)) || p.idle(now.Add(2*time.Second)) || !p.idle(now.Add(4*time.Second)) {
		t.Error("a presentation is idle two seconds after the last packet")
	}
	p.told(false) // somebody else presents
	for i := range 200 {
		if p.written(now.Add(time.Second + time.Duration(i)*100*time.Millisecond)) {
			t.Error("we present against somebody else")
		}
	}
	if asked != 1 {
		t.Errorf("asked %d times although we yielded", asked)
	}
	if p.written(now.Add(40 * time.Second)); asked != 2 {
		t.Error("a new presentation is not asked for")
	}
}
