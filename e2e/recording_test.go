//go:build peers

package e2e

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"time"
)

// A recording is what a phone played, as its sndfile module wrote it: 16 bits,
// and a header whose length is right only when the call is over.
type recording struct {
	rate, channels int
	samples        []int16 // of the first channel
}

func readRecording(path string, from int64) (recording, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return recording{}, err
	}
	if len(data) < 44 || string(data[:4]) != "RIFF" {
		return recording{}, fmt.Errorf("%s: no recording yet", path)
	}
	r := recording{rate: int(binary.LittleEndian.Uint32(data[24:])), channels: int(binary.LittleEndian.Uint16(data[22:]))}
	step := 2 * max(r.channels, 1)
	from = max(from, 44)
	for i := int(from - (from-44)%int64(step)); i+step <= len(data); i += step {
		r.samples = append(r.samples, int16(binary.LittleEndian.Uint16(data[i:])))
	}
	return r, nil
}

const (
	window = 20 * time.Millisecond
	steady = 500 * time.Millisecond // of a tone that is heard
)

// tone finds hz for as long as steady without a gap; level is its RMS in dB below full scale.
func (r recording) tone(hz float64) (level float64, found bool) {
	n := r.rate * int(window/time.Millisecond) / 1000
	if n == 0 {
		return 0, false
	}
	run, sum := 0, 0.0
	for i := 0; i+n <= len(r.samples); i += n {
		power, share := goertzel(r.samples[i:i+n], hz/float64(r.rate))
		if share < 0.9 || power < 1e-5 {
			run, sum = 0, 0
			continue
		}
		sum += power
		if run++; run >= int(steady/window) {
			return 10 * math.Log10(sum/float64(run)), true
		}
	}
	return 0, false
}

// goertzel is the mean power of the samples, and the share of it at a frequency,
// in cycles per sample.
func goertzel(samples []int16, f float64) (power, share float64) {
	w := 2 * math.Pi * f
	var re, im, total float64
	for i, s := range samples {
		x := float64(s) / 32768
		re += x * math.Cos(w*float64(i))
		im += x * math.Sin(w*float64(i))
		total += x * x
	}
	n := float64(len(samples))
	if total == 0 {
		return 0, 0
	}
	return total / n, 2 * (re*re + im*im) / n / total
}

// since is what the phone has played, in each of its calls, after the sizes in from.
func (b *baresip) since(from map[string]int64) (map[string]recording, error) {
	files, err := filepath.Glob(filepath.Join(b.dir, "rec", "*-dec.wav"))
	if err != nil {
		return nil, err
	}
	out := make(map[string]recording)
	for _, f := range files {
		if r, err := readRecording(f, from[f]); err == nil {
			out[f] = r
		}
	}
	return out, nil
}

// sizes are how long the recordings are now.
func (b *baresip) sizes() map[string]int64 {
	out := make(map[string]int64)
	files, _ := filepath.Glob(filepath.Join(b.dir, "rec", "*-dec.wav"))
	for _, f := range files {
		if st, err := os.Stat(f); err == nil {
			out[f] = st.Size()
		}
	}
	return out
}

// heard waits until the phone plays a tone, from now on.
func (b *baresip) heard(ctx context.Context, args []string) error {
	hz, err := strconv.ParseFloat(args[0], 64)
	if err != nil {
		return err
	}
	from := b.sizes()
	return until(ctx, func() error {
		all, err := b.since(from)
		if err != nil {
			return err
		}
		for _, r := range all {
			if level, ok := r.tone(hz); ok {
				return levelIs(level, args[1:])
			}
		}
		return fmt.Errorf("no %v Hz in %d recordings\n%s", hz, len(all), tail(filepath.Join(b.dir, "log")))
	})
}

// hearsSome waits until the phone has played a tone for half a second in all, with gaps
// or without: video keeps a busy machine from playing in time.
func (b *baresip) hearsSome(ctx context.Context, args []string) error {
	hz, err := strconv.ParseFloat(args[0], 64)
	if err != nil {
		return err
	}
	from := b.sizes()
	return until(ctx, func() error {
		all, err := b.since(from)
		for _, r := range all {
			if r.total(hz) >= steady {
				return nil
			}
		}
		return errors.Join(err, fmt.Errorf("no %v Hz in %d recordings", hz, len(all)))
	})
}

// total is for how long hz is heard.
func (r recording) total(hz float64) (d time.Duration) {
	n := r.rate * int(window/time.Millisecond) / 1000
	for i := 0; n > 0 && i+n <= len(r.samples); i += n {
		if power, share := goertzel(r.samples[i:i+n], hz/float64(r.rate)); share > 0.9 && power > 1e-5 {
			d += window
		}
	}
	return d
}

// levelIs compares with a level that a story names, within 2 dB.
func levelIs(level float64, args []string) error {
	if len(args) == 0 {
		return nil
	}
	want, err := strconv.ParseFloat(args[0], 64)
	if err == nil && math.Abs(level-want) > 2 {
		err = fmt.Errorf("the tone is at %.1f dBFS, want %v", level, want)
	}
	return err
}

// hearsNothingNew waits until half a second passes in which the phone plays
// silence or nothing at all.
func (b *baresip) hearsNothingNew(ctx context.Context, _ []string) error {
	from, at := b.sizes(), time.Now()
	return until(ctx, func() error {
		all, err := b.since(from)
		if err != nil {
			return err
		}
		for _, r := range all {
			if power, _ := goertzel(r.samples, 0); power > 1e-5 {
				from, at = b.sizes(), time.Now()
				return errors.New("the phone still plays something")
			}
		}
		if time.Since(at) < steady {
			return errors.New("not silent for long enough")
		}
		return nil
	})
}
