package transport

import (
	"net/netip"
	"time"

	"tandem/media"
	"tandem/media/sdp"
)

// Options is what one session may do and how it treats its far end. The zero
// value is plain RTP without a codec: set Capabilities.Audio at least.
type Options struct {
	// Name is written into every log line of the session, for instance the leg's id.
	Name string

	// Capabilities holds codecs, telephone-events, and the policies on Security,
	// Mux and ICE. Its Direction is the first one; Last, Remote and Origin.Session
	// are kept by the session.
	Capabilities sdp.Capabilities

	// Remote is where the far end's signalling comes from, when it is known. It
	// picks the address family of the first offer, decides whether the engine's
	// public address is shown (not to a neighbour on a private network), and tells
	// a NAT from a stranger when the source of plain RTP is learnt.
	Remote netip.Addr

	IPv4Only bool // never open an IPv6 socket nor use an IPv6 candidate (GV-C20)

	// STUN servers ("host:port", host an IP address) that are asked for our public
	// address before an offer or answer with ICE. At most 300 ms are spent on it.
	STUN []netip.AddrPort

	// ExtraHost is a public address that is shown as one more "typ host" candidate
	// (GV-C20). The engine's Advertise is used when it is not set.
	ExtraHost netip.Addr

	// FillSilence sends silence from the moment the path is up whenever nobody has
	// written for 60 ms, before the answer too (GV-C16).
	FillSilence bool

	// Timeout is how long nothing may come before a MediaTimeout event; 0 never
	// reports. It does not count while the call is held by either side.
	Timeout time.Duration

	// Latch says whether the source of plain RTP may differ from the far end's SDP.
	Latch LatchPolicy

	// Beside is the Loop of the session that this one will be joined with, when it is
	// known; the same loop then serves both, unless it has far more to do than others.
	Beside media.Loop

	// ConnectTimeout bounds ICE and DTLS together; 0 means 15 s.
	ConnectTimeout time.Duration
}

// LatchPolicy says from where plain RTP (no ICE, no SRTP) is accepted.
type LatchPolicy uint8

const (
	// LatchAuto accepts the SDP's address, and once per offer/answer another one if
	// that address stays silent: at once when the other one is where the signalling
	// comes from and the SDP's is not (a phone behind a NAT), otherwise after half a
	// second of steady packets.
	LatchAuto LatchPolicy = iota
	// LatchNever accepts the SDP's address only.
	LatchNever
)

// EventKind is what happened to a session's path.
type EventKind uint8

const (
	Connected    EventKind = iota // media can flow: ICE and DTLS are done, or the plain far end is known
	Failed                        // ICE or DTLS gave up; the session stays silent until the next offer/answer
	MediaTimeout                  // nothing came for Options.Timeout; once, until packets come again
	MediaResumed                  // packets came after a MediaTimeout
	// KeyframeNeeded asks the leg to ask for a new picture by signalling (INFO, RFC
	// 5168): the far end agreed to no RTCP message for it.
	KeyframeNeeded
)

func (k EventKind) String() string {
	return [...]string{"connected", "failed", "media timeout", "media resumed", "keyframe needed"}[k]
}

// An Event reports a change of a session's path.
type Event struct {
	Kind EventKind
	Err  error // why, for Failed; a sentence
}
