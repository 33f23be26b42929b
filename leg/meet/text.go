package meet

import (
	"strings"
	"unicode"
)

// oneLine makes text from outside fit for one line of a log or a screen: what can
// be seen only, without control characters and tricks of direction, and short.
func oneLine(s string, limit int) string {
	if len(s) > 4*limit {
		s = strings.ToValidUTF8(s[:4*limit], "")
	}
	s = strings.Map(func(r rune) rune {
		switch {
		case unicode.Is(unicode.Cf, r), r == unicode.ReplacementChar:
			return -1
		case !unicode.IsGraphic(r):
			return ' '
		}
		return r
	}, s)
	s = strings.Join(strings.Fields(s), " ")
	if r := []rune(s); len(r) > limit {
		return string(r[:limit-1]) + "…"
	}
	return s
}

// meetingID is the meeting an alias names: a 13-digit PIN, a meeting code such as
// abc-mnop-xyz, or a space's ID, without the gateway's domain behind "@".
func meetingID(alias string) (string, bool) {
	id, _, _ := strings.Cut(alias, "@")
	id = strings.TrimSpace(id)
	if s, ok := strings.CutPrefix(id, "spaces/"); ok {
		return s, s != "" && isWord(s)
	}
	digits := strings.Map(func(r rune) rune {
		if r == ' ' || r == '-' || r == '+' {
			return -1
		}
		return r
	}, id)
	if digits != "" && strings.Trim(digits, "0123456789") == "" {
		return digits, len(digits) == 13
	}
	return id, id != "" && len(id) <= 64 && isWord(id)
}

func isWord(s string) bool {
	for _, r := range s {
		if (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '-' && r != '_' {
			return false
		}
	}
	return true
}

// displayName is what the others in the meeting see of a caller. The number of a
// telephone is masked but for its last two digits, as the service does it.
func displayName(name, from string, phone bool) string {
	if name = oneLine(name, 100); name != "" {
		return name
	}
	user, _, _ := strings.Cut(strings.TrimPrefix(strings.TrimPrefix(from, "sips:"), "sip:"), "@")
	user = oneLine(user, 100)
	number := strings.TrimPrefix(user, "+")
	if phone && len(number) > 4 && strings.Trim(number, "0123456789") == "" {
		return strings.TrimSuffix(user, number) + strings.Repeat("•", len(number)-2) + number[len(number)-2:]
	}
	if user == "" {
		return "Guest"
	}
	return user
}
