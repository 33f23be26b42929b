package meet

import (
	"context"
	"crypto/rand"
	"log/slog"
	mrand "math/rand/v2"
	"sync"
	"time"

	"tandem/call"
	"tandem/internal/mailbox"
	"tandem/media"
	"tandem/media/transport"
)

// A phase is where a leg is.
//
//	joining --answer--> connecting --STATE_WAITING--> waiting --STATE_JOINED--> inside
//	   ^                    |                            |                        |
//	   |                    +------STATE_JOINED----------|----------------------->+
//	   +-- time to knock again -- pausing <--nobody said anything
//	any --refused after the lobby--> showing --> over      any --hang-up--> leaving --> over
type phase uint8

const (
	joining    phase = iota // the joining call is under way
	connecting              // ICE, DTLS, channels
	waiting                 // in the lobby
	pausing                 // between two knocks
	inside                  // in the meeting
	showing                 // a refusal is on the screen
	leaving                 // the service is told
	over
)

func (p phase) String() string {
	return [...]string{"joining", "connecting", "waiting", "pausing", "inside", "showing", "leaving", "over"}[p]
}

// A Leg is one call in a meeting. Its signalling belongs to one goroutine, run;
// everything else posts to it.
type Leg struct {
	info    call.Info
	c       *Connector
	conf    Config
	edge    *edge
	meeting string
	from    call.Request
	box     mailbox.Box[any]
	heard   chan heard
	events  chan call.Event
	log     *slog.Logger
	work    sync.WaitGroup // requests under way

	mu      sync.Mutex // guards session toward others than run, which alone changes it
	session *Session

	// Owned by run.
	ctx      context.Context
	name     string // display name
	kind     string // kindRoom, kindPhone
	video    bool
	needy    bool // a telephone that has got a camera, and is no room yet
	blind    bool // the host wants no video of it
	phase    phase
	due      deadlines
	link     *link
	open     bool   // its channels are
	stop     func() // ends the tries of the joining call under way; may be nil
	offer    offer
	joins    int
	answer   joinAnswer // of the last join that worked
	roster   roster
	views    views
	muted    mediaState
	asked    time.Time // when the service let us before the door, or in
	lobbied  bool
	until    time.Time // our own limit in the lobby
	knocks   knocks
	seated   bool // the service has a device of ours, as far as we know
	silent   bool // the transport ended without a word; the service may still tell why
	stats    *configuration
	broken   time.Time // since when the path is; zero when it is not
	renewing bool      // an ICE restart, or an update, is under way
	starting int64     // request that starts our presentation; 0 for none
	asking   int64     // request of the last assignment
	end      *call.Ended
	admitted bool
}

var _ call.Leg = (*Leg)(nil)

// Messages to run, besides call.Events, those of the link and those of the session.
type (
	joinDone struct {
		link   *link
		answer joinAnswer
		err    error
	}
	restartDone struct {
		link            *link
		ufrag, password string
		answer          string
		err             error
	}
	leftDone struct {
		reason string // why the service had ended the device, when it had
		err    error
	}
)

// What a device is to the service.
const (
	kindRoom  = "ROOM"
	kindPhone = "PHONE"
)

// lobbySlip lets the service's own limit be told before ours ends the wait.
const lobbySlip = time.Second

func newLeg(c *Connector, e *edge, conf Config, loop transport.Loop, meeting string, from call.Request) *Leg {
	l := &Leg{
		info: call.Info{ID: call.NewID(), Connector: Name, Via: e.access.Name, Remote: meeting},
		c:    c, conf: conf, edge: e, meeting: meeting, from: from,
		heard: make(chan heard, 64), events: make(chan call.Event, 16),
	}
	l.log = c.Log.With("leg", l.info)
	l.edge.log, l.edge.trace = l.log, l.trace()
	l.be(loop, from.Video)
	l.views = views{videos: conf.Videos, content: true}
	return l
}

// be makes the leg a room, or a telephone, with a session of its own.
func (l *Leg) be(loop transport.Loop, room bool) {
	l.video, l.kind = room, kindPhone
	if room {
		l.kind = kindRoom
	}
	l.name = displayName(l.from.FromName, l.from.From, !room)
	s := newSession(loop, l.conf, room, func(v any) { l.box.Offer(v) })
	l.mu.Lock()
	defer l.mu.Unlock()
	l.session = s
}

// current is the session, for everybody.
func (l *Leg) current() *Session {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.session
}

// Info implements call.Leg.
func (l *Leg) Info() call.Info { return l.info }

// Media implements call.Leg: a [Session].
func (l *Leg) Media() media.Session { return l.current() }

// Events implements call.Leg.
func (l *Leg) Events() <-chan call.Event { return l.events }

// Do implements call.Leg. A meeting takes no keys; they are the bridge's.
func (l *Leg) Do(ev call.Event) {
	if end, ok := ev.(call.Ended); ok {
		l.box.Post(end)
	}
}

// run is the leg's life.
func (l *Leg) run(ctx context.Context) {
	life, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	l.ctx = life
	l.join()
	gone := ctx.Done()
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for l.phase != over {
		if wait, ok := l.due.wait(time.Now()); ok {
			timer.Reset(wait)
		}
		select {
		case <-l.box.Ready():
			if what, ok := l.box.Take(); ok {
				l.handle(what)
			}
		case m := <-l.heard:
			l.hear(m)
		case <-timer.C:
			l.expire(time.Now())
		case <-gone:
			gone = nil
			l.hangup(call.Ended{Cause: call.Shutdown})
		}
	}
	cancel()
	l.finish()
}

// finish lets go of everything, then reports the end.
func (l *Leg) finish() {
	l.dropLink()
	l.session.close()
	l.work.Wait()
	l.box.Close()
	l.c.forget(l)
	if !l.admitted {
		l.c.joined(l.end.Cause.String())
	}
	l.log.Info("meeting left", "cause", l.end.Cause, "text", l.end.Text)
	l.events <- *l.end
	close(l.events)
}

func (l *Leg) emit(ev call.Event) { l.events <- ev }

func (l *Leg) enter(p phase) {
	l.log.Info("meeting phase", "now", p, "was", l.phase)
	l.phase = p
}

// handle takes what was posted.
func (l *Leg) handle(what any) {
	switch v := what.(type) {
	case call.Ended:
		l.hangup(v)
	case joinDone:
		l.joinDone(v)
	case linkOpen:
		if v.link == l.link {
			l.linkOpen()
		}
	case linkLost:
		if v.link == l.link {
			l.linkLost(v.err)
		}
	case pathState:
		if v.link == l.link {
			l.pathChanged(v.state)
		}
	case linkMore:
		if v.link == l.link {
			l.seeing()
		}
	case restartDone:
		if v.link == l.link {
			l.restartDone(v)
		}
	case grown:
		if v.link == l.link {
			l.grown(v)
		}
	case leftDone:
		l.leftDone(v)
	default:
		l.wish(what)
	}
}

// join makes a link and asks to be let in.
func (l *Leg) join() {
	l.link, l.open = newLink(l.linkConfig(), l.session, labels(l.video), func(v any) { l.box.Post(v) }, l.heard), false
	l.joins++
	o := l.session.lines.Load().offer(offer{
		session: mrand.Uint64() >> 2, version: 1, ufrag: l.link.ufrag, password: l.link.password, fingerprint: l.link.conf.fingerprint,
	})
	l.offer = o
	req := joinRequest{Offer: o.String(), DisplayName: l.name, Kind: l.kind, RequestID: rand.Text(), Device: l.answer.Device}
	limit := l.conf.Join
	if l.lobbied {
		limit = min(limit, max(time.Until(l.until), minKnock))
	}
	ctx, cancel := context.WithTimeout(l.ctx, limit)
	enough := make(chan struct{})
	l.stop = sync.OnceFunc(func() { close(enough) })
	link := l.link
	l.work.Go(func() {
		defer cancel()
		a, err := l.edge.join(ctx, l.meeting, req, enough)
		l.box.Post(joinDone{link, a, err})
	})
}

// linkConfig is the connector's, with who listens to this leg.
func (l *Leg) linkConfig() linkConfig {
	c := l.c.linkConfig(l.conf)
	c.trace = l.edge.trace
	return c
}

// joinDone goes on with the service's answer.
func (l *Leg) joinDone(v joinDone) {
	l.stop = nil
	if v.link != l.link || l.phase != joining {
		l.joinedTooLate(v)
		return
	}
	l.c.credentials(l.edge.access.Name, v.err)
	if v.err != nil {
		l.refusedToJoin(v.err)
		return
	}
	l.answer, l.seated, l.asked = v.answer, true, time.Now()
	l.roster.self = v.answer.ParticipantKey
	a, err := parseAnswer(v.answer.Answer, l.session.lines.Load().plan)
	if err != nil || !isDevice(v.answer.Device) {
		l.lost(call.Ended{Cause: call.ProtocolError, Text: "the meeting service's answer cannot be used: " + errText(err, "the device has no name")})
		return
	}
	l.session.setSpace(v.answer.Space)
	l.session.limit(v.answer.Limits)
	l.session.use(l.link, a)
	l.enter(connecting)
	l.due.set(dueConnect, time.Now().Add(l.link.conf.timeout+5*time.Second))
	l.log.Info("meeting answered", "space", v.answer.Space.Name, "device", v.answer.Device, "admission", v.answer.Admission, "trace", v.answer.TraceID)
	l.link.start(l.ctx, a)
}

// joinedTooLate takes back a join that nobody waits for any more.
func (l *Leg) joinedTooLate(v joinDone) {
	if l.phase != leaving {
		return
	}
	if v.err == nil && isDevice(v.answer.Device) {
		l.answer, l.seated = v.answer, true
		l.due.clear(dueLeave)
		l.leaveOverHTTPS()
		return
	}
	l.enter(over)
}

// linkOpen begins to talk on the data channels.
func (l *Leg) linkOpen() {
	l.open = true
	l.due.clear(dueConnect)
	l.log.Info("meeting connected", "path", l.session.String())
	if l.phase == leaving {
		return
	}
	if l.muted != (mediaState{}) {
		l.tellMuted()
	}
	switch l.phase {
	case connecting:
		l.due.set(dueConnect, time.Now().Add(linkTimeout)) // until the first session status
	case inside:
		l.assign(time.Now()) // the service was faster than our own goroutines
	}
}

func errText(err error, otherwise string) string {
	if err == nil {
		return otherwise
	}
	return err.Error()
}
