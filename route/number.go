package route

import "strings"

// A Plan is a number plan: how people here write telephone numbers. Numbers are
// brought into E.164 ("+15551230000") before any rule sees them; what is not a
// complete telephone number (an extension, a meeting ID, a SIP address) stays as it is.
type Plan struct {
	Country       string `yaml:"country,omitempty"`       // country code; default "1"
	Area          string `yaml:"area,omitempty"`          // area code that completes seven digits; without it they stay as they are
	International string `yaml:"international,omitempty"` // prefix dialled before a country code; default "011"
	Off           bool   `yaml:"off,omitempty"`           // leave every alias as it was dialled
}

func (p Plan) country() string {
	if p.Country == "" {
		return "1"
	}
	return p.Country
}

func (p Plan) international() string {
	if p.International == "" {
		return "011"
	}
	return p.International
}

// Normalize returns the number s stands for in E.164, and whether it is one.
// Spaces, dots, dashes and parentheses that people write into numbers are left out.
func (p Plan) Normalize(s string) (string, bool) {
	digits, plus, ok := strip(s)
	if !ok || p.Off {
		return s, false
	}
	switch {
	case plus:
		return "+" + digits, len(digits) >= 7 && len(digits) <= 15
	case strings.HasPrefix(digits, p.international()) && len(digits) >= len(p.international())+7:
		return "+" + digits[len(p.international()):], true
	case p.country() != "1":
		return s, false // only the North American plan can be told from its length
	case len(digits) == 11 && digits[0] == '1' && digits[1] >= '2':
		return "+" + digits, true
	case len(digits) == 10 && digits[0] >= '2':
		return "+1" + digits, true
	case len(digits) == 7 && p.Area != "" && digits[0] >= '2':
		return "+1" + p.Area + digits, true
	}
	return s, false
}

// strip removes what people write into numbers; ok is false when s holds
// anything that no telephone number has.
func strip(s string) (digits string, plus, ok bool) {
	s = strings.TrimPrefix(s, "tel:")
	var b strings.Builder
	for i, r := range s {
		switch {
		case r >= '0' && r <= '9':
			b.WriteRune(r)
		case r == '+' && i == 0:
			plus = true
		case strings.ContainsRune(" -.()", r):
		default:
			return "", false, false
		}
	}
	return b.String(), plus, b.Len() > 0
}

// emergency knows which numbers are emergency numbers and where they go.
type emergency struct {
	numbers []string
	to      []Target
}

// defaultEmergencyNumbers are the ones people in Google Voice's countries dial:
// North America's and its test number, the international one, and those of the
// United Kingdom and Ireland.
var defaultEmergencyNumbers = [...]string{"911", "933", "112", "999"}

// Emergency reports whether dialled is an emergency number.
func (t *Table) Emergency(dialled string) bool { return t.emergency.is(dialled) }

func (e emergency) is(dialled string) bool {
	digits, _, ok := strip(dialled)
	if dialled == "urn:service:sos" || strings.HasPrefix(dialled, "urn:service:sos.") { // RFC 5031
		return true
	}
	if !ok {
		return false
	}
	for _, n := range e.numbers {
		if digits == n {
			return true
		}
	}
	return false
}
