package dialog

import (
	"log/slog"
	"sync/atomic"
	"time"

	"tandem/sip"
	"tandem/sip/flow"
	"tandem/sip/transaction"
)

// phase is how far a session has come.
//
//	ours:    calling ────────────> confirmed ──> ending ──> over
//	theirs:  ringing ──> answered ─────┘
type phase uint8

const (
	calling  phase = iota // our INVITE has no final answer
	ringing               // their INVITE has no final answer
	answered              // we sent a 2xx and wait for the ACK
	confirmed
	ending // a CANCEL or BYE of ours is under way
	over   // Ended was told
)

func (p phase) String() string {
	return [...]string{"calling", "ringing", "answered", "confirmed", "ending", "over"}[p]
}

// A Session is one INVITE and what came of it: the early dialogs of its forks
// until one wins, then that dialog until BYE.
//
// All methods may be called from any goroutine, and from inside the event callback.
// None of them blocks, and what becomes of them is told by events. What makes
// no sense in the session's state (Accept on an outgoing call, anything after
// Ended) does nothing.
//
// Each session is one ordered mailbox: messages, timers and method calls are
// taken one after the other, and the callback is never called concurrently.
type Session struct {
	core     *Core
	log      *slog.Logger
	outgoing bool
	invite   *sip.Message
	key      sessionKey
	replaced *Session
	mail     mailbox
	view     atomic.Pointer[view]

	// What follows belongs to whoever runs the mailbox.

	on        func(Event)
	events    []Event // not yet told
	phase     phase
	flow      *flow.Flow
	watch     *watch
	survive   time.Duration
	flowless  *alarm // set while the flow is dead: ends the session
	authorize func(req, challenge *sip.Message) (*sip.Message, error)
	decorate  func(*sip.Message)
	contact   string // value of our Contact header
	secure    bool   // our Contact in answers must be a SIPS URI
	ownURI    bool   // contact was the caller's choice and stays when the flow changes

	dialogs []*dialog         // early ones; one when confirmed
	lost    []*dialog         // forks that ended before the call was answered, or did not win
	won     bool              // a fork of our call has answered
	counted map[string]uint32 // after the end: our last CSeq in forks that had requests, by the far end's tag
	d       *dialog           // the confirmed one, or the latest early one

	call    *call               // our INVITE
	unheard *alarm              // gives it up
	silence *alarm              // gives it up unless something comes
	server  *transaction.Server // their INVITE, until its final answer
	callee  callee              // of an incoming call, before the answer
	okay    *okay               // a 2xx of ours that waits for its ACK

	offers     []*incomingOffer // the first one is told, the others wait
	wish       *wish            // an offer of ours that waits for its turn
	hold       *alarm           // after glare: no offer before this
	reinvite   *reinvite        // our re-INVITE under way
	echoes     []*echo          // of our latest re-INVITEs
	updating   bool             // our UPDATE under way
	peerInvite *transaction.Server
	outbox     outbox
	pending    map[*pendingRequest]struct{}
	referrals  int  // REFERs of ours whose subscription lives
	transfers  int  // REFERs of the far end
	subscribed bool // we sent a SUBSCRIBE in the dialog
	timer      SessionTimer
	asked      expires
	floor      time.Duration // Min-SE learnt from 422
	contract   contract
	refreshAt  *alarm
	expireAt   *alarm
	refreshDue bool

	cause      Cause // why we are ending
	causeErr   error
	byeHeaders []sip.Header
	byeSent    bool
	deadline   *alarm // of ending
	cancelWith []sip.Header
}

// A dialog is the pure state with what else is known of it.
type dialog struct {
	state
	oa      offerAnswer
	preview []byte // SDP of an unreliable provisional
	rseq    uint32 // the last reliable provisional taken in; 0 is none
	update  bool   // the far end allows UPDATE
}

// learn takes note of what the far end allows.
func (d *dialog) learn(m *sip.Message) {
	if m.Has("Allow") {
		d.update = m.Option("Allow", "UPDATE")
	}
}

// ID names a dialog as this end sees it (RFC 3261 §12).
type ID struct{ CallID, LocalTag, RemoteTag string }

// view is what other goroutines see of a session. It is never changed, only replaced.
type view struct {
	id            ID
	tags          []string // of the far end, all forks
	local, remote string
	flow          *flow.Flow
	phase         phase
}

// On sets the callback for the events of an incoming session, and delivers those
// that have waited. The callback must not block. A second call does nothing.
func (s *Session) On(on func(Event)) {
	s.do(func() {
		if s.on == nil {
			s.on = on
		}
	})
}

// Request returns the INVITE, as it was first sent if it is ours. Do not change it.
func (s *Session) Request() *sip.Message { return s.invite }

// Outgoing reports whether we are the caller.
func (s *Session) Outgoing() bool { return s.outgoing }

// Replaces returns the session that an incoming INVITE asks to take over
// (RFC 3891), or nil. Who accepts the new one hangs up the old one.
func (s *Session) Replaces() *Session { return s.replaced }

// ID returns the dialog. RemoteTag is empty until the far end has one, and that
// of the latest fork until one has won.
func (s *Session) ID() ID { return s.view.Load().id }

// Local is our end's address, with its tag.
func (s *Session) Local() sip.Address { return address(s.view.Load().local) }

// Remote is the far end's address, with its tag once there is one.
func (s *Session) Remote() sip.Address { return address(s.view.Load().remote) }

func address(value string) sip.Address {
	a, _ := sip.ParseAddress(value)
	return a
}

// Flow is the connection that carries the session.
func (s *Session) Flow() *flow.Flow { return s.view.Load().flow }

// SetAuthorize is Invite.Authorize for an incoming session.
func (s *Session) SetAuthorize(fn func(req, challenge *sip.Message) (*sip.Message, error)) {
	s.do(func() { s.authorize = fn })
}

// SetDecorate is Invite.Decorate for an incoming session.
func (s *Session) SetDecorate(fn func(*sip.Message)) { s.do(func() { s.decorate = fn }) }

// do runs fn in the session's mailbox, and what follows from it.
func (s *Session) do(fn func()) { s.mail.post(func() { s.run(fn) }) }

// offer is do for the far end's requests. It reports false if the mailbox is full.
func (s *Session) offer(fn func()) bool { return s.mail.offer(func() { s.run(fn) }) }

func (s *Session) run(fn func()) {
	fn()
	s.pumpProgress()
	s.pumpOffer()
	s.pumpOutbox()
	s.publish()
	s.tell()
}

// eventLimit bounds the events of a session that nobody listens to.
const eventLimit = 256

// emit queues an event. After Ended there is none.
func (s *Session) emit(e Event) {
	if s.phase == over {
		return
	}
	if _, last := e.(Ended); !last && len(s.events) >= eventLimit {
		s.core.stats.dropped.Add(1)
		return
	}
	s.events = append(s.events, e)
}

// tell delivers the events. A callback that calls back only queues, see mailbox.
func (s *Session) tell() {
	if s.on == nil {
		return
	}
	events := s.events
	s.events = nil
	for _, e := range events {
		s.on(e)
		if _, last := e.(Ended); last {
			s.on = func(Event) {} // the last transactions live on for 32 s; the listener need not
		}
	}
}

// publish shows the others what changed.
func (s *Session) publish() {
	id, local, remote := ID{s.key.callID, s.key.localTag, ""}, s.invite.Get("From"), s.invite.Get("To")
	if s.d != nil {
		id, local, remote = s.d.id(), s.d.local, s.d.remote
	}
	old := s.view.Load()
	if old != nil && old.id == id && old.flow == s.flow && old.phase == s.phase && len(old.tags) == len(s.dialogs) {
		return
	}
	v := &view{id: id, local: local, remote: remote, flow: s.flow, phase: s.phase}
	for _, d := range s.dialogs {
		v.tags = append(v.tags, d.remoteTag)
	}
	s.view.Store(v)
}

// An alarm is a timer whose function runs in the session's mailbox, and not after stop.
type alarm struct {
	timer   transaction.Timer
	stopped bool // belongs to the mailbox
}

func (s *Session) after(d time.Duration, fn func()) *alarm {
	a := &alarm{}
	a.timer = s.core.afterFunc(d, func() {
		s.do(func() {
			if !a.stopped {
				a.stopped = true
				fn()
			}
		})
	})
	return a
}

// stop stops the alarm, which may be nil.
func (a *alarm) stop() {
	if a != nil {
		a.stopped = true
		a.timer.Stop()
	}
}

// running reports whether the alarm is yet to come.
func (a *alarm) running() bool { return a != nil && !a.stopped }

// fork returns the dialog with that tag of the far end, or nil.
func (s *Session) fork(tag string) *dialog {
	for _, d := range s.dialogs {
		if d.remoteTag == tag {
			return d
		}
	}
	return nil
}
