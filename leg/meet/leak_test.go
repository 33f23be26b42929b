package meet_test

import (
	"fmt"
	"os"
	"runtime"
	"sync"
	"testing"

	"tandem/call"
	"tandem/internal/cmem"
	"tandem/media"
	"tandem/media/bridge"
	sim "tandem/sim/meet"
)

// footprint is what a process holds.
type footprint struct {
	goroutines int
	files      int // sockets, too; 0 where the system does not say
	memory     int // octets, of C code, the simulator's films among them
}

func footprintNow() footprint {
	runtime.GC() // what is only to be collected is not left
	files, _ := os.ReadDir("/proc/self/fd")
	return footprint{runtime.NumGoroutine(), len(files), cmem.InUse()}
}

// within reports whether no goroutine and no file is left that matters: an idle
// connection more, perhaps.
func (f footprint) within(was footprint) bool {
	return f.goroutines <= was.goroutines+4 && f.files <= was.files+4
}

func (f footprint) String() string {
	return fmt.Sprintf("%d goroutines, %d files, %d kB of C memory", f.goroutines, f.files, f.memory>>10)
}

// Ten calls at a time: in the meeting, in the lobby, refused, given up while joining,
// and one with a room's pictures both ways through all codecs.
func TestNothingIsLeftAfterTwoHundredCalls(t *testing.T) {
	r := newRig(t, changes{edge: func(c *sim.Config) {
		c.Options.NoDecode = true
		c.Meetings = append(c.Meetings, sim.Meeting{PIN: "2222222222222", Tenant: "example", Ended: true})
	}})
	wave := func() {
		var work sync.WaitGroup
		for n := range 10 {
			work.Go(func() { r.visit(n) })
		}
		work.Wait()
	}
	fresh := footprintNow()
	wave()
	before := footprintNow()
	for range 19 {
		wave()
	}
	defer func() { t.Logf("before all calls %v, after 10 %v, in the end %v", fresh, before, footprintNow()) }()
	r.wait("everything to be given back", func() bool { return footprintNow().within(before) })
	// The films are the simulator's, coded while they are seen for the first time; what is
	// left without it is ours.
	must(t, r.edge.Close())
	r.wait("the memory of C code to be given back", func() bool { return footprintNow().memory <= fresh.memory+4<<20 })
	if s := r.conn.Stats(); s.Active != 0 || s.Waiting != 0 || s.Joins["joined"] != 140 || s.Joins["meeting_over"] != 20 || s.Lobbies != 20 {
		t.Errorf("%+v", s)
	}
}

// visit is one call of a wave.
func (r *rig) visit(n int) {
	switch n {
	case 0:
		r.visitWithPictures()
	case 1:
		c := r.dial("guest", pin, true)
		r.wait("lobby", func() bool { return c.meet.Roster().Stage == media.Waiting })
		c.hangup()
	case 2:
		r.dial("acme", "2222222222222", true).ended(call.MeetingOver)
	case 3:
		r.dial("acme", pin, true).hangup()
	default:
		r.dial("acme", pin, n%2 == 0).answered().hangup()
	}
}

// visitWithPictures is a call of a room, through the conference.
func (r *rig) visitWithPictures() {
	c := r.dialAs(call.Destination{To: pin, Token: "acme"}, call.Request{FromName: "Film room", Video: true}).answered()
	rm := newRoom(c.meet.Loop())
	b := bridge.Join(rm, c.meet, bridge.Options{})
	stop := make(chan struct{})
	var work sync.WaitGroup
	work.Go(func() { rm.film(r.t, stop) })
	r.wait("pictures both ways", func() bool {
		st, err := r.edge.Meeting(pin)
		if err != nil {
			return false
		}
		d, _ := st.Device("Film room")
		return len(rm.screen.all()) > 0 && d.Up.Track("l").Frames > 0
	})
	close(stop)
	work.Wait()
	b.Close()
	c.hangup()
}
