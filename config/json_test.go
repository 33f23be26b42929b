package config

import (
	"errors"
	"os"
	"reflect"
	"strings"
	"testing"

	"tandem/leg/gvoice"
	"tandem/leg/sipua"
	"tandem/route"
	"tandem/token"
	"tandem/toll"
)

func TestTheSampleGoesThroughJSON(t *testing.T) {
	want, err := Load(sample)
	if err != nil {
		t.Fatal(err)
	}
	text, err := RevealJSON(want)
	if err != nil {
		t.Fatal(err)
	}
	var got Config
	if err := FromJSON(text, &got); err != nil {
		t.Fatalf("%v in\n%s", err, text)
	}
	if d := Compare(want, &got); len(d) > 0 {
		t.Errorf("it came back different: %+v", d)
	}
	again, err := RevealJSON(&got)
	if err != nil || string(again) != string(text) {
		t.Errorf("written again it is\n%s\nnot\n%s (%v)", again, text, err)
	}
}

func TestJSONShowsNoSecret(t *testing.T) {
	c := secretive()
	text, err := JSON(c)
	if err != nil || strings.Contains(string(text), "canary") || strings.Count(string(text), Mask) != 4 {
		t.Errorf("got %s, %v", text, err)
	}
}

func TestAnEmptyListIsNotTheDefault(t *testing.T) {
	c := &Config{Toll: toll.Config{Limits: toll.Limits{Barred: []string{}}}}
	text, err := JSON(c)
	if err != nil || string(text) != `{"toll_guard":{"barred":[]}}` {
		t.Fatalf("got %s, %v", text, err)
	}
	var back Config
	if err := FromJSON(text, &back); err != nil || back.Toll.Barred == nil {
		t.Errorf("got %#v, %v", back.Toll, err)
	}
}

func TestJSONErrorsNameTheField(t *testing.T) {
	for _, tt := range []struct{ text, want string }{
		{`{"sip":{"devices":[{"nam":"x"}]}}`, "sip.devices[0].nam: this field is not known; did you mean name?"},
		{`{"sip":{"devices":[{"max_calls":"many"}]}}`, "sip.devices[0].max_calls: want a whole number"},
		{`{"sip":{"devices":{}}}`, "sip.devices: want a list"},
		{`{"sip":{"register":{"min":30}}}`, "sip.register.min: "},
		{`{"sip":{"guests":"yes"}}`, "sip.guests: want true or false"},
		{`{"http":"a","http":"b"}`, "http: this field is given twice"},
		{`{"http":`, "it ends too soon"},
		{"{\n\"http\":x}", "in line 2"},
		{`{} {}`, "something follows"},
		{``, "it ends too soon"},
		{`[]`, "want fields"},
		{strings.Repeat(`{"a":`, 200), "inside each other"},
		{`{"media":{"bind":"nowhere"}}`, "media.bind: "},
		{`{"dial_plan":{"rules":[{"stop_on":["bussy"]}]}}`, `dial_plan.rules[0].stop_on[0]: "bussy" is not a cause`},
	} {
		var c Config
		err := FromJSON([]byte(tt.text), &c)
		var all Errors
		if !errors.As(err, &all) || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: got %v, want %q", tt.text, err, tt.want)
		}
	}
}

// secretive has a secret of every kind.
func secretive() *Config {
	c := &Config{
		SIP:   sipua.Config{Devices: []sipua.Device{{Name: "a", Password: "canary-a"}, {Name: "b", Password: "canary-b"}}},
		Voice: []VoiceAccount{{Account: gvoice.Account{Name: "home", ClientSecret: "canary-c"}}},
	}
	c.Meet.Tokens = []token.Access{{Name: "acme", Secret: "canary-d"}}
	return c
}

func TestSecretsThatAreNotToldStay(t *testing.T) {
	old := secretive()
	var c Config
	text := `{"sip":{"devices":[
		{"name":"new","password":"own"},
		{"name":"b","password":"********"},
		{"name":"a"}]},
		"google_voice":[{"name":"home","client_secret":""}],
		"meet":{"access_tokens":[{"name":"other","secret":"********"}]}}`
	if err := FromJSON([]byte(text), &c); err != nil {
		t.Fatal(err)
	}
	err := KeepSecrets(&c, old)
	if err == nil || !strings.HasPrefix(err.Error(), "meet.access_tokens[0].secret: ") || strings.Contains(err.Error(), "\n") {
		t.Errorf("got %v", err)
	}
	d := c.SIP.Devices
	if d[0].Password != "own" || d[1].Password != "canary-b" || d[2].Password != "canary-a" || c.Voice[0].ClientSecret != "" {
		t.Errorf("got %q %q %q %q", d[0].Password.Reveal(), d[1].Password.Reveal(), d[2].Password.Reveal(), c.Voice[0].ClientSecret.Reveal())
	}
	if old.SIP.Devices[1].Password != "canary-b" || old.Voice[0].ClientSecret != "canary-c" {
		t.Error("the old configuration was changed")
	}
	one := sipua.Device{Name: "renamed", Password: Mask}
	if err := KeepSecrets(&one, &old.SIP.Devices[0]); err != nil || one.Password != "canary-a" {
		t.Errorf("got %v", err)
	}
}

func TestACloneSharesNothing(t *testing.T) {
	c, err := Load(sample)
	if err != nil {
		t.Fatal(err)
	}
	before, _ := RevealJSON(c)
	d := c.Clone()
	if !reflect.DeepEqual(c, d) {
		t.Fatal("it is another one")
	}
	scribble(reflect.ValueOf(d).Elem())
	if after, _ := RevealJSON(c); string(after) != string(before) {
		t.Errorf("a change of the clone changed it:\n%s\n%s", before, after)
	}
}

// scribble changes every text that can be reached.
func scribble(v reflect.Value) {
	switch v.Kind() {
	case reflect.String:
		v.SetString("x")
	case reflect.Pointer:
		if !v.IsNil() {
			scribble(v.Elem())
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() {
				scribble(v.Field(i))
			}
		}
	case reflect.Slice:
		for i := range v.Len() {
			scribble(v.Index(i))
		}
	case reflect.Map:
		for _, k := range v.MapKeys() {
			v.SetMapIndex(k, reflect.Zero(v.Type().Elem()))
		}
	}
}

func TestCompareNamesTheFields(t *testing.T) {
	a, b := secretive(), secretive()
	a.DialPlan.Rules = []route.RuleConfig{{Name: "one"}, {Name: "two"}}
	b.DialPlan.Rules = []route.RuleConfig{{Name: "two"}, {Name: "one", Priority: 5}}
	a.DialPlan.Groups = map[string][]route.Target{"family": {{Device: "a"}}}
	b.SIP.Devices[1] = sipua.Device{Name: "c", Password: "canary-x"}
	b.SIP.Devices[0].Password = "canary-y"
	b.SIP.Guests = true
	b.Toll.PerMinute = 3
	want := []Difference{
		{"sip.guests", "false", "true"},
		{"sip.devices[b]", `{"name":"b","password":"********"}`, ""},
		{"sip.devices[a].password", `"********"`, `"******** (changed)"`},
		{"sip.devices[c]", "", `{"name":"c","password":"********"}`},
		{"toll_guard.per_minute", "", "3"},
		{"dial_plan.groups.family", `[{"device":"a"}]`, ""},
		{"dial_plan.rules[one].priority", "", "5"},
		{"dial_plan.rules (order)", `["one","two"]`, `["two","one"]`},
	}
	if got := Compare(a, b); !reflect.DeepEqual(got, want) {
		t.Errorf("got\n%+v\nwant\n%+v", got, want)
	}
	if got := Compare(a, a.Clone()); got != nil {
		t.Errorf("a configuration differs from itself: %+v", got)
	}
}

func FuzzFromJSON(f *testing.F) {
	if text, err := os.ReadFile(sample); err == nil {
		var c Config
		if Decode("x", text, &c, testRefs) == nil {
			text, _ = RevealJSON(c)
			f.Add(text)
		}
	}
	f.Add([]byte(`{"sip":{"devices":[{"name":"a","password":"x","video":false}]},"log":{"level":"debug"}}`))
	f.Add([]byte(`{"dial_plan":{"groups":{"g":[{"within":"1h30m"}]}}}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		var c Config
		if FromJSON(text, &c) != nil || KeepSecrets(&c, nil) != nil {
			return
		}
		again, err := RevealJSON(&c)
		if err != nil {
			t.Fatal(err)
		}
		var d Config
		if err := errors.Join(FromJSON(again, &d), KeepSecrets(&d, nil)); err != nil {
			t.Fatalf("%v in %s", err, again)
		}
		if diff := Compare(&c, d.Clone()); len(diff) > 0 {
			t.Fatalf("%s came back as %s: %+v", text, again, diff)
		}
	})
}

func TestThePageNamesTheFieldsOfTheMachine(t *testing.T) {
	page, err := os.ReadFile("../docs/09-configuration.md")
	if err != nil {
		t.Fatal(err)
	}
	_, list, _ := strings.Cut(string(page), "Some fields belong to one machine:")
	list, _, _ = strings.Cut(list, "sip.listen")
	for _, name := range machineFields() {
		if !strings.Contains(list, "`"+name+"`") {
			t.Errorf("docs/09-configuration.md does not say that %s belongs to the machine", name)
		}
	}
}
