package meet_test

import (
	"math"
	"sync"
	"testing"
	"time"

	"tandem/media"
	sim "tandem/sim/meet"
	"tandem/sim/opus"
	"tandem/sim/picture"
	"tandem/sim/vp8"
)

// camera makes pictures in three sizes, the smallest of the height given, and a
// voice, until it is stopped.
type camera struct {
	t       *testing.T
	session media.Session
	stop    chan struct{}
	work    sync.WaitGroup
}

func film(t *testing.T, s media.Session, height int) *camera {
	t.Helper()
	c := &camera{t: t, session: s, stop: make(chan struct{})}
	for _, k := range s.Sinks() {
		switch info := k.Info(); info.Kind {
		case media.Audio:
			c.work.Go(func() { c.talk(k) })
		case media.Video:
			c.work.Go(func() { c.shoot(k, height<<info.Layer, "#20a040") })
		case media.Content:
		}
	}
	t.Cleanup(c.end)
	return c
}

func (c *camera) end() {
	select {
	case <-c.stop:
	default:
		close(c.stop)
	}
	c.work.Wait()
}

// every calls f every d until the end.
func (c *camera) every(d time.Duration, f func(n int)) {
	tick := time.NewTicker(d)
	defer tick.Stop()
	for n := 0; ; n++ {
		select {
		case <-tick.C:
			f(n)
		case <-c.stop:
			return
		}
	}
}

func (c *camera) talk(k media.Sink) {
	enc, err := opus.NewEncoder()
	if err != nil {
		c.t.Error(err)
		return
	}
	defer enc.Close()
	pcm := make([]int16, 960)
	c.every(20*time.Millisecond, func(n int) {
		for i := range pcm {
			pcm[i] = int16(8000 * math.Sin(2*math.Pi*500*float64(n*960+i)/48000))
		}
		b, err := enc.Encode(pcm)
		if err != nil {
			c.t.Error(err)
			return
		}
		k.Write(&media.Packet{SSRC: 1, Sequence: uint16(n), Timestamp: uint32(n * 960), Payload: b, PayloadType: 111})
	})
}

func (c *camera) shoot(k media.Sink, height int, colour string) {
	width := height * 16 / 9 &^ 15
	enc, err := vp8.NewEncoder(width, height, 10, height*2)
	if err != nil {
		c.t.Error(err)
		return
	}
	defer enc.Close()
	paint, err := picture.ParseHex(colour)
	if err != nil {
		c.t.Error(err)
		return
	}
	var mu sync.Mutex
	wanted := true
	k.OnKeyframeRequest(func() { mu.Lock(); wanted = true; mu.Unlock() })
	img, seq := picture.New(width, height), uint16(0)
	c.every(100*time.Millisecond, func(n int) {
		picture.Scene{Name: "Room", Colour: paint}.Draw(img, float64(n%10)/10)
		kind := vp8.Base
		mu.Lock()
		if wanted {
			kind, wanted = vp8.Key, false
		}
		mu.Unlock()
		frame, err := enc.Encode(img, kind)
		if err != nil {
			c.t.Error(err)
			return
		}
		parts := vp8.Split(frame, vp8.Descriptor{PictureID: n & 0x7fff, Wide: true, TL0PicIdx: -1, TID: -1, KeyIdx: -1}, 1100)
		for i, b := range parts {
			k.Write(&media.Packet{SSRC: 2, Sequence: seq, Timestamp: uint32(n * 9000), Marker: i == len(parts)-1, Payload: b, PayloadType: 96})
			seq++
		}
	})
}

func TestTheMeetingHearsAndSeesTheRoomOnThreeLayers(t *testing.T) {
	r := newRig(t, changes{})
	c := r.dial("acme", pin, true).answered()
	film(t, c.meet, 180)
	r.wait("three layers and a voice", func() bool {
		d := r.device()
		return d.Up.Track("l").Decoded > 5 && d.Up.Track("m").Decoded > 5 && d.Up.Track("h").Decoded > 5 && d.Up.Track("audio").Tone > 0
	})
	d := r.device()
	for rid, want := range map[string]int{"l": 180, "m": 360, "h": 720} {
		tr := d.Up.Track(rid)
		if tr.Height != want || tr.DecodeErrors > 0 || tr.Lost > 0 || !near(t, tr.Colour, "#20a040") {
			t.Errorf("%s: %+v", rid, tr)
		}
	}
	if a := d.Up.Track("audio"); math.Abs(a.Tone-500) > 15 || a.Level > -20 && a.Level < -100 {
		t.Errorf("audio %+v", a)
	}
	r.wait("sender reports", func() bool { return r.device().Up.Track("h").SenderReports > 1 })
	r.wait("round trip", func() bool { return c.meet.Stats().RoundTrip > 0 })
	c.hangup()
	r.clean()
}

func near(t *testing.T, got, want string) bool {
	t.Helper()
	a, err := picture.ParseHex(got)
	if err != nil {
		return false
	}
	b, err := picture.ParseHex(want)
	must(t, err)
	return picture.Distance(a, b) < 20
}

// A room that fills a part of the path only learns by padding that there is more.
func TestTheWidthOfThePathIsProbed(t *testing.T) {
	r := newRig(t, changes{})
	c := r.dial("acme", pin, true).answered()
	film(t, c.meet, 90)
	r.wait("nearly the whole bandwidth", func() bool { return c.meet.(bandwidth).Bandwidth() > 1_700_000 })
	if up := r.device().Up; up.Policed > 0 || up.Unknown > 0 || up.BadPackets > 0 {
		t.Errorf("%+v", up)
	}
	c.hangup()
	r.clean()
}

func TestLostPacketsAreSentAgainBothWays(t *testing.T) {
	r := newRig(t, changes{})
	c := r.dial("acme", pin, true)
	picture := listen(source(t, c.meet, "v0"))
	c.meet.Show([]media.View{{Width: 640, Height: 360}})
	c.answered()
	must(t, r.edge.SetFault(sim.Fault{Kind: sim.Loss, Percent: 5}))
	film(t, c.meet, 90)
	r.wait("retransmissions", func() bool {
		d := r.device()
		return d.Up.Track("h").Retransmitted > 0 && d.Up.Track("h").Decoded > 5 && d.Down.Resent > 0
	})
	picture.mu.Lock()
	defer picture.mu.Unlock()
	if picture.packets == 0 {
		t.Error("no picture came")
	}
}

func TestKeyframesAreAskedForBothWays(t *testing.T) {
	r := newRig(t, changes{})
	c := r.dial("acme", pin, true)
	v := source(t, c.meet, "v0")
	picture := listen(v)
	c.meet.Show([]media.View{{Width: 320, Height: 180}})
	c.answered()
	r.wait("a picture", func() bool { picture.mu.Lock(); defer picture.mu.Unlock(); return picture.packets > 0 })
	before := r.device().Down.PLI
	for range 10 {
		v.RequestKeyframe()
	}
	r.wait("PLI", func() bool { return r.device().Down.PLI > before })
	film(t, c.meet, 90)
	must(t, r.edge.SetFault(sim.Fault{Kind: sim.PLIStorm}))
	r.wait("keyframes", func() bool { return r.device().Up.Track("l").Keyframes > 2 })
}

func TestContentIsPresentedWhileItIsWritten(t *testing.T) {
	r := newRig(t, changes{})
	c := r.dial("acme", pin, true).answered()
	cam := &camera{t: t, session: c.meet, stop: make(chan struct{})}
	sinks := c.meet.Sinks()
	slides := sinks[len(sinks)-1]
	if slides.Info().Kind != media.Content {
		t.Fatalf("%+v", slides.Info())
	}
	cam.work.Go(func() { cam.shoot(slides, 360, "#8030a0") })
	t.Cleanup(cam.end)
	r.wait("content", func() bool { d := r.device(); return d.Presenting && d.Up.Track("content").Decoded > 3 })
	cam.end()
	r.wait("the end of the presentation", func() bool { return !r.device().Presenting })
	c.hangup()
	r.clean()
}

func TestChatMuteSignsAndPeople(t *testing.T) {
	r := newRig(t, changes{})
	c := r.dial("acme", pin, true).answered()
	must(t, r.edge.Do(pin, "Ada", sim.Step{Do: sim.Say, Text: "Hello room"}))
	r.wait("chat", func() bool {
		l := c.meet.Roster().Chat
		return len(l) == 1 && l[0].Text == "Hello room" && l[0].From == "Ada"
	})
	c.meet.(interface{ Say(string) }).Say("Hello Ada")
	r.wait("our line", func() bool { l := c.meet.Roster().Chat; return len(l) == 2 && l[1].From == "Board room" })
	must(t, r.edge.SetIndicators(pin, sim.Signs{Recording: true, Notes: true}))
	r.wait("signs", func() bool { x := c.meet.Roster(); return x.Recording && x.AI && !x.Streaming })
	must(t, r.edge.MuteDevice(pin, "Board room", "Ada"))
	r.wait("remote mute", func() bool { return c.meet.Roster().OwnAudioMuted })
	c.meet.Mute(false, true)
	r.wait("mute told", func() bool { d := r.device(); return !d.AudioMuted && d.VideoMuted })
	must(t, r.edge.AddPerson(pin, sim.Person{Name: "+12025550147", Kind: sim.Phone}))
	r.wait("a telephone", func() bool {
		p := c.meet.Roster().People
		return len(p) == 3 && p[2].Telephone && p[2].VideoMuted
	})
	must(t, r.edge.Do(pin, "Bob", sim.Step{Do: sim.Share}))
	r.wait("a shared screen", func() bool { p := c.meet.Roster().People; return p[1].Presenting && p[1].ContentCSRC != 0 })
	screen := listen(source(t, c.meet, "c0"))
	c.meet.Show([]media.View{{Width: 1280, Height: 720, Content: true}, {Width: 320, Height: 180}})
	r.wait("the screen's packets", func() bool { return screen.from(c.meet.Roster().People[1].ContentCSRC) > 5 })
	must(t, r.edge.Do(pin, "Ada", sim.Step{Do: sim.Leave}))
	r.wait("Ada to leave", func() bool { return len(c.meet.Roster().People) == 2 })
	c.hangup()
	r.clean()
}

func TestTheRoomWritesNothingWhileItIsMutedOrWaits(t *testing.T) {
	r := newRig(t, changes{})
	c := r.dial("guest", pin, true)
	film(t, c.meet, 90)
	r.wait("lobby", func() bool { return c.meet.Roster().Stage == media.Waiting })
	must(t, r.edge.Admit(pin, "Board room"))
	c.answered()
	r.wait("a picture", func() bool { return r.device().Up.Track("l").Decoded > 0 })
	if up := r.device().Up; up.BeforeJoined > 0 {
		t.Errorf("%d packets came to the lobby", up.BeforeJoined)
	}
	c.meet.Mute(true, true)
	r.wait("mute", func() bool { return r.device().AudioMuted })
	if n := r.device().Up.Muted; n > 20 {
		t.Errorf("%d packets came muted", n)
	}
	c.hangup()
}
