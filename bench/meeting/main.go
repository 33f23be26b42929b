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
	"time"

	"tandem/internal/moving"
	"tandem/media/video"
	sim "tandem/sim/meet"
	"tandem/sim/phone"
	"tandem/sim/room"
)

const (
	pin    = "1234567890123"
	people = 8
	fps    = 30
)

// result is what one run measured.
type result struct {
	Calls      int
	FrameCPU   float64 // ms of CPU time of the gateway for one picture of one call
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
	calls := flag.Int("calls", 1, "at one time, in one meeting")
	warm := flag.Duration("warm", 3*time.Second, "before the measurement")
	length := flag.Duration("length", 6*time.Second, "of the measurement")
	profile := flag.String("still", "", "file for a picture that a room saw last")
	flag.Parse()
	r, err := run(*gateway, *calls, *warm, *length, *profile)
	if err == nil {
		err = json.NewEncoder(os.Stdout).Encode(r)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "meeting:", err)
		os.Exit(1)
	}
}

func run(program string, calls int, warm, length time.Duration, still string) (*result, error) {
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
	server := &sim.Server{Config: meeting(), Log: slog.New(slog.DiscardHandler)}
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
	rooms, err := r.dial(ctx, g, calls)
	if err != nil {
		return nil, fmt.Errorf("%w\n%s", err, g.log())
	}
	if err := r.measure(ctx, g, server, rooms, warm, length); err != nil {
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

// meeting has eight people whose pictures all cost what a camera's cost; one talks.
func meeting() sim.Config {
	c := sim.Config{Options: sim.Options{FPS: fps, NoDecode: true, Film: film}, Tokens: sim.ExampleTokens()}
	m := sim.Meeting{PIN: pin, Title: "Benchmark", Tenant: c.Tokens[0].Tenant}
	for n := range people {
		m.People = append(m.People, sim.Person{Name: fmt.Sprintf("Participant %d", n+1), Talking: n == 0})
	}
	c.Meetings = []sim.Meeting{m}
	return c
}

// film draws the scene that bench/video has, too.
func film(img *image.YCbCr, n int) {
	b := img.Bounds()
	moving.Draw(&video.Picture{
		Width: b.Dx(), Height: b.Dy(), Y: img.Y, U: img.Cb, V: img.Cr, StrideY: img.YStride, StrideC: img.CStride,
	}, n)
}

// dial has the rooms call one after the other.
func (r *result) dial(ctx context.Context, g *gateway, calls int) ([]*phone.Call, error) {
	var rooms []*phone.Call
	for n := range calls {
		c := room.Config{
			Config: phone.Config{User: roomName(n), Password: password, Domain: domain, Server: g.sip, Tone: 440},
			Video:  []string{"H264"}, Width: 1280, Height: 720, FPS: fps, Kbps: 1500, Film: film,
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
		call, err := p.Call(ctx, pin)
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
func (r *result) measure(ctx context.Context, g *gateway, server *sim.Server, rooms []*phone.Call, warm, length time.Duration) error {
	if err := sleep(ctx, warm); err != nil {
		return err
	}
	for _, c := range rooms {
		room.Of(c).Pace(fps)
	}
	began, used, before := time.Now(), g.cpu(), shown(rooms)
	taken := top(server)
	if err := sleep(ctx, length); err != nil {
		return err
	}
	used, took := g.cpu()-used, time.Since(began).Seconds()
	sum := 0
	r.Shown, r.Taken = fps*2, fps*2
	for n, frames := range shown(rooms) {
		sum += frames - before[n]
		r.Shown = min(r.Shown, float64(frames-before[n])/took)
	}
	for name, frames := range top(server) {
		r.Taken = min(r.Taken, float64(frames-taken[name])/took)
	}
	if sum == 0 {
		return fmt.Errorf("no room sees anything\n%s", g.log())
	}
	r.FrameCPU = used.Seconds() * 1e3 / float64(sum)
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

// top is how many pictures of each room's largest layer the meeting got.
func top(server *sim.Server) map[string]int {
	list := make(map[string]int)
	m, err := server.Meeting(pin)
	if err != nil {
		return list
	}
	for _, d := range m.Devices {
		for _, t := range d.Up.Tracks {
			if t.Frames > 0 && t.Height >= 700 {
				list[d.Name] = t.Frames
			}
		}
	}
	return list
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
