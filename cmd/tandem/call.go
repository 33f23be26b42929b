package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"time"

	"tandem/sim/phone"
	"tandem/sim/room"
)

type callCmd struct {
	Server   string        `default:"127.0.0.1:5060" help:"Where the gateway takes SIP."`
	Network  string        `default:"udp" enum:"udp,tcp" help:"udp or tcp."`
	Bind     string        `default:"127.0.0.1" help:"Local address of the caller."`
	User     string        `help:"Device to be." required:""`
	Password string        `help:"Its password." env:"TANDEM_CALL_PASSWORD" required:""`
	Domain   string        `help:"SIP domain; default the server's host."`
	To       string        `arg:"" optional:"" help:"What to dial; without it wait for a call and answer it."`
	Tone     float64       `default:"440" help:"Tone to send, in Hz; 0 is silence."`
	Digits   string        `help:"Keys to press after the answer."`
	For      time.Duration `default:"5s" help:"Hang up so long after the answer."`
	Limit    time.Duration `default:"60s" help:"Give up after this time."`
	Expect   float64       `help:"Fail unless a tone of this frequency (Hz) is heard."`
	Codecs   []string      `default:"PCMU,PCMA" help:"Codecs to offer, preferred first."`
	Video    []string      `help:"Be a video room: formats to offer, of H264 and VP8, preferred first."`
	Size     string        `default:"640x360" help:"Of the picture that is sent."`
	Colour   string        `default:"#285aa0" help:"Of the picture that is sent."`
	Still    string        `help:"Write the last picture that was shown to this PNG file." type:"path"`
	JSON     bool          `help:"Print the whole report, with the message ladder, as JSON."`
	Trace    bool          `help:"Print the SIP messages."`
}

// Run places or takes one call and prints what was measured.
func (c *callCmd) Run() error {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	ctx, cancel := context.WithTimeout(ctx, c.Limit)
	defer cancel()
	p := &phone.Phone{Config: phone.Config{
		User: c.User, Password: c.Password, Domain: c.Domain, Server: c.Server, Network: c.Network,
		Bind: c.Bind, Codecs: c.Codecs, Tone: c.Tone, Expires: time.Minute,
	}, Log: slog.New(slog.DiscardHandler)}
	if len(c.Video) > 0 {
		if err := c.film(p); err != nil {
			return err
		}
	}
	if err := p.Start(context.WithoutCancel(ctx)); err != nil {
		return err
	}
	defer p.Close()
	if err := p.Register(ctx); err != nil {
		return fmt.Errorf("register as %s: %w", c.User, err)
	}
	one, err := c.call(ctx, p)
	if err != nil {
		return err
	}
	talkErr := c.talk(ctx, one)
	rep := one.Report()
	if err := p.Unregister(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "not unregistered:", err)
	}
	if err := c.print(os.Stdout, rep); err != nil {
		return err
	}
	if err := c.showVideo(os.Stdout, room.Of(one)); err != nil {
		return err
	}
	if talkErr != nil {
		return talkErr
	}
	if all := tones(rep); c.Expect != 0 && !slices.ContainsFunc(all, func(f float64) bool { return near(f, c.Expect) }) {
		return fmt.Errorf("heard %s, expected %.0f Hz", frequencies(all), c.Expect)
	}
	return nil
}

// shortest is how long a tone lasts at least; what is shorter is a transition.
const shortest = 200 * time.Millisecond

// tones are the frequencies that were heard, one after the other: early media and
// the far person mostly have different ones.
func tones(rep phone.Report) []float64 {
	var all []float64
	for _, s := range rep.Received.Heard {
		if s.Frequency == 0 || s.To-s.From < shortest {
			continue
		}
		if len(all) == 0 || !near(all[len(all)-1], s.Frequency) {
			all = append(all, s.Frequency)
		}
	}
	return all
}

func near(a, b float64) bool { return a-b < 15 && b-a < 15 }

func frequencies(all []float64) string {
	if len(all) == 0 {
		return "no tone"
	}
	var s []string
	for _, f := range all {
		s = append(s, fmt.Sprintf("%.0f Hz", f))
	}
	return strings.Join(s, ", then ")
}

func (c *callCmd) call(ctx context.Context, p *phone.Phone) (*phone.Call, error) {
	if c.To != "" {
		return p.Call(ctx, c.To)
	}
	fmt.Fprintln(os.Stderr, "registered; waiting for a call")
	return p.NextCall(ctx)
}

// talk carries the call to its end.
func (c *callCmd) talk(ctx context.Context, one *phone.Call) error {
	if err := one.WaitAnswered(ctx); err != nil {
		rep := one.Report()
		if rep.Status >= 300 {
			return fmt.Errorf("the call was refused with %d %s%s", rep.Status, rep.Reason, sentence(rep))
		}
		_ = one.HangUp(context.WithoutCancel(ctx))
		return fmt.Errorf("not answered: %w", err)
	}
	if c.Digits != "" {
		one.SendDTMF(c.Digits)
	}
	select {
	case <-one.Done():
		return nil
	case <-time.After(c.For):
	case <-ctx.Done():
	}
	return one.HangUp(context.WithoutCancel(ctx))
}

// warning is the text of a Warning header (RFC 3261 section 20.43).
var warning = regexp.MustCompile(`(?im)^Warning:\s*\d+ \S+ "((?:[^"\\]|\\.)*)"`)

// sentence is what the gateway told a person about a refused call, behind a colon.
func sentence(rep phone.Report) string {
	for _, e := range slices.Backward(rep.Ladder) {
		if m := warning.FindStringSubmatch(e.Raw); m != nil && !e.Out {
			return ": " + m[1]
		}
	}
	return ""
}

func (c *callCmd) print(w io.Writer, rep phone.Report) error {
	if c.JSON {
		e := json.NewEncoder(w)
		e.SetIndent("", "  ")
		return e.Encode(rep)
	}
	if c.Trace {
		for _, e := range rep.Ladder {
			arrow := "<--"
			if e.Out {
				arrow = "-->"
			}
			fmt.Fprintf(w, "%s %s\n%s\n", e.At.Format("15:04:05.000"), arrow, e.Raw)
		}
	}
	r := rep.Received
	result := strings.TrimSpace(fmt.Sprint(rep.Status, " ", rep.Reason))
	fmt.Fprintf(w, "result      %s, ended by %s\n", result, rep.EndedBy)
	fmt.Fprintf(w, "times       ringing %v, early media %v, answered %v, ended %v\n", rep.Times.Ringing.Round(time.Millisecond),
		rep.Times.Early.Round(time.Millisecond), rep.Times.Answered.Round(time.Millisecond), rep.Times.Ended.Round(time.Millisecond))
	fmt.Fprintf(w, "sent        %s, %d packets, %.0f Hz\n", rep.Codec, rep.Sent, c.Tone)
	fmt.Fprintf(w, "received    %d packets, %d lost, jitter %.1f ms, longest gap %.0f ms, %s at %.1f dBFS, keys %q\n",
		r.Packets, r.Lost, r.JitterMS, r.MaxGapMS, frequencies(tones(rep)), r.Level, r.DTMF)
	return nil
}
