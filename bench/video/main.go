// Command video measures what the video of one call costs: P-6 without the network.
// The same work is done by the gateway's packages in this process and by a C program
// that calls the codecs' libraries and nothing else (bench/c/video.c), in turns.
//
//	gcc -O2 -o floor-video bench/c/video.c -lvpx -lopenh264 -lyuv
//	go run ./bench/video -floor ./floor-video
package main

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"
)

const warmUp = 10 // frames that do not count

func main() {
	floor := flag.String("floor", "bench/build/floor-video", "the program of bench/c/video.c")
	rounds := flag.Int("rounds", 5, "how often each is measured; 0 only writes the streams")
	frames := flag.Int("frames", 240, "frames of a round")
	keep := flag.String("keep", "", "folder to leave the streams in")
	how := flag.Bool("quality", false, "measure the quality of the composed picture instead, P-9")
	films := flag.String("films", "", "files of raw pictures of 1280x720 for -quality, separated by commas, in place of drawn ones")
	flag.Parse()
	if err := run(*floor, *keep, *films, *rounds, *frames, *how); err != nil {
		fmt.Fprintln(os.Stderr, "video:", err)
		os.Exit(1)
	}
}

func run(floor, keep, films string, rounds, frames int, how bool) error {
	streams, err := makeClips()
	if err != nil {
		return err
	}
	if how {
		return quality(streams, films)
	}
	folder := keep
	if folder == "" {
		if folder, err = os.MkdirTemp("", "video"); err != nil {
			return err
		}
		defer os.RemoveAll(folder)
	}
	files, err := streams.write(folder)
	if err != nil {
		return err
	}
	if rounds == 0 {
		return streams.writePlain(folder)
	}
	var ours, theirs, ratios []float64
	for range rounds {
		a, err := measure(streams, frames)
		if err != nil {
			return err
		}
		b, err := measureFloor(floor, files, frames)
		if err != nil {
			return err
		}
		ours, theirs, ratios = append(ours, a), append(theirs, b), append(ratios, a/b)
	}
	fmt.Printf("P-6   one video call, CPU per frame   ours %.3f ms   bare libraries %.3f ms   ratio %.3f\n",
		median(ours), median(theirs), median(ratios))
	return nil
}

func median(list []float64) float64 {
	list = slices.Sorted(slices.Values(list))
	return list[len(list)/2]
}

// measure plays a call and returns its CPU milliseconds for each frame.
func measure(s clips, frames int) (float64, error) {
	c, err := newCall()
	if err != nil {
		return 0, err
	}
	defer c.close()
	var began time.Duration
	var before, after runtime.MemStats
	for n := range frames + warmUp {
		if n == warmUp {
			c.parts, c.octets = [5]time.Duration{}, 0
			runtime.GC()
			runtime.ReadMemStats(&before)
			began = cpu()
		}
		if err := c.step(s, n); err != nil {
			return 0, fmt.Errorf("frame %d: %w", n, err)
		}
	}
	used := cpu() - began
	runtime.ReadMemStats(&after)
	each := func(d time.Duration) string {
		return fmt.Sprintf("%.3f", float64(d.Microseconds())/1000/float64(frames))
	}
	fmt.Printf("ours   %s ms: decode %s, three layers %s, eight decodes %s, compose %s, encode %s; %.2f allocations a frame, %d octets\n",
		each(used), each(c.parts[0]), each(c.parts[1]), each(c.parts[2]), each(c.parts[3]), each(c.parts[4]),
		float64(after.Mallocs-before.Mallocs)/float64(frames), c.octets)
	return float64(used.Microseconds()) / 1000 / float64(frames), nil
}

// measureFloor runs the C program.
func measureFloor(program string, files []string, frames int) (float64, error) {
	args := append(slices.Clone(files), strconv.Itoa(frames))
	out, err := exec.Command(program, args...).Output()
	if err != nil {
		return 0, fmt.Errorf("%s: %w", program, err)
	}
	f := strings.Fields(string(out))
	if len(f) < 8 {
		return 0, fmt.Errorf("%s prints %q", program, out)
	}
	fmt.Printf("floor  %s ms: decode %s, scale %s, three layers %s, eight decodes %s, compose %s, encode %s; %s octets\n",
		f[0], f[1], f[2], f[3], f[4], f[5], f[6], f[7])
	return strconv.ParseFloat(f[0], 64)
}
