package bridge

import (
	"fmt"
	"slices"
	"sync"
	"time"

	"tandem/media"
	"tandem/media/codec"
	"tandem/media/mix"
)

// mixTick is how much audio is mixed at once.
const mixTick = 20 * time.Millisecond

// voices is the meeting's audio on its way to the room: one player for each source,
// mixed and encoded on a tick of the room's loop.
type voices struct {
	count *counters
	sink  media.Sink
	rate  int    // of the mix, Hz
	size  int    // samples of a tick
	floor func() // called when somebody else has the floor

	mu sync.Mutex // guards what follows
	output
	packet    time.Duration
	list      []*voice
	mixer     *mix.Mixer
	room      *mix.Input // says nothing, hears everybody
	announcer announcer
	encoder   codec.Encoder
	pcm       []int16 // mixed and not sent yet
	payload   []byte
	speakers  mix.Speakers
	people    map[uint32]string // Person.ID by AudioCSRC
}

// newVoices makes the mix for a room's sink.
func newVoices(sink media.Sink, o output, floor func()) (*voices, error) {
	_, rate := rates("PCMU", o.to.Codec)
	if o.to.Codec == "OPUS" {
		rate = 48000
	}
	enc, err := newEncoder(o.to, rate)
	if err != nil {
		return nil, fmt.Errorf("cannot encode %s: %w", o.to.Codec, err)
	}
	o.paused = true
	n := samplesIn(mixTick, rate)
	v := &voices{
		count: o.counters, sink: sink, rate: rate, size: n, floor: floor, output: o, packet: packetOf(o.to),
		mixer: mix.New(rate, n), encoder: enc, pcm: make([]int16, 0, samplesIn(longestPacket, rate)+n),
		payload: make([]byte, 0, 1500), announcer: newAnnouncer(rate, n),
	}
	v.room = v.mixer.Add()
	v.announcer.input = v.mixer.Add()
	return v, nil
}

// voice is one of the meeting's audio sources. Over time it carries several people.
type voice struct {
	source media.Source
	info   media.StreamInfo

	mu sync.Mutex // guards what follows: packets come on the meeting's loop
	player
	input *mix.Input
	csrc  uint32
}

var _ media.Receiver = (*voice)(nil)

func (v *voice) Receive(p *media.Packet) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if p.PayloadType != v.from.PayloadType && (p.PayloadType != comfortNoise || v.from.Clock != 8000) {
		v.count.dropped.Add(1)
		return
	}
	if p.CSRC != 0 {
		v.csrc = p.CSRC
	}
	v.jitter.Push(arrival(p), p)
}

// arrival is when a packet came; one that was made here comes now.
func arrival(p *media.Packet) time.Time {
	if p.Arrived.IsZero() {
		return time.Now()
	}
	return p.Arrived
}

// set takes the meeting's sources as they are now. It is called from the conference's
// goroutine alone.
func (v *voices) set(sources []media.Source) {
	var next []*voice
	for _, src := range sources {
		info := src.Info()
		if info.Kind != media.Audio || info.Codec == "" {
			continue
		}
		at := slices.IndexFunc(v.list, func(o *voice) bool { return o.source == src && o.info == info })
		if at >= 0 {
			next = append(next, v.list[at])
		} else if fresh := v.open(src, info); fresh != nil {
			next = append(next, fresh)
		}
	}
	for _, old := range v.list {
		if !slices.Contains(next, old) {
			v.detach(old, next)
		}
	}
	v.mu.Lock()
	v.list = next
	v.mu.Unlock()
	for _, n := range next {
		n.source.Attach(n)
	}
}

// open adds a source. One that cannot be decoded is left out: it costs only itself.
func (v *voices) open(src media.Source, info media.StreamInfo) *voice {
	in := nativeRate(info.Codec)
	switch info.Codec {
	case "OPUS":
		in = v.rate
	case "L16":
		in = info.Clock
	}
	p, err := newPlayer(info, in, v.rate, v.count)
	if err != nil {
		v.count.errors.Add(1)
		return nil
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	return &voice{source: src, info: info, player: p, input: v.mixer.Add()}
}

// detach takes a source away, unless it goes on with other parameters.
func (v *voices) detach(old *voice, next []*voice) {
	if !slices.ContainsFunc(next, func(n *voice) bool { return n.source == old.source }) {
		old.source.Attach(nil)
	}
	old.mu.Lock()
	addJitter(v.count, &old.player)
	old.mu.Unlock()
	v.mu.Lock()
	v.mixer.Remove(old.input)
	v.mu.Unlock()
}

// know tells whose contributing sources are whose.
func (v *voices) know(people []media.Person) {
	byCSRC := make(map[uint32]string, len(people))
	for i := range people {
		if p := &people[i]; p.AudioCSRC != 0 {
			byCSRC[p.AudioCSRC] = p.ID
		}
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	for _, id := range v.people {
		if !slices.ContainsFunc(people, func(p media.Person) bool { return p.ID == id }) {
			v.speakers.Remove(id)
		}
	}
	v.people = byCSRC
}

// active is who has the floor.
func (v *voices) active() string {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.speakers.Active()
}

// say queues a sentence for the room.
func (v *voices) say(pcm []int16) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if !v.announcer.say(pcm) {
		v.count.dropped.Add(1)
	}
}

// ring plays ringback, or stops it.
func (v *voices) ring(country string, on bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.announcer.ring(country, on)
}

// tick mixes what is due and sends it.
func (v *voices) tick(now time.Time) {
	v.mu.Lock()
	changed := v.mix(now)
	v.mu.Unlock()
	if changed {
		v.floor()
	}
}

// mix reports whether somebody else has the floor.
func (v *voices) mix(now time.Time) bool {
	for _, in := range v.list {
		in.pull(now, v.size)
	}
	v.announcer.tick()
	v.mixer.Tick()
	for _, in := range v.list {
		if id := v.who(in); id != "" && in.input.Level() > mix.Silence {
			v.speakers.Hear(id, in.input.Level())
		}
	}
	v.pcm = append(v.pcm, v.room.Out()...)
	n := samplesIn(v.packet, v.rate)
	for len(v.pcm) >= n {
		v.emit(v.pcm[:n])
		v.pcm = v.pcm[:copy(v.pcm, v.pcm[n:])]
	}
	return v.speakers.Tick(now, mixTick)
}

// delay is the time from capture until it is heard, of the voice of a contributing
// source; false when it is not known.
func (v *voices) delay(now time.Time, csrc uint32) (time.Duration, bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	for _, in := range v.list {
		in.mu.Lock()
		is, stamp := in.csrc == csrc && !in.resting, in.stamp
		in.mu.Unlock()
		if !is {
			continue
		}
		if at, ok := captured(in.source, in.info.Clock, stamp); ok {
			return now.Sub(at), true
		}
	}
	return 0, false
}

// who is heard on a source now.
func (v *voices) who(in *voice) string {
	if in.csrc == 0 {
		return in.info.ID // a far end that gives each person a stream
	}
	return v.people[in.csrc]
}

// pull gives the mixer one tick of a source.
func (v *voice) pull(now time.Time, n int) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.fill(now, n)
	if v.resting {
		v.input.Put(nil)
	} else {
		v.input.Put(v.player.pcm[:n])
	}
	v.drop(n)
}

func (v *voices) emit(pcm []int16) {
	payload, err := v.encoder.Encode(v.payload[:0], pcm)
	switch {
	case err != nil:
		v.count.errors.Add(1)
	case len(payload) > 0:
		v.write(payload)
	}
	v.advance(v.packet)
}

// close detaches all sources. The tick is stopped before.
func (v *voices) close() { v.set(nil) }

// addTo adds what the jitter buffers counted.
func (v *voices) addTo(s *PathStats) {
	v.mu.Lock()
	defer v.mu.Unlock()
	for _, in := range v.list {
		in.mu.Lock()
		j := in.jitter.Stats()
		in.mu.Unlock()
		s.Late += j.Late
		s.Duplicate += j.Duplicate
		s.Dropped += j.Discarded
		s.Delay = max(s.Delay, j.Delay)
	}
}

// addJitter keeps the counters of a jitter buffer that goes away.
func addJitter(c *counters, p *player) {
	j := p.jitter.Stats()
	c.late.Add(j.Late)
	c.duplicate.Add(j.Duplicate)
	c.dropped.Add(j.Discarded)
}

// String prints "16 OPUS -> mix 16000 -> G722".
func (v *voices) String() string {
	v.mu.Lock()
	defer v.mu.Unlock()
	kind := "none"
	if len(v.list) > 0 {
		kind = v.list[0].info.Codec
	}
	return fmt.Sprintf("%d %s -> jitter -> mix %d -> %s", len(v.list), kind, v.rate, v.to.Codec)
}
