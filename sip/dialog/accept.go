package dialog

import (
	"strconv"
	"strings"
	"time"

	"tandem/sip"
	"tandem/sip/transaction"
)

// callee is what an incoming call needs until its INVITE has a final answer.
type callee struct {
	supports bool       // the caller knows 100rel
	requires bool       // the caller insists on 100rel
	rseq     uint32     // of our last reliable provisional
	queue    []progress // not yet sent
	waiting  *reliable  // sent, waits for its PRACK
	crossed  *reliable  // its PRACK may still come, after our 2xx
	last     progress
	sdp      []byte // of the latest Progress
	accept   *progress
	header   string // Session-Expires of the 2xx
	contract contract
	ring     *alarm // repeats the last provisional
	limit    *alarm // gives the call up
}

// A progress is a response that waits to be sent.
type progress struct {
	status   int
	sdp      []byte
	reliable bool
	headers  []sip.Header
}

const (
	progressLimit = 32
	// A proxy gives up an INVITE that shows no life for three minutes, so a provisional is
	// repeated every minute (RFC 3261 §13.3.1.1).
	ringEvery = time.Minute
	// A call that nobody answers, refuses or cancels for so long is one whose ends
	// have both forgotten it.
	ringLimit = time.Hour
)

// incoming takes an INVITE that begins a session.
func (c *Core) incoming(tx *transaction.Server) {
	req := tx.Request()
	replaced, status, headers := c.screen(req)
	if status != 0 {
		c.refuse(tx, status, headers...)
		return
	}
	tag := sip.NewTag()
	s := &Session{
		core: c, invite: req, key: sessionKey{req.CallID(), tag}, replaced: replaced, phase: ringing,
		flow: tx.Flow(), server: tx, timer: c.Timer, contact: c.contactFor(tx.Flow()), secure: wantsSIPS(req),
		log: c.logger().With("call_id", req.CallID()),
	}
	s.callee.requires = req.Option("Require", "100rel")
	s.callee.supports = s.callee.requires || req.Option("Supported", "100rel")
	s.callee.contract, s.callee.header, _ = c.Timer.answer(req)
	s.d = &dialog{state: calleeState(req, tag)}
	s.d.learn(req)
	if sdp := sdpOf(req); sdp != nil {
		s.d.oa, _ = s.d.oa.begin(theirs, sdp)
	}
	s.dialogs = []*dialog{s.d}
	s.publish()
	if err := c.add(s); err != nil {
		c.stats.overload.Add(1)
		c.refuse(tx, 503, retryAfter(10))
		return
	}
	c.stats.in.Add(1)
	s.do(func() {
		s.watchFlow()
		s.limitRinging()
	})
	tx.OnCancel(func(m *sip.Message) { s.do(func() { s.cancelled(m) }) })
	c.OnInvite(s)
}

// limitRinging gives the call up when the caller said it would (RFC 3261 §13.3.1).
func (s *Session) limitRinging() {
	limit, ok := parseSeconds(s.invite.Get("Expires"))
	if !ok || limit > ringLimit {
		limit = ringLimit
	}
	s.callee.limit = s.after(limit, func() {
		if s.phase == ringing {
			s.answerInvite(487, "", nil)
			s.finish(Ended{Cause: RemoteCancel, Status: 487})
		}
	})
}

// screen checks an INVITE as RFC 3261 §8.2 asks. A status other than 0 refuses it.
func (c *Core) screen(req *sip.Message) (replaced *Session, status int, headers []sip.Header) {
	if c.OnInvite == nil {
		return nil, 480, nil
	}
	if unknown := c.unsupported(req); unknown != "" {
		return nil, 420, []sip.Header{{Name: "Unsupported", Value: unknown}}
	}
	if contacts, err := req.Contacts(); err != nil || len(contacts) > 1 || len(contacts) == 0 && !isOld(req) {
		return nil, 400, []sip.Header{{Name: "Warning", Value: `399 tandem "an INVITE has one Contact"`}}
	}
	if len(req.Body) > 0 && sdpOf(req) == nil || req.Has("Content-Encoding") && req.Get("Content-Encoding") != "identity" {
		return nil, 415, []sip.Header{{Name: "Accept", Value: "application/sdp"}, {Name: "Accept-Encoding", Value: "identity"}}
	}
	if !acceptsSDP(req) {
		return nil, 406, []sip.Header{{Name: "Warning", Value: `399 tandem "the caller takes no application/sdp"`}}
	}
	if _, _, tooSmall := c.Timer.answer(req); tooSmall {
		return nil, 422, []sip.Header{{Name: "Min-SE", Value: seconds(c.Timer.min())}}
	}
	replaced, status = c.replacedBy(req)
	return replaced, status, nil
}

// wantsSIPS reports whether our Contact has to be a SIPS URI (RFC 3261 §12.1.1).
func wantsSIPS(invite *sip.Message) bool {
	if invite.URI.Scheme == "sips" {
		return true
	}
	name := "Contact"
	if invite.Has("Record-Route") {
		name = "Record-Route"
	}
	all, err := invite.Addresses(name)
	return err == nil && len(all) > 0 && all[0].URI.Scheme == "sips"
}

// isOld reports whether a request is of RFC 2543, whose Contact was optional
// (RFC 4475 §3.4.1): its branch has no magic cookie.
func isOld(req *sip.Message) bool {
	via, err := req.Via()
	return err == nil && !strings.HasPrefix(via.Branch(), "z9hG4bK")
}

// acceptsSDP reads Accept: without one, SDP it is (RFC 3261 §20.1).
func acceptsSDP(req *sip.Message) bool {
	if !req.Has("Accept") {
		return true
	}
	for _, v := range req.Values("Accept") {
		kind, _, _ := strings.Cut(v, ";")
		switch strings.ToLower(strings.TrimSpace(kind)) {
		case "application/sdp", "application/*", "*/*", "multipart/mixed":
			return true
		}
	}
	return false
}

// Trying sends 100 to an incoming call at once. Without it the layer sends one
// 200 ms after the INVITE if nothing else was sent (RFC 3261 §17.2.1), which is
// late for a far end that has been seen to get it first.
func (s *Session) Trying() {
	s.do(func() {
		if s.phase == ringing && s.server != nil {
			s.respond(s.server, sip.NewResponse(s.invite, 100, ""))
		}
	})
}

// Progress sends a provisional response, 101 to 199, to an incoming call.
//
// An sdp is the answer to the INVITE's offer (early media); or, if the INVITE had none, an
// offer: that goes out only reliably, and the answer comes as OfferAnswered.
// Reliable asks for RFC 3262; it is used if the caller supports it, and always
// if the caller requires it. What follows a provisional that waits for its
// PRACK waits, too.
func (s *Session) Progress(status int, sdp []byte, reliable bool, headers ...sip.Header) {
	s.do(func() {
		c := &s.callee
		if s.phase != ringing || c.accept != nil || status <= 100 || status >= 200 || len(c.queue) >= progressLimit {
			return
		}
		if sdp != nil {
			c.sdp = sdp
		}
		c.queue = append(c.queue, progress{status, sdp, reliable, headers})
	})
}

// pumpProgress sends the provisionals whose turn has come, and the 2xx behind them.
func (s *Session) pumpProgress() {
	c := &s.callee
	for s.phase == ringing && c.waiting == nil && len(c.queue) > 0 {
		p := c.queue[0]
		c.queue = c.queue[1:]
		s.provision(p)
	}
	if s.phase != ringing || c.accept == nil || c.waiting != nil && c.waiting.sdp {
		return
	}
	c.crossed = c.waiting
	s.stopWaiting()
	s.sendAccept(*c.accept)
}

// provision sends a provisional response.
func (s *Session) provision(p progress) {
	c := &s.callee
	m := s.establishing(s.server.Request(), p.status, "", p.headers...)
	reliably := c.requires || c.supports && p.reliable
	oa, withSDP := s.d.oa, false
	switch {
	case p.sdp == nil:
	case oa.turn == theirs: // the answer; unless reliable a preview of it
		withSDP = true
		if reliably {
			oa = oa.answer(p.sdp)
		}
	case oa.turn == settled && !oa.established() && reliably:
		oa, _ = oa.begin(ours, p.sdp)
		withSDP = true
	}
	if withSDP {
		setSDP(m, p.sdp)
	}
	s.d.oa, c.last = oa, p
	c.ring.stop()
	c.ring = s.after(ringEvery, func() {
		if c.waiting == nil && len(c.queue) == 0 {
			s.provision(c.last)
		}
	})
	if reliably {
		s.provisionReliably(m, withSDP)
		return
	}
	s.respond(s.server, m)
}

// Accept answers an incoming call by 200. Sdp is the answer, or the offer if the
// INVITE had none. Nil repeats the SDP of the last Progress, or leaves it out if
// that one was reliable and so is in force already. Acked follows, or Ended.
func (s *Session) Accept(sdp []byte, headers ...sip.Header) {
	s.do(func() {
		if s.phase == ringing && s.callee.accept == nil {
			s.callee.accept, s.callee.queue = &progress{sdp: sdp, headers: headers}, nil
		}
	})
}

func (s *Session) sendAccept(p progress) {
	if p.sdp == nil {
		p.sdp = s.callee.sdp
	}
	m := s.establishing(s.server.Request(), 200, "", p.headers...)
	o := &okay{server: s.server, resp: m, d: s.d, initial: true}
	switch oa := s.d.oa; {
	case oa.established(): // answered in a reliable provisional (GV-C14 from the other side)
	case p.sdp == nil:
		s.log.Error("sip call accepted without a session description")
		s.reject(500, "", nil)
		return
	case oa.turn == theirs:
		s.d.oa = oa.answer(p.sdp)
		setSDP(m, p.sdp)
	default:
		s.d.oa, _ = oa.begin(ours, p.sdp)
		o.offered = true
		setSDP(m, p.sdp)
	}
	if s.callee.header != "" {
		m.Add("Session-Expires", s.callee.header)
		if s.server.Request().Option("Supported", "timer") {
			m.Add("Require", "timer")
		}
	}
	s.phase, s.server = answered, nil
	s.callee.ring.stop()
	s.callee.limit.stop()
	s.sendOkay(o)
	s.setContract(s.callee.contract)
}

// Reject answers an incoming call by a status of 300 or above. An empty reason is
// the standard phrase. Ended follows at once.
func (s *Session) Reject(status int, reason string, headers ...sip.Header) {
	s.do(func() {
		if status >= 300 && status < 700 {
			s.reject(status, reason, headers)
		}
	})
}

func (s *Session) reject(status int, reason string, headers []sip.Header) {
	if s.phase != ringing {
		return
	}
	s.answerInvite(status, reason, headers)
	s.finish(Ended{Cause: WeRefused, Status: status})
}

// answerInvite gives an incoming INVITE its final answer, not a 2xx.
func (s *Session) answerInvite(status int, reason string, headers []sip.Header) {
	if s.server == nil {
		return
	}
	tx := s.server
	s.server = nil
	s.stopWaiting()
	s.respond(tx, s.response(tx.Request(), status, reason, headers...))
}

func retryAfter(seconds int) sip.Header {
	return sip.Header{Name: "Retry-After", Value: strconv.Itoa(seconds)}
}
