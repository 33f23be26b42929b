package audio

import (
	"time"

	"github.com/pion/rtp"
)

// Report is what a [Receiver] measured.
type Report struct {
	Packets    int           `json:"packets"`
	Octets     int           `json:"octets"` // payload
	Lost       int           `json:"lost"`   // RFC 3550 A.3; late ones are not lost
	Late       int           `json:"late"`   // out of order
	Duplicates int           `json:"duplicates"`
	JitterMS   float64       `json:"jitter_ms"` // RFC 3550 A.8
	MaxGapMS   float64       `json:"max_gap_ms"`
	Gaps       int           `json:"gaps"`     // silences on the wire over 60 ms
	SSRCs      int           `json:"ssrcs"`    // changes of source, 1 is normal
	Payloads   map[uint8]int `json:"payloads"` // packets by payload type
	DTMF       string        `json:"dtmf"`
	Heard      []Segment     `json:"heard"`
	Tone       float64       `json:"tone"`  // Hz, the longest
	Level      float64       `json:"level"` // dBFS of that tone
}

// Receiver measures one incoming RTP stream. It is not safe for concurrent use.
type Receiver struct {
	Law   Law
	Audio uint8 // payload type whose sound is decoded
	Event uint8 // payload type of telephone-event; 0: none
	Mute  bool  // do not decode (the payload is not G.711)
	Clock int   // Hz, of the RTP timestamps; 0 means 8000

	report  Report
	meter   Meter
	events  EventReader
	ssrc    uint32
	maxSeq  uint32 // extended
	first   uint32
	seen    [64]uint32 // recent extended numbers, by number modulo 64
	transit float64
	last    time.Time
	pcm     [FrameSamples * 6]int16
	started bool
}

// gapLimit is three packets: less can be scheduling.
const gapLimit = 60 * time.Millisecond

// Packet measures p, which arrived at now. It returns the decoded sound, valid
// until the next call, or nil.
func (r *Receiver) Packet(now time.Time, p *rtp.Packet) []int16 {
	if r.report.Payloads == nil {
		r.report.Payloads = map[uint8]int{}
	}
	r.report.Packets++
	r.report.Octets += len(p.Payload)
	r.report.Payloads[p.PayloadType]++
	if !r.count(now, p) {
		return nil
	}
	if r.Event != 0 && p.PayloadType == r.Event {
		r.report.DTMF += r.events.Read(p)
		return nil
	}
	if p.PayloadType != r.Audio || r.Mute {
		return nil
	}
	n := min(len(p.Payload), len(r.pcm))
	for i, b := range p.Payload[:n] {
		r.pcm[i] = r.Law.Decode(b)
	}
	r.meter.Write(r.pcm[:n])
	return r.pcm[:n]
}

// count keeps the sequence and time figures; false means a duplicate.
func (r *Receiver) count(now time.Time, p *rtp.Packet) bool {
	if !r.started || p.SSRC != r.ssrc {
		r.started, r.ssrc = true, p.SSRC
		r.report.SSRCs++
		r.maxSeq = 1<<16 | uint32(p.SequenceNumber)
		r.first = r.maxSeq
		r.seen = [64]uint32{}
		r.seen[r.maxSeq%64] = r.maxSeq
		r.transit, r.last = 0, now
		return true
	}
	r.time(now, p)
	delta := int32(int16(p.SequenceNumber - uint16(r.maxSeq)))
	seq := uint32(int64(r.maxSeq) + int64(delta))
	if r.seen[seq%64] == seq {
		r.report.Duplicates++
		return false
	}
	r.seen[seq%64] = seq
	if delta <= 0 {
		r.report.Late++
		r.report.Lost = max(0, r.report.Lost-1)
		return true
	}
	r.report.Lost += int(delta) - 1
	r.maxSeq = seq
	return true
}

func (r *Receiver) time(now time.Time, p *rtp.Packet) {
	gap := now.Sub(r.last)
	r.last = now
	if gap > gapLimit {
		r.report.Gaps++
	}
	r.report.MaxGapMS = max(r.report.MaxGapMS, float64(gap)/float64(time.Millisecond))
	if p.PayloadType != r.Audio {
		return // telephone-events repeat one timestamp
	}
	clock := r.Clock
	if clock == 0 {
		clock = Rate
	}
	transit := float64(now.UnixNano())/1e6 - float64(p.Timestamp)*1000/float64(clock)
	if r.transit != 0 {
		d := transit - r.transit
		if d < 0 {
			d = -d
		}
		if d < 1000 { // a restarted clock is no jitter
			r.report.JitterMS += (d - r.report.JitterMS) / 16
		}
	}
	r.transit = transit
}

// Report is the state of the measurement.
func (r *Receiver) Report() Report {
	out := r.report
	out.Payloads = map[uint8]int{}
	for k, v := range r.report.Payloads {
		out.Payloads[k] = v
	}
	out.Heard = r.meter.Segments()
	main := r.meter.Main()
	out.Tone, out.Level = main.Frequency, main.Level
	return out
}
