package dialog

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"time"

	"tandem/sip"
	"tandem/sip/flow"
	"tandem/sip/transaction"
)

// An Invite is an outgoing call, to be made by [Core.Invite].
type Invite struct {
	// Flow carries the INVITE and everything in its dialogs.
	Flow *flow.Flow

	// Request is an INVITE with a URI, From and To, and what else the caller wants:
	// Route, P-Preferred-Identity, Contact, Privacy, Replaces … What is missing is
	// added: the From tag, Call-ID, CSeq, Max-Forwards, Contact, Allow, Supported,
	// User-Agent, Session-Expires. It belongs to the session from now on.
	Request *sip.Message

	// SDP is the offer; nil asks the far end for one.
	SDP []byte

	Timer SessionTimer

	// On is given the events, in order and never concurrently. It must not block.
	On func(Event)

	// Authorize answers a challenge (401, 407) to any request of this session: it
	// returns req with credentials added, or an error, and then the challenge is an
	// ordinary refusal. It alone decides which realms are answered; nil answers
	// none. It must not block.
	Authorize func(req, challenge *sip.Message) (*sip.Message, error)

	// Decorate may add headers to each request and response of the session before it
	// is sent, ACK and retries included, CANCEL excepted. Nil does nothing.
	Decorate func(*sip.Message)

	// CancelHeaders are added to a CANCEL. The INVITE's Route headers are on it
	// in any case (GV-C7).
	CancelHeaders []sip.Header

	// Silence is how long the far end may say nothing at all, not even 100; then the call
	// is given up with NoAnswer. 0 waits as long as the transaction does, 32 s.
	Silence time.Duration

	// SurviveFlow is how long the answered session lives on without its flow; 0: not at all.
	SurviveFlow time.Duration
}

// maxTries bounds the repetitions of a request that is challenged, or found too
// early, too small or too late.
const maxTries = 3

// A call is our INVITE transaction.
type call struct {
	client *transaction.Client
	req    *sip.Message // as it was sent, our Via on top
	seq    uint32
	offer  []byte
	tries  int
	final  bool      // a final response or an error came
	acks   []sentAck // for 2xx already acknowledged
	ear    *ear
}

// A sentAck is the ACK for the 2xx of one fork. It is nil while it waits for our answer.
type sentAck struct {
	tag string // the far end's
	ack *sip.Message
}

// ack returns what was sent for the 2xx of the fork.
func (k *call) ack(tag string) (ack *sip.Message, known bool) {
	for _, a := range k.acks {
		if a.tag == tag {
			return a.ack, true
		}
	}
	return nil, false
}

func (k *call) setAck(tag string, ack *sip.Message) {
	for i := range k.acks {
		if k.acks[i].tag == tag {
			k.acks[i].ack = ack
			return
		}
	}
	k.acks = append(k.acks, sentAck{tag, ack})
}

// Invite makes a call. The INVITE is on its way when it returns; all else comes
// as events, which may begin before it returns.
func (c *Core) Invite(inv Invite) (*Session, error) {
	if inv.Flow == nil || dead(inv.Flow) {
		return nil, ErrNoFlow
	}
	s := &Session{
		core: c, outgoing: true, invite: inv.Request, flow: inv.Flow, phase: calling, on: inv.On, timer: inv.Timer,
		survive: inv.SurviveFlow, authorize: inv.Authorize, decorate: inv.Decorate, cancelWith: inv.CancelHeaders,
	}
	if err := s.prepare(inv.SDP); err != nil {
		return nil, err
	}
	s.publish()
	if err := c.add(s); err != nil {
		return nil, fmt.Errorf("call %s: %w", s.key.callID, err)
	}
	c.stats.out.Add(1)
	s.do(func() {
		s.unheard = s.after(ringLimit, func() {
			if s.phase == calling {
				s.giveUp(NoAnswer, nil)
			}
		})
		s.watchFlow()
		if inv.Silence > 0 {
			s.silence = s.after(inv.Silence, func() { s.unanswered(inv.Silence) })
		}
		s.sendInvite(s.invite, inv.SDP, 0)
	})
	return s, nil
}

// prepare completes the INVITE.
func (s *Session) prepare(sdp []byte) error {
	m := s.invite
	if m == nil || m.Method != "INVITE" || m.URI.IsZero() {
		return fmt.Errorf("%w: it needs a method INVITE and a Request-URI", ErrBadRequest)
	}
	from, err := m.From()
	_, errTo := m.To()
	if err = errors.Join(err, errTo); err != nil {
		return fmt.Errorf("%w: %w", ErrBadRequest, err)
	}
	if !m.Has("Max-Forwards") {
		m.Add("Max-Forwards", "70")
	}
	if from.Tag() == "" {
		m.Set("From", m.Get("From")+";tag="+sip.NewTag())
	}
	if !m.Has("Call-ID") {
		m.Add("Call-ID", sip.NewCallID())
	}
	if _, err := m.CSeq(); err != nil {
		m.Set("CSeq", strconv.Itoa(1+rand.IntN(9999))+" INVITE")
	}
	s.ownURI = m.Has("Contact")
	if !s.ownURI {
		if contact := s.core.contactFor(s.flow); contact != "" {
			m.Add("Contact", contact)
		}
	}
	s.contact = m.Get("Contact")
	s.core.ability(m)
	if s.core.UserAgent != "" && !m.Has("User-Agent") {
		m.Add("User-Agent", s.core.UserAgent)
	}
	s.askTimer(m)
	setSDP(m, sdp)
	s.key = sessionKey{m.CallID(), tagOf(m, "From")}
	s.log = s.core.logger().With("call_id", s.key.callID)
	return nil
}

func (s *Session) sendInvite(m *sip.Message, offer []byte, tries int) {
	if s.phase == over { // the flow died just now
		return
	}
	if s.decorate != nil {
		s.decorate(m)
	}
	seq, _ := m.CSeq()
	k := &call{req: m, seq: seq.Seq, offer: offer, tries: tries, ear: &ear{}}
	k.ear.of.Store(&hearing{s, k})
	s.call, s.dialogs, s.lost, s.d = k, nil, nil, nil
	k.client = s.core.Transactions.Request(s.flow, m, k.ear.heard)
}

// called takes what came of our INVITE. It still acknowledges 2xx after the end.
func (s *Session) called(k *call, e transaction.Event) {
	if e.Response == nil {
		s.callFailed(k, e.Err)
		return
	}
	m := e.Response
	s.silence.stop()
	switch {
	case m.Status/100 == 2:
		k.final = true
		s.accepted(k, m)
	case k.final: // nothing comes after a final response but 2xx of other forks
	case m.Status < 200:
		s.progressed(k, m)
	default:
		k.final = true
		s.refused(k, m)
	}
}

// unanswered gives up a call whose far end gave no sign of life.
func (s *Session) unanswered(silence time.Duration) {
	if s.phase != calling {
		return
	}
	s.causeErr = fmt.Errorf("the far end said nothing for %v", silence)
	s.hangUp(NoAnswer, nil)
}

func (s *Session) callFailed(k *call, err error) {
	if k.final || s.call != k {
		return
	}
	k.final = true
	switch {
	case s.phase == ending:
		s.finish(Ended{Cause: s.cause, Err: err})
	case dead(s.flow):
		s.finish(Ended{Cause: FlowGone, Err: err})
	default:
		s.finish(Ended{Cause: NoAnswer, Err: err})
	}
}

// accepted takes a 2xx to our INVITE: the first one wins, others are hung up,
// repeated ones are acknowledged again (RFC 3261 §13.2.2.4).
func (s *Session) accepted(k *call, m *sip.Message) {
	tag := tagOf(m, "To")
	if ack, known := k.ack(tag); known {
		s.sendAck(ack)
		return
	}
	if s.phase != calling {
		s.discard(k, m)
		return
	}
	d := s.fork(tag)
	if d == nil {
		d = &dialog{state: callerState(k.req, m)}
		if k.offer != nil {
			d.oa, _ = d.oa.begin(ours, k.offer)
		}
	}
	d.state = d.confirm(m)
	d.learn(m)
	for _, loser := range slices.Clone(s.dialogs) {
		if loser != d {
			s.forget(loser)
		}
	}
	s.dialogs, s.d, s.phase, s.won = []*dialog{d}, d, confirmed, true
	s.unheard.stop()
	s.answeredBy(k, d, m)
}

// answeredBy settles the descriptions of the call that was answered.
func (s *Session) answeredBy(k *call, d *dialog, m *sip.Message) {
	sdp := sdpOf(m)
	if d.oa.turn == ours {
		if sdp == nil {
			sdp = d.preview // a 2xx without body after an SDP in an unreliable 183
		}
		if sdp == nil {
			s.acknowledge(k, d, nil)
			s.broken(errors.New("the far end answered the call without a session description"))
			return
		}
		d.oa = d.oa.answer(sdp)
	}
	s.agree(m)
	answer := Answered{Tag: d.remoteTag, SDP: d.oa.remote, Message: m}
	if d.oa.established() || d.oa.turn == theirs {
		s.acknowledge(k, d, nil)
		s.emit(answer)
		return
	}
	if sdp == nil {
		s.acknowledge(k, d, nil)
		s.broken(errors.New("we asked for an offer and the far end answered without one"))
		return
	}
	s.emit(answer)
	s.lateOffer(k, d, m, sdp)
}

// refused takes a final response of 300 and above.
func (s *Session) refused(k *call, m *sip.Message) {
	if s.call != k || s.phase == over {
		return
	}
	if s.phase == ending {
		s.finish(Ended{Cause: s.cause, Status: m.Status, Reasons: Reasons(m), Message: m})
		return
	}
	if s.phase != calling {
		return
	}
	if next := s.again(k, m); next != nil {
		for _, d := range slices.Clone(s.dialogs) {
			s.forget(d)
		}
		s.sendInvite(next, k.offer, k.tries+1)
		return
	}
	s.emit(Refused{Status: m.Status, Reason: m.Reason, Message: m})
	s.finish(Ended{Cause: TheyRefused, Status: m.Status, Reasons: Reasons(m), Message: m})
}

// again returns the INVITE to try after a refusal that can be helped: a
// challenge, or a session timer that is too small (RFC 4028 §7.3).
func (s *Session) again(k *call, m *sip.Message) *sip.Message {
	next := s.authorized(k.req, m, k.tries)
	if next == nil && m.Status == 422 && k.tries < maxTries && s.asked.interval > 0 && parseMinSE(m) > s.asked.interval {
		s.floor = parseMinSE(m)
		next = k.req.Clone()
		next.Del("Session-Expires")
		next.Del("Min-SE")
		s.askTimer(next)
	}
	if next == nil {
		return nil
	}
	renew(next, k.req, k.seq+1)
	return next
}

// renew gives a request that is sent again another CSeq number and branch. The Via may
// be one that Decorate or the caller made: it is kept but for the branch.
func renew(next, sent *sip.Message, seq uint32) {
	next.Set("CSeq", strconv.FormatUint(uint64(seq), 10)+" "+sent.Method)
	via, err := sent.Via()
	if err != nil {
		next.Del("Via")
		return
	}
	via.Params = via.Params.Without("branch")
	next.Set("Via", via.String())
}

// authorized returns the request to try after a challenge, or nil. It still has its old
// Via and CSeq.
func (s *Session) authorized(sent, challenge *sip.Message, tries int) *sip.Message {
	if challenge.Status != 401 && challenge.Status != 407 || s.authorize == nil || tries >= maxTries {
		return nil
	}
	next, err := s.authorize(sent.Clone(), challenge)
	if err != nil {
		s.log.Debug("sip challenge not answered", "method", sent.Method, "err", err)
		return nil
	}
	return next
}
