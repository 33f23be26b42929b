package meet

import (
	"sync/atomic"
	"time"
)

// deviceState is where a device stands.
//
//	joining --control channel, trusted--> joined --leave, end, lost--> ended
//	joining --control channel, untrusted--> waiting --admitted--> joined
//	waiting --denied, timeout, leave--> ended
type deviceState uint8

const (
	stateJoining deviceState = iota
	stateWaiting
	stateJoined
	stateEnded
)

func (s deviceState) String() string { return [...]string{"joining", "waiting", "joined", "ended"}[s] }

// device is a connected client: a gateway's participant. What is not set at
// its making is guarded by the meeting's mutex.
type device struct {
	srv         *Server
	meeting     *meeting
	session     *session
	profile     profile
	name        string // spaces/<id>/devices/<id>
	displayName string
	kind        string // ROOM, PHONE, BROWSER
	token       string
	trusted     bool
	issuer      string // of the gateway token
	remote      string
	created     time.Time
	outbox      chan outMessage
	hasCamera   bool
	contentUp   bool
	noVideo     bool // the scope has no video

	// What the receiving goroutine asks for every packet.
	gateJoined, gatePresenting, gateMuted atomic.Bool

	state     deviceState
	reason    Disconnect
	why       string
	ended     time.Time
	member    *member // while joined
	number    int     // of the member it is or will be
	admitted  bool
	channels  map[string]*channel
	lobby     lobby
	farewell  *farewell // it has ended, but cannot be told yet
	joinedAt  time.Time
	statsAt   time.Time // the last upload
	uploads   int
	lastStats map[string]any
	video     assignment
	slots     []slot
	voices    []*stream // audio down, by slot
	cameras   []*stream // video down
	content   *stream   // content down; may be nil
	chatTimes []time.Time
	feedback  time.Time
	reports   time.Time
	probed    time.Time
	forced    bool // muted by a host
	audio     bool // muted by itself
	noCamera  bool // muted by itself
	sent      map[string]int
	journal   []ChannelMessage
}

type lobby struct {
	since, until time.Time
	told         time.Time
	last         lobbyInfo
}

// farewell is the end of a device that is still connecting.
type farewell struct {
	reason Disconnect
	text   string
}

// ChannelMessage is one message of a data channel, for reports.
type ChannelMessage struct {
	At    time.Time `json:"at"`
	Label string    `json:"label"`
	From  string    `json:"from"` // "client", "edge"
	Text  string    `json:"text"`
}

const (
	maxJournal     = 200
	maxJournalText = 2000
)

// told keeps the last messages of both directions for reports.
func (d *device) told(label string, text []byte)  { d.record(label, "edge", text) }
func (d *device) asked(label string, text []byte) { d.record(label, "client", text) }

func (d *device) record(label, from string, text []byte) {
	d.sent[label+" "+from]++
	if len(d.journal) >= maxJournal {
		d.journal = append(d.journal[:0], d.journal[maxJournal/2:]...)
	}
	d.journal = append(d.journal, ChannelMessage{time.Now(), label, from, string(text[:min(len(text), maxJournalText)])})
}

// uplinkGate says what is to become of media that arrives.
func (d *device) uplinkGate() (joined, presenting, muted bool) {
	return d.gateJoined.Load(), d.gatePresenting.Load(), d.gateMuted.Load()
}

func (d *device) violation(rule, action, what, reason string) {
	d.srv.record(Violation{Rule: rule, Action: action, What: what, Reason: reason, Meeting: d.meeting.id, Device: d.name})
}

// lost ends a device whose transport is gone.
func (d *device) lost(why string) {
	d.meeting.mu.Lock()
	defer d.meeting.mu.Unlock()
	d.lostLocked(why)
}

// gone reports whether the device has ended.
func (d *device) gone() bool {
	d.meeting.mu.Lock()
	defer d.meeting.mu.Unlock()
	return d.state == stateEnded
}

func (d *device) lostLocked(why string) {
	if d.state == stateEnded {
		return
	}
	reason := SessionLost
	if d.farewell != nil {
		reason, why = d.farewell.reason, d.farewell.text
	}
	d.endedLocked(reason, why)
	d.session.close()
}

// endLocked ends a device with a last message. request is answered in the same
// message (reference, trap 6); nil if none is to be answered.
func (d *device) endLocked(reason Disconnect, text string, r *request) {
	if d.state == stateEnded {
		return
	}
	if d.state == stateJoining && d.channels[chControl] == nil && reason != ClientLeft && d.farewell == nil {
		// The client is still connecting: it hears the reason as soon as it can.
		d.farewell = &farewell{reason, text}
		return
	}
	if d.farewell != nil {
		reason, text = d.farewell.reason, d.farewell.text
	}
	m := message{}
	if r != nil {
		m = respond(*r, done(struct{}{}))
	}
	m.Resources = []map[string]any{resource(0, "sessionStatus", sessionStatus{State: "STATE_DISCONNECTED", Reason: reason, Message: text})}
	if c := d.channels[chControl]; c != nil {
		d.queueLocked(outMessage{c, m.text(), true})
		d.endedLocked(reason, text)
		return
	}
	d.endedLocked(reason, text)
	d.session.close()
}

func (d *device) endedLocked(reason Disconnect, why string) {
	d.state, d.reason, d.why, d.ended = stateEnded, reason, why, time.Now()
	d.gateJoined.Store(false)
	d.srv.log.Info("device left", "device", d.name, "reason", string(reason), "why", why)
	d.meeting.goneLocked(d)
}

// mutedLocked refreshes what others know of the device's microphone and camera.
func (d *device) mutedLocked() {
	muted := d.audio || d.forced
	d.gateMuted.Store(muted)
	if m := d.member; m != nil {
		m.audioMuted, m.videoMuted = muted, d.noCamera || !d.hasCamera
		d.meeting.entryChangedLocked(m)
	}
}
