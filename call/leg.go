package call

import (
	"context"
	"errors"
	"log/slog"
	"net/netip"
	"time"

	"tandem/media"
)

// A Leg is one side of a call: the signalling with one far end and its media.
//
// A leg is made by a Dialer or handed in by a Listener, and from then on owned
// by one Call. Its signalling is serialised by the leg; Do only posts to it, so no
// method waits for the network. Everything that happens comes back through
// Events, in order. Ended is the last event; after it the leg has let go of every
// resource and the channel is closed. A leg that was asked to end is gone within 32 s.
type Leg interface {
	Info() Info
	// Media returns the leg's media session; nil while there is none. From the
	// first Progress with Early, or Answered, on it stays the same.
	Media() media.Session
	// Do asks the leg to bring ev about at its far end: Progress sends 180 or 183,
	// Answered sends 200, Ended hangs up. What a far end cannot do is dropped.
	Do(ev Event)
	Events() <-chan Event
}

// Info names a leg in logs, call records and the live view. It never changes.
type Info struct {
	ID        string // gateway-wide, in every log line of the leg
	Connector string // "sipua", "gvoice", "meet", …
	Via       string // device, trunk or account
	Remote    string // who is there: a SIP URI, a number, a meeting code
}

// LogValue groups the info in a log line.
func (i Info) LogValue() slog.Value {
	return slog.GroupValue(slog.String("id", i.ID), slog.String("connector", i.Connector),
		slog.String("via", i.Via), slog.String("remote", i.Remote))
}

// A Dialer makes outgoing legs of one kind. Dial returns at once: whether the
// far end rings, answers or refuses is told by the leg's events. An error means
// that there is no leg; wrap it with a cause by [Refusal] to say more than
// Unreachable. ctx bounds the life of the leg, not only the dialling.
type Dialer interface {
	Dial(ctx context.Context, to Destination, from Request) (Leg, error)
}

// A Dialer whose calls may have pictures says so by a method Pictures() bool.

// A Listener serves incoming legs of one kind until ctx is done, and returns
// when its last goroutine has ended. incoming takes the leg over at once and
// does not block.
type Listener interface {
	Listen(ctx context.Context, incoming func(Request, Leg)) error
}

// A Request is what an incoming leg asks for, all that routing may look at.
type Request struct {
	Connector  string // where it came in: "sipua", "gvoice"
	Via        string // the device, trunk or account it came in by
	Registered bool   // the caller is one of our registered devices
	From       string // caller: E.164 with "+" where it is a telephone number, else user@host
	FromName   string // display name; may be empty
	Private    bool   // the caller withholds its identity (RFC 3323)
	To         string // alias as dialled: "5551230000", "+15551230000", "1234567890123@example.com"
	URI        string // what was dialled as it came: "sip:anna@example.com;transport=tls"
	Protocol   string // how the call came: [ProtocolSIP], …
	Tag        string // of the device that calls
	Source     netip.Addr
	Location   string    // where the caller is; the gateway finds it by Source
	Proxy      string    // SIP proxy of that location, for calls elsewhere
	At         time.Time // when it came; rules with times hold at none without
	Video      bool      // it offers a picture
	Videos     []string  // formats of it, best first: "VP8", "H264/baseline/1" (packetization mode 1)
	// VideoLimits are those of the pictures the caller takes.
	VideoLimits media.Limits
	Screen      bool     // it offers a shared screen beside the picture
	Codec       string   // first audio codec the caller offers; "" without an offer
	Codecs      []string // all of them, best first
	Hops        int      // Max-Forwards left; 0 means not told
	// Header returns the values of a header that the call was sent with; nil: it has none.
	Header func(name string) []string
	// Loop moves the caller's packets; a leg that is served by it, too, saves every
	// packet a change of goroutine. The switch sets it; nil is none.
	Loop media.Loop
	// Over is the Google Voice account that another machine of the cluster wants the
	// call to go out over; the dial plan was asked there.
	Over  string
	Takes string // ID of the leg whose place the caller takes (INVITE with Replaces, RFC 3891)
}

// Protocols that calls come by, as the dial plan names them.
const (
	ProtocolSIP    = "sip"
	ProtocolWebRTC = "webrtc" // SIP over a WebSocket: a browser
	ProtocolVoice  = "gvoice" // a Google Voice account
	ProtocolH323   = "h323"
	ProtocolMeet   = "meet"
)

// A Destination is where the B-leg goes.
type Destination struct {
	Connector string        // which Dialer
	Target    string        // which device, trunk or account of the connector; "" where the alias says it
	To        string        // rewritten alias
	Token     string        // name of the access token to use, for Meet
	Lobby     time.Duration // how long the caller may wait to be admitted, for Meet; 0 is the connector's default
	Within    time.Duration // answer limit; 0 is [DefaultAnswerLimit]
	Out       bool          // it leads to a telephone network, where calls cost money: the Guard is asked
	NoEarly   bool          // keep the far end's early media from the caller: it hears its own ringback
	Stop      []Cause       // causes that end the hunt here; none means [Cause.Final] decides
	External  bool          // To is a SIP address that need not be one of ours
	Proxy     string        // SIP proxy for an external destination; "" asks the DNS
	Tag       string        // of the rule that led here, for the record
	Parallel  []Destination // ring all of these at once; the fields above but Within are then unused
}

// DefaultAnswerLimit is how long a destination may ring. A telephone call rings
// until the far network gives up, which it does within about two minutes.
const DefaultAnswerLimit = 2 * time.Minute

// Final reports whether a refusal with c speaks for the callee as a whole, so
// that trying the next destination would be against somebody's will.
func (c Cause) Final() bool {
	switch c {
	case Rejected, Cancelled, Emergency, Forbidden, Shutdown, NotAdmitted, Removed, Barred, Quota:
		return true
	}
	return false
}

// A Router says where a call goes: the destinations to try, in order.
// It does no I/O, and the same request gives the same answer.
type Router interface {
	Route(Request) ([]Destination, error)
}

// ErrNoRoute is returned by a Router without a matching rule.
var ErrNoRoute = errors.New("no rule of the dial plan matches")

// A RefusalError is an error of a Router or Dialer that knows the cause.
type RefusalError struct {
	Ended
	Err error
}

// Refusal wraps err with the cause a caller is told.
func Refusal(c Cause, err error) error { return &RefusalError{Ended: Ended{Cause: c}, Err: err} }

func (e *RefusalError) Error() string { return e.Err.Error() }
func (e *RefusalError) Unwrap() error { return e.Err }

// endedBy says why a call that met err ends.
func endedBy(err error) Ended {
	var r *RefusalError
	switch {
	case errors.As(err, &r):
		end := r.Ended
		if end.Text == "" {
			end.Text = err.Error()
		}
		return end
	case errors.Is(err, ErrNoRoute):
		return Ended{Cause: NoRoute, Text: err.Error()}
	}
	return Ended{Cause: Unreachable, Text: err.Error()}
}
