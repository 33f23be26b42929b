// Package media holds the vocabulary of the media plane: packets, streams, and
// the session a leg lends to a bridge. It has no goroutine and opens no socket.
//
// Packets are pushed. A session's packets arrive on its [Loop], one goroutine
// that serves many sessions; whoever is attached to a [Source] is called there,
// does its work at once, and writes to the [Sink] of another session. Nothing
// waits, nothing is queued between two legs of a relayed call.
package media

import "time"

// Kind is the kind of a stream.
type Kind uint8

const (
	Audio   Kind = iota
	Video        // a camera
	Content      // a screen share or slides (BFCP, H.239, Meet presentation)
)

func (k Kind) String() string { return [...]string{"audio", "video", "content"}[k] }

// Direction says who may send on a stream, seen from us.
type Direction uint8

const (
	SendRecv Direction = iota
	SendOnly
	RecvOnly
	Inactive
)

func (d Direction) String() string {
	return [...]string{"sendrecv", "sendonly", "recvonly", "inactive"}[d]
}

// Sends reports whether we may send.
func (d Direction) Sends() bool { return d == SendRecv || d == SendOnly }

// Receives reports whether the far end may send.
func (d Direction) Receives() bool { return d == SendRecv || d == RecvOnly }

// Reverse is the same direction seen from the far end.
func (d Direction) Reverse() Direction {
	switch d {
	case SendOnly:
		return RecvOnly
	case RecvOnly:
		return SendOnly
	}
	return d
}

// StreamInfo describes one stream as it was negotiated.
type StreamInfo struct {
	ID          string        // unique within its session: an SDP mid, or Meet's "spaces/<id>/devices/<id>"
	Kind        Kind          //
	Codec       string        // encoding name, upper case: "PCMU", "PCMA", "G722", "OPUS", "VP8", "H264"
	Clock       int           // RTP clock rate in Hz (8000 for G.722, RFC 3551 §4.5.2; 48000 for Opus)
	PayloadType uint8         // the codec's
	Packet      time.Duration // audio: how much one packet carries (ptime)
	FMTP        string        // format parameters of the side that receives the stream
	Event       Event         // telephone-event of the same stream (RFC 4733); zero without
	Direction   Direction     // as negotiated; a source that is on hold stays a source
	Layer       int           // simulcast layer, 0 is the smallest; always 0 without simulcast
	Limits      Limits        // of the pictures its receiver takes; zero for audio
}

// Limits bound the pictures of a stream: what its receiver can take. Zero fields are
// not told.
type Limits struct {
	FrameSize int // macroblocks (16x16 pixels) of a picture
	BlockRate int // macroblocks in a second
	FrameRate int // pictures in a second
	Bitrate   int // bit/s of RTP payload
}

// Rate is how many pictures of a size the receiver takes in a second, at most limit;
// 0 when they are too large for it.
func (l Limits) Rate(width, height, limit int) int {
	blocks := (width + 15) / 16 * ((height + 15) / 16)
	switch {
	case blocks == 0 || l.FrameSize > 0 && (blocks > l.FrameSize || max(width*width, height*height) > 8*256*l.FrameSize):
		return 0 // a picture is at most sqrt(8*FrameSize) blocks wide (H.264 §A.3.1, RFC 7741 §6.1)
	case l.BlockRate > 0:
		limit = min(limit, l.BlockRate/blocks)
	}
	if l.FrameRate > 0 {
		limit = min(limit, l.FrameRate)
	}
	return limit
}

// Event is the telephone-event format of an audio stream.
type Event struct {
	PayloadType uint8
	Clock       int // Hz; 0 means that telephone-event was not agreed
}

// A Packet is one RTP packet. It is lent: Payload is valid until the function it
// was passed to returns, and is not to be written to.
type Packet struct {
	PayloadType uint8
	Marker      bool
	Sequence    uint16
	Timestamp   uint32
	SSRC        uint32
	CSRC        uint32 // who it really is from, behind a far end that switches or mixes (RFC 3550 §5.1); 0 when not told
	Payload     []byte
	Arrived     time.Time // when it was read from the network; zero when made here
}

// A Receiver takes the packets of a source. Receive runs on the source's Loop and
// must not block; calls for one source never overlap.
type Receiver interface {
	Receive(*Packet)
}

// A Source is one incoming stream: authenticated and decrypted packets in the
// order of their arrival, before any jitter buffer. Duplicates are removed.
type Source interface {
	Info() StreamInfo
	// Attach directs the packets to r until the next Attach; nil lets them go.
	// When Attach returns, the receiver before is not called any more. It must
	// not be called from Receive.
	Attach(r Receiver)
	// RequestKeyframe asks the far end for a new picture (PLI/FIR); calls are
	// rate limited and mean nothing for audio.
	RequestKeyframe()
}

// A Sink is one outgoing stream. It owns the outgoing RTP identity: one SSRC,
// one continuous sequence and timeline. Packets of any origin may be written one
// after the other (a relayed far end, a ringback tone, a transcoder); the sink
// moves their sequence numbers and timestamps to where its own are, keeps gaps
// (a lost packet stays lost), and writes its own payload type unless the packet's
// is Info().Event.PayloadType.
type Sink interface {
	Info() StreamInfo
	// Write sends p now and never blocks: what does not fit is dropped and
	// counted. p.Timestamp counts in the sink's clock. It is safe for concurrent use.
	Write(p *Packet)
	// OnKeyframeRequest registers f to be called, on the sink's Loop, when the far
	// end asks for a new picture. nil unregisters.
	OnKeyframeRequest(f func())
}

// A Loop is the goroutine that moves the packets of many sessions, and their clock.
type Loop interface {
	// Every calls f on the loop every d (a multiple of 10 ms) until stop is called;
	// when stop returns, f is not running and will not run. Work that is due at one
	// time runs back to back, which is what makes codecs cheap. stop must not be
	// called from f.
	Every(d time.Duration, f func(now time.Time)) (stop func())
}

// A Session is the media end of a leg. The leg owns it (sockets, ICE, DTLS, SRTP)
// and lends it to one bridge at a time; it stays open until the leg has ended.
type Session interface {
	Sources() []Source
	Sinks() []Sink
	// Changed receives a value when Sources or Sinks, or the Info of one, differ
	// from the last look: a re-INVITE, a hold, a participant who came or left.
	Changed() <-chan struct{}
	Loop() Loop
	Stats() Stats
	// String prints the session's path in one line, for the log and the live view:
	// "RTP 127.0.0.1:4000 <-> 127.0.0.1:5004 PCMU".
	String() string
}

// Stats counts what went through a session since it was made. Its JSON is part of
// call records; durations are in nanoseconds.
type Stats struct {
	PacketsIn  uint64        `json:"packets_in"`
	PacketsOut uint64        `json:"packets_out"`
	BytesIn    uint64        `json:"bytes_in"` // RTP payload octets
	BytesOut   uint64        `json:"bytes_out"`
	Lost       uint64        `json:"lost"`                   // packets the far end sent that did not come (RFC 3550 §6.4.1)
	Late       uint64        `json:"late,omitempty"`         // came after they were due; dropped by the jitter buffer
	Dropped    uint64        `json:"dropped"`                // ours, or theirs, given up here: full socket, wrong source, bad authentication
	Jitter     time.Duration `json:"jitter_ns"`              // interarrival jitter (RFC 3550 §6.4.1)
	RemoteLost uint64        `json:"remote_lost"`            // packets of ours the far end says it missed
	RoundTrip  time.Duration `json:"round_trip_ns,omitzero"` // from RTCP; zero when unknown
	FirstIn    time.Time     `json:"first_in,omitzero"`      // first packet from the far end; zero when none came
	LastIn     time.Time     `json:"last_in,omitzero"`       // the last one
}
