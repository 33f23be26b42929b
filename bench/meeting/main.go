//go:build linux

// Command meeting holds video calls into a simulated meeting through a gateway that runs
// as a program of its own, and prints as JSON what the calls cost that program and how
// well they went: P-6, P-8, P-12 and P-13 with everything, SIP, SRTP and sockets included.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"image"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"syscall"
	"time"

	"tandem/internal/moving"
	"tandem/media/video"
	sim "tandem/sim/meet"
	"tandem/sim/phone"
	"tandem/sim/room"
)

const (
	people = 8
	fps    = 30
)

// pin is the n-th meeting's.
func pin(n int) string { return fmt.Sprintf("%013d", 1234567890123+n) }

// result is what one run measured.
type result struct {
	Calls      int
	FrameCPU   float64 // ms of CPU time of the gateway for one picture of one call
	Load       float64 // ms of CPU time of this program for one picture of one call
	Busy       float64 // the part of all processors' time that the gateway had
	Shown      float64 // pictures a second at a room, the slowest
	Taken      float64 // pictures a second in the meeting's top layer, the slowest
	Idle       float64 // MB of the gateway before the first call
	Call       float64 // MB that one call adds
	First      float64 // ms from the answer to the first picture, the slowest
	Sound      float64 // ms from the answer to the first packet of sound, the slowest
	Late       float64 // ms, the 99th percentile of the pictures' lateness, the worst
	Missing    int     // pictures left out
	Lost       int     // packets
	Violations int
}

func main() {
	gateway := flag.String("gateway", "bench/build/tandem", "the gateway's program")
	calls := flag.Int("calls", 1, "at one time")
	apart := flag.Bool("apart", false, "each call in a meeting of its own")
	warm := flag.Duration("warm", 6*time.Second, "before the measurement; all pictures that are sent are coded by then")
	length := flag.Duration("length", 6*time.Second, "of the measurement")
	profile := flag.String("still", "", "file for a picture that a room saw last")
	flag.Parse()
	meetings := 1
	if *apart {
		meetings = *calls
	}
	r, err := run(*gateway, *calls, meetings, *warm, *length, *profile)
	if err == nil {
		err = json.NewEncoder(os.Stdout).Encode(r)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "meeting:", err)
		os.Exit(1)
	}
}

func run(program string, calls, meetings int, warm, length time.Duration, still string) (*result, error) {
	ctx, cancel := context.WithTimeout(context.Background(), warm+length+time.Minute)
	defer cancel()
	program, err := filepath.Abs(program)
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp(filepath.Dir(program), "meeting-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	server := &sim.Server{Config: config(meetings), Log: slog.New(slog.DiscardHandler)}
	if err := server.Start(ctx); err != nil {
		return nil, err
	}
	defer func() { _ = server.Close() }()
	g, err := startGateway(ctx, program, dir, server)
	if err != nil {
		return nil, err
	}
	defer g.stop()
	r := &result{Calls: calls, Idle: g.resident()}
	rooms, err := r.dial(ctx, g, calls, meetings, still == "")
	if err != nil {
		return nil, fmt.Errorf("%w\n%s", err, g.log())
	}
	if err := r.measure(ctx, g, tops{server, meetings}, rooms, warm, length); err != nil {
		return nil, err
	}
	for _, c := range rooms {
		r.end(ctx, c)
	}
	r.Violations = len(server.Violations())
	if still != "" {
		return r, savePNG(still, room.Of(rooms[0]).Still())
	}
	return r, nil
}

// config has meetings of eight people whose pictures all cost what a camera's cost; one
// talks.
func config(meetings int) sim.Config {
	c := sim.Config{Options: sim.Options{FPS: fps, NoDecode: true, Film: film}, Tokens: sim.ExampleTokens()}
	for i := range meetings {
		m := sim.Meeting{PIN: pin(i), Title: "Benchmark", Tenant: c.Tokens[0].Tenant}
		for n := range people {
			m.People = append(m.People, sim.Person{Name: fmt.Sprintf("Participant %d", n+1), Talking: n == 0})
		}
		c.Meetings = append(c.Meetings, m)
	}
	return c
}

// film draws the scene that bench/video has, too.
func film(img *image.YCbCr, n int) {
	b := img.Bounds()
	moving.Draw(&video.Picture{
		Width: b.Dx(), Height: b.Dy(), Y: img.Y, U: img.Cb, V: img.Cr, StrideY: img.YStride, StrideC: img.CStride,
	}, n)
}

// dial has the rooms call one after the other. counts says that they count the pictures
// that come, instead of decoding them.
func (r *result) dial(ctx context.Context, g *gateway, calls, meetings int, counts bool) ([]*phone.Call, error) {
	var rooms []*phone.Call
	for n := range calls {
		c := room.Config{
			Config: phone.Config{User: roomName(n), Password: password, Domain: domain, Server: g.sip, Tone: 440},
			Video:  []string{"H264"}, Width: 1280, Height: 720, FPS: fps, Kbps: 1500, Film: film, NoDecode: counts,
		}
		p, err := room.New(c)
		if err != nil {
			return nil, err
		}
		p.Log = slog.New(slog.DiscardHandler)
		if err := p.Start(ctx); err != nil {
			return nil, err
		}
		if err := p.Register(ctx); err != nil {
			return nil, err
		}
		call, err := p.Call(ctx, pin(n%meetings))
		if err != nil {
			return nil, err
		}
		if err := call.WaitAnswered(ctx); err != nil {
			return nil, fmt.Errorf("%w: %+v", err, call.Report().Reason)
		}
		rooms = append(rooms, call)
	}
	return rooms, nil
}

// measure lets the calls run.
func (r *result) measure(ctx context.Context, g *gateway, server tops, rooms []*phone.Call, warm, length time.Duration) error {
	if err := sleep(ctx, warm); err != nil {
		return err
	}
	for _, c := range rooms {
		room.Of(c).Pace(fps)
	}
	began, used, own, before := time.Now(), g.cpu(), ownCPU(), shown(rooms)
	taken := server.frames()
	if err := sleep(ctx, length); err != nil {
		return err
	}
	used, own = g.cpu()-used, ownCPU()-own
	took := time.Since(began).Seconds()
	sum := 0
	r.Shown, r.Taken = fps*2, fps*2
	for n, frames := range shown(rooms) {
		sum += frames - before[n]
		r.Shown = min(r.Shown, float64(frames-before[n])/took)
	}
	for name, frames := range server.frames() {
		r.Taken = min(r.Taken, float64(frames-taken[name])/took)
	}
	if sum == 0 {
		return fmt.Errorf("no room sees anything\n%s", g.log())
	}
	r.FrameCPU, r.Load = used.Seconds()*1e3/float64(sum), own.Seconds()*1e3/float64(sum)
	r.Busy = used.Seconds() / took / float64(runtime.NumCPU())
	r.Call = (g.resident() - r.Idle) / float64(len(rooms))
	for _, c := range rooms {
		late, missing := room.Of(c).Pace(fps)
		r.Late, r.Missing = max(r.Late, late.Seconds()*1e3), r.Missing+missing
	}
	return nil
}

// shown is how many pictures each room has shown.
func shown(rooms []*phone.Call) (list []int) {
	for _, c := range rooms {
		list = append(list, room.Of(c).Report().Frames)
	}
	return list
}

// tops are the rooms' largest layers as the meetings get them.
type tops struct {
	server   *sim.Server
	meetings int
}

// frames is how many pictures came of each room.
func (s tops) frames() map[string]int {
	list := make(map[string]int)
	for n := range s.meetings {
		m, err := s.server.Meeting(pin(n))
		if err != nil {
			continue
		}
		for _, d := range m.Devices {
			for _, t := range d.Up.Tracks {
				if t.Frames > 0 && t.Height >= 700 {
					list[fmt.Sprint(n, d.Name)] = t.Frames
				}
			}
		}
	}
	return list
}

// ownCPU is what this program has used.
func ownCPU() time.Duration {
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &u) != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// end notes what is known of a call at its end, and hangs up.
func (r *result) end(ctx context.Context, c *phone.Call) {
	seen, rep := room.Of(c).Report(), c.Report()
	answered := rep.Times.Started.Add(rep.Times.Answered)
	r.First = max(r.First, seen.First.Sub(answered).Seconds()*1e3)
	r.Sound = max(r.Sound, (rep.Times.FirstRTP-rep.Times.Answered).Seconds()*1e3)
	r.Lost += seen.Lost + rep.Received.Lost
	_ = c.HangUp(ctx)
}

func sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
