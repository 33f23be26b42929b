package gvoice

import (
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"strings"
	"testing"

	"tandem/call"
)

// Emergency numbers never go to Google Voice, whatever a rule made of them and
// whatever the account says (reference 14.2).
func TestEmergencyNumbersNeverGoToGoogleVoice(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	pick := func(of ...string) string { return of[rnd.IntN(len(of))] }
	for range 20_000 {
		number := ""
		for _, digit := range pick("911", "933", "112", "999") {
			number += string(digit) + pick("", "", "", " ", "-", ".", "(", ")", " - ")
		}
		number = pick("", "", "tel:") + pick("", "+", "1", "+1", "011", "0111", "00", "001", "1-", "+1 (") + number
		c := &Connector{Log: slog.New(slog.DiscardHandler)}
		if rnd.IntN(2) == 0 {
			c.Emergency = func(string) bool { return false }
		}
		a := oneAccount()[0]
		a.Profile, a.MaxCalls = pick("voice", "obihai"), rnd.IntN(3)
		if err := c.Apply([]Account{a}); err != nil {
			t.Fatal(err)
		}
		_, err := c.Dial(context.Background(), call.Destination{Connector: Name, Target: "home", To: number}, call.Request{To: number})
		var no *call.RefusalError
		if !errors.As(err, &no) || no.Cause != call.Emergency {
			t.Fatalf("dialling %q gives %v", number, err)
		}
	}
}

func TestWhatIsDialledPerProfile(t *testing.T) { // GV-C13
	for _, c := range []struct{ to, voice, obihai string }{
		{"+12025550147", "+12025550147", "12025550147"},
		{"12025550147", "+12025550147", "12025550147"},
		{"2025550147", "+12025550147", "12025550147"},
		{"(202) 555-0147", "+12025550147", "12025550147"},
		{"tel:+1-202-555-0147", "+12025550147", "12025550147"},
		{"+442079460000", "+442079460000", "011442079460000"},
		{"011442079460000", "+442079460000", "011442079460000"},
		{"611", "611", "611"},
		{"urn:service:sos.fire", "", ""},
		{"000", "", ""}, // the caller's own list
		{"", "", ""},
		{"kitchen", "", ""},
		{"911@example.com", "", ""},
		{"%39%31%31", "", ""},
		{"+1202555014７", "", ""},
	} {
		gw := &Connector{Emergency: func(n string) bool { return n == "000" }}
		number, err := gw.dialled(c.to)
		if (err != nil) != (c.voice == "") {
			t.Errorf("%q: %v", c.to, err)
		}
		if err != nil {
			continue
		}
		if v, o := DialPlus.Render(number), DialNANP.Render(number); v != c.voice || o != c.obihai {
			t.Errorf("%q is dialled as %q and %q, want %q and %q", c.to, v, o, c.voice, c.obihai)
		}
	}
}

func FuzzDialled(f *testing.F) {
	for _, s := range []string{"+12025550147", "911", "tel:9-1-1", "011 1 911", "urn:service:sos", "*911"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, to string) {
		number, err := (&Connector{}).dialled(to)
		if err != nil {
			return
		}
		for _, format := range []DialFormat{DialPlus, DialNANP} {
			wire := format.Render(number)
			digits := strings.TrimPrefix(wire, "+")
			if strings.Trim(digits, "0123456789") != "" {
				t.Errorf("%q is dialled as %q", to, wire)
			}
			if isEmergency(digits) {
				t.Errorf("%q is dialled as %q, an emergency number", to, wire)
			}
		}
	})
}
