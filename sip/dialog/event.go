package dialog

import (
	"time"

	"tandem/sip"
)

// An Event tells what happened to a session. The set is closed:
//
//	our call       Provisional, Answered, Refused
//	their call     Cancelled, Acked
//	descriptions   Offer, OfferAnswered, OfferRefused
//	in the dialog  Info, Request, RequestAnswered, Refer, Notify, FlowLost
//	the end        Ending, sometimes; Ended, always, once and last
//
// Messages in events are the session's: look, do not change.
type Event interface{ event() }

// Provisional is a 1xx to our INVITE. A 100 has no Tag.
//
// A forked call brings provisionals of several dialogs, told apart by Tag. An
// SDP here is the answer to our offer, of that dialog only; unless Reliable it
// is a preview that the 200 repeats (RFC 3261 §13.2.1). An offer in a reliable
// provisional (our INVITE had none) comes as an [Offer] after this event.
type Provisional struct {
	Status   int
	Tag      string // of the far end: which fork
	SDP      []byte // an answer, or nil
	Reliable bool   // it was acknowledged by PRACK (RFC 3262)
	Message  *sip.Message
}

// Answered is the 2xx to our INVITE that won. The session has one dialog from now on.
//
// SDP is what describes the far end, whether it came in this 2xx or in an earlier
// provisional of the same dialog. It is nil only if our INVITE had no SDP and no
// provisional offered one; then an [Offer] follows, and the ACK waits for the
// answer to it.
type Answered struct {
	Tag     string
	SDP     []byte
	Message *sip.Message
}

// Refused is the final answer of 300 and above to our INVITE. Ended follows.
type Refused struct {
	Status  int
	Reason  string // the reason phrase
	Message *sip.Message
}

// Cancelled means that the caller gave up before we answered. The 487 has been
// sent; Ended follows.
type Cancelled struct {
	Reasons []Reason // for example "Call completed elsewhere"
	Message *sip.Message
}

// Acked means that the caller has our 2xx. SDP is the answer to the offer that
// our 2xx carried, or nil if the offer was in the INVITE.
type Acked struct {
	SDP     []byte
	Message *sip.Message
}

// Offer is an offer of the far end, in a re-INVITE, an UPDATE, a PRACK, or in an
// answer to an INVITE of ours that had no SDP. Answer it with
// [Session.AnswerOffer] or [Session.RejectOffer]; until then no other one comes.
//
// Left unanswered for 24 s it is answered by 488, or by BYE where it came in a
// 2xx. An offer that the far end takes back, by CANCEL or BYE, is not told;
// AnswerOffer then does nothing.
type Offer struct {
	SDP     []byte // nil: a re-INVITE without SDP; AnswerOffer's SDP is then the offer
	Tag     string // the far end's: which fork
	Method  string // of the message: INVITE, UPDATE or PRACK
	Same    bool   // byte for byte what the far end described last time
	Message *sip.Message
}

// OfferAnswered is the answer to an offer of ours, in Reinvite, Update, a
// reliable Progress or an AnswerOffer that made the offer. SDP is nil after an
// UPDATE without SDP.
type OfferAnswered struct {
	SDP     []byte
	Message *sip.Message
}

// OfferRefused means that the descriptions stay what they were: the far end
// refused our re-INVITE or UPDATE, or it could not be sent. Glare (491) is
// retried before it comes to this.
type OfferRefused struct {
	Status  int    // 0 if there was no answer
	Reason  string // the reason phrase, or what went wrong
	Message *sip.Message
}

// Info is an INFO of the far end. It has been answered by 200.
type Info struct {
	ContentType string
	Body        []byte
	Message     *sip.Message
}

// Request is an in-dialog request that the package has no procedure for, such
// as MESSAGE, but Core.Allow lists. Answer it by Respond within 24 s; it is
// answered by 500 if you do not.
type Request struct {
	Message *sip.Message
	pending *pendingRequest
}

// Respond answers the request, once.
func (r Request) Respond(status int, reason string, headers ...sip.Header) {
	p := r.pending
	p.s.do(func() { p.answer(status, reason, headers) })
}

// RequestAnswered is the final answer to an INFO, OPTIONS, REFER or any other
// request made by [Session.Send].
type RequestAnswered struct {
	Method  string
	Status  int // 0 if there was no answer; then Err says why
	Reason  string
	Err     error
	Message *sip.Message // the response
}

// Refer asks us to call somebody (RFC 3515). Answer it by its methods Accept or Reject, and
// after Accept tell by Notify how that call fares, the last time with a final
// status. All three work after the session has ended, too: a transferor may
// hang up at once. Unanswered for 24 s it is refused by 500.
type Refer struct {
	To         sip.Address // Refer-To, without its Replaces
	Replaces   *Replaces   // attended transfer: the dialog to take over; nil if blind
	ReferredBy string      // as it came, or "" (RFC 3892)
	Message    *sip.Message
	*Transfer
}

// Notify is a NOTIFY of the far end, answered by 200. For the event "refer" Status and
// Reason are of the sipfrag: how the call we asked for fares.
type Notify struct {
	Package string // the Event header's package: "refer", "dialog", …
	Status  int    // of the sipfrag; 0 if there is none
	Reason  string
	Done    bool // the subscription is over
	Message *sip.Message
}

// FlowLost means that the connection is gone and the session has until Until to
// get another by [Session.SetFlow]. It comes only to sessions that were told to
// survive this ([Session.SurviveFlow]). Media may go on.
type FlowLost struct {
	Err   error
	Until time.Time
}

// Ending means that the session has given the call up by itself: Cause is
// SessionExpired, NoAck, Gone, NoAnswer or Broken. Its BYE or CANCEL is on its way, and
// Ended follows when that is answered or nobody is left to answer it, 32 s later.
type Ending struct {
	Cause Cause
	Err   error // what failed, if that is known
}

// Ended is the last event.
type Ended struct {
	Cause   Cause
	Status  int          // of the response that ended it, or 0
	Reasons []Reason     // the far end's Reason headers (RFC 3326)
	Err     error        // what failed, for NoAnswer, FlowGone and Broken
	Message *sip.Message // the BYE, CANCEL or response that ended it, or nil
}

// Cause says why a session ended.
type Cause uint8

const (
	LocalBye       Cause = iota + 1 // we hung up after the answer
	RemoteBye                       // the far end hung up after the answer
	LocalCancel                     // we gave up our call before the answer
	RemoteCancel                    // the caller gave up before we answered
	TheyRefused                     // the far end refused our INVITE: Status
	WeRefused                       // we refused the far end's INVITE: Status
	NoAnswer                        // a request of ours got no answer: Err
	NoAck                           // our 2xx got no ACK, or our reliable provisional no PRACK
	Gone                            // the far end no longer knows the dialog (481, 408)
	SessionExpired                  // nobody refreshed the session (RFC 4028)
	FlowGone                        // the connection died: Err
	Broken                          // the far end broke the protocol: Err
	CoreClosed                      // the Core was closed
)

func (c Cause) String() string {
	names := [...]string{
		"none", "local BYE", "remote BYE", "local CANCEL", "remote CANCEL", "refused by the far end", "refused by us",
		"no answer", "no ACK", "dialog gone", "session expired", "flow gone", "protocol broken", "core closed",
	}
	if int(c) >= len(names) {
		return "unknown"
	}
	return names[c]
}

func (Provisional) event()     {}
func (Answered) event()        {}
func (Refused) event()         {}
func (Cancelled) event()       {}
func (Acked) event()           {}
func (Offer) event()           {}
func (OfferAnswered) event()   {}
func (OfferRefused) event()    {}
func (Info) event()            {}
func (Request) event()         {}
func (RequestAnswered) event() {}
func (Refer) event()           {}
func (Notify) event()          {}
func (FlowLost) event()        {}
func (Ending) event()          {}
func (Ended) event()           {}
