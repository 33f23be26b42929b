package meet_test

import (
	"strings"
	"testing"
	"time"

	"tandem/call"
	"tandem/media"
	sim "tandem/sim/meet"
)

// needPictures is what the bridge says when the caller has added a camera.
func (c *caller) needPictures() {
	c.r.t.Helper()
	p, ok := c.meet.(interface{ Pictures() })
	if !ok {
		c.r.t.Fatal("the session cannot be asked for pictures")
	}
	p.Pictures()
}

func TestATelephoneThatGetsACameraIsARoom(t *testing.T) {
	r := newRig(t, changes{})
	c := r.dialAs(call.Destination{To: pin, Token: "acme"}, call.Request{From: "+12025550147", FromName: "Board room"}).answered()
	r.wait("the telephone", func() bool { return r.device().Kind == "PHONE" })
	if c.has(func(e call.Event) bool { a, ok := e.(call.Answered); return ok && a.Video.None }) {
		t.Error("the caller is told that there are no pictures")
	}
	voice := listen(source(t, c.meet, "a0"))
	c.needPictures()
	c.needPictures()
	r.wait("a room", func() bool { return r.device().Kind == "ROOM" && len(c.meet.Sinks()) == 5 })
	if n := len(c.meet.Sources()); n != 16+8+1 {
		t.Errorf("%d sources", n)
	}
	picture := listen(source(t, c.meet, "v0"))
	c.meet.Show([]media.View{{Width: 640, Height: 360}})
	r.wait("Ada's picture", func() bool { return picture.from(1012) > 10 })
	before := voice.from(1011)
	r.wait("Ada's voice, as before", func() bool { return voice.from(1011) > before })
	stop := film(t, c.meet, 180)
	r.wait("our picture", func() bool { return r.device().Up.Track("h").Decoded > 2 })
	stop.end()
	if d := r.device(); d.DisplayName != "Board room" || d.Transport.Restarts != 0 {
		t.Errorf("%+v", d)
	}
	c.meet.Show(nil)
	r.wait("no views", func() bool { return len(r.device().Views) == 0 })
	c.hangup()
	r.clean()
}

func TestATelephoneStaysOneWhereTheHostWantsNoVideo(t *testing.T) {
	r := newRig(t, changes{edge: func(c *sim.Config) { c.Meetings[0].VideoLocked = true }})
	c := r.dialAs(call.Destination{To: pin, Token: "acme"}, call.Request{From: "+12025550147"}).answered()
	c.needPictures()
	r.wait("a sentence", func() bool {
		chat := c.meet.Roster().Chat
		return len(chat) == 1 && strings.Contains(chat[0].Text, "turned off video")
	})
	c.needPictures() // in vain, and without a word
	if d := r.device(); d.Kind != "PHONE" || len(c.meet.Sinks()) != 1 {
		t.Errorf("%s with %d sinks", d.Kind, len(c.meet.Sinks()))
	}
	c.hangup()
}

func TestACameraThatIsAddedInTheLobbyIsThereInside(t *testing.T) {
	r := newRig(t, changes{})
	c := r.dialAs(call.Destination{To: pin, Token: "guest"}, call.Request{From: "+12025550147", FromName: "Board room"})
	r.wait("the lobby", func() bool { return c.meet.Roster().Stage == media.Waiting })
	c.needPictures()
	r.wait("a room", func() bool { return r.device().Kind == "ROOM" && len(c.meet.Sinks()) == 5 })
	must(t, r.edge.Admit(pin, "Board room"))
	c.answered()
	c.meet.Show([]media.View{{Width: 640, Height: 360}})
	picture := listen(source(t, c.meet, "v0"))
	r.wait("Ada's picture", func() bool { return picture.from(1012) > 10 })
	c.hangup()
	r.clean()
}

// The path breaks at the moment in which the camera is added: both are mended.
func TestACameraIsAddedWhileThePathIsBroken(t *testing.T) {
	r := newRig(t, changes{edge: func(c *sim.Config) { c.Options.StatsInterval = time.Minute }})
	c := r.dialAs(call.Destination{To: pin, Token: "acme"}, call.Request{From: "+12025550147", FromName: "Board room"}).answered()
	must(t, r.edge.SetFault(sim.Fault{Kind: sim.ICEDead}))
	r.wait("a restart that is tried", func() bool { return r.device().Transport.Restarts > 0 })
	c.needPictures()
	r.edge.ClearFaults(sim.ICEDead)
	r.wait("a room", func() bool { return r.device().Kind == "ROOM" && len(c.meet.Sinks()) == 5 })
	c.meet.Show([]media.View{{Width: 640, Height: 360}})
	picture := listen(source(t, c.meet, "v0"))
	r.wait("Ada's picture", func() bool { return picture.from(1012) > 10 })
	c.hangup()
}
