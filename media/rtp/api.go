// Package rtp is RTP and RTCP without sockets and without a clock: headers,
// reception statistics, reports and the adaptive jitter buffer of audio
// (RFC 3550). Time is always an argument. Start reading at [Parse] and [Jitter].
package rtp

import (
	"time"

	"tandem/media"
)

// Published ahead of the code; each declaration moves to its own file.

type Header struct {
	Marker      bool
	PayloadType uint8
	Sequence    uint16
	Timestamp   uint32
	SSRC        uint32
	CSRC        []byte // raw, 4 octets each, lent
	Profile     uint16 // of the extension
	Extension   []byte // lent; nil without
}

const HeaderSize = 12

func Parse(b []byte, h *Header) (payload []byte, err error) { return nil, nil }
func (h *Header) Append(dst []byte) []byte                  { return dst }
func IsRTCP(b []byte) bool                                  { return false } // RFC 5761 demux of a muxed port

type Sequence struct{}                    // zero value ready
func (s *Sequence) Unwrap(n uint16) int64 { return 0 }

type Timeline struct{}                    // zero value ready
func (t *Timeline) Unwrap(n uint32) int64 { return 0 }

type Duplicates struct{}                                // zero value ready; window of 64
func (d *Duplicates) Seen(ssrc uint32, seq uint16) bool { return false } // true: drop it

// Reception: one incoming SSRC at a time (restarts by itself when the SSRC changes).
type Reception struct{}

func NewReception(clock int) *Reception                                                   { return nil }
func (r *Reception) Receive(arrived time.Time, ssrc uint32, seq uint16, timestamp uint32) {}
func (r *Reception) SenderReport(now time.Time, s SenderInfo)                             {}
func (r *Reception) Report(now time.Time) (ReportBlock, bool)                             { return ReportBlock{}, false }
func (r *Reception) Lost() uint64                                                         { return 0 }
func (r *Reception) Jitter() time.Duration                                                { return 0 }

type SenderInfo struct {
	SSRC            uint32
	NTP             uint64
	RTP             uint32
	Packets, Octets uint32
}
type ReportBlock struct {
	SSRC              uint32
	Fraction          uint8
	Lost              int32
	Highest           uint32
	Jitter            uint32
	LastSR, SinceLast uint32
}

func (b ReportBlock) RoundTrip(now time.Time) (time.Duration, bool) { return 0, false }
func NTP(t time.Time) uint64                                        { return 0 }

func AppendSenderReport(dst []byte, s SenderInfo, blocks ...ReportBlock) []byte  { return dst }
func AppendReceiverReport(dst []byte, ssrc uint32, blocks ...ReportBlock) []byte { return dst }
func AppendDescription(dst []byte, ssrc uint32, cname string) []byte             { return dst } // SDES
func AppendBye(dst []byte, ssrc uint32, reason string) []byte                    { return dst }

// Compound is what a received RTCP packet says; reuse it, Parse does not allocate.
type Compound struct {
	SSRC      uint32 // who sent it
	Sender    SenderInfo
	HasSender bool
	Reports   []ReportBlock // at most 31
	CNAME     []byte        // lent
	Bye       bool
	Keyframe  bool // PLI or FIR
}

func (c *Compound) Parse(b []byte) error { return nil }

type JitterConfig struct {
	Clock           int           // Hz of the RTP timestamps
	Min, Start, Max time.Duration // target delay: 20, 40, 200 ms by default
	Packet          time.Duration // expected; learnt from the stream afterwards
	Event           uint8         // payload type of telephone-event (its packets are not loss), 0 without
}
type FrameKind uint8

const (
	Idle    FrameKind = iota // nothing came yet, or for long: play silence for Duration
	Voice                    // decode Payload
	Lost                     // conceal Duration (Opus: Next holds the following packet's payload for in-band FEC, if it is here)
	Silence                  // the far end sends nothing (DTX): comfort noise or silence for Duration
)

type Adjust int8

const (
	Keep   Adjust = iota
	Faster        // more is buffered than needed: shorten this frame's audio if you can (codec.Shorten)
	Slower        // less than needed: lengthen it if you can (codec.Lengthen)
)

// Frame is lent until the next Pop.
type Frame struct {
	Kind        FrameKind
	Adjust      Adjust
	PayloadType uint8
	Marker      bool
	Timestamp   uint32
	Payload     []byte
	Next        []byte
	Duration    time.Duration
}

// Jitter is pulled: on every tick pop until the decoded audio fills the tick
// (two pops for 10 ms packets, every third tick one for 60 ms packets).
type Jitter struct{}

func NewJitter(c JitterConfig) *Jitter                { return nil }
func (j *Jitter) Push(now time.Time, p *media.Packet) {}
func (j *Jitter) Pop(now time.Time) Frame             { return Frame{} }
func (j *Jitter) Stats() JitterStats                  { return JitterStats{} }
func (j *Jitter) Reset()                              {}

type JitterStats struct {
	Received, Played, Lost, Late, Duplicate, Discarded uint64
	Target, Delay                                      time.Duration
}
