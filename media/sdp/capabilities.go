package sdp

import (
	"net/netip"
	"time"

	"tandem/media"
)

// Codec is one audio or video format.
type Codec struct {
	Name        string // encoding name, upper case: "PCMU", "OPUS"
	Clock       int    // RTP clock rate in Hz (8000 for G.722, RFC 3551 §4.5.2)
	Channels    int    // 0 and 1 are mono; 2 for Opus, always (RFC 7587 §7)
	PayloadType uint8  // what we offer; an answer uses the offer's number
	FMTP        string // format parameters of the side that receives
}

// Security is a leg's policy on media encryption.
type Security uint8

const (
	// Plain offers and takes unencrypted RTP only. An offer of RTP/AVP that also
	// carries a fingerprint or keys is answered without them (RFC 8643, GV-C21).
	Plain Security = iota
	// SDES offers RTP/SAVP with keys in the description (RFC 4568) and takes nothing less.
	SDES
	// DTLS offers UDP/TLS/RTP/SAVPF (RFC 5763) and takes any profile that carries a
	// fingerprint (GV-C21: Google offers RTP/AVP with one).
	DTLS
	// Opportunistic takes the best of what is offered: DTLS, SDES, plain. It offers
	// RTP/AVP with whatever keys the Transport brings (RFC 8643).
	Opportunistic
)

func (s Security) String() string {
	return [...]string{"plain", "sdes", "dtls", "opportunistic"}[s]
}

// Mux is a leg's policy on RTP and RTCP sharing one port (RFC 5761).
type Mux uint8

const (
	MuxOff     Mux = iota // never
	MuxOffer              // offered, and accepted when offered
	MuxRequire            // a stream without it is refused
)

// ICEMode is a leg's policy on ICE (RFC 8839).
type ICEMode uint8

const (
	ICENone ICEMode = iota // an offer's ICE attributes are ignored
	ICEFull
	ICELite
)

// Capabilities is what a leg can do and wants, and where its session stands.
type Capabilities struct {
	Audio   []Codec // in order of preference
	Video   []Codec // of a camera, in order of preference; none: video is refused
	Content []Codec // of a shared screen beside the camera (RFC 4796); none: refused
	Layers  int     // of a camera's simulcast that we take; less than 2: one picture (RFC 8853)
	Bitrate int     // bit/s of video that we take (b=TIAS, RFC 3890); 0 tells no limit
	WebRTC  bool    // offer the feedback that browsers want, too (goog-remb)
	// NoFeedback offers DTLS as UDP/TLS/RTP/SAVP (RFC 5764). Some refuse it with the F
	// of feedback at its end, and some, browsers among them, without.
	NoFeedback bool
	Events     []media.Event   // telephone-event payload types to offer, one a clock; none: never agreed
	Security   Security        //
	Mux        Mux             //
	ICE        ICEMode         //
	PTime      time.Duration   // wished packet duration; 0 means 20 ms
	Direction  media.Direction // what we want; SendOnly or Inactive is a hold
	Origin     Origin          // of the first description; Username "" is "-", Version "" is "1", Address "" is the Transport's
	Name       string          // s=; "" is "-"

	// PreferVideo is the Format of the video codec that the other leg speaks; "" is no
	// wish. VideoLimits are those of the pictures it takes: more is no use to us.
	PreferVideo string
	VideoLimits media.Limits

	// Last is the description we sent last in this session, Remote the far end's
	// last; nil at the beginning. They keep the o= line, the order of the m-lines
	// and the meaning of payload types steady (RFC 3264 §8).
	Last, Remote *Description
	// Full makes a re-offer list every codec again instead of those in force: for a
	// far end that changed (transfer, RFC 3725).
	Full bool
}

// Transport is what the socket layer brings to a description.
type Transport struct {
	Address  netip.Addr // c=, and the default destination
	Port     uint16     // RTP
	RTCPPort uint16     // 0: Port+1

	Ufrag, Password string      // ICE credentials; "" without ICE
	Candidates      []Candidate // may be empty

	Fingerprints []Fingerprint // of our certificate; none without DTLS
	// Role is the part we play in a DTLS association that already stands; RoleNone
	// before the first. A re-offer then keeps it (RFC 8842 §5.5).
	Role Role

	Crypto []Crypto // our SDES keys, best suite first; their Tags are used in offers

	// Video and Content are the ports of those streams; nil: they have none and only
	// pass bundled with the audio. They are not looked at in the one of a stream.
	Video, Content *Transport
	// The ports of floor control; 0: it is refused.
	FloorUDP, FloorTCP, FloorDTLS uint16
	FloorFingerprints             []Fingerprint // of our certificate there
}

// of is the transport of a stream that is not bundled.
func (tr Transport) of(k media.Kind) *Transport {
	switch k {
	case media.Video:
		return tr.Video
	case media.Content:
		return tr.Content
	}
	return &tr
}

// Role is a side of the DTLS handshake (a=setup).
type Role uint8

const (
	RoleNone    Role = iota
	RoleClient       // setup:active
	RoleServer       // setup:passive
	roleActpass      // only written
)

func (r Role) String() string {
	return [...]string{"none", "active", "passive", "actpass"}[r]
}

// Fingerprint is a certificate's hash (RFC 8122).
type Fingerprint struct {
	Hash  string // "sha-256", lower case
	Value string // "AB:CD:…", upper case
}
