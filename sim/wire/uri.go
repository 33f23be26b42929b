package wire

import (
	"strings"

	"github.com/emiago/sipgo/sip"
)

// InBrackets is the URI of a name-addr or addr-spec, and what follows it. An
// addr-spec keeps its parameters: Google's browser client sends Route and
// P-Preferred-Identity without brackets.
func InBrackets(v string) (uri, rest string) {
	i := strings.IndexByte(afterQuotes(v), '<')
	if i < 0 {
		return strings.TrimSpace(v), ""
	}
	i += len(v) - len(afterQuotes(v))
	uri, rest, _ = strings.Cut(v[i+1:], ">")
	return uri, rest
}

func afterQuotes(v string) string {
	if !strings.HasPrefix(strings.TrimSpace(v), `"`) {
		return v
	}
	start := strings.IndexByte(v, '"')
	for i := start + 1; i < len(v); i++ {
		switch v[i] {
		case '\\':
			i++
		case '"':
			return v[i+1:]
		}
	}
	return v
}

// Display is the display name of a name-addr, without quotes.
func Display(v string) string {
	i := strings.LastIndexByte(v, '<')
	if i < 0 {
		return ""
	}
	return strings.Trim(strings.TrimSpace(v[:i]), `"`)
}

// Param is a header parameter's value, or "". Parameters of the URI inside
// angle brackets do not count.
func Param(v, name string) string {
	got, _ := LookupParam(v, name)
	return got
}

// LookupParam is [Param] that tells an empty value from none.
func LookupParam(v, name string) (string, bool) {
	_, rest := InBrackets(v)
	if rest == "" && !strings.Contains(v, "<") {
		rest = v
	}
	for i, part := range splitParams(rest) {
		if i == 0 {
			continue
		}
		k, val, _ := strings.Cut(part, "=")
		if strings.EqualFold(strings.TrimSpace(k), name) {
			return strings.Trim(strings.TrimSpace(val), `"`), true
		}
	}
	return "", false
}

// splitParams cuts at semicolons outside quotes.
func splitParams(v string) []string {
	var out []string
	quoted, start := false, 0
	for i := 0; i < len(v); i++ {
		switch c := v[i]; {
		case c == '\\' && quoted:
			i++
		case c == '"':
			quoted = !quoted
		case c == ';' && !quoted:
			out = append(out, v[start:i])
			start = i + 1
		}
	}
	return append(out, v[min(start, len(v)):])
}

// ParseURI reads a SIP URI with sipgo's parser.
func ParseURI(text string) (sip.Uri, error) {
	var u sip.Uri
	err := sip.ParseUri(text, &u)
	return u, err
}

// SameURI compares as Google does: host without case, parameters in any order,
// "lr=lr" as "lr", everything else exactly.
func SameURI(a, b string) bool {
	ua, errA := ParseURI(a)
	ub, errB := ParseURI(b)
	if errA != nil || errB != nil {
		return a == b
	}
	if !strings.EqualFold(ua.Host, ub.Host) || ua.Port != ub.Port || ua.User != ub.User {
		return false
	}
	return sameParams(ua.UriParams, ub.UriParams)
}

func sameParams(a, b sip.HeaderParams) bool {
	pa, pb := plain(a), plain(b)
	if len(pa) != len(pb) {
		return false
	}
	for k, v := range pa {
		if w, ok := pb[k]; !ok || w != v {
			return false
		}
	}
	return true
}

func plain(params sip.HeaderParams) map[string]string {
	out := map[string]string{}
	for _, kv := range params {
		k, v := strings.ToLower(kv.K), kv.V
		switch k {
		case "lr":
			v = ""
		case "transport":
			v = strings.ToLower(v)
		}
		out[k] = v
	}
	return out
}
