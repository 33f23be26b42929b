package dialog

import (
	"time"

	"tandem/sip"
	"tandem/sip/flow"
)

// An Invite is an outgoing call to be made by [Core.Invite].
type Invite struct {
	// Flow carries the INVITE and everything in its dialogs.
	Flow *flow.Flow

	// Request is an INVITE with a URI, From and To; and with what else the caller wants:
	// Route, P-Preferred-Identity, Contact, Privacy, Replaces … What is missing is added: From tag,
	// Call-ID, CSeq, Max-Forwards, Contact, Allow, Supported, User-Agent,
	// Session-Expires. It belongs to the session from now on.
	Request *sip.Message

	// SDP is the offer; nil asks the far end for one.
	SDP []byte

	Timer SessionTimer

	// On is given the events, in order and never concurrently. It must not block.
	On func(Event)

	// Authorize answers a challenge (401, 407) to any request of this session: it returns
	// req with credentials added, or an error, and then the challenge is an
	// ordinary refusal. It alone decides which realms are answered; nil answers
	// none. It must not block.
	Authorize func(req, challenge *sip.Message) (*sip.Message, error)

	// Decorate may add headers to each request and response of the session before
	// it is sent, ACK and retries included, and CANCEL excepted. Nil does nothing.
	Decorate func(*sip.Message)

	// CancelHeaders are added to a CANCEL. The INVITE's Route headers are on it anyway (GV-C7).
	CancelHeaders []sip.Header

	// SurviveFlow is how long the answered session lives on without its flow; 0: not at all.
	SurviveFlow time.Duration
}

// ID names a dialog as this end sees it (RFC 3261 §12).
type ID struct{ CallID, LocalTag, RemoteTag string }

// On sets the callback for the events of an incoming session, and delivers those
// that have waited. The callback must not block. A second call does nothing.
func (s *Session) On(on func(Event)) {}

// Authorize, Decorate and CancelHeaders of an incoming session; see [Invite].
// They may be set inside OnInvite only.

// Request returns the INVITE that began the session. Do not change it.
func (s *Session) Request() *sip.Message { return nil }

// Outgoing reports whether we are the caller.
func (s *Session) Outgoing() bool { return false }

// ID returns the dialog. RemoteTag is empty until the far end has one, and that of
// the latest fork until one has won.
func (s *Session) ID() ID { return ID{} }

// Local and Remote are From and To as seen from this end, with tags.
func (s *Session) Local() sip.Address { return sip.Address{} }

// Remote is the far end's address, with its tag once there is one.
func (s *Session) Remote() sip.Address { return sip.Address{} }

// Flow is the connection that carries the session.
func (s *Session) Flow() *flow.Flow { return nil }

// SetFlow moves the session to another flow: after a FlowLost, or before.
func (s *Session) SetFlow(f *flow.Flow) {}

// SurviveFlow says how long the session may live without a flow once answered; 0,
// the default, ends it with the flow. The media is not touched by either.
func (s *Session) SurviveFlow(d time.Duration) {}

// Progress sends a provisional response, 101 to 199, to an incoming call.
//
// SDP, if not nil, is the answer to the INVITE's offer (early media), or an offer if it
// had none: then it goes out only reliably, and the answer comes as OfferAnswered. Reliable asks
// for RFC 3262; it is used if the caller supports it, and always if the
// caller requires it. Provisionals queue up behind one that waits for its PRACK.
func (s *Session) Progress(status int, sdp []byte, reliable bool, headers ...sip.Header) {}

// Accept answers an incoming call by 200 with sdp: the answer, or the offer if the INVITE had
// none. Nil repeats the SDP of the last Progress, or sends none if
// it was a reliable one and so is in force already.
func (s *Session) Accept(sdp []byte, headers ...sip.Header) {}

// Reject answers an incoming call by a status of 300 or above. An empty reason is the standard
// phrase. Ended follows.
func (s *Session) Reject(status int, reason string, headers ...sip.Header) {}

// Bye hangs up. Headers, such as Reason, are added to the BYE. Before the answer
// it is Close. Ended comes within 32 s.
func (s *Session) Bye(headers ...sip.Header) {}

// Cancel gives up an outgoing call. If the answer has crossed it, the session is
// ended by BYE all the same. Ended comes within 32 s.
func (s *Session) Cancel(headers ...sip.Header) {}

// Close ends the session in whatever way its state asks for: CANCEL, 480 or BYE.
func (s *Session) Close(headers ...sip.Header) {}

// Reinvite offers sdp in a re-INVITE; nil repeats our present description. It waits for
// its turn if another offer is under way; a newer one takes its place. OfferAnswered or OfferRefused
// follows.
func (s *Session) Reinvite(sdp []byte) {}

// Update offers sdp in an UPDATE (RFC 3311), before or after the answer; nil makes an UPDATE without
// SDP, which refreshes session and Contact. After the answer it is a re-INVITE if the far end does not know UPDATE.
func (s *Session) Update(sdp []byte) {}

// AnswerOffer answers the present [Offer]; nil repeats our present description.
func (s *Session) AnswerOffer(sdp []byte, headers ...sip.Header) {}

// RejectOffer refuses the present [Offer] by status, 488 for instance. An offer in a 2xx cannot be
// refused: it is the end of the call.
func (s *Session) RejectOffer(status int, headers ...sip.Header) {}

// Send sends a request in the dialog: MESSAGE, INFO, or one the package has no method for.
// One is under way at a time so that they arrive in order; at most 64 wait.
// RequestAnswered follows.
func (s *Session) Send(method, contentType string, body []byte, headers ...sip.Header) {}

// Info sends an INFO (RFC 6086), as Send does.
func (s *Session) Info(contentType string, body []byte, headers ...sip.Header) {}

// Options asks whether the far end is alive, as Send does.
func (s *Session) Options(headers ...sip.Header) {}

// Refer asks the far end to call to, as Send does (RFC 3515). For an attended transfer
// to's URI has a Replaces header: see [Replaces.In]. What becomes of that call comes as Notify.
func (s *Session) Refer(to sip.Address, headers ...sip.Header) {}
