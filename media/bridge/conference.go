package bridge

import (
	"log/slog"
	"math/rand/v2"
	"strings"
	"sync"
	"time"

	"tandem/media"
	"tandem/media/compose"
	"tandem/media/dtmf"
	"tandem/media/prompt"
)

// conference joins a room to a meeting: the meeting's voices are mixed and its pictures
// composed for the room, the room's voice and picture go to the meeting. Audio runs on
// the room's loop; one goroutine with one clock owns the pictures and all that changes.
// Start reading at run.
type conference struct {
	room    media.Session
	meeting media.Meeting
	options Options
	log     *slog.Logger
	keys    func(dtmf.Digit) // Options.FromA or FromB: of the room's keys; may be nil
	wake    chan struct{}
	stop    chan struct{}
	done    chan struct{}
	clock   func() time.Time // by which work takes its own time

	down, up           counters
	videoDown, videoUp videoCounters

	mu     sync.Mutex // guards what follows; no Attach and no stop of a tick under it
	pad    keypad
	keyed  twice
	view   view
	roster media.Roster
	ring   bool
	until  time.Time // when view.notice ends
	chat   time.Time // of the line that was shown last
	dirty  bool      // the picture's state is to be made anew
	voices *voices
	mic    *microphone
	pipes  string // as printed last

	// The goroutine's own:
	teller    teller
	stopTicks [2]func() // of voices and mic
	voicesFor media.StreamInfo
	micFor    [2]media.StreamInfo
	micSource media.Source
	screen    *screen
	screenFor media.StreamInfo
	chase     pursuit   // of the screen
	uplink    pictureUp // nil: there is none
	uplinkFor uplinkPlan
	cameras   []*camera
	slides    *slides // the meeting's presentation to the room's second screen
	offer     *camera // the room's presentation
	offered   *slides // to the meeting
	beat      beat
	next      time.Time // of the picture
	second    secondLook
	spent     time.Duration // worked since the last one
	slow      slowness
	shown     []media.View
	asked     bool           // Show was called
	wants     []compose.Want // scratch
	muted     [2]bool
	toldMute  bool
	presenter string    // as the room was told
	lips      time.Time // of the next look at lip sync
	printed   time.Time
}

// newConference makes a conference. Its run ends when stop is closed; then done closes.
func newConference(room media.Session, meeting media.Meeting, o Options, keys func(dtmf.Digit), stop chan struct{}) *conference {
	c := &conference{
		room: room, meeting: meeting, options: o, log: o.Log, keys: keys, dirty: true,
		wake: make(chan struct{}, 1), stop: stop, done: make(chan struct{}), clock: time.Now,
	}
	if l, ok := compose.ParseLayout(o.Layout); ok {
		c.view.layout = l
	}
	now := time.Now()
	c.beat = o.Commons.beat(now)
	c.arrange(now)
	return c
}

func (c *conference) poke() {
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

// run is the conference's goroutine.
func (c *conference) run() {
	defer close(c.done)
	defer c.release()
	changedRoom, changedMeeting := c.room.Changed(), c.meeting.Changed()
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		var open, changed bool
		select {
		case <-c.stop:
			return
		case _, open = <-changedRoom:
			if changed = true; !open {
				changedRoom = nil
			}
		case _, open = <-changedMeeting:
			if changed = true; !open {
				changedMeeting = nil
			}
		case <-c.wake:
		case <-timer.C:
		}
		if changed {
			c.arrange(time.Now())
		}
		timer.Reset(c.work(time.Now()))
	}
}

// printEvery is how often String is made anew: delays and bit rates change.
const printEvery = 5 * time.Second

// idleWake is how often a conference without pictures looks after itself.
const idleWake = time.Second

// work does what is due at now and returns when it wants to be called again. What it
// takes itself it adds to now.
func (c *conference) work(now time.Time) time.Duration {
	began := c.clock()
	c.tell(now)
	c.tellMute(now)
	c.tellPresenter()
	if now.Sub(c.printed) >= printEvery {
		c.print()
		c.printed = now
	}
	wait := idleWake
	if c.uplink != nil {
		c.uplink.work(now)
	}
	if c.screen == nil {
		return wait
	}
	c.receive(now)
	if !now.Before(c.second.due(c.next)) {
		moved := c.picture(now)
		c.present(now)
		if took := c.clock().Sub(began); !c.second.look(moved) {
			c.schedule(now, now.Add(took), c.spent+took)
			c.spent = -took // which is counted
		}
	}
	took := c.clock().Sub(began)
	c.spent += took
	now = now.Add(took)
	wait = soonest(now, wait, c.screen.send)
	for _, s := range []*slides{c.slides, c.offered} {
		if s != nil {
			wait = soonest(now, wait, s.send)
		}
	}
	return max(min(wait, c.second.due(c.next).Sub(now)), 0)
}

// paceEvery is the least time between two looks at what waits to be sent: to wake up for
// every packet costs more than to send it. Pacers give what is due since the last one.
const paceEvery = 5 * time.Millisecond

// soonest sends what may go and shortens wait to when more may.
func soonest(now time.Time, wait time.Duration, send func(time.Time) (time.Duration, bool)) time.Duration {
	if d, more := send(now); more {
		return min(wait, max(d, paceEvery))
	}
	return wait
}

// tell says what has changed.
func (c *conference) tell(now time.Time) {
	c.mu.Lock()
	name := c.teller.next(now, &c.roster)
	if !c.until.IsZero() && now.After(c.until) {
		c.view.notice, c.until, c.dirty = "", time.Time{}, true
	}
	v := c.voices
	c.mu.Unlock()
	if name != "" {
		c.say(v, name)
	}
}

// say plays a sentence to the room.
func (c *conference) say(v *voices, name prompt.Name) {
	if v == nil {
		return
	}
	pcm, err := prompt.Get(name, v.rate)
	if err != nil {
		c.log.Error("prompt", "err", err)
		return
	}
	v.say(pcm)
}

// lostAfter is how long a room sends no picture until the others are told that there
// is none.
const lostAfter = 3 * time.Second

// tellMute tells the meeting whether the room is heard and seen.
func (c *conference) tellMute(now time.Time) {
	c.mu.Lock()
	joined := c.roster.Stage == media.Joined
	muted := [2]bool{c.view.muted, c.uplink == nil || now.Sub(c.uplink.last()) > lostAfter}
	c.mu.Unlock()
	if !joined || c.toldMute && muted == c.muted {
		return
	}
	c.toldMute, c.muted = true, muted
	c.meeting.Mute(muted[0], muted[1])
}

// tellPresenter tells a room with floor control who shares a screen.
func (c *conference) tellPresenter() {
	f, ok := c.room.(floored)
	if !ok {
		return
	}
	c.mu.Lock()
	name := ""
	for i := range c.roster.People {
		if p := &c.roster.People[i]; p.Presenting && c.roster.Stage == media.Joined {
			name = or(p.Name, "Somebody")
			break
		}
	}
	c.mu.Unlock()
	if name != c.presenter {
		c.presenter = name
		f.Present(name)
	}
}

// release gives everything back: no packet moves, and no memory of a codec is held.
func (c *conference) release() {
	c.options.Commons.leave(c)
	c.options.Commons.release(c.beat)
	c.stopAudio()
	c.setUplink(uplinkPlan{})
	c.setOffer(nil, media.StreamInfo{}, nil, media.StreamInfo{}, time.Time{})
	c.setSlides(nil, media.StreamInfo{}, time.Time{})
	c.setScreen(nil, media.StreamInfo{}, time.Time{})
}

// heard is a key in the room's audio stream.
func (c *conference) heard(d dtmf.Digit) {
	c.up.digits.Add(1)
	if c.keys != nil {
		c.keys(d)
	}
	c.press(d.Key, inMedia)
}

// press acts on a key of the room, and reports whether it was of use. At a reception it
// is typed at once, without a way through the sound.
func (c *conference) press(key rune, way keyWay) bool {
	now := time.Now()
	c.mu.Lock()
	if c.keyed.again(now, way, key) {
		c.mu.Unlock()
		return true
	}
	mic, v := c.mic, c.voices
	if t, ok := c.meeting.(typist); ok && c.roster.Stage == media.Typing {
		c.mu.Unlock()
		t.Type(key)
		return true
	}
	cmd := c.pad.press(now, key)
	name := c.obeyLocked(cmd, now)
	muted := c.view.muted
	c.mu.Unlock()
	if cmd == toggleMute && mic != nil {
		mic.mute(muted)
	}
	if name != "" {
		c.say(v, name)
	}
	if cmd != nothing {
		c.poke()
	}
	return true
}

// noticeFor is how long a notice stays on the screen.
const noticeFor = 3 * time.Second

// obeyLocked does what was asked for and returns what to say about it.
func (c *conference) obeyLocked(cmd command, now time.Time) prompt.Name {
	c.dirty = c.dirty || cmd != nothing
	switch cmd {
	case toggleMute:
		if c.view.muted = !c.view.muted; c.view.muted {
			return prompt.Muted
		}
		return prompt.Unmuted
	case nextLayout:
		c.view.layout = c.view.layout.Next()
		c.view.notice, c.until = "Layout "+layoutName(c.view.layout), now.Add(noticeFor)
	case toggleMix:
		c.view.toggled = !c.view.toggled
		c.view.notice, c.until = "Presentation shown", now.Add(noticeFor)
		if c.view.toggled != c.view.second {
			c.view.notice = "Presentation hidden"
		}
	}
	return ""
}

// layoutName is how people call a layout: "1 + 7", "2 x 2".
func layoutName(l compose.Layout) string {
	switch l {
	case compose.Grid2:
		return "2 × 2"
	case compose.Grid3:
		return "3 × 3"
	case compose.Grid4:
		return "4 × 4"
	case compose.Grid5:
		return "5 × 5"
	}
	return strings.ReplaceAll(l.String(), ":", " + ")
}

// ringback plays a tone as long as nothing else is known of the meeting.
func (c *conference) ringback(on bool) {
	c.mu.Lock()
	c.ring = on
	v, joining := c.voices, c.roster.Stage == media.Joining
	c.mu.Unlock()
	if v != nil {
		v.ring(c.options.Country, on && joining)
	}
}

func (c *conference) output(sink media.Sink, info media.StreamInfo, n *counters) output {
	return output{counters: n, sink: sink, ssrc: rand.Uint32(), to: info}
}

// String prints the pipelines.
func (c *conference) String() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.pipes
}

// print notes the pipelines for String, which other goroutines call.
func (c *conference) print() {
	var parts []string
	if c.mic != nil {
		parts = append(parts, "to the meeting: "+c.mic.String())
	}
	if c.uplink != nil {
		parts = append(parts, "video "+c.uplink.String())
	}
	if c.voices != nil {
		parts = append(parts, "to the room: "+c.voices.String())
	}
	if c.screen != nil {
		parts = append(parts, "video "+c.screen.String())
	}
	if c.slides != nil {
		parts = append(parts, c.slides.String())
	}
	if c.offered != nil {
		parts = append(parts, "to the meeting: "+c.offered.String())
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.pipes = or(strings.Join(parts, ", "), "idle")
}
