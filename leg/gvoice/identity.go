package gvoice

import (
	"slices"
	"strings"

	"tandem/sip"
)

// caller is who calls, cleaned up for people (GV-C19).
type caller struct {
	number  string // E.164; "" when withheld
	name    string // "" unless it says more than the number
	private bool
}

// callerOf reads P-Asserted-Identity, else From. The host of either is Google's
// business.
func callerOf(m *sip.Message) caller {
	addr, err := m.From()
	if ids := m.Values("P-Asserted-Identity"); len(ids) > 0 {
		if a, e := sip.ParseAddress(ids[0]); e == nil {
			addr, err = a, nil
		}
	}
	if err != nil {
		return caller{private: true}
	}
	c := caller{number: number(addr.URI.User), name: displayName(addr.Display)}
	if c.number == "" || asksPrivacy(m.Get("Privacy")) {
		return caller{private: true}
	}
	if number(unpunctuated.Replace(c.name)) == c.number {
		c.name = ""
	}
	return c
}

// unpunctuated leaves out what people write into telephone numbers.
var unpunctuated = strings.NewReplacer(" ", "", "-", "", ".", "", "(", "", ")", "")

// asksPrivacy reports whether the caller's identity must not be shown (RFC 3325
// §9.3, RFC 3323 §4.2).
func asksPrivacy(header string) bool {
	return slices.ContainsFunc(strings.Split(header, ";"), func(v string) bool {
		v = strings.ToLower(strings.TrimSpace(v))
		return v == "id" || v == "user"
	})
}

// number returns the E.164 number in a URI's user part; "" when there is none.
func number(user string) string {
	digits := strings.TrimPrefix(user, "+")
	if len(digits) < 3 || strings.Trim(digits, "0123456789") != "" {
		return ""
	}
	switch {
	case user[0] == '+':
		return user
	case len(digits) == 11 && digits[0] == '1':
		return "+" + digits
	case len(digits) == 10:
		return "+1" + digits
	}
	return digits
}

// displayName cuts what Google puts into names: "+12025550123@216.239.32.1".
func displayName(s string) string {
	s, _, _ = strings.Cut(s, "@")
	s = strings.TrimSpace(strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return -1
		}
		return r
	}, s))
	switch strings.ToLower(s) {
	case "anonymous", "unavailable", "unknown", "restricted":
		return ""
	}
	return s
}
