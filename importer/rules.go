package importer

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"tandem/call"
	"tandem/internal/rewrite"
	"tandem/route"
)

// rule makes a rule of the dial plan of a call routing rule.
func (p *pexip) rule(o object) {
	to, why := p.target(o)
	if why != "" {
		p.note(o.where(), "is not taken: %s", why)
		return
	}
	r := route.RuleConfig{
		Name: p.rules.take(orElse(o.text("name"), fmt.Sprintf("rule %d", o.n))), Priority: o.number("priority"), Note: o.text("description"),
		Match: p.match(o, to.External), Replace: o.text("replace_string"), To: []route.Target{to}, Off: !o.is("enable", true),
		Registered: o.is("match_incoming_only_if_registered", false), FullURI: o.is("match_string_full", false), Tag: o.text("tag"),
	}
	if _, err := rewrite.Compile(r.Match, r.Replace); err != nil {
		p.note(o.where(), "is not taken: its expression cannot be used: %v", err)
		return
	}
	p.conditions(o, &r)
	p.differences(o)
	p.Config.DialPlan.Rules = append(p.Config.DialPlan.Rules, r)
}

func (p *pexip) off(o object, r *route.RuleConfig, why string) {
	r.Off = true
	p.note(o.where(), "is switched off: %s", why)
}

// target is where the rule's calls go, or why it cannot be taken.
func (p *pexip) target(o object) (t route.Target, why string) {
	protocol, kind := orElse(o.text("outgoing_protocol"), "sip"), orElse(o.text("called_device_type"), "external")
	switch {
	case !o.is("match_incoming_calls", true):
		return t, "it is for calls that conferences place, and conferences are not held here"
	case kind == "gms_conference" || protocol == "gms":
		name, given := refer(p.tokens, o, "gms_access_token")
		switch {
		case name != "":
			return route.Target{Meet: name}, ""
		case given:
			return t, "its access token is not in the export"
		}
		return t, "it has no access token, and a meeting is not joined without one"
	case kind == "registration":
		return t, "devices reach each other by their names without a rule"
	case kind != "external":
		return t, fmt.Sprintf("it leads to a %s, which is not supported", kind)
	case protocol != "sip":
		return t, fmt.Sprintf("it leads out by %s, which is not supported", protocol)
	}
	t.External = true
	name, given := refer(p.proxies, o, "sip_proxy")
	if given && name == "" {
		return t, "its SIP proxy is not in the export"
	}
	if name == "" {
		place, _ := refer(p.places, o, "outgoing_location")
		name = p.out[place]
	}
	t.Proxy = name
	return t, ""
}

// conditions are what the rule wants of a call. What cannot be said here switches it off.
func (p *pexip) conditions(o object, r *route.RuleConfig) {
	p.wherefrom(o, r)
	var ours []string
	for _, k := range []struct{ field, protocol string }{
		{"match_incoming_sip", call.ProtocolSIP}, {"match_incoming_webrtc", call.ProtocolWebRTC}, {"match_incoming_h323", call.ProtocolH323},
	} {
		if o.is(k.field, true) {
			ours = append(ours, k.protocol)
		}
	}
	switch {
	case len(ours) == 0:
		p.off(o, r, "it is for callers of Skype for Business or Teams only, and there are none here")
	case !slices.Contains(ours, call.ProtocolSIP) || !slices.Contains(ours, call.ProtocolWebRTC):
		r.Protocols = ours
	}
	if slices.Equal(ours, []string{call.ProtocolH323}) {
		p.note(o.where(), "is for H.323 callers only, which do not come here: it takes no call")
	}
}

// wherefrom are the locations the rule is for.
func (p *pexip) wherefrom(o object, r *route.RuleConfig) {
	var all []object
	for _, field := range []string{"match_source_location", "match_source_locations"} {
		switch v := o.fields[field].(type) {
		case nil:
		case []any:
			for _, one := range v {
				all = append(all, object{fields: map[string]any{"location": one}})
			}
		default:
			all = append(all, object{fields: map[string]any{"location": v}})
		}
	}
	for _, one := range all {
		switch name, given := refer(p.places, one, "location"); {
		case name != "":
			r.Locations = append(r.Locations, name)
		case given:
			p.off(o, r, "its location is not in the export")
		}
	}
}

// differences tells what the calls will not have.
func (p *pexip) differences(o object) {
	var lost []string
	for field, usual := range map[string]string{
		"call_type": "video", "crypto_mode": "", "max_callrate_in": "", "max_callrate_out": "", "max_pixels_per_second": "",
		"ivr_theme": "", "stun_server": "", "turn_server": "",
	} {
		if v := o.text(field); v != "" && v != usual {
			lost = append(lost, field+"="+v)
		}
	}
	if o.is("treat_as_trusted", false) {
		lost = append(lost, "treat_as_trusted")
	}
	if !o.is("denoise_audio", true) {
		lost = append(lost, "denoise_audio=false")
	}
	if len(lost) > 0 {
		p.note(o.where(), "these of its fields are not taken: %s", strings.Join(slices.Sorted(slices.Values(lost)), ", "))
	}
}

var (
	letters    = regexp.MustCompile(`[a-zA-Z]`)
	escapes    = regexp.MustCompile(`\\[a-zA-Z]|\(\?[a-zA-Z]+[):]|\\p\{[^}]*\}`)
	domainTail = regexp.MustCompile(`^(.+)@([a-zA-Z0-9\-]+(?:\\?\.[a-zA-Z0-9\-]+)+)$`)
)

// match is the rule's expression. There it takes capital and small letters alike and
// sees the host of the alias; here the host is left out where it is ours.
//
// Elsewhere says that the call may go to another host: then a host that nothing else
// here has is not taken for ours.
func (p *pexip) match(o object, elsewhere bool) string {
	m := o.text("match_string")
	m = strings.TrimPrefix(m, "^")
	if !strings.HasSuffix(m, `\$`) {
		m = strings.TrimSuffix(m, "$")
	}
	if o.is("match_string_full", false) { // it sees the whole URI here, too
		return anyCase(m)
	}
	if tail := domainTail.FindStringSubmatch(m); tail != nil && (!elsewhere || p.hasDomain(strings.ReplaceAll(tail[2], `\.`, "."))) && strings.Count(tail[1], "(") == strings.Count(tail[1], ")") {
		p.domain(strings.ReplaceAll(tail[2], `\.`, "."))
		m = tail[1] + "(?:@" + tail[2] + ")?"
	}
	return anyCase(m)
}

// anyCase lets an expression with letters match capital ones, too.
func anyCase(m string) string {
	if letters.MatchString(escapes.ReplaceAllString(m, "")) {
		return "(?i)" + m
	}
	return m
}
