package call

import (
	"math"
	"time"

	"tandem/media"
)

// A Record is what remains of a call. It is written when the call begins and
// again when it ends, so that a call the gateway did not survive is still there.
type Record struct {
	ID       string        `json:"id"`
	Node     string        `json:"node,omitempty"`
	Began    time.Time     `json:"began"`
	Rang     time.Time     `json:"rang,omitzero"`
	Answered time.Time     `json:"answered,omitzero"`
	Ended    time.Time     `json:"ended,omitzero"` // zero while the call runs
	From     string        `json:"from"`
	FromName string        `json:"from_name,omitempty"`
	To       string        `json:"to"`
	Tag      string        `json:"tag,omitempty"` // of the rule that led where it went
	A        LegRecord     `json:"a"`
	B        LegRecord     `json:"b,omitzero"` // the leg that answered, or the last one tried
	Tried    []Attempt     `json:"tried,omitempty"`
	Cause    Cause         `json:"cause"`
	Text     string        `json:"text,omitempty"` // what the far end said
	Path     string        `json:"path,omitempty"` // the media pipeline in one line
	Talked   time.Duration `json:"talked_ns,omitempty"`
}

// A LegRecord is one leg in a Record.
type LegRecord struct {
	ID        string      `json:"id"`
	Connector string      `json:"connector"`
	Via       string      `json:"via,omitempty"`
	Remote    string      `json:"remote,omitempty"`
	Codec     string      `json:"codec,omitempty"`
	Media     media.Stats `json:"media,omitzero"`
	MOS       float64     `json:"mos,omitempty"` // how good what came from the far end sounded, estimated; 1 to 4.5
}

// An Attempt is a destination that was tried and did not take the call.
type Attempt struct {
	Connector string `json:"connector"`
	Target    string `json:"target,omitempty"`
	To        string `json:"to"`
	Cause     Cause  `json:"cause"`
	Text      string `json:"text,omitempty"`
}

// A Recorder keeps call records. Neither method may block the call: a recorder
// that has to wait for a disk queues, and says so when its queue is full.
type Recorder interface {
	Began(Record)
	Ended(Record)
}

// legRecord is what a leg says of itself; late are packets that it does not know to
// have come too late.
func legRecord(l Leg, late uint64) LegRecord {
	i := l.Info()
	r := LegRecord{ID: i.ID, Connector: i.Connector, Via: i.Via, Remote: i.Remote}
	if m := l.Media(); m != nil {
		r.Media = m.Stats()
		r.Media.Late += late
		if src := m.Sources(); len(src) > 0 {
			r.Codec = src[0].Info().Codec
			r.MOS = math.Round(r.Media.MOS(r.Codec)*100) / 100
		}
	}
	return r
}
