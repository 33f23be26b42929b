package meet

import (
	"context"
	"fmt"
	"image/color"
	"slices"
	"strings"
	"sync"
	"time"

	"tandem/sim/picture"
)

// meeting is one conference: who is in it, who waits, and what everybody sees.
type meeting struct {
	srv              *Server
	id               string // of the space
	pin, code, title string
	tenant           string
	lobbyTimeout     time.Duration
	maxParticipants  int
	fps              int
	wake             chan struct{} // somebody came: the clock has to run

	mu         sync.Mutex // guards everything below
	conf       Meeting    // switches that change at run time
	people     []*member  // scripted, present or not
	members    []*member  // present, in the order of joining
	devices    []*device  // joining, waiting or joined
	past       []*device  // ended, the last few
	lastNumber int
	lastDevice int
	over       bool
	presenter  *member
	start      time.Time // of the scripts; zero until they run
	loud       loudest
	voices     []voice
	spoke      map[int]time.Time // member: when it was last among the voices
	chatID     int
	knocks     map[string][]time.Time // by device name
	clientGone time.Time              // Media API: an unclean loss
	audioTick  int
	videoTick  int
}

// member is anybody in the meeting: a scripted person or a connected device.
type member struct {
	id     int
	name   string
	kind   PersonKind
	user   string // of signed-in people
	device *device
	gone   bool // a Media API client: nobody sees it

	audioMuted, videoMuted bool
	sharing                bool

	// scripted people
	person  *Person
	script  script
	present bool
	talking bool
	frozen  bool
	colour  color.RGBA
	tone    float64
	level   float64 // of the voice, dBov
	at      int     // in the voice's loop

	// devices
	heard time.Time // the last audio packet
}

func (m *member) key() string       { return fmt.Sprintf("participants/p%d", m.id) }
func (m *member) entry() int        { return m.id*10 + 1 }
func (m *member) shareEntry() int   { return m.id*10 + 2 }
func (m *member) audioCSRC() uint32 { return uint32(1000 + m.id*10 + 1) }
func (m *member) videoCSRC() uint32 { return uint32(1000 + m.id*10 + 2) }
func (m *member) shareCSRC() uint32 { return uint32(1000 + m.id*10 + 3) }

// host says whether the member may admit others.
func (m *member) host() bool { return m.person != nil && !m.person.Guest && m.kind == SignedIn }

func (s *Server) newMeeting(conf Meeting) *meeting {
	m := &meeting{
		srv: s, id: conf.ID, pin: conf.PIN, code: conf.Code, title: conf.Title, tenant: conf.Tenant, conf: conf,
		lobbyTimeout: or(conf.LobbyTimeout, s.cfg.Timing.Lobby), maxParticipants: or(conf.MaxParticipants, 100), fps: s.cfg.Options.FPS,
		wake: make(chan struct{}, 1), over: conf.Ended, spoke: map[int]time.Time{}, knocks: map[string][]time.Time{},
	}
	for _, p := range conf.People {
		m.addPersonLocked(p)
	}
	if conf.StartNow {
		m.start = time.Now()
	}
	return m
}

func (m *meeting) is(alias string) bool {
	return alias == m.id || alias == m.pin || plainCode(alias) == plainCode(m.code) && plainCode(alias) != "" || alias == "spaces/"+m.id
}

func (m *meeting) addPersonLocked(p Person) *member {
	m.lastNumber++
	n := len(m.people)
	out := &member{
		id: m.lastNumber, name: p.Name, kind: p.Kind, user: fmt.Sprintf("users/u%d", m.lastNumber), person: &p, script: newScript(p),
		audioMuted: p.Muted, videoMuted: p.NoCamera || p.Kind == Phone, talking: p.Talking,
		tone: or(p.Tone, 300+50*float64(n)), level: or(p.Level, -25.0), colour: paint(n),
	}
	if c, err := picture.ParseHex(p.Colour); err == nil {
		out.colour = c
	}
	m.people = append(m.people, out)
	if !p.Absent {
		m.enterLocked(out)
	}
	return out
}

// enterLocked makes somebody present and tells the others.
func (m *meeting) enterLocked(who *member) {
	who.present = true
	m.members = append(m.members, who)
	m.tellMemberLocked(who)
	m.tellEntryLocked(who)
}

// leaveLocked takes somebody out and tells the others.
func (m *meeting) leaveLocked(who *member) {
	if !who.present {
		return
	}
	m.unshareLocked(who)
	who.present = false
	m.members = slices.DeleteFunc(m.members, func(x *member) bool { return x == who })
	m.eachJoinedLocked(func(d *device) {
		if d.member == who {
			return
		}
		d.sendLocked(chEntries, message{Deleted: []map[string]any{{"id": who.entry(), "mediaEntry": true}}})
		d.sendLocked(chParticipants, message{Deleted: []map[string]any{{"id": who.id, "participant": true}}})
	})
}

func (m *meeting) eachJoinedLocked(f func(*device)) {
	for _, d := range slices.Clone(m.devices) {
		if d.state == stateJoined {
			f(d)
		}
	}
}

// admitLocked lets a device in as soon as it can hear that it is.
func (m *meeting) admitLocked(d *device) {
	if d.farewell != nil {
		return
	}
	d.admitted = true
	if d.channels[chControl] == nil || d.state == stateJoined || d.state == stateEnded {
		return
	}
	now := time.Now()
	d.state, d.joinedAt, d.statsAt = stateJoined, now, now
	d.gateJoined.Store(true)
	d.sendLocked(chControl, message{Resources: []map[string]any{resource(0, "sessionStatus", sessionStatus{State: "STATE_JOINED"})}})
	kind := Anonymous
	if d.kind == "PHONE" {
		kind = Phone
	}
	d.member = &member{id: d.number, name: d.displayName, kind: kind, device: d, gone: d.profile == mediaAPI}
	if m.start.IsZero() {
		m.start = now
	}
	if !d.member.gone {
		m.enterLocked(d.member)
		d.mutedLocked()
	}
	for label := range d.channels {
		d.welcomeLocked(label)
	}
	m.srv.log.Info("device joined", "device", d.name, "name", d.displayName)
}

// goneLocked is after a device has ended.
func (m *meeting) goneLocked(d *device) {
	m.devices = slices.DeleteFunc(m.devices, func(x *device) bool { return x == d })
	if m.past = append(m.past, d); len(m.past) > 50 {
		m.past = slices.Delete(m.past, 0, 10)
	}
	if d.profile == mediaAPI && d.reason == SessionLost {
		m.clientGone = time.Now()
	}
	if d.member != nil {
		m.leaveLocked(d.member)
	}
}

// person finds a scripted person by name.
func (m *meeting) personLocked(name string) *member {
	for _, p := range m.people {
		if strings.EqualFold(p.name, name) {
			return p
		}
	}
	return nil
}

// deviceLocked finds a connected device by resource name or display name.
func (m *meeting) deviceLocked(name string) *device {
	for _, d := range m.devices {
		if d.name == name || strings.EqualFold(d.displayName, name) {
			return d
		}
	}
	return nil
}

// memberLocked finds anybody present by number.
func (m *meeting) memberLocked(id int) *member {
	for _, x := range m.members {
		if x.id == id {
			return x
		}
	}
	return nil
}

func (m *meeting) actOnce(f Fault) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, d := range slices.Clone(m.devices) {
		if !f.applies(d) {
			continue
		}
		if f.Kind == SessionDrop {
			d.endedLocked(SessionLost, "the edge forgot the session (fault)")
			d.session.forgetSilently()
			continue
		}
		for _, c := range d.channels {
			d.queueLocked(outMessage{ch: c, text: []byte(`{"resources":[{"id":`)})
			d.queueLocked(outMessage{ch: c, text: []byte(`{"resources":[{"id":99,"hologram":{"state":"STATE_FROM_THE_FUTURE"}}],"novelty":[1,2,3]}`)})
		}
	}
}

// run is the meeting's clock; it rests while nobody is connected.
func (m *meeting) run(ctx context.Context) {
	const step = 10 * time.Millisecond
	timer := time.NewTimer(step)
	defer timer.Stop()
	next := time.Now()
	for {
		m.mu.Lock()
		idle := len(m.devices) == 0 && m.start.IsZero()
		m.mu.Unlock()
		if idle {
			select {
			case <-ctx.Done():
				return
			case <-m.wake:
				next = time.Now()
			}
			continue
		}
		if behind := time.Since(next); behind > 20*step { // the machine was away
			next = time.Now()
		}
		next = next.Add(step)
		timer.Reset(time.Until(next))
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		}
		m.tick(time.Now())
	}
}
