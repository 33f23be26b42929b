//go:build linux

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// meetingRun is what bench/meeting prints: video calls through the gateway as it is.
type meetingRun struct {
	Calls         int
	FrameCPU      float64 // ms
	Load, Busy    float64 // of the load generator, ms; part of all processors' time
	Shown, Taken  float64 // pictures a second
	Idle, Call    float64 // MB
	First, Sound  float64 // ms
	Late          float64 // ms
	Missing, Lost int
	Violations    int
}

// meetings runs bench/meeting once; more are further flags of it.
func (s *settings) meetings(ctx context.Context, calls int, length time.Duration, more ...string) (meetingRun, error) {
	var r meetingRun
	c := command(ctx, filepath.Join(s.build, "meeting"), append([]string{
		"-gateway", filepath.Join(s.build, "tandem"),
		"-calls", strconv.Itoa(calls), "-length", length.String(),
	}, more...)...)
	c.Stderr = os.Stderr
	out, err := c.Output()
	if err != nil {
		return r, fmt.Errorf("bench/meeting: %w", err)
	}
	return r, json.Unmarshal(out, &r)
}

// clips are the streams that the peers play, made once.
func (s *settings) clips(ctx context.Context) (string, error) {
	folder := filepath.Join(s.build, "clips")
	if _, err := os.Stat(filepath.Join(folder, "small.ivf")); err == nil {
		return folder, nil
	}
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return "", err
	}
	out, err := command(ctx, filepath.Join(s.build, "video"), "-rounds", "0", "-keep", folder).CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("bench/video: %w: %s", err, out)
	}
	return folder, nil
}

const clipFrames = 240

// floor is what the bare libraries need for one picture of a call, in ms, and their
// memory in MB.
func (s *settings) floor(ctx context.Context) (ms, mb float64, err error) {
	clips, err := s.clips(ctx)
	if err != nil {
		return 0, 0, err
	}
	c := command(ctx, filepath.Join(s.build, "floor-video"), filepath.Join(clips, "room.pk"), filepath.Join(clips, "large.pk"),
		filepath.Join(clips, "small.pk"), strconv.Itoa(clipFrames))
	out, err := c.Output()
	if err != nil {
		return 0, 0, fmt.Errorf("floor-video: %w", err)
	}
	ms, err = strconv.ParseFloat(strings.Fields(string(out))[0], 64)
	return ms, maxResident(c), err
}

// maxResident is the most memory that a program that has ended had, in MB.
func maxResident(c *exec.Cmd) float64 {
	u, ok := c.ProcessState.SysUsage().(*syscall.Rusage)
	if !ok {
		return 0
	}
	return float64(u.Maxrss) / 1024
}

// videoCost is P-6, P-7, P-12 and P-13: one call through the whole gateway, the bare
// libraries, and GStreamer, in turns.
func videoCost(ctx context.Context, s *settings) ([]line, error) {
	var runs []meetingRun
	var floors, memory, peers []float64
	for range s.rounds {
		r, err := s.meetings(ctx, 1, 3*s.length)
		if err != nil {
			return nil, err
		}
		ms, mb, err := s.floor(ctx)
		if err != nil {
			return nil, err
		}
		gst, err := s.gstreamer(ctx)
		if err != nil && !errors.Is(err, exec.ErrNotFound) {
			return nil, err
		}
		runs, floors, memory = append(runs, r), append(floors, ms), append(memory, mb)
		if err == nil {
			peers = append(peers, gst)
		}
	}
	of := func(f func(meetingRun) float64) float64 { return median(runs, f) }
	same := func(v float64) float64 { return v }
	cpu := of(func(r meetingRun) float64 { return r.FrameCPU })
	note := fmt.Sprintf("%.1f pictures/s at the room, %.1f in the meeting", of(func(r meetingRun) float64 { return r.Shown }), of(func(r meetingRun) float64 { return r.Taken }))
	return []line{
		{id: "P-6", what: "video call, SIP to SRTP, CPU per picture", ours: cpu, peer: median(floors, same), unit: "ms", name: "bare libraries", goal: 1.15, note: note},
		{id: "P-7", what: "the same", ours: cpu, peer: median(peers, same), unit: "ms", name: "GStreamer", goal: 0.65, note: fmt.Sprintf(
			"GStreamer without network and sound; the bare libraries against it: %.2f", median(floors, same)/median(peers, same))},
		{id: "P-12", what: "memory of one video call", ours: of(func(r meetingRun) float64 { return r.Call }), peer: median(memory, same), unit: "MB", name: "bare libraries", goal: 1.1},
		{id: "P-13", what: "first picture after the answer", ours: of(func(r meetingRun) float64 { return r.First }), peer: 500, unit: "ms", name: "limit", goal: 1},
		{id: "P-13", what: "sound after the answer", ours: of(func(r meetingRun) float64 { return r.Sound }), peer: 60, unit: "ms", name: "limit", goal: 1},
	}, nil
}

// realTime is P-8: four calls at once, each in a meeting of its own, and six in one
// meeting, for a minute each: how late pictures are, and whether they all come. The notes say what the bare libraries would take of the
// machine: where that is all of it, nobody holds so many calls without leaving pictures out.
func realTime(ctx context.Context, s *settings) ([]line, error) {
	floor, _, err := s.floor(ctx)
	if err != nil {
		return nil, err
	}
	var lines []line
	for _, row := range []struct {
		what  string
		calls int
		flags []string
	}{
		{"4 calls of their own", 4, []string{"-apart"}},
		{"6 calls in one meeting", 6, nil},
	} {
		r, err := s.meetings(ctx, row.calls, 30*s.length, row.flags...)
		if err != nil {
			return nil, err
		}
		note := fmt.Sprintf("%.1f pictures/s at the slowest room, %d left out, %d packets lost, %.2f ms of CPU a picture; %.0f %% of the processors were the gateway's, "+
			"%.2f ms a picture the load generator's", r.Shown, r.Missing, r.Lost, r.FrameCPU, 100*r.Busy, r.Load)
		if len(row.flags) > 0 {
			whole := floor / 1e3 * float64(row.calls) * picturesPerSecond / float64(runtime.NumCPU())
			note += fmt.Sprintf("; at %d pictures/s the bare libraries would take %.0f %%", picturesPerSecond, 100*whole)
		}
		lines = append(lines,
			line{id: "P-8", what: row.what + ", 99th percentile late", ours: r.Late, peer: 67, unit: "ms", name: "limit", goal: 1, note: note},
			// Who leaves out pictures is never late with the others.
			line{id: "P-8", what: row.what + ", between two pictures", ours: 1e3 / max(r.Shown, 0.1), peer: 1e3 / picturesPerSecond, unit: "ms", name: "camera", goal: 1.02})
	}
	return lines, nil
}

const picturesPerSecond = 30

// gstreamer is what GStreamer needs for one picture of the same work, in ms.
func (s *settings) gstreamer(ctx context.Context) (float64, error) {
	if _, err := exec.LookPath("gst-launch-1.0"); err != nil {
		return 0, err
	}
	clips, err := s.clips(ctx)
	if err != nil {
		return 0, err
	}
	var sum time.Duration
	for _, pipeline := range []string{gstUp(clips), gstDown(clips)} {
		c := command(ctx, "gst-launch-1.0", append([]string{"-q"}, strings.Fields(pipeline)...)...)
		out, err := c.CombinedOutput()
		if err != nil {
			return 0, fmt.Errorf("gst-launch-1.0: %w: %.500s", err, out)
		}
		sum += c.ProcessState.UserTime() + c.ProcessState.SystemTime()
	}
	return sum.Seconds() * 1e3 / clipFrames, nil
}

// gstUp decodes the room's H.264 and makes three layers of it.
func gstUp(clips string) string {
	vp8 := func(kbps int) string {
		return fmt.Sprintf("vp8enc deadline=1 cpu-used=-6 threads=1 end-usage=cbr lag-in-frames=0 keyframe-max-dist=3000 min-quantizer=2 "+
			"max-quantizer=56 undershoot=100 overshoot=15 buffer-size=1000 buffer-initial-size=500 buffer-optimal-size=600 "+
			"static-threshold=1 target-bitrate=%d000 ! fakesink sync=false", kbps)
	}
	return "filesrc location=" + clips + "/room.h264 ! h264parse ! avdec_h264 max-threads=1 ! tee name=t " +
		"t. ! queue ! " + vp8(1400) +
		" t. ! queue ! videoscale n-threads=1 ! video/x-raw,width=640,height=360 ! " + vp8(450) +
		" t. ! queue ! videoscale n-threads=1 ! video/x-raw,width=320,height=180 ! " + vp8(150)
}

// gstDown decodes eight people, puts them together and encodes the picture.
func gstDown(clips string) string {
	b := "compositor name=c background=black max-threads=1 sink_0::width=960 sink_0::height=540"
	x, y := []int{960, 960, 960, 0, 320, 640, 960}, []int{0, 180, 360, 540, 540, 540, 540}
	for n := range x {
		b += fmt.Sprintf(" sink_%d::xpos=%d sink_%d::ypos=%d", n+1, x[n], n+1, y[n])
	}
	b += " ! video/x-raw,format=I420,width=1280,height=720,framerate=30/1 ! openh264enc bitrate=1500000 rate-control=bitrate complexity=low " +
		"multi-thread=1 usage-type=camera gop-size=9000 ! fakesink sync=false " +
		"filesrc location=" + clips + "/large.ivf ! ivfparse ! vp8dec threads=1 ! c.sink_0"
	for n := range x {
		b += fmt.Sprintf(" filesrc location=%s/small.ivf ! ivfparse ! vp8dec threads=1 ! c.sink_%d", clips, n+1)
	}
	return b
}

// pictureQuality is P-9: how much of the composed picture is left at 1.5 Mbit/s. These are
// differences in dB, written as if they were ratios to what is allowed.
func pictureQuality(ctx context.Context, s *settings) ([]line, error) {
	c := command(ctx, filepath.Join(s.build, "video"), "-quality")
	c.Stderr = os.Stderr
	out, err := c.Output()
	if err != nil {
		return nil, fmt.Errorf("bench/video -quality: %w", err)
	}
	var r struct{ PSNR, Kbps map[string]float64 }
	if err := json.Unmarshal(out, &r); err != nil {
		return nil, err
	}
	var lines []line
	for _, row := range []struct {
		name string
		more float64 // dB that ours is to be better
	}{{"openh264 low complexity", -0.2}, {"x264 ultrafast", 3}} {
		peer, ok := r.PSNR[row.name]
		if !ok {
			continue
		}
		lines = append(lines, line{
			what: "composed picture at 1.5 Mbit/s, PSNR", ours: r.PSNR["ours"], peer: peer, unit: "dB", name: row.name,
			note: fmt.Sprintf("ours %+.2f dB, goal %+.1f dB: %s; %.0f and %.0f kbit/s", r.PSNR["ours"]-peer, row.more,
				verdict(r.PSNR["ours"]-peer >= row.more), r.Kbps["ours"], r.Kbps[row.name]),
		})
	}
	return lines, nil
}

func verdict(ok bool) string {
	if ok {
		return "ok"
	}
	return "MISSED"
}
