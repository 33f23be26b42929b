package importer

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

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
		Match: p.match(o), Replace: o.text("replace_string"), To: []route.Target{to}, Off: !o.is("enable", true),
	}
	if _, err := rewrite.Compile(r.Match, r.Replace); err != nil {
		p.note(o.where(), "is not taken: its expression cannot be used: %v", err)
		return
	}
	if o.is("match_incoming_only_if_registered", false) {
		for _, d := range p.Config.SIP.Devices {
			r.From = append(r.From, d.Name)
		}
		if len(r.From) == 0 {
			p.off(o, &r, "it is for registered devices only, and the export has none; name them in from")
		}
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
	name, given := refer(p.trunks, o, "sip_proxy")
	switch {
	case name != "":
		return route.Target{Trunk: name}, ""
	case given:
		return t, "its SIP proxy is not in the export"
	}
	return t, "it finds the far end by DNS, for any host; here calls go out by trunks that are named"
}

// conditions switches the rule off when it has a condition that cannot be said.
func (p *pexip) conditions(o object, r *route.RuleConfig) {
	for _, field := range []string{"match_source_location", "match_source_locations"} {
		if v := o.fields[field]; v != nil && o.text(field) != "" {
			p.off(o, r, "it is for one location only, and there are no locations here")
		}
	}
	if !o.is("match_incoming_sip", true) {
		p.off(o, r, "it is not for SIP callers, and there are no others here")
	}
	if o.is("match_string_full", false) {
		p.off(o, r, "it matches the whole URI; here the expression sees user@host, or the user alone where the host is ours")
	}
}

// differences tells what the calls will not have.
func (p *pexip) differences(o object) {
	var lost []string
	for field, usual := range map[string]string{
		"call_type": "video", "crypto_mode": "", "max_callrate_in": "", "max_callrate_out": "", "max_pixels_per_second": "", "tag": "",
		"ivr_theme": "", "outgoing_location": "", "stun_server": "", "turn_server": "",
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
func (p *pexip) match(o object) string {
	m := o.text("match_string")
	m = strings.TrimPrefix(m, "^")
	if !strings.HasSuffix(m, `\$`) {
		m = strings.TrimSuffix(m, "$")
	}
	if tail := domainTail.FindStringSubmatch(m); tail != nil && strings.Count(tail[1], "(") == strings.Count(tail[1], ")") {
		p.domain(strings.ReplaceAll(tail[2], `\.`, "."))
		m = tail[1] + "(?:@" + tail[2] + ")?"
	}
	if letters.MatchString(escapes.ReplaceAllString(m, "")) {
		m = "(?i)" + m
	}
	return m
}
