package gvoice

import (
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"strings"
	"time"

	"tandem/sim/wire"
)

// leg is the edge's dialog with one device. Except for what is marked, it is
// owned by the call's goroutine.
type leg struct {
	call    *Call
	user    string   // fixed
	callID  string   // fixed
	account *account // fixed
	session *session // fixed
	conn    *conn    // last seen

	uac             bool // we sent the INVITE
	localTag        string
	remoteTag       string
	firstBranch     string         // fixed; of the client's INVITE
	clientRefreshes bool           // of a call we placed: the client took the session timer
	hasAnswer       bool           // the client's SDP answer came
	lastRSeq        string         // of the client's reliable answers
	local           string         // our From in requests, without tag
	remote          string         // our To in requests, without tag
	target          string         // URI of the client's Contact
	contact         string         // URI of ours
	hidden          encodedName    // host of our Contact
	proxies         [2]encodedName // in the Via of our requests
	routes          []string       // Record-Route in our requests, and the Route set of the client's (GV-S21, GV-S22)
	seq             uint32         // our last CSeq
	sdp             string         // our last description

	invite   *wire.Message // the client's INVITE, or its latest re-INVITE
	reliable *reliable     // unacknowledged provisional answer
	rseq     uint32
	acked    bool
	resend   *timer // of the 200 to INVITE
	expiry   *timer
	pending  map[string]*pending // our requests by branch

	// Guarded by call.mu.
	status    int
	ringing   bool
	info      []string
	reinvites int
}

// pending is one of our requests.
type pending struct {
	method string
	seq    uint32
	vias   []string
	raw    []byte
	answer func(m *wire.Message) // final and provisional answers
	final  bool
}

// edgeAddress is the plain hop of the telephony edge in the published trace.
const edgeAddress = "64.9.243.172:5061"

func (c *Call) newLeg(user, callID string, cn *conn) *leg {
	l := &leg{call: c, user: user, callID: callID, account: c.account, conn: cn, localTag: serverTag(), pending: map[string]*pending{}}
	l.hidden = newEncodedName(contactBytes)
	l.proxies = [2]encodedName{newEncodedName(viaBytes), newEncodedName(viaBytes)}
	route := newEncodedName(contactBytes)
	l.routes = []string{
		"<sip:" + edgeAddress + ";lr;transport=tls>",
		fmt.Sprintf("<sip:%s:5060;lr;transport=udp;uri-econt=%s>", route.host, route.econt),
	}
	l.session = c.srv.media.newSession(user, func(rule, reason string) { l.refuse(rule, "noted", "media", reason) })
	return l
}

func (l *leg) setContact(number string) {
	l.contact = fmt.Sprintf("sip:%s@%s:5060;transport=udp;uri-econt=%s", number, l.hidden.host, l.hidden.econt)
}

func (l *leg) refuse(rule, action, what, reason string) {
	l.call.srv.refuse(Refusal{Rule: rule, Action: action, What: what, Reason: reason, CallID: l.callID, User: l.user})
}

// flow is the connection to use now: that of the dialog, or that of a newer
// registration if it is gone.
func (l *leg) flow() *conn {
	s := l.call.srv
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.conns[l.conn.id] == nil {
		if b := s.bindings[l.user]; b != nil {
			l.conn = b.conn
		}
	}
	return l.conn
}

// vias are the three of section 8.1 and 10, new branches each time.
func (l *leg) vias() (branch string, vias []string) {
	branch = googleBranch()
	vias = []string{"SIP/2.0/TLS " + edgeAddress + ";branch=" + branch + ";rport"}
	for _, p := range l.proxies {
		vias = append(vias, fmt.Sprintf("SIP/2.0/UDP %s:5060;branch=%s;econt=%s", p.host, googleBranch(), p.econt))
	}
	return branch, vias
}

func googleBranch() string {
	var b [8]byte
	_, _ = rand.Read(b[:])
	return "z9hG4bK-524287-1---" + hex.EncodeToString(b[:])
}

// newRequest sends a request and remembers it by its branch. fill adds headers
// after CSeq and ends the message.
func (l *leg) newRequest(method string, seq uint32, answer func(*wire.Message), fill func(*wire.Builder) []byte) *pending {
	branch, vias := l.vias()
	w := wire.Request(method, l.target).Each("Via", vias).Add("Max-Forwards", "68")
	if method == "INVITE" || method == "BYE" {
		w.Each("Record-Route", l.routes)
	}
	w.Add("Contact", "<"+l.contact+">").Add("To", tagged(l.remote, l.remoteTag)).Add("From", tagged(l.local, l.localTag)).
		Add("Call-ID", l.callID).Add("CSeq", fmt.Sprintf("%d %s", seq, method))
	p := &pending{method: method, seq: seq, vias: vias, answer: answer, raw: fill(w)}
	l.pending[branch] = p
	l.flow().send(p.raw)
	return p
}

func tagged(address, tag string) string {
	if tag == "" {
		return address
	}
	return address + ";tag=" + tag
}

// response takes an answer to one of our requests. One that is not routed over
// all hops would never reach Google's core, so it counts as lost (GV-S25).
func (l *leg) response(m *wire.Message) {
	p := l.pending[m.Branch()]
	_, method := m.CSeq()
	if p == nil || p.method != method && method != "CANCEL" {
		l.refuse("GV-S25", "dropped", m.Summary(), "the branch of the first Via belongs to none of our requests")
		return
	}
	if method == "CANCEL" {
		l.refuseUnless(m.Status == 200 || m.Status == 481, "GV-S28", m.Summary(), "the answer to CANCEL should be 200")
		if cancel := l.pending["cancel "+m.Branch()]; cancel != nil {
			cancel.final = true
		}
		return
	}
	if why := viasDiffer(m.List("Via"), p.vias); why != "" {
		l.refuse("GV-S25", "dropped", m.Summary(), why)
		return
	}
	again := p.final
	p.final = m.Status >= 200
	if again && method != "INVITE" {
		return
	}
	p.answer(m)
}

func (l *leg) refuseUnless(ok bool, rule, what, reason string) {
	if !ok {
		l.refuse(rule, "noted", what, reason)
	}
}

func viasDiffer(got, want []string) string {
	if len(got) != len(want) {
		return fmt.Sprintf("%d Via headers came back instead of %d", len(got), len(want))
	}
	for i := range got {
		gh, gp := sentBy(got[i])
		wh, wp := sentBy(want[i])
		if !strings.EqualFold(gh, wh) || gp != wp {
			return fmt.Sprintf("Via %d is %s, not %s", i+1, gh, wh)
		}
		for _, name := range []string{"branch", "econt"} {
			if wire.Param(got[i], name) != wire.Param(want[i], name) {
				return fmt.Sprintf("%s of Via %d was changed", name, i+1)
			}
		}
	}
	return ""
}

// bye ends the dialog from our side and repeats itself until a right 200 comes
// (GV-S25).
func (l *leg) bye() {
	l.seq = max(l.seq+1, 2)
	done := false
	p := l.newRequest("BYE", l.seq, func(m *wire.Message) { done = m.Status >= 200 }, func(w *wire.Builder) []byte { return w.End() })
	gap := l.call.srv.cfg.Timing.T1
	for range 4 {
		l.settle(gap, func() bool { return done })
		if done || l.call.srv.ctx.Err() != nil {
			return
		}
		l.flow().send(p.raw)
		gap *= 2
	}
	l.settle(gap, func() bool { return done })
	l.refuseUnless(done, "GV-S25", "BYE", "no 200 with all Via headers came")
}

// settle handles events for a while although the call may be over already; no
// timer of the call runs meanwhile.
func (l *leg) settle(d time.Duration, until func() bool) {
	alarm := time.NewTimer(d)
	defer alarm.Stop()
	for !until() {
		select {
		case e := <-l.call.inbox:
			l.call.handle(e)
		case <-alarm.C:
			return
		case <-l.call.srv.ctx.Done():
			return
		}
	}
}

func (l *leg) reported() LegReport {
	c := l.call
	c.mu.Lock()
	r := LegReport{User: l.user, CallID: l.callID, Status: l.status, Ringing: l.ringing, Info: l.info, Reinvites: l.reinvites}
	c.mu.Unlock()
	r.Media = l.session.measured()
	return r
}
