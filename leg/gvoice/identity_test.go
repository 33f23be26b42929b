package gvoice

import (
	"strings"
	"testing"
	"time"
	"unicode"

	"tandem/sip"
)

// from makes an INVITE's caller headers; empty ones are left out.
func from(from, asserted, privacy string) *sip.Message {
	m := sip.NewRequest("INVITE", sip.URI{Scheme: "sip", Host: "192.0.2.1"})
	for name, v := range map[string]string{"From": from, "P-Asserted-Identity": asserted, "Privacy": privacy} {
		if v != "" {
			m.Add(name, v)
		}
	}
	return m
}

func TestCallersAreCleanedUp(t *testing.T) { // GV-C19, GV-S26
	const uri = "<sip:+12025550147@216.239.32.1:5060>;tag=1"
	number := func(name string) caller { return caller{number: "+12025550147", name: name} }
	for _, c := range []struct {
		what                    string
		from, asserted, privacy string
		want                    caller
	}{
		{"a name", `"caller" ` + uri, "", "none", number("caller")},
		{"the asserted identity goes first", `"x" <sip:+13035550100@h>`, `"caller" <sip:+12025550147@216.239.32.1>`, "none", number("caller")},
		{"the number as name", `"+12025550147" ` + uri, "", "", number("")},
		{"the number as people write it", `"(202) 555-0147" ` + uri, "", "", number("")},
		{"number at host", `"+12025550147@216.239.32.1" ` + uri, "", "", number("")},
		{"name at host", `"Ann@216.239.32.1" ` + uri, "", "", number("Ann")},
		{"no name", uri, "", "", number("")},
		{"eleven digits", "<sip:12025550147@h>", "", "", number("")},
		{"ten digits", "<sip:2025550147@h>", "", "", number("")},
		{"withheld", `"Anonymous" <sip:anonymous@anonymous.invalid>`, "", "id", caller{private: true}},
		{"withheld without a user", "<sip:216.239.32.1:5060>", "", "", caller{private: true}},
		{"unavailable", `"Unavailable" <sip:unavailable@unknown.invalid>`, "", "", caller{private: true}},
		{"a number that may not be shown", `"caller" ` + uri, "", "id;critical", caller{private: true}},
		{"an empty name", `"" ` + uri, "", "", number("")},
		{"a name that says nothing", `"Unknown" ` + uri, "", "", number("")},
		{"a broken From", "<<>>", "", "", caller{private: true}},
	} {
		if got := callerOf(from(c.from, c.asserted, c.privacy)); got != c.want {
			t.Errorf("%s: %+v, want %+v", c.what, got, c.want)
		}
	}
}

func FuzzCallerOf(f *testing.F) {
	f.Add(`"caller" <sip:+12025550147@216.239.32.1:5060>`, "", "none")
	f.Add("sip:anonymous@anonymous.invalid", `"a@b" <sip:x>`, "id")
	f.Fuzz(func(t *testing.T, a, b, c string) {
		got := callerOf(from(a, b, c))
		if strings.Trim(got.number, "+0123456789") != "" || got.private != (got.number == "") {
			t.Errorf("%+v", got)
		}
		if strings.ContainsFunc(got.name, unicode.IsControl) {
			t.Errorf("name %q", got.name)
		}
	})
}

// FuzzRegisterAnswer reads answers of the registrar.
func FuzzRegisterAnswer(f *testing.F) {
	f.Add("<sip:one.invalid;lr>", "<sip:ID@d>", "<sip:home@192.0.2.1;line=x>;expires=3600", "3600", "120 (x)", "7200")
	f.Add("", "", "*", "-1", "99999999999999999999", "x")
	f.Fuzz(func(t *testing.T, route, identity, contact, expires, retry, minimum string) {
		m := &sip.Message{Status: 200}
		for _, h := range [][2]string{{"Service-Route", route}, {"P-Associated-URI", identity}, {"Contact", contact}, {"Expires", expires}, {"Retry-After", retry}, {"Min-Expires", minimum}} {
			m.Add(h[0], h[1])
		}
		a := oneAccount()[0]
		r := registration{bond: bond{&line{account: a, profile: a.profile()}, "x"}}
		if d := r.granted(m); d < 0 || d > 7*24*time.Hour {
			t.Errorf("granted %v", d)
		}
		if no := refusalOf(m); no.retry < 0 || no.retry > 24*time.Hour || no.min < 0 || no.min > 24*time.Hour {
			t.Errorf("%+v", no)
		}
	})
}
