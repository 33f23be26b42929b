package bridge

import (
	"math/rand/v2"
	"sync"
	"time"

	"tandem/media"
	"tandem/media/dtmf"
)

// pipeline carries one direction in one technology. Receive runs on the source's
// loop, tick on a's.
type pipeline interface {
	media.Receiver
	// period is how often tick is called; 0 for a pipeline that needs no clock.
	period() time.Duration
	tick(now time.Time)
	// finish adds to the counters what they do not hold yet. Nothing runs any more.
	finish()
	String() string
}

// path is one direction of a bridge. Only set, called from one goroutine at a time,
// changes it.
type path struct {
	loop     media.Loop
	country  string
	digits   func(dtmf.Digit) // may be nil
	heard    func()           // tells that the source became audible; may be nil
	counters counters
	ear      *ear // nil while nobody listens

	mu       sync.Mutex // guards what follows, which Stats and String read
	plan     plan
	pipe     pipeline
	stopTick func()
}

// set changes to another plan and reports whether it was another. When it returns,
// nothing of the pipeline before runs.
func (p *path) set(next plan) bool {
	if next == p.plan || p.relisten(next) {
		return false
	}
	p.close()
	pipe, err := p.build(next)
	p.mu.Lock()
	p.plan, p.pipe = next, pipe
	if err != nil {
		p.pipe = silent{counters: &p.counters, why: err.Error()}
	}
	p.mu.Unlock()
	p.start(next)
	return true
}

// relisten changes only who hears the source: the pipeline keeps its state.
func (p *path) relisten(next plan) bool {
	now := next
	now.listen = p.plan.listen
	if now != p.plan || p.pipe == nil {
		return false
	}
	p.mu.Lock()
	p.plan = next
	p.mu.Unlock()
	if next.source != nil {
		next.source.Attach(p.listener(next))
	}
	return true
}

// close takes the pipeline away.
func (p *path) close() {
	if p.plan.source != nil {
		p.plan.source.Attach(nil)
	}
	if p.stopTick != nil {
		p.stopTick()
		p.stopTick = nil
	}
	if p.pipe != nil {
		p.mu.Lock()
		p.pipe.finish()
		p.pipe = nil
		p.mu.Unlock()
	}
}

func (p *path) start(next plan) {
	if next.sink == nil && next.source == nil {
		return
	}
	if d := p.pipe.period(); d > 0 {
		p.stopTick = p.loop.Every(d, p.pipe.tick)
	}
	if next.source == nil {
		return
	}
	next.source.Attach(p.listener(next))
}

// listener is the pipeline, behind an ear while somebody wants to know whether the
// source is audible.
func (p *path) listener(next plan) media.Receiver {
	if !next.listen || p.heard == nil {
		p.ear = nil
		return p.pipe
	}
	e, err := newEar(next.from, p.heard)
	if err != nil {
		p.ear = nil
		return p.pipe
	}
	if p.ear != nil {
		e.last.Store(p.ear.last.Load())
	}
	p.ear, e.next = e, p.pipe
	return e
}

// audible reports whether the source was heard not long before now.
func (p *path) audible(now time.Time) bool { return p.ear != nil && p.ear.audible(now) }

func (p *path) build(next plan) (pipeline, error) {
	base := output{counters: &p.counters, sink: next.sink, ssrc: rand.Uint32(), to: next.to}
	switch next.tech {
	case relay, law:
		return newRelayer(next, &p.counters, p.digits), nil
	case transcode, hushed:
		return newTranscoder(next, base, p.digits)
	case ringing:
		return newRinger(next, base, p.country)
	}
	return silent{counters: &p.counters, why: "idle"}, nil
}

func (p *path) stats() PathStats {
	p.mu.Lock()
	defer p.mu.Unlock()
	s := p.counters.stats()
	if t, ok := p.pipe.(*transcoder); ok {
		t.addTo(&s)
	}
	return s
}

func (p *path) kind() technology {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.plan.tech
}

func (p *path) String() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.pipe == nil {
		return "idle"
	}
	return p.pipe.String()
}

// silent takes what comes and passes nothing.
type silent struct {
	counters *counters
	why      string
}

func (s silent) Receive(*media.Packet) { s.counters.dropped.Add(1) }
func (silent) period() time.Duration   { return 0 }
func (silent) tick(time.Time)          {}
func (silent) finish()                 {}
func (s silent) String() string        { return s.why }

// output is a stream that is made here: its own SSRC, sequence and timeline, in the
// sink's clock.
type output struct {
	counters  *counters
	sink      media.Sink
	to        media.StreamInfo
	ssrc      uint32
	sequence  uint16
	timestamp uint32       // of the packet that is due
	paused    bool         // nothing was written last: the next packet has the marker
	packet    media.Packet // lent to the sink
}

// write sends one payload for the moment that is due.
func (o *output) write(payload []byte) {
	o.packet = media.Packet{
		PayloadType: o.to.PayloadType, Marker: o.paused, Timestamp: o.timestamp, Payload: payload,
	}
	o.paused = false
	o.send()
}

// send writes o.packet under the next sequence number.
func (o *output) send() {
	o.packet.SSRC, o.packet.Sequence = o.ssrc, o.sequence
	o.sequence++
	o.counters.made.Add(1)
	o.sink.Write(&o.packet)
}

// advance moves the timeline.
func (o *output) advance(d time.Duration) {
	o.timestamp += uint32(int64(d) * int64(o.to.Clock) / int64(time.Second))
}

func packetOf(i media.StreamInfo) time.Duration {
	if i.Packet <= 0 {
		return 20 * time.Millisecond
	}
	return i.Packet
}

// tickFor is the loop period that makes packets of d evenly.
func tickFor(d time.Duration) time.Duration {
	if d%(20*time.Millisecond) == 0 {
		return 20 * time.Millisecond
	}
	return 10 * time.Millisecond
}

func samplesIn(d time.Duration, rate int) int {
	return int(int64(d) * int64(rate) / int64(time.Second))
}

func (t technology) String() string {
	return [...]string{"idle", "relay", "law", "ringing", "muted", "transcode"}[t]
}
