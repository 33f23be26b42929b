package sip

import (
	"slices"
	"strings"
)

// Equal compares by RFC 3261 §19.1.4: users with case, everything else without,
// escapes undone, parameters and headers in any order. URIs of other schemes than
// sip and sips are equal if their texts are.
func (u URI) Equal(v URI) bool {
	if u.Scheme != v.Scheme || u.Port != v.Port {
		return false
	}
	if u.Scheme != "sip" && u.Scheme != "sips" {
		return strings.EqualFold(u.User, v.User) && strings.EqualFold(string(u.Params), string(v.Params))
	}
	return Unescape(u.User) == Unescape(v.User) &&
		Unescape(u.Password) == Unescape(v.Password) &&
		strings.EqualFold(u.Host, v.Host) &&
		u.Params.match(v.Params) && v.Params.match(u.Params) &&
		equalHeaders(u.Headers, v.Headers)
}

// match reports whether every parameter of p that is in q too has the same value
// there, and whether those that count by being absent are there.
func (p Params) match(q Params) bool {
	for name, value := range p.All {
		name = Unescape(name)
		other, ok := q.Get(name)
		if ok && !strings.EqualFold(Unescape(value), Unescape(other)) {
			return false
		}
		if !ok && mustMatch(name) {
			return false
		}
	}
	return true
}

func mustMatch(param string) bool {
	switch strings.ToLower(param) {
	case "transport", "user", "ttl", "method", "maddr":
		return true
	}
	return false
}

func equalHeaders(a, b string) bool {
	if a == b {
		return true
	}
	return slices.Equal(sortedHeaders(a), sortedHeaders(b))
}

func sortedHeaders(s string) []string {
	all := strings.Split(s, "&")
	for i, h := range all {
		name, value, _ := strings.Cut(h, "=")
		all[i] = strings.ToLower(Unescape(name)) + "=" + Unescape(value)
	}
	slices.Sort(all)
	return all
}
