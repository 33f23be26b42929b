package evidence

import (
	"bytes"
	"context"
	"net/netip"
	"strings"
	"sync"
	"time"

	"tandem/call"
	"tandem/sip/flow"
)

const (
	maxMessages = 200       // of a call; further ones are counted
	maxMessage  = 8 << 10   // octets of one that are kept
	maxText     = 256 << 10 // octets of all of a call
	maxTotal    = 64 << 20  // octets of all calls; past it only first lines are kept
	maxSamples  = 1440      // of a call: two legs for an hour; then every second older one goes
	maxUnknown  = 4096      // SIP dialogs no leg has claimed yet
	claimWithin = 40 * time.Second
	recentCalls = 200 // that are over, in memory whatever the policy
	// A call's last answers may come after its end; so long they are waited for.
	settleTime = 3 * time.Second
	sampleStep = 4 * time.Second // at least, between two samples of a leg
)

// A Recorder finds out what belongs to which call, and keeps it. Fill in Store; its
// methods are safe for concurrent use, and none but Run waits for anything.
type Recorder struct {
	// Store takes the evidence of a call that is over; keeping says whether by the
	// policy it is worth to be stored. nil takes nothing.
	Store func(r call.Record, e Evidence)

	mu      sync.Mutex           // guards what follows
	policy  string               //
	dialogs map[string]*messages // by Call-ID
	unknown []claim              // Call-IDs that wait to be claimed, the oldest first
	legs    map[string][]string  // Call-IDs of a leg
	calls   map[string]*about
	ended   []*about // wait for their last messages, the oldest first
	recent  []*about // that are over and change no more, the oldest first
	total   int      // octets
	dropped uint64   // dialogs that were too many
}

// messages are those of one Call-ID.
type messages struct {
	call    *about // nil: not claimed
	side    string
	all     []raw
	room    []byte // for the texts to come; what is used of it belongs to all
	octets  int    // of all rooms
	dropped int
}

// A call without ado has seven messages on each side, of 3,500 octets together.
const (
	usualMessages = 8
	usualText     = 4 << 10
)

// keep copies a text. Texts of a dialog share an array, and most calls need one of
// them; when room is short, each has what it needs.
func (m *messages) keep(text []byte, short bool) []byte {
	if len(text) > cap(m.room)-len(m.room) {
		size := len(text)
		if !short {
			size = max(size, usualText)
		}
		m.room = make([]byte, 0, size)
		m.octets += size
	}
	n := len(m.room)
	m.room = append(m.room, text...)
	return m.room[n:len(m.room):len(m.room)]
}

// wayOf is where a message passes. Those of a dialog take the same one, as a rule.
func (m *messages) wayOf(f *flow.Flow) *way {
	w := way{f.Remote(), f.Network(), f.Local()}
	if n := len(m.all); n > 0 && m.all[n-1].way != nil && *m.all[n-1].way == w {
		return m.all[n-1].way
	}
	return &w
}

// raw is a message as it passed. Secrets are taken out when it is looked at or
// stored, not while a call is being set up.
type raw struct {
	at   time.Time
	out  bool
	way  *way // never changed
	text []byte
	said *said // not SIP; nil: it is
}

// way is between whom a message passes.
type way struct {
	peer    netip.AddrPort
	network string
	local   netip.AddrPort
}

// said is what a message that is not SIP knows of itself.
type said struct{ peer, summary string }

type claim struct {
	callID string
	at     time.Time
}

// about is a call.
type about struct {
	id       string
	record   call.Record
	dialogs  []*messages
	callIDs  []string
	legs     map[string]string // ID -> side
	timeline []Sample
	last     map[string]figures // by leg
	octets   int
	over     time.Time // when it ended
}

// Policy sets which calls are stored.
func (r *Recorder) Policy(c Config) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.policy = c.Store
}

// Message takes one SIP message, as it passes.
func (r *Recorder) Message(e flow.TraceEvent) {
	id, ok := callIDOf(e.Data)
	if !ok {
		return
	}
	begins := bytes.HasPrefix(e.Data, []byte("INVITE "))
	r.mu.Lock()
	defer r.mu.Unlock()
	m := r.dialogs[string(id)]
	if m == nil {
		if !begins {
			return // a registration, or a call that is over
		}
		m = r.newDialogLocked(string(id), e.At)
	}
	octets := 0
	if m.call != nil {
		octets = m.call.octets
	}
	if len(m.all) >= maxMessages || octets > maxText {
		m.dropped++
		return
	}
	text, short := e.Data[:min(len(e.Data), maxMessage)], r.total > maxTotal
	if short {
		text = text[:indexLine(text)]
	}
	before := m.octets
	if m.all == nil {
		m.all = make([]raw, 0, usualMessages)
	}
	m.all = append(m.all, raw{e.At, e.Out, m.wayOf(e.Flow), m.keep(text, short), nil})
	r.total += m.octets - before
	if m.call != nil {
		m.call.octets += len(text)
	}
}

func (r *Recorder) newDialogLocked(id string, at time.Time) *messages {
	if r.dialogs == nil {
		r.dialogs, r.legs, r.calls = make(map[string]*messages), make(map[string][]string), make(map[string]*about)
	}
	for len(r.unknown) >= maxUnknown {
		r.dropped++
		r.giveUpLocked()
	}
	m := new(messages)
	r.dialogs[id] = m
	r.unknown = append(r.unknown, claim{id, at})
	return m
}

// giveUpLocked forgets the dialog that waits longest, unless it was claimed.
func (r *Recorder) giveUpLocked() {
	id := r.unknown[0].callID
	r.unknown = r.unknown[1:]
	if m := r.dialogs[id]; m != nil && m.call == nil {
		r.forgetLocked(id)
	}
}

func (r *Recorder) forgetLocked(id string) {
	m := r.dialogs[id]
	if m == nil {
		return
	}
	r.total -= m.octets
	delete(r.dialogs, id)
}

// Leg says which SIP dialog a leg has.
func (r *Recorder) Leg(leg, callID string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.dialogs[callID] == nil {
		r.newDialogLocked(callID, time.Now())
	}
	if len(r.legs) > 4*maxUnknown { // legs that no call has named
		clear(r.legs)
	}
	r.legs[leg] = append(r.legs[leg], callID)
}

// Call says how a call stands: its Switch's Watch.
func (r *Recorder) Call(c call.Running) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.calls == nil {
		r.dialogs, r.legs, r.calls = make(map[string]*messages), make(map[string][]string), make(map[string]*about)
	}
	a := r.calls[c.ID]
	if a == nil {
		a = &about{id: c.ID, legs: make(map[string]string), last: make(map[string]figures)}
		r.calls[c.ID] = a
	}
	a.record = c.Record
	r.claimLocked(a, c.A.ID, "a")
	for id := range strings.SplitSeq(c.B.ID, "+") {
		r.claimLocked(a, id, "b")
	}
	if c.Phase == call.Active || !c.Ended.IsZero() {
		a.sample(time.Now(), c.A, "a", !c.Ended.IsZero())
		a.sample(time.Now(), c.B, "b", !c.Ended.IsZero())
	}
	if !c.Ended.IsZero() && a.over.IsZero() {
		a.over = time.Now()
		r.ended = append(r.ended, a)
	}
}

// claimLocked gives a call the messages of a leg.
func (r *Recorder) claimLocked(a *about, leg, side string) {
	if leg == "" {
		return
	}
	if a.legs[leg] == "" {
		a.legs[leg] = side
	}
	for _, callID := range r.legs[leg] {
		m := r.dialogs[callID]
		if m == nil || m.call != nil {
			continue
		}
		m.call, m.side = a, a.legs[leg]
		a.dialogs, a.callIDs = append(a.dialogs, m), append(a.callIDs, callID)
		for _, one := range m.all {
			a.octets += len(one.text)
		}
	}
	delete(r.legs, leg)
}

// Get returns the evidence of a call that runs or has just ended; false when it is
// not, or not any more, in memory.
func (r *Recorder) Get(id string) (Evidence, bool) {
	r.mu.Lock()
	a := r.calls[id]
	if a == nil {
		over := r.overLocked(id)
		r.mu.Unlock()
		if over == nil {
			return Evidence{}, false
		}
		return over.evidence(), true
	}
	copied := a.snapshot()
	r.mu.Unlock()
	return copied.evidence(), true // redacting takes its time
}

// overLocked finds a call that ended lately.
func (r *Recorder) overLocked(id string) *about {
	for i := len(r.recent) - 1; i >= 0; i-- {
		if r.recent[i].id == id {
			return r.recent[i]
		}
	}
	return nil
}

// Run finishes calls that have ended, until ctx is done; then those that wait, too.
func (r *Recorder) Run(ctx context.Context) error {
	t := time.NewTicker(time.Second)
	defer t.Stop()
	for {
		select {
		case now := <-t.C:
			r.finish(now.Add(-settleTime))
			r.expire(now.Add(-claimWithin))
		case <-ctx.Done():
			r.finish(time.Now())
			return nil
		}
	}
}

// expire forgets dialogs that nobody has claimed since a time.
func (r *Recorder) expire(since time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for len(r.unknown) > 0 && r.unknown[0].at.Before(since) {
		r.giveUpLocked()
	}
}

// finish takes the calls out that ended before a time.
func (r *Recorder) finish(before time.Time) {
	for {
		a := r.next(before)
		if a == nil {
			return
		}
		r.mu.Lock()
		if len(r.recent) >= recentCalls {
			r.recent = append(r.recent[:0:0], r.recent[recentCalls/4:]...)
		}
		r.recent = append(r.recent, a)
		policy := r.policy
		r.mu.Unlock()
		if r.Store != nil && worth(policy, a.record) {
			r.Store(a.record, a.evidence())
		}
	}
}

// next takes one call out that ended before a time.
func (r *Recorder) next(before time.Time) *about {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.ended) == 0 || r.ended[0].over.After(before) {
		return nil
	}
	a := r.ended[0]
	r.ended = r.ended[1:]
	delete(r.calls, a.id)
	for _, callID := range a.callIDs {
		r.forgetLocked(callID)
	}
	for leg := range a.legs {
		delete(r.legs, leg)
	}
	return a
}

// badMOS is what people complain of.
const badMOS = 3.6

// worth says whether a call's evidence is stored.
func worth(policy string, r call.Record) bool {
	switch policy {
	case StoreAll:
		return true
	case StoreNone:
		return false
	}
	bad := func(l call.LegRecord) bool { return l.MOS > 0 && l.MOS < badMOS }
	return r.Answered.IsZero() && r.Cause != call.Cancelled || r.Cause != call.NormalClearing && r.Cause != call.Cancelled || bad(r.A) || bad(r.B)
}

// Stats are the recorder's figures.
type Stats struct {
	Calls, Dialogs, Octets int
	Dropped                uint64 // dialogs that were too many
}

// Stats returns the figures.
func (r *Recorder) Stats() Stats {
	r.mu.Lock()
	defer r.mu.Unlock()
	return Stats{Calls: len(r.calls), Dialogs: len(r.dialogs), Octets: r.total, Dropped: r.dropped}
}
