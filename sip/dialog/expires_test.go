package dialog

import (
	"testing"
	"time"

	"tandem/sip"
)

func TestSessionTimerOfTheCallee(t *testing.T) {
	const s = time.Second
	for _, c := range []struct {
		name     string
		timer    SessionTimer
		headers  []string
		contract contract
		header   string
		tooSmall bool
	}{
		{"nobody asks", SessionTimer{}, nil, contract{}, "", false},
		{"the caller asks and refreshes", SessionTimer{}, []string{"Supported: timer", "Session-Expires: 90"}, contract{90 * s, false}, "90;refresher=uac", false},
		{"the caller wants us to", SessionTimer{}, []string{"Supported: timer", "Session-Expires: 1800;refresher=uas"}, contract{1800 * s, true}, "1800;refresher=uas", false},
		{"too small", SessionTimer{}, []string{"Supported: timer", "Session-Expires: 60"}, contract{}, "", true},
		{"too small, but the caller knows no 422", SessionTimer{}, []string{"Session-Expires: 60"}, contract{90 * s, true}, "90;refresher=uas", false},
		{"we want it shorter", SessionTimer{Expires: 600 * s}, []string{"Supported: timer", "Session-Expires: 1800"}, contract{600 * s, false}, "600;refresher=uac", false},
		{"not below the caller's Min-SE", SessionTimer{Expires: 100 * s}, []string{"Supported: timer", "Session-Expires: 1800", "Min-SE: 300"}, contract{300 * s, false}, "300;refresher=uac", false},
		{"only we know timers", SessionTimer{Expires: 300 * s}, nil, contract{300 * s, true}, "300;refresher=uas", false},
		{"only we ask", SessionTimer{Expires: 300 * s}, []string{"Supported: timer"}, contract{300 * s, false}, "300;refresher=uac", false},
		{"nonsense is no timer", SessionTimer{}, []string{"Session-Expires: soon"}, contract{}, "", false},
		{"zero is no timer", SessionTimer{}, []string{"Session-Expires: 0"}, contract{}, "", false},
		{"longer than a day is a day", SessionTimer{}, []string{"Supported: timer", "Session-Expires: 4294967295"}, contract{24 * time.Hour, false}, "86400;refresher=uac", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, header, tooSmall := c.timer.answer(inviteWith(t, c.headers...))
			if got != c.contract || header != c.header || tooSmall != c.tooSmall {
				t.Errorf("%+v %q %v, want %+v %q %v", got, header, tooSmall, c.contract, c.header, c.tooSmall)
			}
		})
	}
}

func TestSessionTimerOfTheCaller(t *testing.T) {
	const s = time.Second
	for _, c := range []struct {
		name     string
		timer    SessionTimer
		headers  []string
		contract contract
	}{
		{"Google Voice: we refresh every 45 s (GV-C17)", SessionTimer{Expires: 90 * s}, []string{"Require: timer", "Session-Expires: 90;refresher=uac"}, contract{90 * s, true}},
		{"they refresh", SessionTimer{Expires: 90 * s}, []string{"Session-Expires: 90;refresher=UAS"}, contract{90 * s, false}},
		{"they do not say who: we do", SessionTimer{Expires: 90 * s}, []string{"Session-Expires: 90"}, contract{90 * s, true}},
		{"they do not want any", SessionTimer{Expires: 90 * s}, nil, contract{}},
		{"they do not, we do all the same", SessionTimer{Expires: 90 * s, Always: true}, nil, contract{90 * s, true}},
		{"we did not ask", SessionTimer{Always: true}, nil, contract{}},
	} {
		t.Run(c.name, func(t *testing.T) {
			asked, _ := c.timer.ask(contract{}, 0)
			if got := c.timer.agreed(asked, responseWith(t, c.headers...)); got != c.contract {
				t.Errorf("%+v, want %+v", got, c.contract)
			}
		})
	}
}

func TestSessionTimerMoments(t *testing.T) {
	for _, c := range []struct {
		contract
		refresh, expire time.Duration
	}{
		{contract{90 * time.Second, false}, 45 * time.Second, 60 * time.Second},
		{contract{1800 * time.Second, false}, 900 * time.Second, 1768 * time.Second},
		{contract{90 * time.Second, true}, 45 * time.Second, 90 * time.Second},
	} {
		if c.refreshAt() != c.refresh || c.expireAt() != c.expire {
			t.Errorf("%+v: refresh at %v, expire at %v, want %v, %v", c.contract, c.refreshAt(), c.expireAt(), c.refresh, c.expire)
		}
	}
}

func TestWhatIsAskedInARefresh(t *testing.T) {
	timer := SessionTimer{Expires: 90 * time.Second}
	for _, c := range []struct {
		name  string
		now   contract
		floor time.Duration
		want  string
	}{
		{"at first the far end says who refreshes", contract{}, 0, "90"},
		{"after a 422 no less than its Min-SE", contract{}, 200 * time.Second, "200"},
		{"we go on refreshing", contract{90 * time.Second, true}, 0, "90;refresher=uac"},
		{"they go on refreshing", contract{90 * time.Second, false}, 0, "90;refresher=uas"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got, ok := timer.ask(c.now, c.floor); !ok || got.String() != c.want {
				t.Errorf("%q %v, want %q", got, ok, c.want)
			}
		})
	}
}

func TestReasonHeader(t *testing.T) {
	r := Reason{Protocol: "Q.850", Cause: 16, Text: `Normal "call" clearing`}
	m := sip.NewRequest("BYE", sip.URI{Scheme: "sip", Host: "h"})
	m.Add("Reason", r.Header().Value+", SIP ;cause=200 ;text=\"Call completed elsewhere\"")
	m.Add("Reason", `Google ;cause=0 ;text=""`)
	got := Reasons(m)
	want := []Reason{r, {"SIP", 200, "Call completed elsewhere"}, {"Google", 0, ""}}
	if len(got) != len(want) {
		t.Fatalf("%+v, want %+v", got, want)
	}
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("%+v, want %+v", got[i], want[i])
		}
	}
}

func TestReplacesTravelsInAReferTo(t *testing.T) {
	id := ID{CallID: "a b/c@h", LocalTag: "l;1", RemoteTag: "r=2"}
	to, err := sip.ParseAddress("<sip:carol@h?Subject=x>")
	if err != nil {
		t.Fatal(err)
	}
	sent := id.Replaces().In(to).String()
	back, err := sip.ParseAddress(sent)
	if err != nil {
		t.Fatal(err)
	}
	rest, r := splitReplaces(back)
	if r == nil || r.CallID != id.CallID || rest.URI.Headers != "Subject=x" {
		t.Errorf("%s gave %+v, rest %s", sent, r, rest)
	}
}
