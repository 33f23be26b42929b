package gvoice

import (
	"fmt"
	"slices"
	"strings"

	"tandem/call"
)

// emergencies are never dialled over Google Voice, whatever rules, account and
// Connector.Emergency say: Google promises nothing for such calls (reference
// 14.2). They are those of the countries where Google Voice is sold, and 911's
// test number.
var emergencies = [...]string{"911", "933", "112", "999"}

// dialled is the number that a destination stands for: digits, with a plus if it
// is E.164. Its errors are refusals: an emergency number, or no number at all.
func (c *Connector) dialled(to string) (string, error) {
	number := unpunctuated.Replace(strings.TrimPrefix(to, "tel:"))
	digits := strings.TrimPrefix(number, "+")
	switch {
	case isEmergency(digits), c.Emergency != nil && (c.Emergency(to) || c.Emergency(digits)), strings.HasPrefix(to, "urn:service:sos"):
		return "", call.Refusal(call.Emergency, fmt.Errorf("%s is an emergency number; it is never dialled over Google Voice", to))
	case len(digits) < 3 || strings.Trim(digits, "0123456789") != "":
		return "", call.Refusal(call.InvalidNumber, fmt.Errorf("%q is not a telephone number; Google Voice takes nothing else", to))
	}
	if digits == number && len(digits) == 10 && digits[0] >= '2' {
		return "+1" + digits, nil
	}
	if digits == number && len(digits) == 11 && digits[0] == '1' {
		return "+" + digits, nil
	}
	if rest, ok := strings.CutPrefix(number, "011"); ok && len(rest) >= 7 {
		return "+" + rest, nil
	}
	return number, nil
}

// isEmergency also knows an emergency number behind the prefixes that a dial
// plan may have put before it.
func isEmergency(digits string) bool {
	for _, prefix := range [...]string{"", "1", "011", "0111", "00", "001"} {
		if rest, ok := strings.CutPrefix(digits, prefix); ok && slices.Contains(emergencies[:], rest) {
			return true
		}
	}
	return false
}
