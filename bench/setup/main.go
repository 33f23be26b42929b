// Command setup measures what the media of a WebRTC call costs until it is connected:
// offer and answer, ICE, DTLS-SRTP, and its end. Both ends are the gateway's own media
// plane in this process, so half of the CPU time is one side's. It prints it in
// microseconds for each call (P-11).
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net/netip"
	"os"
	"sync"
	"syscall"
	"time"

	"tandem/media"
	"tandem/media/sdp"
	"tandem/media/transport"
)

func main() {
	calls := flag.Int("calls", 200, "that are measured")
	at := flag.Int("at", 10, "calls that are set up at one time")
	flag.Parse()
	cost, err := run(*calls, *at)
	if err != nil {
		fmt.Fprintln(os.Stderr, "setup:", err)
		os.Exit(1)
	}
	fmt.Printf("%.2f\n", float64(cost.Nanoseconds())/1e3/float64(*calls)/2)
}

func run(calls, at int) (time.Duration, error) {
	e := &transport.Engine{BindIPv4: netip.MustParseAddr("127.0.0.1"), Log: slog.New(slog.NewTextHandler(io.Discard, nil))}
	if err := e.Start(); err != nil {
		return 0, err
	}
	defer e.Close()
	if err := batch(e, at, at); err != nil { // to warm up
		return 0, err
	}
	began := cpu()
	err := batch(e, calls, at)
	return cpu() - began, err
}

// batch sets up calls, some at a time.
func batch(e *transport.Engine, calls, at int) error {
	var work sync.WaitGroup
	errs := make(chan error, at)
	for n := range at {
		work.Go(func() {
			for i := n; i < calls; i += at {
				if err := call(e); err != nil {
					errs <- err
					return
				}
			}
		})
	}
	work.Wait()
	close(errs)
	return <-errs
}

// call connects two sessions as browsers are connected, and takes them down.
func call(e *transport.Engine) error {
	o := transport.Options{Name: "setup", Capabilities: sdp.Capabilities{
		Audio:    []sdp.Codec{{Name: "OPUS", Clock: 48000, PayloadType: 111}},
		Events:   []media.Event{{PayloadType: 101, Clock: 48000}},
		Security: sdp.DTLS, Mux: sdp.MuxRequire, ICE: sdp.ICEFull,
	}}
	var sessions [2]*transport.Session
	up := make(chan error, 4)
	for i := range sessions {
		s, err := e.NewSession(o)
		if err != nil {
			return err
		}
		defer s.Close()
		s.OnEvent(func(ev transport.Event) {
			switch ev.Kind {
			case transport.Connected:
				up <- nil
			case transport.Failed:
				up <- ev.Err
			}
		})
		sessions[i] = s
	}
	offer, err := sessions[0].Offer()
	if err != nil {
		return err
	}
	answer, err := sessions[1].AnswerTo(offer, "")
	if err != nil {
		return err
	}
	if err := sessions[0].SetAnswer(answer); err != nil {
		return err
	}
	limit := time.After(30 * time.Second)
	for range sessions {
		select {
		case err := <-up:
			if err != nil {
				return err
			}
		case <-limit:
			return errors.New("a call was not connected within 30 s")
		}
	}
	return nil
}

// cpu is what the process has used.
func cpu() time.Duration {
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &u) != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
