package route

import (
	"errors"
	"strings"
	"testing"
	"time"

	"tandem/call"
)

func at(t *testing.T, zone, text string) time.Time {
	t.Helper()
	z, err := time.LoadLocation(zone)
	if err != nil {
		t.Fatal(err)
	}
	when, err := time.ParseInLocation("2006-01-02 15:04", text, z)
	if err != nil {
		t.Fatal(err)
	}
	return when
}

func TestAWindowHoldsAsItIsWritten(t *testing.T) {
	office := Window{Days: []string{"mon-fri"}, Hours: []string{"08:00-12:00", "13:00-18:00"}}
	night := Window{Days: []string{"fri"}, Hours: []string{"22:00-06:00"}}
	weekend := Window{Days: []string{"sat-sun"}}
	turn := Window{Dates: []string{"12-24..01-06"}}
	once := Window{Dates: []string{"2026-12-24..2026-12-26"}, Hours: []string{"10:00-24:00"}}
	leap := Window{Dates: []string{"02-29"}}
	for _, tt := range []struct {
		w    Window
		when string // 2026-11-23 is a Monday
		want bool
	}{
		{office, "2026-11-23 08:00", true},
		{office, "2026-11-23 07:59", false},
		{office, "2026-11-23 12:00", false},
		{office, "2026-11-27 17:59", true},
		{office, "2026-11-28 10:00", false},
		{night, "2026-11-27 22:00", true},
		{night, "2026-11-28 05:59", true}, // Saturday: the night of Friday
		{night, "2026-11-28 06:00", false},
		{night, "2026-11-27 05:00", false}, // the night of Thursday
		{weekend, "2026-11-29 23:59", true},
		{weekend, "2026-11-30 00:00", false},
		{turn, "2026-12-24 00:00", true},
		{turn, "2027-01-06 23:59", true},
		{turn, "2027-01-07 00:00", false},
		{turn, "2026-12-23 23:59", false},
		{once, "2026-12-25 10:00", true},
		{once, "2026-12-25 09:59", false},
		{once, "2027-12-25 10:00", false},
		{leap, "2028-02-29 12:00", true},
	} {
		w, err := tt.w.compile()
		if err != nil {
			t.Fatal(err)
		}
		m := momentAt(at(t, "Europe/Berlin", tt.when), at(t, "Europe/Berlin", tt.when).Location())
		if got := w.holds(&m); got != tt.want {
			t.Errorf("%s at %s: %v, want %v", tt.w, tt.when, got, tt.want)
		}
	}
}

func TestTimesAreThoseOfTheirZone(t *testing.T) {
	tb := table(t, Config{Zone: "Europe/Berlin", Rules: []RuleConfig{
		{Name: "open", Match: `8\d+`, When: []Window{{Days: []string{"mon-fri"}, Hours: []string{"08:00-18:00"}}}, Except: []Window{{Dates: []string{"12-25"}}}, To: []Target{{Device: "desk"}}},
		{Name: "new york", Match: `8\d+`, Zone: "America/New_York", When: []Window{{Hours: []string{"09:00-17:00"}}}, To: []Target{{Device: "abroad"}}},
		{Name: "closed", Match: `8\d+`, To: []Target{{Device: "machine"}}},
	}})
	for _, tt := range []struct{ when, want string }{
		{"2026-11-23T07:00:00Z", "desk"}, // 08:00 in Berlin
		{"2026-11-23T06:59:00Z", "machine"},
		{"2026-07-06T06:00:00Z", "desk"}, // in summer an hour earlier
		{"2026-11-23T17:00:00Z", "abroad"},
		{"2026-12-25T09:00:00Z", "machine"}, // a Friday, but Christmas
	} {
		when, _ := time.Parse(time.RFC3339, tt.when)
		got, err := tb.Route(call.Request{Connector: SIP, Via: "a", To: "8000", At: when})
		if err != nil || got[0].Target != tt.want {
			t.Errorf("%s: %+v, %v, want %s", tt.when, got, err, tt.want)
		}
	}
	out := tb.Explain(call.Request{Connector: SIP, Via: "a", To: "8000", At: at(t, "Europe/Berlin", "2026-11-21 22:03")}).String()
	for _, want := range []string{"- open: only Mon-Fri 08:00-18:00, not 12-25 Europe/Berlin; it is Sat 2026-11-21 22:03 there", "+ new york"} {
		if !strings.Contains(out, want) {
			t.Errorf("the trace lacks %q:\n%s", want, out)
		}
	}
	if got, err := tb.Route(call.Request{Connector: SIP, Via: "a", To: "8000"}); err != nil || got[0].Target != "machine" {
		t.Errorf("without a time: %+v, %v, want the rule without times", got, err)
	}
}

func TestTimesThatCannotBeNameTheField(t *testing.T) {
	to := []Target{{Device: "d"}}
	for want, rc := range map[string]RuleConfig{
		"rules[0].when[0].days[1]":    {When: []Window{{Days: []string{"mon", "funday"}}}, Zone: "UTC"},
		"rules[0].when[0].hours[0]":   {When: []Window{{Hours: []string{"8-18"}}}, Zone: "UTC"},
		"rules[0].except[0].hours[0]": {Except: []Window{{Hours: []string{"08:00-08:00"}}}, Zone: "UTC"},
		"rules[0].when[1].dates[0]":   {When: []Window{{Days: []string{"mon"}}, {Dates: []string{"2026-02-30"}}}, Zone: "UTC"},
		"rules[0].except[0].dates[0]": {Except: []Window{{Dates: []string{"2026-12-26..2026-12-24"}}}, Zone: "UTC"},
		"rules[0].when[0]":            {When: []Window{{}}, Zone: "UTC"},
		"rules[0].zone":               {When: []Window{{Days: []string{"mon"}}}},
		"rules[0].protocols[0]":       {Protocols: []string{"iax"}},
		"rules[0].networks[1]":        {Networks: []string{"10.0.0.0/8", "10.0.0.0/33"}},
		"rules[0].locations[0]":       {Locations: []string{""}},
	} {
		rc.Name, rc.To = "x", to
		_, err := New(Config{Rules: []RuleConfig{rc}})
		var f *FieldError
		if !errors.As(err, &f) || f.Field != want {
			t.Errorf("%v, want an error about %s", err, want)
		}
	}
	for _, zone := range []string{"Europe/Atlantis", "../../etc/passwd", "Local"} {
		_, err := New(Config{Zone: zone})
		var f *FieldError
		if !errors.As(err, &f) || f.Field != "zone" {
			t.Errorf("zone %q: %v, want an error about zone", zone, err)
		}
	}
}

func FuzzWindow(f *testing.F) {
	for _, s := range []string{"mon-fri|08:00-18:00|12-24..01-06", "sun|22:00-06:00|2026-12-24", "||"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		parts := strings.SplitN(s+"||", "|", 4)
		w, err := Window{Days: parts[:1], Hours: parts[1:2], Dates: parts[2:3]}.compile()
		if err != nil {
			return
		}
		m := momentAt(time.Unix(1795000000, 0), time.UTC)
		w.holds(&m)
		_ = w.text
	})
}
