package sip

import "strings"

// A knownName is a header we know.
type knownName struct {
	name string
	list bool // its value is a comma list (RFC 3261 §7.3.1)
}

// CanonicalName expands a compact header name and gives a known name its usual
// spelling; another name comes back as it is.
func CanonicalName(name string) string { return lookupName(name).name }

func lookupName(name string) knownName {
	if len(name) == 1 {
		if full := compactName(name[0] | 0x20); full != "" {
			name = full
		}
	}
	for _, k := range knownNames[nameHash(name)] {
		if k.name == name || len(k.name) == len(name) && strings.EqualFold(k.name, name) {
			return k
		}
	}
	return knownName{name: name}
}

// compactName returns the full name of a compact one (RFC 3261 §7.3.3 and the
// registry of header fields), or "".
func compactName(c byte) string {
	switch c {
	case 'a':
		return "Accept-Contact"
	case 'b':
		return "Referred-By"
	case 'c':
		return "Content-Type"
	case 'd':
		return "Request-Disposition"
	case 'e':
		return "Content-Encoding"
	case 'f':
		return "From"
	case 'i':
		return "Call-ID"
	case 'j':
		return "Reject-Contact"
	case 'k':
		return "Supported"
	case 'l':
		return "Content-Length"
	case 'm':
		return "Contact"
	case 'n':
		return "Identity-Info"
	case 'o':
		return "Event"
	case 'r':
		return "Refer-To"
	case 's':
		return "Subject"
	case 't':
		return "To"
	case 'u':
		return "Allow-Events"
	case 'v':
		return "Via"
	case 'x':
		return "Session-Expires"
	case 'y':
		return "Identity"
	}
	return ""
}

const nameBuckets = 256

// nameHash tells names apart by length and three letters, case aside.
func nameHash(name string) int {
	n := len(name)
	if n == 0 {
		return 0
	}
	first, mid, last := name[0]|0x20, name[n/2]|0x20, name[n-1]|0x20
	return (n*5 + int(first)*31 + int(mid)*11 + int(last)*3) % nameBuckets
}

// knownNames is built once and never changed.
var knownNames = func() (t [nameBuckets][]knownName) {
	add := func(names string, list bool) {
		for _, n := range strings.Fields(names) {
			h := nameHash(n)
			t[h] = append(t[h], knownName{n, list})
		}
	}
	add(`Accept Accept-Contact Accept-Encoding Accept-Language Accept-Resource-Priority Alert-Info
		Allow Allow-Events Call-Info Contact Content-Encoding Content-Language Diversion Error-Info
		Geolocation History-Info In-Reply-To P-Asserted-Identity P-Associated-URI
		P-Media-Authorization P-Preferred-Identity P-Visited-Network-ID Path Permission-Missing
		Proxy-Require Reason Record-Route Recv-Info Reject-Contact Remote-Party-ID
		Request-Disposition Require Resource-Priority Route Security-Client Security-Server
		Security-Verify Service-Route Supported Trigger-Consent Unsupported Via Warning`, true)
	add(`Answer-Mode Authentication-Info Authorization CSeq Call-ID Content-Disposition
		Content-Length Content-Transfer-Encoding Content-Type Date Event Expires Feature-Caps
		Flow-Timer From Identity Identity-Info Info-Package Join Max-Breadth Max-Forwards
		MIME-Version Min-Expires Min-SE Organization P-Access-Network-Info P-Called-Party-ID
		P-Charging-Vector P-Early-Media Priority Privacy Proxy-Authenticate
		Proxy-Authentication-Info Proxy-Authorization RAck RSeq Refer-Sub Refer-To Referred-By
		Replaces Reply-To Retry-After SIP-ETag SIP-If-Match Server Session-Expires Session-ID
		Subject Subscription-State Target-Dialog Timestamp To User-Agent User-to-User
		WWW-Authenticate`, false)
	return t
}()
