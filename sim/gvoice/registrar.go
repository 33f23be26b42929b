package gvoice

import (
	"crypto/rand"
	"fmt"
	"math/big"
	"slices"
	"strconv"
	"strings"
	"time"

	"tandem/sim/wire"
)

// account is an Account with what happened to it.
type account struct {
	Account
	devices   map[string]*Device
	ids       map[string]string // 20 digits by user; they never change
	tokens    int
	registers []time.Time // of the last minute (GV-S42)
	last      time.Time   // last REGISTER of any kind
	throttled bool
}

// binding is a registration on the connection it came by (GV-S13).
type binding struct {
	account  *account
	user     string
	domain   string
	conn     *conn
	contact  string // URI, verbatim
	params   string // Contact parameters as they came
	id       string // 20 digits
	routes   []string
	since    time.Time
	expires  time.Time
	renewals int
}

func (b *binding) live(now time.Time) bool { return now.Before(b.expires) }

// identity is the first P-Associated-URI.
func (b *binding) identity() string {
	return "sip:" + encodedUser(b.user, b.id) + "@" + b.domain
}

const serverAllow = "ACK, BYE, CANCEL, INFO, INVITE, NOTIFY, OPTIONS, PRACK, REGISTER, SUBSCRIBE, UPDATE"

// register handles REGISTER (GV-S7 to GV-S13).
func (s *Server) register(c *conn, m *wire.Message) {
	aor, _ := wire.InBrackets(m.Get("To"))
	uri, err := wire.ParseURI(plainEquals(aor))
	if err != nil || uri.User == "" {
		s.answer(c, m, 400, "", Refusal{Rule: "GV-S43", Reason: "To is not a SIP address of record"})
		return
	}
	if f, on := s.fault(RegisterSilent, c.sni, uri.User); on {
		s.answer(c, m, 0, "", Refusal{Rule: "fault", Reason: string(f.Kind)})
		return
	}
	if f, on := s.fault(RegisterStatus, c.sni, uri.User); on {
		s.answer(c, m, or(f.Status, 503), f.Reason, Refusal{Rule: "fault", Reason: string(f.Kind)})
		return
	}
	domain := strings.ToLower(uri.Host)
	request, err := wire.ParseURI(m.URI)
	if _, known := profileAt(domain); err != nil || !known || !strings.EqualFold(request.Host, domain) {
		s.answer(c, m, 404, "", Refusal{Rule: "GV-S4", Reason: m.URI + " is no registrar for " + domain})
		return
	}
	account, user, why := s.authenticate(m, uri.User, domain)
	if account != nil && s.tooMany(account) {
		s.answer(c, m, 603, "Declined", Refusal{Rule: "GV-S42", User: uri.User, Reason: "too many REGISTERs for " + account.Number})
		return
	}
	if !s.supportsOutbound(c, m) {
		return
	}
	if account == nil {
		s.badToken(c, m, domain, uri.User, why)
		return
	}
	s.bind(c, m, account, user, domain)
}

// authenticate checks the Bearer credentials (GV-S7).
func (s *Server) authenticate(m *wire.Message, user, domain string) (*account, string, string) {
	scheme, rest, _ := strings.Cut(m.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return nil, "", "no Authorization: Bearer in the REGISTER"
	}
	p := bearerParams(rest)
	switch {
	case plainEquals(p["username"]) != user:
		return nil, "", fmt.Sprintf("username %q is not the user of the address of record, %q", p["username"], user)
	case !strings.EqualFold(p["realm"], domain):
		return nil, "", fmt.Sprintf("realm %q is not the registrar domain, %s", p["realm"], domain)
	}
	a, why := s.accountOf(p["token"])
	if a == nil {
		return nil, "", why
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if b := s.bindings[user]; b != nil && b.account != a {
		return nil, "", "the user name belongs to another account"
	}
	if a.devices[user] == nil && len(a.devices) >= maxDevices {
		return nil, "", "the account has too many devices"
	}
	return a, user, ""
}

// bearerParams reads `a="b",c="d"` with or without spaces, in any order.
func bearerParams(v string) map[string]string {
	out := map[string]string{}
	for part := range strings.SplitSeq(v, ",") {
		k, val, _ := strings.Cut(strings.TrimSpace(part), "=")
		out[strings.ToLower(k)] = strings.Trim(val, `"`)
	}
	return out
}

func (s *Server) badToken(c *conn, m *wire.Message, domain, user, why string) {
	r := Refusal{Rule: "GV-S7", Reason: why, User: user}
	switch s.cfg.Options.BadToken {
	case BadTokenForbidden:
		s.answer(c, m, 403, "", r)
	case BadTokenDrop:
		s.answer(c, m, 0, "", r)
	default:
		s.answer(c, m, 401, "", r, wire.Header{Name: "WWW-Authenticate", Value: `Bearer realm="` + domain + `", error="invalid_token"`})
	}
}

// supportsOutbound is GV-S9; un-REGISTER is no exception.
func (s *Server) supportsOutbound(c *conn, m *wire.Message) bool {
	if m.Has("Supported", "path") && m.Has("Supported", "outbound") {
		return true
	}
	r := Refusal{Rule: "GV-S9", Reason: "Supported has no path, outbound"}
	switch s.cfg.Options.MissingOutbound {
	case Refuse400:
		s.answer(c, m, 400, "", r)
	case RefuseDrop:
		s.answer(c, m, 0, "", r)
	default:
		s.answer(c, m, 421, "", r, wire.Header{Name: "Require", Value: "outbound"})
	}
	return false
}

// tooMany counts a REGISTER and reports whether the account is throttled
// (GV-S42): until a silence in which nothing at all is sent.
func (s *Server) tooMany(a *account) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	if a.throttled && now.Sub(a.last) >= s.cfg.Timing.ThrottleRelease {
		a.throttled, a.registers = false, nil
	}
	a.last = now
	a.registers = slices.DeleteFunc(a.registers, func(t time.Time) bool { return now.Sub(t) > time.Minute })
	a.registers = append(a.registers, now)
	limit := s.cfg.Options.RegisterRate
	if limit > 0 && len(a.registers) > limit {
		a.throttled = true
	}
	return a.throttled
}

// throttleAll is the fault register-throttle for the account of user, or all.
func (s *Server) throttleAll(user string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, a := range s.accounts {
		if b := s.bindings[user]; user == "" || b != nil && b.account == a {
			a.throttled, a.last = true, time.Now()
		}
	}
}

// TakenOver counts REGISTERs of a user whose registration over another connection was
// still good: two devices under one name, or one that forgot to say goodbye.
const TakenOver = "registrations taken over"

// bind makes, renews or removes the binding and answers 200 (GV-S11).
func (s *Server) bind(c *conn, m *wire.Message, a *account, user, domain string) {
	contacts := m.List("Contact")
	if len(contacts) == 0 {
		s.answer(c, m, 400, "", Refusal{Rule: "GV-S10", Reason: "REGISTER without Contact", User: user})
		return
	}
	expires := s.expiry(m, contacts[0])
	s.mu.Lock()
	if expires == 0 {
		s.unregisterLocked(c, user)
		s.mu.Unlock()
		c.send(reply(c, m, 200, "", serverTag()).Add("Require", "outbound").End())
		return
	}
	b := s.bindings[user]
	if b == nil || b.conn != c {
		if b != nil && b.live(time.Now()) {
			s.counters[TakenOver]++
		}
		s.unbindLocked(c) // a connection speaks for one address of record
		b = &binding{account: a, user: user, domain: domain, conn: c, since: time.Now(), id: a.deviceIDLocked(user), routes: newRoutes()}
		s.bindings[user] = b
	} else {
		b.renewals++
		if s.cfg.Options.RotateRoutes {
			b.routes = newRoutes()
		}
	}
	b.contact, _ = wire.InBrackets(contacts[0])
	b.params = contactParams(contacts[0])
	b.expires = time.Now().Add(time.Duration(expires) * time.Second)
	s.knowDeviceLocked(a, user, contacts[0])
	text := s.registered(c, m, b, expires)
	s.mu.Unlock()
	c.send(text)
	s.mu.Lock()
	s.notifyLocked()
	s.mu.Unlock()
	if s.cfg.Options.MWI {
		s.messageWaiting(c, b)
	}
}

// messageWaiting is option mwi: an unsolicited NOTIFY (RFC 3842).
func (s *Server) messageWaiting(c *conn, b *binding) {
	aor := "<sip:" + b.user + "@" + b.domain + ">"
	c.send(wire.Request("NOTIFY", b.contact).Add("Via", "SIP/2.0/TLS "+edgeAddress+";branch="+googleBranch()+";rport").Add("Max-Forwards", "68").
		Add("To", aor).Add("From", aor+";tag="+serverTag()).Add("Call-ID", mwiPrefix+wire.Token(16)).Add("CSeq", "1 NOTIFY").
		Add("Contact", "<sip:"+edgeAddress+";transport=tls>").Add("Event", "message-summary").Add("Subscription-State", "active").
		Body("application/simple-message-summary", "Messages-Waiting: yes\r\nVoice-Message: 1/0\r\n"))
}

const mwiPrefix = "mwi-" // of Call-IDs; their answers are expected

// unregisterLocked removes a binding; one of another connection stays.
func (s *Server) unregisterLocked(c *conn, user string) {
	if b := s.bindings[user]; b != nil && b.conn == c {
		delete(s.bindings, user)
	}
	s.notifyLocked()
}

func (s *Server) expiry(m *wire.Message, contact string) int {
	v := wire.Param(contact, "expires")
	if v == "" {
		v = m.Get("Expires")
	}
	n, err := strconv.Atoi(v)
	if err != nil || n > s.cfg.Options.Expires {
		return s.cfg.Options.Expires
	}
	return max(n, 0)
}

// deviceIDLocked is the 20 digit id of a device; it never changes.
func (a *account) deviceIDLocked(user string) string {
	if a.ids[user] == "" {
		n, _ := rand.Int(rand.Reader, big.NewInt(1e18))
		a.ids[user] = fmt.Sprintf("%020d", n)
	}
	return a.ids[user]
}

func (s *Server) knowDeviceLocked(a *account, user, contact string) {
	d := a.devices[user]
	if d == nil {
		d = &Device{User: user}
		a.devices[user] = d
	}
	if obn := wire.Param(contact, "obn"); obn != "" {
		d.Label = obn
	}
}

// newRoutes makes the two Service-Routes of section 6.1.
func newRoutes() []string {
	first, second := newEncodedName(contactBytes), newEncodedName(viaBytes)
	return []string{
		fmt.Sprintf("<sip:%s:5060;uri-econt=%s;lr>", first.host, first.econt),
		fmt.Sprintf("<sip:%s:5060;transport=udp;lr;uri-econt=%s>", second.host, second.econt),
	}
}

// contactParams is what stands behind the Contact's URI, without expires.
func contactParams(contact string) string {
	_, rest := wire.InBrackets(contact)
	var kept []string
	for part := range strings.SplitSeq(rest, ";") {
		if p := strings.TrimSpace(part); p != "" && !strings.HasPrefix(strings.ToLower(p), "expires=") {
			kept = append(kept, p)
		}
	}
	return strings.Join(kept, ";")
}

// registered is the 200 to a REGISTER, in the header order of section 6.1.
func (s *Server) registered(c *conn, m *wire.Message, b *binding, expires int) []byte {
	contact := "<" + s.echoedContact(m, b) + ">"
	if b.params != "" {
		contact += ";" + b.params
	}
	w := wire.Response(200, "").Each("Via", answerVias(c, m)).Each("Service-Route", b.routes).
		Add("Require", "outbound").Add("Contact", fmt.Sprintf("%s;expires=%d", contact, expires)).
		Add("To", plainEquals(m.Get("To"))+";tag="+serverTag()).Add("From", plainEquals(m.Get("From"))).
		Add("Call-ID", m.CallID()).Add("CSeq", m.Get("CSeq")).Add("Allow", serverAllow).
		Add("P-Associated-URI", "<"+b.identity()+">").
		Add("P-Associated-URI", "<sip:"+b.user+"@"+b.domain+">")
	if t := s.cfg.Options.FlowTimer; t > 0 {
		w.Add("Flow-Timer", strconv.Itoa(t))
	}
	return w.End()
}

// echoedContact is option telephony.contact_rewrite.
func (s *Server) echoedContact(m *wire.Message, b *binding) string {
	if !s.cfg.Options.RewriteContact {
		return b.contact
	}
	u, err := wire.ParseURI(b.contact)
	if err != nil {
		return b.contact
	}
	host, port := sentBy(m.List("Via")[0])
	u.Host, u.Port = host, port
	return u.String()
}
