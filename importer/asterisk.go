package importer

import (
	"net"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"tandem/config"
	"tandem/leg/gvoice"
	"tandem/leg/sipua"
	"tandem/route"
	"tandem/token"
)

// Asterisk takes the Google Voice accounts (auth_type=google_oauth and the
// registrations that use it) and the phones out of pjsip.conf.
func Asterisk(files []File) (*Result, error) {
	if err := bounded(files); err != nil {
		return nil, err
	}
	r := &Result{Config: new(config.Config)}
	a := asterisk{Result: r, names: make(names)}
	known := make(map[string]*section)
	for _, f := range files {
		sections, err := parseAsterisk(f, known, r)
		if err != nil {
			return nil, err
		}
		for _, s := range sections {
			if !s.template {
				a.all = append(a.all, s)
			}
		}
	}
	for _, s := range a.all {
		if s.get("type") == "auth" && isGoogle(s) {
			a.account(s)
		}
	}
	for _, s := range a.all {
		if s.get("type") == "endpoint" {
			a.phone(s)
		}
	}
	a.rest()
	r.check()
	return r, nil
}

type asterisk struct {
	*Result
	all   []*section
	names names
	taken []*section
}

func isGoogle(s *section) bool { return strings.EqualFold(s.get("auth_type"), "google_oauth") }

// named returns the section of a type that a list names.
func (a *asterisk) named(kind, list string) *section {
	wanted := strings.FieldsFunc(list, func(r rune) bool { return r == ',' || r == ' ' })
	for _, s := range a.all {
		if s.get("type") == kind && slices.Contains(wanted, s.name) {
			return s
		}
	}
	return nil
}

// account makes a Google Voice account of an auth section and what belongs to it.
func (a *asterisk) account(auth *section) {
	a.taken = append(a.taken, auth)
	v := gvoice.Account{
		Name: a.names.take(nameOf(auth.name)), ClientID: auth.get("oauth_clientid"),
		ClientSecret: token.Secret(auth.get("oauth_secret")), RefreshToken: token.Secret(auth.get("refresh_token")),
		User: auth.get("username"),
	}
	registration := a.uses("registration", "outbound_auth", auth.name)
	endpoint := a.uses("endpoint", "outbound_auth", auth.name)
	realm := auth.get("realm")
	if registration != nil {
		a.taken = append(a.taken, registration)
		a.registration(&v, registration)
		if realm == "" {
			realm, _ = hostOf(registration.get("server_uri"))
		}
		if e := a.named("endpoint", registration.get("endpoint")); e != nil {
			endpoint = e
		}
	} else {
		a.note(auth.where(), "no registration uses it with outbound_auth; whether the account was in use cannot be told")
	}
	a.profile(&v, realm, auth)
	if endpoint != nil {
		a.taken = append(a.taken, endpoint)
		a.endpoint(&v, endpoint)
	}
	if v.Number == "" {
		v.Number = numberIn(v.User, auth.name)
	}
	if v.Number == "" {
		a.note(auth.where(), "Asterisk does not know the account's own number; write it as number, like +12025550123")
	}
	a.Config.Voice = append(a.Config.Voice, config.VoiceAccount{Account: v})
	a.note(auth.where(), "who rings is in extensions.conf, which is not read: name devices in ring of account %s", v.Name)
}

// uses returns the section of a type that names another one in an option.
func (a *asterisk) uses(kind, option, name string) *section {
	for _, s := range a.all {
		if s.get("type") == kind && slices.Contains(strings.FieldsFunc(s.get(option), func(r rune) bool { return r == ',' || r == ' ' }), name) {
			return s
		}
	}
	return nil
}

// profile finds out which edge of Google Voice the account is for.
func (a *asterisk) profile(v *gvoice.Account, realm string, auth *section) {
	for name, p := range gvoice.Profiles() {
		if strings.EqualFold(realm, p.Registrar) {
			if name != "voice" {
				v.Profile = name
			}
			return
		}
	}
	if realm != "" {
		v.Registrar = realm
		a.note(auth.where(), "%s is no registrar that is known; it is taken as it is, with the profile voice", realm)
	}
}

func (a *asterisk) registration(v *gvoice.Account, s *section) {
	if user := userOf(s.get("client_uri")); user != "" {
		v.User = user
	}
	if proxy := s.get("outbound_proxy"); proxy != "" {
		if host, port := hostOf(proxy); host != "" {
			v.Proxies = []string{net.JoinHostPort(host, port)}
		}
	}
	for param := range strings.SplitSeq(s.get("contact_header_params"), ";") {
		if label, ok := strings.CutPrefix(strings.TrimSpace(param), "obn="); ok {
			v.Label = label
		}
	}
	if n, err := strconv.Atoi(s.get("expiration")); err == nil && n > 0 && n <= 86400 && n != 3600 {
		v.AskExpires = time.Duration(n) * time.Second
	}
	if n, err := strconv.Atoi(s.get("retry_interval")); err == nil && n > 0 {
		a.note(s.where(), "retry_interval=%d is not taken: the waits grow from 1 s to 30 s, and after a refusal longer (timing)", n)
	}
	if t := a.named("transport", s.get("transport")); t != nil {
		a.transport(v, t)
	}
}

// transport takes what a TLS transport says of certificates.
func (a *asterisk) transport(v *gvoice.Account, t *section) {
	a.taken = append(a.taken, t)
	if t.get("protocol") == "flow" { // the TLS transport is another section
		for _, s := range a.all {
			if s.get("type") == "transport" && s.get("protocol") == "tls" {
				a.taken = append(a.taken, s)
				t = s
			}
		}
	}
	if f := t.get("ca_list_file"); f != "" && !strings.HasPrefix(f, "/etc/ssl/") && !strings.HasPrefix(f, "/etc/pki/") {
		v.Roots = filepath.Clean(f)
	}
	cert, key := t.get("cert_file"), t.get("priv_key_file")
	switch {
	case cert == "":
	case key == "" || key == cert:
		v.ClientCert = filepath.Clean(cert)
	default:
		a.note(t.where(), "a client certificate is one PEM file with certificate and key here: put %s and %s into one, and name it as client_cert", cert, key)
	}
	if t.get("verify_server") == "no" {
		a.note(t.where(), "verify_server=no is not taken: certificates are always verified; a root of your own is roots")
	}
}

func (a *asterisk) endpoint(v *gvoice.Account, s *section) {
	v.Number = numberIn(s.get("callerid"), s.get("from_user"))
	switch strings.ToLower(s.get("media_encryption")) {
	case "dtls":
		v.Encrypt = true
	case "sdes":
		a.note(s.where(), "media_encryption=sdes is not taken: Google Voice was never seen to use it")
	}
	if n, err := strconv.Atoi(s.get("device_state_busy_at")); err == nil && n > 0 {
		v.MaxCalls = n
	}
	if s.get("ice_support") == "no" {
		a.note(s.where(), "ice_support=no is not taken: Google Voice needs ICE, and it is always on")
	}
}

// phone makes a device of an endpoint that registers with a password.
func (a *asterisk) phone(s *section) {
	if slices.Contains(a.taken, s) {
		return
	}
	auth := a.named("auth", s.get("auth"))
	aor := a.named("aor", s.get("aors"))
	switch {
	case auth == nil || aor == nil || aor.get("contact") != "":
		a.note(s.where(), "is no phone that registers with a password, so it is not taken; a PBX or a carrier becomes an entry of sip.trunks by hand")
		return
	case auth.get("password") == "":
		a.note(s.where(), "its auth %s has no password in the clear (md5_cred cannot be taken over); set a new one on the phone", auth.name)
	}
	a.taken = append(a.taken, s, auth, aor)
	user := auth.get("username")
	if user == "" {
		user = s.name
	}
	if user != aor.name {
		a.note(s.where(), "registers as %s with the user name %s; here both are %s: set it on the phone", aor.name, user, user)
	}
	d := sipua.Device{Name: a.names.take(nameOf(user)), Password: token.Secret(auth.get("password")), CallerID: numberIn(s.get("callerid"))}
	switch strings.ToLower(s.get("media_encryption")) {
	case "sdes", "dtls":
		d.Encrypt = sipua.Encryption(strings.ToLower(s.get("media_encryption")))
	}
	a.Config.SIP.Devices = append(a.Config.SIP.Devices, d)
}

// rest notes what nothing was made of, and joins what was taken.
func (a *asterisk) rest() {
	for _, s := range a.all {
		switch kind := s.get("type"); {
		case slices.Contains(a.taken, s), kind == "endpoint", kind == "aor", kind == "identify":
		case kind == "transport":
			a.note(s.where(), "is not taken: where phones reach the gateway is sip.listen, by default UDP and TCP on port 5060")
		case kind == "registration":
			a.note(s.where(), "registers without Google's OAuth, so it is not taken; a carrier becomes an entry of sip.trunks with register: true")
		case kind == "":
			a.note(s.where(), "has no type and is not taken")
		default:
			a.note(s.where(), "is not taken")
		}
	}
	if len(a.Config.Voice) > 0 && len(a.Config.SIP.Devices) > 0 {
		a.Config.Outbound = []route.Target{{Account: a.Config.Voice[0].Name}}
		a.note("outbound", "numbers that phones dial go out by account %s; extensions.conf, which may say more, is not read", a.Config.Voice[0].Name)
	}
}

var (
	northAmerican = regexp.MustCompile(`(?:^|\D)1?([2-9]\d{2}[2-9]\d{6})(?:\D|$)`)
	uriHost       = regexp.MustCompile(`^"?<?sips?:(?:([^@;>]*)@)?(\[[0-9a-fA-F:.]+\]|[^:;>\s]+)(?::(\d{1,5}))?`)
)

// numberIn finds the first telephone number in the texts.
func numberIn(texts ...string) string {
	for _, t := range texts {
		if m := northAmerican.FindStringSubmatch(t); m != nil {
			return "+1" + m[1]
		}
	}
	return ""
}

// hostOf is host and port of a SIP URI; the port is 5061 when there is none.
func hostOf(uri string) (host, port string) {
	m := uriHost.FindStringSubmatch(strings.TrimSpace(uri))
	if m == nil {
		return "", ""
	}
	if m[3] == "" {
		m[3] = "5061"
	}
	return strings.Trim(m[2], "[]"), m[3]
}

func userOf(uri string) string {
	if m := uriHost.FindStringSubmatch(strings.TrimSpace(uri)); m != nil {
		return m[1]
	}
	return ""
}
