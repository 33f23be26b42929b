package config

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"reflect"
	"strings"
	"testing"
)

// Every field of the sample survives the way to JSON and back, secrets included.
func TestTheSampleSurvivesJSON(t *testing.T) {
	text, err := os.ReadFile("../docs/tandem.yaml")
	if err != nil {
		t.Fatal(err)
	}
	c := new(Config)
	refs := References{
		Getenv:   func(name string) (string, bool) { return "of " + name, true },
		ReadFile: func(string) ([]byte, error) { return []byte("from a file"), nil },
	}
	if err := Decode("tandem.yaml", text, c, refs); err != nil {
		t.Fatal(err)
	}
	shown, err := JSON(c)
	if err != nil {
		t.Fatal(err)
	}
	for _, secret := range []string{"from a file", "of ", "redacted"} {
		if strings.Contains(string(shown), `"`+secret) {
			t.Errorf("%q is shown", secret)
		}
	}
	back := *c
	if err := FromJSON(shown, &back); err != nil {
		t.Fatal(err)
	}
	revealed, _ := JSONRevealed(c)
	again, _ := JSONRevealed(&back)
	if !bytes.Equal(revealed, again) {
		t.Errorf("got %s\nwant %s", again, revealed)
	}
	fresh := new(Config)
	if err := FromJSON(revealed, fresh); err != nil || fresh.SIP.Devices[0].Password != c.SIP.Devices[0].Password {
		t.Errorf("%v", err)
	}
}

func TestSecretsAreKeptByName(t *testing.T) {
	before := func() Config {
		c := Config{}
		must(t, FromJSON([]byte(`{"sip":{"devices":[{"name":"a","password":"1"},{"name":"b","password":"2"}],"trunks":[{"name":"t","server":"x","password":"3"}]}}`), &c))
		return c
	}
	for _, test := range []struct{ name, text, want string }{
		{"masked, in another order", `{"sip":{"devices":[{"name":"b","password":"********"},{"name":"a","password":"********"}]}}`, "b=2 a=1"},
		{"left out", `{"sip":{"devices":[{"name":"b"}]}}`, "b=2"},
		{"changed", `{"sip":{"devices":[{"name":"b","password":"new"}]}}`, "b=new"},
		{"removed", `{"sip":{"devices":[{"name":"b","password":""}]}}`, "b="},
		{"null removes, too", `{"sip":{"devices":[{"name":"b","password":null}]}}`, "b="},
	} {
		c := before()
		if err := FromJSON([]byte(test.text), &c); err != nil {
			t.Errorf("%s: %v", test.name, err)
		}
		var got []string
		for _, d := range c.SIP.Devices {
			got = append(got, d.Name+"="+d.Password.Reveal())
		}
		if strings.Join(got, " ") != test.want || len(c.SIP.Trunks) != 0 {
			t.Errorf("%s: got %q, want %q", test.name, got, test.want)
		}
	}
}

func TestWrongJSONNamesItsField(t *testing.T) {
	for _, test := range []struct{ text, field, says string }{
		{`{`, "", "ends too soon"},
		{`{} {}`, "", "follows"},
		{`[]`, "", "want an object"},
		{`{"sipp":{}}`, "sipp", "did you mean sip?"},
		{`{"sip":{"devices":[{"name":1}]}}`, "sip.devices[0].name", "want a text, not a number"},
		{`{"sip":{"devices":{}}}`, "sip.devices", "want a list"},
		{`{"sip":{"guests":"yes"}}`, "sip.guests", "want true or false"},
		{`{"sip":{"media_timeout":30}}`, "sip.media_timeout", "want a text"},
		{`{"sip":{"media_timeout":"30"}}`, "sip.media_timeout", "unit"},
		{`{"limits":{"calls":1.5}}`, "limits.calls", "whole number"},
		{`{"limits":{"cpu":1e999}}`, "limits.cpu", "a number"},
		{`{"sip":{"devices":[{"name":"a","password":"********"}]}}`, "sip.devices[0].password", "there is none yet"},
		{`{"sip":{"devices":[{"name":"a","password":"file:/etc/passwd"}]}}`, "sip.devices[0].password", "only the configuration file"},
		{`{"sip":{"devices":[{"name":"a","password":"${HOME}"}]}}`, "sip.devices[0].password", "only the configuration file"},
		{`{"media":{"bind":"nowhere"}}`, "media.bind", "unable to parse"},
	} {
		c := Config{Node: "before"}
		err := FromJSON([]byte(test.text), &c)
		var all Errors
		if !errors.As(err, &all) || len(all) != 1 || all[0].Field != test.field || !strings.Contains(all[0].Msg, test.says) {
			t.Errorf("%s: got %v, want %s: …%s…", test.text, err, test.field, test.says)
		}
		if !reflect.DeepEqual(c, Config{Node: "before"}) {
			t.Errorf("%s: the value was changed", test.text)
		}
	}
}

func FuzzFromJSON(f *testing.F) {
	f.Add(`{"sip":{"devices":[{"name":"a","password":"********"}]},"dial_plan":{"groups":{"g":[{"device":"a"}]}}}`)
	f.Add(`{"google_voice":[{"name":"h","stun":["127.0.0.1:1"],"timing":{}}],"toll_guard":{"callers":{"a":{"stop":"-1m"}}}}`)
	f.Fuzz(func(t *testing.T, text string) {
		var c Config
		if FromJSON([]byte(text), &c) != nil {
			return
		}
		first, err := JSONRevealed(&c)
		if err != nil {
			t.Fatal(err)
		}
		var again Config
		if err := FromJSON(first, &again); err != nil {
			if strings.Contains(err.Error(), "secret") {
				return // a secret that looks like something else
			}
			t.Fatalf("%s: %v", first, err)
		}
		second, _ := JSONRevealed(&again)
		if !json.Valid(first) || !bytes.Equal(first, second) {
			t.Errorf("got %s, want %s", second, first)
		}
	})
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
