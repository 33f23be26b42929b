// Package bridge joins the media sessions of two legs. It takes the cheapest way
// that serves both, in each direction, and changes it while the call runs: relay
// (same codec, packets pass), law (G.711 to G.711 by table), transcode (jitter
// buffer, decode, encode); with a [media.Meeting] on one side conference (voices
// mixed, pictures composed). Start reading at [Join]; [choose] is the decision
// between two legs, [conference] what a meeting takes.
package bridge

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"tandem/media"
	"tandem/media/dtmf"
)

// Options are a bridge's wishes; the zero value joins and nothing else.
type Options struct {
	Log     *slog.Logger // nil: silent
	Country string       // of the ringback tone, ISO 3166; "" is "us"
	// Early says that b has not answered yet. Its audio is listened to, so that
	// Ringback knows whether the far end already plays its own tone.
	Early bool
	// FromA and FromB are called for every digit that a leg's far end pressed
	// (RFC 4733, or in the audio where telephone-event was not agreed), besides
	// carrying it to the other leg. They run on a media loop and must not block.
	FromA, FromB func(dtmf.Digit)
	// Layout is what a room sees of a meeting at first: "1:7" (the default), "2:21",
	// "4:0", "9:0", "16:0", "25:0", "1:0".
	Layout string
	// MaxBitrate is the most that a room's picture may take towards a meeting, all
	// layers together, in bit/s; 2,000,000 by default.
	MaxBitrate int
	// Commons are shared by all bridges of a node: what several rooms see of a meeting is
	// decoded once. nil: every room decodes for itself.
	Commons *Commons
}

// Bridge carries the audio, and with a meeting the pictures, of two sessions to each
// other.
type Bridge struct {
	a, b media.Session
	log  *slog.Logger
	wake chan struct{} // the wishes changed
	stop chan struct{}
	done chan struct{} // closed when no packet moves any more
	once sync.Once

	conference *conference // when one side is a meeting; what follows is then unused
	meetingIsA bool

	toA, toB *path   // b's audio to a, and a's to b
	sights   *sights // nil: there have been no pictures. It changes under mu
	floors   floors

	mu    sync.Mutex // guards what follows
	ring  bool       // the caller is to hear ringback
	early bool       // b is listened to
	muted [2]bool    // a is not heard, b is not heard
}

// Join joins a and b until Close. It borrows both sessions: nobody else may attach
// to their sources meanwhile. Codecs run on a's Loop. It must not be called on a
// media loop.
func Join(a, b media.Session, o Options) *Bridge {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	br := &Bridge{
		a: a, b: b, log: o.Log, early: o.Early,
		wake: make(chan struct{}, 1), stop: make(chan struct{}), done: make(chan struct{}),
		toA: &path{loop: a.Loop(), country: o.Country, digits: o.FromB},
		toB: &path{loop: a.Loop(), country: o.Country, digits: o.FromA},
	}
	br.toA.heard = br.poke
	if br.confer(o) {
		return br
	}
	br.arrange()
	go br.run()
	return br
}

// Close ends the bridge. When it returns no packet moves and nothing of the bridge
// runs; the sessions stay open. It may be called more than once, but not on a media
// loop.
func (br *Bridge) Close() {
	br.once.Do(func() { close(br.stop) })
	if br.conference != nil {
		<-br.conference.done
		return
	}
	<-br.done
}

// Ringback says that a's far end is to hear ringback (on: b rings, GV-C15), made
// here unless b's audio is or was just audible; b's audio ends the tone when it
// becomes audible, and off ends it when b answered. It does not wait.
func (br *Bridge) Ringback(on bool) {
	if br.conference != nil {
		br.conference.ringback(on)
		return
	}
	br.mu.Lock()
	br.ring, br.early = on, on
	br.mu.Unlock()
	br.poke()
}

// Stats is what went through the bridge so far.
func (br *Bridge) Stats() Stats {
	if br.conference != nil {
		return br.conference.stats(br.meetingIsA)
	}
	return Stats{ToA: br.toA.stats(), ToB: br.toB.stats()}
}

// String prints the pipeline: "PCMU relay", or both directions when they differ:
// "to b: PCMU -> jitter 40ms -> decode -> OPUS, to a: …".
func (br *Bridge) String() string {
	if br.conference != nil {
		return br.conference.String()
	}
	toA, toB := br.toA.String(), br.toB.String()
	line := toA
	if toA != toB {
		line = "to b: " + toB + ", to a: " + toA
	}
	br.mu.Lock()
	sights := br.sights
	br.mu.Unlock()
	if sights != nil && sights.String() != "" {
		line += ", " + sights.String()
	}
	return line
}

// Kind names the costlier of the two directions: "idle", "relay", "law", "ringing",
// "muted", "transcode", or "conference" with a meeting.
func (br *Bridge) Kind() string {
	if br.conference != nil {
		return "conference"
	}
	return max(br.toA.kind(), br.toB.kind()).String()
}

// poke wakes run. It never blocks: one pending wake-up serves all.
func (br *Bridge) poke() {
	select {
	case br.wake <- struct{}{}:
	default:
	}
}

// run rearranges the bridge whenever a session or a wish changes.
func (br *Bridge) run() {
	defer close(br.done)
	changedA, changedB := br.a.Changed(), br.b.Changed()
	for {
		var open bool
		select {
		case <-br.stop:
			if br.sights != nil {
				br.sights.close()
			}
			br.toA.set(plan{})
			br.toB.set(plan{})
			return
		case _, open = <-changedA:
			if !open {
				changedA = nil
			}
		case _, open = <-changedB:
			if !open {
				changedB = nil
			}
		case <-br.wake:
		}
		br.arrange()
	}
}

// arrange gives both directions the pipeline that fits now.
func (br *Bridge) arrange() {
	br.mu.Lock()
	ring, early, muted := br.ring, br.early, br.muted
	br.mu.Unlock()
	if ring && br.toA.audible(time.Now()) {
		ring = false
	}
	toA := choose(audioSource(br.b), audioSink(br.a), ring, muted[1])
	toA.listen = early
	changed := br.toA.set(toA)
	changed = br.toB.set(choose(audioSource(br.a), audioSink(br.b), false, muted[0])) || changed
	br.floors.arrange(br.a, br.b)
	changed = br.arrangeSights() || changed
	if changed && br.log.Enabled(context.Background(), slog.LevelInfo) { // the line is long to make
		br.log.Info("media path", "path", br.String())
	}
}

// arrangeSights relays the pictures. Most calls have none, and no room for them.
func (br *Bridge) arrangeSights() bool {
	if br.sights == nil {
		if !shows(br.a) || !shows(br.b) {
			return false
		}
		br.mu.Lock()
		br.sights = new(sights)
		br.mu.Unlock()
	}
	return br.sights.arrange(br.a, br.b)
}

func audioSource(s media.Session) media.Source {
	return sourceOf(s, media.Audio)
}

func audioSink(s media.Session) media.Sink {
	return sinkOf(s, media.Audio)
}
