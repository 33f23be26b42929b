//go:build linux

// Command cmd measures the gateway against other programs and against the least
// the machine can do, side by side on the loopback interface, and prints one line
// for each figure. Start reading at [figures]; bench/README.md says what the
// figures mean.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"regexp"
	"time"
)

// settings are what the figures share.
type settings struct {
	rounds int
	length time.Duration // of one round of one program
	build  string        // folder with the programs and the speech
	logs   string        // folder for what the programs print
}

// figure is one measurement; it may print several lines.
type figure struct {
	id  string
	run func(context.Context, *settings) ([]line, error)
}

var figures = [...]figure{
	{"P-1", relayCost},
	{"P-2", relayLatency},
	{"P-3", secureCost},
	{"P-4", transcodeCost},
	{"P-5", signallingCost},
	{"P-6", videoCost}, // with P-7, P-12 and P-13
	{"P-8", realTime},
	{"P-9", pictureQuality},
	{"P-10", simulcastCost},
	{"P-11", setupCost},
}

func main() {
	s := &settings{}
	chosen := flag.String("figures", ".", "regular expression of the figures to measure, for instance P-1")
	limit := flag.Duration("limit", 15*time.Minute, "end everything after this time")
	flag.IntVar(&s.rounds, "rounds", 5, "interleaved rounds, of which the median counts")
	flag.DurationVar(&s.length, "length", 2*time.Second, "of one round")
	flag.StringVar(&s.build, "build", "bench/build", "folder with the programs")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	ctx, cancel := context.WithTimeout(ctx, *limit)
	defer cancel()
	if err := measure(ctx, s, *chosen); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func measure(ctx context.Context, s *settings, chosen string) error {
	if chosen == "." {
		chosen = ".*"
	}
	want, err := regexp.Compile("^(?:" + chosen + ")$")
	if err != nil {
		return fmt.Errorf("figures: %w", err)
	}
	if err := prepare(s); err != nil {
		return err
	}
	fmt.Print(header)
	var errs []error
	for _, f := range figures {
		if !want.MatchString(f.id) {
			continue
		}
		lines, err := f.run(ctx, s)
		for _, l := range lines {
			if l.id == "" {
				l.id = f.id
			}
			fmt.Println(l)
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", f.id, err))
		}
	}
	return errors.Join(errs...)
}

// prepare allows the thousands of sockets of a few hundred calls, and makes what
// the callers say.
func prepare(s *settings) error {
	if err := raiseFileLimit(20000); err != nil {
		return err
	}
	s.logs = s.build + "/logs"
	if err := os.MkdirAll(s.logs, 0o755); err != nil {
		return err
	}
	return writeSpeech(s.build)
}
