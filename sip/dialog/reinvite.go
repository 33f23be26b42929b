package dialog

import (
	"math/rand/v2"
	"strconv"
	"strings"
	"time"

	"tandem/sip"
	"tandem/sip/transaction"
)

// A wish is an offer or refresh of ours, on its way to be sent by re-INVITE or UPDATE.
type wish struct {
	sdp     []byte // nil: our present description
	update  bool   // by UPDATE, if the far end knows it
	bare    bool   // an UPDATE without SDP
	refresh bool   // of the session timer: nobody waits for an event
	headers []sip.Header
	tries   int
}

// reinviteLimit is how long the far end may think about a re-INVITE.
const reinviteLimit = 90 * time.Second

// A reinvite is our re-INVITE transaction.
type reinvite struct {
	wish
	d      *dialog
	client *transaction.Client
	sent   *sip.Message // our Via on top
	seq    uint32
	ack    *sip.Message // once there was a 2xx
	final  bool
	limit  *alarm
}

// Reinvite offers sdp in a re-INVITE; nil offers our present description again. It
// waits for its turn while another offer is under way, and a newer one takes its
// place there. OfferAnswered or OfferRefused follows.
func (s *Session) Reinvite(sdp []byte, headers ...sip.Header) {
	s.do(func() { s.want(&wish{sdp: sdp, headers: headers}) })
}

func (s *Session) want(w *wish) {
	if s.phase < ending {
		s.wish = w
	}
}

// pumpOffer sends what waits for its turn, if the dialog is quiet.
func (s *Session) pumpOffer() {
	w := s.wish
	if w == nil && s.refreshDue && s.phase == confirmed {
		w = &wish{refresh: true, update: s.timer.Method != "INVITE", bare: true}
	}
	if w == nil || !s.quiet() {
		return
	}
	byUpdate := w.update && s.d.update
	if s.phase != confirmed && (!byUpdate || !s.d.oa.established()) {
		return // before the answer only UPDATE can offer (RFC 3311 §5.1)
	}
	s.wish, s.refreshDue = nil, false
	if byUpdate {
		s.sendUpdate(w)
		return
	}
	s.sendReinvite(w)
}

// quiet reports whether nothing is under way that an offer of ours would collide with.
func (s *Session) quiet() bool {
	return s.phase < ending && s.d != nil && !dead(s.flow) && !s.hold.running() &&
		s.d.oa.turn == settled && s.reinvite == nil && !s.updating && s.okay == nil && s.peerInvite == nil &&
		s.callee.waiting == nil && len(s.offers) == 0
}

func (s *Session) sendReinvite(w *wish) {
	d := s.d
	sdp := w.sdp
	if sdp == nil {
		sdp = d.oa.local
	}
	d.oa, _ = d.oa.begin(ours, sdp)
	m := s.inDialog(d, "INVITE")
	s.askTimer(m)
	addAll(m, w.headers)
	setSDP(m, sdp)
	r := &reinvite{wish: *w, d: d}
	s.reinvite = r
	s.transmitReinvite(r, m)
}

func (s *Session) transmitReinvite(r *reinvite, m *sip.Message) {
	if s.decorate != nil {
		s.decorate(m)
	}
	r.seq, r.sent = r.d.localSeq, m
	r.client = s.core.Transactions.Request(s.flow, m, s.listen(r).heard)
	r.limit.stop()
	r.limit = s.after(reinviteLimit, func() { r.client.Cancel() })
}

// reinviteAnswered takes what came of our re-INVITE. It acknowledges 2xx after the end, too.
func (s *Session) reinviteAnswered(r *reinvite, e transaction.Event) {
	m := e.Response
	if m != nil && m.Status < 200 {
		return
	}
	if m != nil && m.Status < 300 && r.ack != nil {
		s.sendAck(r.ack)
		return
	}
	if r.final {
		return
	}
	r.limit.stop()
	if m != nil && m.Status < 300 {
		r.final = true
		s.reinviteAccepted(r, m)
		return
	}
	if m != nil && s.phase < ending {
		if next := s.authorized(r.sent, m, r.tries); next != nil {
			r.tries++
			r.d.localSeq++
			renew(next, r.sent, r.d.localSeq)
			s.transmitReinvite(r, next)
			return
		}
	}
	r.final = true
	s.reinvite = nil
	r.d.oa = r.d.oa.drop()
	s.wishFailed(&r.wish, m, e.Err)
}

func (s *Session) reinviteAccepted(r *reinvite, m *sip.Message) {
	r.d.state = r.d.refresh(m)
	r.d.learn(m)
	r.ack = s.newAck(r.d, r.seq, nil)
	s.sendAck(r.ack)
	if s.reinvite == r {
		s.reinvite = nil
	}
	if s.phase >= ending {
		return
	}
	sdp := sdpOf(m)
	if sdp == nil {
		r.d.oa = r.d.oa.drop()
		s.broken(errNoAnswer)
		return
	}
	changed := !r.d.oa.same(sdp)
	r.d.oa = r.d.oa.answer(sdp)
	s.agree(m)
	if !r.refresh || changed {
		s.emit(OfferAnswered{SDP: sdp, Message: m})
	}
}

// wishFailed takes a refusal of our re-INVITE or UPDATE: it is tried again after glare,
// told, or the end of the dialog.
func (s *Session) wishFailed(w *wish, m *sip.Message, err error) {
	if s.phase >= ending || s.lostDialog("INVITE", m, err) {
		return
	}
	if m == nil && dead(s.flow) && s.survive > 0 { // it goes on on another flow
		s.retry(w)
		return
	}
	status, reason := 0, ""
	if m != nil {
		status, reason = m.Status, m.Reason
	} else if err != nil {
		reason = err.Error()
	}
	if wait, again := s.retryIn(w, m); again {
		w.tries++
		s.hold = s.after(wait, func() {}) // the mailbox pumps the offers after it
		s.retry(w)
		return
	}
	if w.refresh {
		s.refreshFailed()
		return
	}
	s.emit(OfferRefused{Status: status, Reason: reason, Message: m})
}

// retry lets an offer wait for its turn again, unless a newer one does.
func (s *Session) retry(w *wish) {
	if w.refresh {
		s.refreshDue = true
		return
	}
	if s.wish == nil {
		s.wish = w
	}
}

// retryIn says whether and when a refused offer is worth another try.
func (s *Session) retryIn(w *wish, m *sip.Message) (time.Duration, bool) {
	if m == nil || w.tries >= 2*maxTries {
		return 0, false
	}
	switch m.Status {
	case 491:
		return glareWait(s.outgoing), true
	case 500, 503:
		n, err := strconv.Atoi(firstToken(m.Get("Retry-After")))
		return time.Duration(n)*time.Second + 10*time.Millisecond, err == nil && n >= 0 && n <= 10
	case 422:
		floor := parseMinSE(m)
		if floor <= max(s.asked.interval, s.floor) {
			return 0, false
		}
		s.floor = floor
		return 0, true
	case 405, 501:
		if !w.update || s.phase != confirmed {
			return 0, false
		}
		s.d.update = false
		return 0, true
	}
	return 0, false
}

// glareWait is how long who lost waits (RFC 3261 §14.1): the owner of the Call-ID
// longer, so that the other one's offer comes first.
func glareWait(owner bool) time.Duration {
	if owner {
		return 2100*time.Millisecond + time.Duration(rand.IntN(191))*10*time.Millisecond
	}
	return time.Duration(rand.IntN(201)) * 10 * time.Millisecond
}

// firstToken returns what stands before parameters and comments.
func firstToken(v string) string {
	if i := strings.IndexAny(v, ";( "); i >= 0 {
		v = v[:i]
	}
	return v
}

// reinvited takes a re-INVITE.
func (s *Session) reinvited(d *dialog, tx *transaction.Server) {
	req := tx.Request()
	switch {
	case s.server != nil || s.peerInvite != nil || d.oa.turn == theirs:
		s.refuse(tx, 500, retryAfter(1+rand.IntN(10)))
		return
	case s.reinvite != nil || s.updating || d.oa.turn == ours || s.okay != nil || s.phase != confirmed:
		s.refuse(tx, 491)
		return
	}
	if _, _, tooSmall := s.timer.answer(req); tooSmall {
		s.refuse(tx, 422, sip.Header{Name: "Min-SE", Value: seconds(s.timer.min())})
		return
	}
	sdp := sdpOf(req)
	if sdp == nil && len(req.Body) > 0 {
		s.refuse(tx, 415, sip.Header{Name: "Accept", Value: "application/sdp"})
		return
	}
	same := d.oa.same(sdp)
	if sdp != nil {
		d.oa, _ = d.oa.begin(theirs, sdp)
	}
	s.peerInvite = tx
	o := &incomingOffer{d: d, ev: Offer{SDP: sdp, Tag: d.remoteTag, Method: "INVITE", Same: same, Message: req}}
	o.take = func(answer []byte, headers []sip.Header) { s.acceptReinvite(d, tx, sdp, answer, headers) }
	o.refuse = func(status int, headers []sip.Header) {
		d.oa, s.peerInvite = d.oa.drop(), nil
		s.refuse(tx, status, headers...)
	}
	tx.OnCancel(func(*sip.Message) {
		s.do(func() {
			if s.peerInvite == tx {
				s.withdrawOffer(o)
				o.refuse(487, nil)
			}
		})
	})
	s.addOffer(o)
}

func (s *Session) acceptReinvite(d *dialog, tx *transaction.Server, offer, answer []byte, headers []sip.Header) {
	s.peerInvite = nil
	o := &okay{server: tx, d: d, offered: offer == nil}
	if o.offered {
		d.oa, _ = d.oa.begin(ours, answer)
	} else {
		d.oa = d.oa.answer(answer)
	}
	o.resp = s.refreshed(d, tx, headers)
	setSDP(o.resp, answer)
	s.sendOkay(o)
}
