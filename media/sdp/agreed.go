package sdp

import (
	"net/netip"
	"time"

	"tandem/media"
)

// Agreed is the result of an offer and its answer.
type Agreed struct {
	Streams []Stream      // the accepted m-lines, in order; may be empty after a re-offer that ended them
	Floor   *FloorControl // of the shared screen; nil without
}

// Audio is the first audio stream; nil without.
func (a *Agreed) Audio() *Stream { return a.Of(media.Audio) }

// Of is the first stream of a kind; nil without.
func (a *Agreed) Of(k media.Kind) *Stream {
	for i := range a.Streams {
		if a.Streams[i].Kind == k {
			return &a.Streams[i]
		}
	}
	return nil
}

// Stream is one agreed m-line.
type Stream struct {
	Kind  media.Kind
	Index int    // of the m-line, from 0
	MID   string // RFC 5888; "" without

	// Send is the codec as the far end numbers it and wants it (its fmtp), Recv as
	// we do. They differ at most in PayloadType and FMTP.
	Send, Recv           Codec
	SendEvent, RecvEvent media.Event
	// Codecs are all codecs both sides know, best first (Codecs[0] is Send): where
	// to look before transcoding. After an answer of several codecs the far end may
	// send any of them.
	Codecs []Codec

	Direction media.Direction // seen from us
	Held      bool            // the far end does not want to hear us: sendonly, inactive, or c=0.0.0.0
	SendPTime time.Duration   // how much to put into a packet for them
	RecvPTime time.Duration   // what we asked them for

	Host     string         // the far end's c= as written
	Remote   netip.AddrPort // RTP; Addr invalid when Host is a name (never resolved) or a hold's 0.0.0.0
	RTCP     netip.AddrPort // RTCP; equals Remote with Mux
	Mux      bool           // RFC 5761
	Bundled  bool           // the m-line is in a BUNDLE group (RFC 9143)
	Shared   bool           // it has no transport of its own: it passes with the audio (BUNDLE)
	Feedback bool           // an …F profile: early RTCP is allowed (RFC 4585)
	Security Security       // Plain, SDES or DTLS: what was agreed
	ICE      *ICE           // nil: no ICE on this stream
	Mismatch bool           // ICE was offered but the default address is no candidate (RFC 8839 §4.2.5)
	DTLS     DTLSParams     // set when Security is DTLS
	Keys     SDESKeys       // set when Security is SDES

	// What follows is of video and content only.
	Messages         Messages     // feedback that both sides understand
	SendRTX, RecvRTX uint8        // payload types of retransmissions (RFC 4588); 0: the packet itself comes again
	SendLimits       media.Limits // of the pictures the far end takes
	RecvLimits       media.Limits // of those we take
	Simulcast        Simulcast    // what we receive; one picture without
}

// Messages are the RTCP feedback messages agreed to (RFC 4585 §4.2, RFC 5104 §7.1).
type Messages struct {
	NACK, PLI, FIR, TMMBR, REMB bool
}

// ICE is the far end's side of ICE.
type ICE struct {
	Ufrag, Password string
	Lite            bool // the far end never sends checks: we are controlling
	Trickle         bool // more candidates may follow (RFC 8840)
	Candidates      []Candidate
}

// DTLSParams is what DTLS-SRTP needs.
type DTLSParams struct {
	Role         Role          // ours: RoleClient or RoleServer; never RoleNone
	Fingerprints []Fingerprint // of the far end; its certificate must match one of them
}

// SDESKeys are the SRTP master keys of both ways.
type SDESKeys struct {
	Tag    int
	Suite  Suite
	Local  []byte // master key and salt of what we send
	Remote []byte // of what we receive
}

// SourceInfo describes the stream's incoming side.
func (s *Stream) SourceInfo() media.StreamInfo {
	return s.info(s.Recv, s.RecvEvent, s.RecvPTime, s.RecvLimits)
}

// SinkInfo describes the stream's outgoing side.
func (s *Stream) SinkInfo() media.StreamInfo {
	return s.info(s.Send, s.SendEvent, s.SendPTime, s.SendLimits)
}

func (s *Stream) info(c Codec, e media.Event, packet time.Duration, l media.Limits) media.StreamInfo {
	return media.StreamInfo{
		ID: s.MID, Kind: s.Kind, Codec: c.Name, Clock: c.Clock, PayloadType: c.PayloadType,
		Packet: packet, FMTP: c.FMTP, Event: e, Direction: s.Direction, Limits: l,
	}
}
