package importer

import (
	"fmt"
	"maps"
	"net/netip"
	"path"
	"slices"
	"strings"

	"tandem/config"
	"tandem/internal/public"
	"tandem/leg/reception"
	"tandem/leg/sipua"
	"tandem/route"
	"tandem/token"
)

// Pexip takes routing rules, virtual receptions, access tokens, devices and SIP
// proxies out of an export, as JSON or CSV. What a rule asks for and cannot be
// said here switches the rule off: it must not take more calls than it did.
func Pexip(files []File) (*Result, error) {
	if err := bounded(files); err != nil {
		return nil, err
	}
	r := &Result{Config: new(config.Config)}
	p := pexip{Result: r, names: make(names), rules: make(names), proxyNames: make(names), placeNames: make(names), byKind: make(map[string][]object), tokens: make(map[string]string), proxies: make(map[string]string), places: make(map[string]string), out: make(map[string]string)}
	for _, f := range files {
		objects, err := readObjects(f)
		if err != nil {
			return nil, err
		}
		for _, o := range objects {
			p.byKind[o.kind] = append(p.byKind[o.kind], o)
		}
	}
	p.each("gms_access_token", p.token)
	p.each("sip_proxy", p.proxy)
	p.each("system_location", p.location)
	p.each("worker_vm", p.node)
	p.each("break_in_allow_list_address", p.allowed)
	p.each("device", p.device)
	p.each("conference", p.conference)
	p.each("gateway_routing_rule", p.rule)
	p.rest()
	r.check()
	return r, nil
}

type pexip struct {
	*Result
	names names // of devices and trunks
	rules names

	proxyNames, placeNames names

	byKind  map[string][]object
	tokens  map[string]string // names, by all the ways to refer to them
	proxies map[string]string
	places  map[string]string // locations
	out     map[string]string // the SIP proxies of locations, by their names
}

func (p *pexip) each(kind string, f func(object)) {
	for _, o := range p.byKind[kind] {
		f(o)
	}
}

// remember notes under which texts other objects refer to this one.
func remember(to map[string]string, o object, name string) {
	for _, field := range []string{"resource_uri", "id", "name"} {
		if s := o.text(field); s != "" {
			to[s] = name
		}
	}
}

// refer resolves a reference: an address, a number, a name, or the object itself.
func refer(from map[string]string, o object, field string) (name string, given bool) {
	if inner, ok := o.fields[field].(map[string]any); ok {
		in := object{fields: inner}
		for _, f := range []string{"resource_uri", "id", "name"} {
			if name = from[in.text(f)]; name != "" {
				return name, true
			}
		}
		return "", true
	}
	s := o.text(field)
	if name = from[s]; name == "" && strings.HasPrefix(s, "/") { // an address whose object tells only its number
		name = from[path.Base(s)]
	}
	return name, s != ""
}

func (p *pexip) token(o object) {
	a := token.Access{Name: o.text("name"), Secret: token.Secret(o.text("token"))}
	if a.Secret == "" || strings.Trim(string(a.Secret), "*•") == "" {
		a.Secret = ""
		p.note(o.where(), "the export does not hold the token itself; enter it as secret, or make a new one in the admin console")
	}
	lower := strings.ToLower(a.Name)
	a.Trusted = strings.Contains(lower, "trusted") && !strings.Contains(lower, "untrusted")
	p.note(o.where(), "an export does not tell whether a token is trusted; it is taken as trusted: %v, by its name", a.Trusted)
	remember(p.tokens, o, a.Name)
	p.Config.Meet.Tokens = append(p.Config.Meet.Tokens, a)
}

func (p *pexip) proxy(o object) {
	x := sipua.Proxy{Name: orElse(o.text("name"), o.text("address")), Note: o.text("description"), Address: o.text("address"), Port: 5061, Transport: strings.ToLower(o.text("transport"))}
	if x.Address == "" {
		p.note(o.where(), "has no address and is not taken")
		return
	}
	if port, given := o.fields["port"]; given {
		x.Port = o.number("port")
		if port == nil {
			x.Port = 0
		}
	}
	if x.Transport == "tls" {
		x.Transport = ""
	}
	if a, err := netip.ParseAddr(x.Address); err == nil && !public.Is(a) {
		x.Private = true
	} else if err != nil {
		p.note(o.where(), "calls go to addresses of the Internet only; when its name leads into your own network, say allow_private: true")
	}
	x.Name = p.proxyNames.take(x.Name)
	remember(p.proxies, o, x.Name)
	p.Config.SIP.Proxies = append(p.Config.SIP.Proxies, x)
}

// location takes where callers and nodes are. There it is the node that takes a call which
// decides where its caller is; here the caller's network can, too.
func (p *pexip) location(o object) {
	l := route.Location{Name: p.placeNames.take(orElse(o.text("name"), fmt.Sprintf("location %d", o.n))), Note: o.text("description")}
	name, given := refer(p.proxies, o, "sip_proxy")
	if l.Proxy = name; given && name == "" {
		p.note(o.where(), "its SIP proxy is not in the export")
	}
	remember(p.places, o, l.Name)
	p.out[l.Name] = name
	p.Config.Locations = append(p.Config.Locations, l)
	var lost []string
	for _, field := range []string{
		"transcoding_location", "overflow_location1", "overflow_location2", "h323_gatekeeper", "mssip_proxy", "teams_proxy", "stun_server", "turn_server",
		"policy_server", "mtu", "media_qos", "signalling_qos",
	} {
		if v := o.text(field); v != "" && v != "0" && (field != "mtu" || v != "1500") {
			lost = append(lost, field)
		}
	}
	if len(lost) > 0 {
		p.note(o.where(), "these of its fields are not taken: %s", strings.Join(lost, ", "))
	}
}

// node notes which machine stands in which location.
func (p *pexip) node(o object) {
	where, given := refer(p.places, o, "system_location")
	name := orElse(o.text("name"), o.text("hostname"))
	for i := range p.Config.Locations {
		if l := &p.Config.Locations[i]; l.Name == where && name != "" && where != "" {
			l.Nodes = append(l.Nodes, name)
			p.note(o.where(), "is a machine of the location %s: give one of yours its name (node), or name the callers' networks there", where)
			return
		}
	}
	if given {
		p.note(o.where(), "its location is not in the export")
	}
}

// allowed takes addresses that the guard against scans leaves alone.
func (p *pexip) allowed(o object) {
	network := o.text("address")
	if n := o.text("prefix"); n != "" {
		network += "/" + n
	}
	switch _, err := route.Network(network); {
	case err != nil:
		p.note(o.where(), "is not taken: %v", err)
	case !o.is("ignore_incorrect_aliases", false):
		p.note(o.where(), "is not taken: it makes no exception of the guard against scans; receptions have exceptions of their own (receptions[].guard.allow)")
	default:
		p.Config.SIP.Guard.Allow = append(p.Config.SIP.Guard.Allow, network)
	}
}

func (p *pexip) device(o object) {
	user, domain, _ := strings.Cut(strings.TrimPrefix(o.text("alias"), "sip:"), "@")
	switch {
	case user == "":
		p.note(o.where(), "has no alias and is not taken")
		return
	case !o.is("enable_sip", true):
		p.note(o.where(), "registers by H.323 only, which is not supported, so it is not taken")
		return
	}
	p.domain(domain)
	d := sipua.Device{Name: p.names.take(nameOf(user)), Password: token.Secret(o.text("password")), Tag: o.text("tag")}
	if login := o.text("username"); login != "" && login != d.Name {
		p.note(o.where(), "signs in as %s; here the user name is that of the alias, %s: set it on the device", login, d.Name)
	}
	if d.Password == "" {
		p.note(o.where(), "has no password in the export; a device needs one here")
	}
	p.Config.SIP.Devices = append(p.Config.SIP.Devices, d)
}

// domain notes a host name that devices and aliases were in.
func (p *pexip) domain(name string) {
	if name = strings.ToLower(name); name != "" && !slices.Contains(p.Config.SIP.Domains, name) {
		p.Config.SIP.Domains = append(p.Config.SIP.Domains, name)
	}
}

func (p *pexip) hasDomain(name string) bool {
	return slices.Contains(p.Config.SIP.Domains, strings.ToLower(name))
}

// conference makes a reception of a virtual reception.
func (p *pexip) conference(o object) {
	kind, lookup := o.text("service_type"), o.text("two_stage_dial_type")
	if kind != "two_stage_dialing" {
		p.note(o.where(), "is a %s; conferences are not held here, so it is not taken", orElse(kind, "conference"))
		return
	}
	if lookup != "" && lookup != "regular" && lookup != "gms" {
		p.note(o.where(), "looks meetings up at %s, which is not supported, so it is not taken", lookup)
		return
	}
	c := reception.Config{
		Name: o.text("name"), Match: o.text("match_string"), Replace: o.text("replace_string"),
		PostMatch: o.text("post_match_string"), PostReplace: o.text("post_replace_string"),
	}
	name, given := refer(p.tokens, o, "gms_access_token")
	c.Token = name
	switch {
	case given && name == "":
		p.note(o.where(), "its access token is not in the export; without one what is typed is dialled and not looked up")
	case lookup == "gms" && !given:
		p.note(o.where(), "has no access token; what is typed is dialled and not looked up")
	}
	for _, alias := range p.aliases(o) {
		user, domain, _ := strings.Cut(alias, "@")
		p.domain(domain)
		if !slices.Contains(c.Aliases, user) && user != "" {
			c.Aliases = append(c.Aliases, user)
		}
	}
	for _, field := range []string{"system_location", "ivr_theme", "pin"} {
		if v, ok := o.fields[field]; ok && v != nil && o.text(field) != "" {
			p.note(o.where(), "%s is not taken", field)
		}
	}
	p.Config.Receptions = append(p.Config.Receptions, c)
}

// aliases are a conference's own list, and the conference_alias objects that name
// it.
func (p *pexip) aliases(o object) (all []string) {
	switch v := o.fields["aliases"].(type) {
	case []any:
		for _, one := range v {
			switch one := one.(type) {
			case string:
				all = append(all, one)
			case map[string]any:
				all = append(all, object{fields: one}.text("alias"))
			}
		}
	case string:
		all = strings.FieldsFunc(v, func(r rune) bool { return strings.ContainsRune(",;| \n", r) })
	}
	me := make(map[string]string)
	remember(me, o, "me")
	for _, alias := range p.byKind["conference_alias"] {
		if name, _ := refer(me, alias, "conference"); name != "" {
			all = append(all, alias.text("alias"))
		}
	}
	return slices.DeleteFunc(all, func(a string) bool { return a == "" || strings.HasPrefix(a, "/") })
}

// rest notes the kinds nothing was made of.
func (p *pexip) rest() {
	reasons := map[string]string{
		"h323_gatekeeper": "H.323 is not supported", "mssip_proxy": "Skype for Business is not supported", "teams_proxy": "Microsoft Teams is not supported",
		"gms_gateway_token": "keys are not carried over: make one with tandem meet-token csr", "sip_credential": "write user and password into the SIP proxy or trunk they are for",
		"unknown": "it cannot be told what they are; export JSON, or name CSV files by the resource",
	}
	for _, kind := range slices.Sorted(maps.Keys(p.byKind)) {
		switch kind {
		case "gateway_routing_rule", "conference", "conference_alias", "gms_access_token", "device", "sip_proxy", "system_location", "worker_vm", "break_in_allow_list_address":
			continue
		}
		reason, ok := reasons[kind]
		switch {
		case strings.HasPrefix(kind, "mjx_"):
			p.each(kind, p.otj)
			continue
		case !ok:
			reason = "there is nothing like it here"
		}
		p.note(kind, "%d not taken: %s", len(p.byKind[kind]), reason)
	}
	if len(p.Config.Meet.Tokens) > 0 {
		p.note("meet", "name the edge of the meeting service, meet.edge, and install the gateway token (`tandem meet-token`)")
	}
	if len(p.Config.DialPlan.Rules) > 0 {
		p.note("sip.guests", "calls of callers nobody knows were taken there; here they are with sip.guests: true, and rules that lead out need open: true besides")
	}
}

func orElse(s, other string) string {
	if s == "" {
		return other
	}
	return s
}
