package gvoice

import (
	"strings"
	"testing"
	"time"
)

func TestAConfigIsReadWithItsDurations(t *testing.T) {
	c, err := ReadConfig(strings.NewReader(`{
		"Accounts": [{"number": "+12025550123", "client_id": "c", "refresh_token": "r"}],
		"people": [{"number": "+12025550190", "answer_after": "1.5s", "tone": 800}],
		"Options": {"AltHosts": 2, "SessionTimer": "90s"},
		"Timing": {"RingTime": "5s"}
	}`))
	if err != nil {
		t.Fatal(err)
	}
	if len(c.Accounts) != 1 || len(c.People) != 1 || c.People[0].AnswerAfter != 1500*time.Millisecond {
		t.Errorf("got %+v", c)
	}
	if c.Options.AltHosts != 2 || c.Options.SessionTimer != 90*time.Second || c.Timing.RingTime != 5*time.Second {
		t.Errorf("got %+v %+v", c.Options, c.Timing)
	}
}

func TestAWrongConfigIsRefused(t *testing.T) {
	for text, want := range map[string]string{
		`{"Poeple": []}`:                           "Poeple",
		`{"People": [{"ring": "soon"}]}`:           "People: [0]: ring",
		`{"Accounts": [{"number": "2025550123"}]}`: "want E.164",
		`{"Accounts": {"number": "+12025550123"}}`: "Accounts",
		`Accounts:`: "not JSON",
		`{"Timing": {"RingTime": "5s"}, "Options": {"Opus": 1}}`: "Opus",
	} {
		if _, err := ReadConfig(strings.NewReader(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want an error with %q", text, err, want)
		}
	}
}

func FuzzReadConfig(f *testing.F) {
	f.Add(`{"People": [{"number": "+1*", "ring": "2s"}], "Timing": {"RingTime": "5s"}}`)
	f.Add(`[[[{"ring": null}]]]`)
	f.Fuzz(func(_ *testing.T, text string) { _, _ = ReadConfig(strings.NewReader(text)) })
}
