// Package demo stages the gateway for people: simulated phones and rooms, simulated
// edges of Google Voice and Google Meet, real calls between them, and what became of
// each on the terminal. Start reading at Run; the acts are in acts.go and meetings.go.
package demo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"time"

	"tandem/config"
	"tandem/internal/stage"
	"tandem/leg/sipua"
	sim "tandem/sim/gvoice"
	"tandem/sim/phone"
)

// Options say how the demo runs.
type Options struct {
	Out    io.Writer // what people read
	Log    *slog.Logger
	Dir    string // keeps store and report; "" is a temporary directory
	Bind   string // where phones reach the gateway; default 127.0.0.1:5060, or a free port when it is taken
	Stay   bool   // go on after the acts, until ctx is done
	Brief  bool   // no ladders
	Stills string // folder for what rooms and the meeting saw; default a folder of Dir
}

// ErrFailed means that a call did not go as it should; what failed was printed.
var ErrFailed = errors.New("the demo failed")

// show is one performance.
type show struct {
	Options
	*stage.Stage
	kitchen, study *phone.Phone
	board          *phone.Phone // a room
	began          time.Time
	failures       []string
}

// Run performs the demo and returns ErrFailed when a call did not go as it should.
func Run(ctx context.Context, o Options) (err error) {
	s := &show{Options: o, began: time.Now()}
	if s.Dir == "" {
		if s.Dir, err = os.MkdirTemp("", "tandem-demo-"); err != nil {
			return err
		}
		defer func() { err = errors.Join(err, os.RemoveAll(s.Dir)) }()
	} else if err := os.MkdirAll(s.Dir, 0o700); err != nil {
		return err
	}
	if s.Stills == "" {
		s.Stills = filepath.Join(s.Dir, "stills")
	}
	if err := os.MkdirAll(s.Stills, 0o755); err != nil {
		return err
	}
	if err := s.open(ctx); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	for _, act := range acts {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		s.perform(ctx, act)
	}
	s.summary()
	if len(s.failures) > 0 {
		return ErrFailed
	}
	if s.Stay {
		s.invite()
		<-ctx.Done()
	}
	return nil
}

// open starts everything and registers the account and two phones.
func (s *show) open(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	addr := free(s.Bind)
	s.say("Tandem demo: nothing leaves this machine. Starting simulated edges of Google Voice and Google Meet, and the gateway …")
	st, err := stage.Start(ctx, stage.Options{
		Dir: s.Dir, Log: s.Log, HTTP: "127.0.0.1:0",
		Edge: sim.Config{People: people}, Meet: meetings(),
		Change: func(c *config.Config) { c.Meet.Lobby = lobby },
		SIP:    []sipua.Listen{{Network: "udp", Addr: addr}, {Network: "tcp", Addr: addr}},
	})
	if err != nil {
		return err
	}
	s.Stage = st
	if err := st.WaitRegistered(ctx); err != nil {
		return errors.Join(err, st.Close())
	}
	acc := st.Gateway.Voice.Status()[0]
	s.say("  Google Voice account %q (%s) is %s by %s, TLS, token fetched, since %v", acc.Account, acc.Number, acc.State, acc.Proxy, since(s.began))
	for _, p := range []struct {
		to   **phone.Phone
		user string
		tone float64
	}{{&s.kitchen, stage.Kitchen, 440}, {&s.study, stage.Study, 520}} {
		if *p.to, err = st.Phone(ctx, p.user, func(c *phone.Config) { c.Tone = p.tone }); err != nil {
			return errors.Join(err, st.Close())
		}
		s.say("  phone %q is registered at udp %s", p.user, st.SIP("udp"))
	}
	if err := s.furnish(ctx); err != nil {
		return errors.Join(err, st.Close())
	}
	return nil
}

// free is addr, or a free port of its host when it is taken.
func free(addr string) string {
	if addr == "" {
		addr = "127.0.0.1:5060"
	}
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return addr
	}
	c, err := net.ListenPacket("udp", addr)
	if err != nil {
		return net.JoinHostPort(host, "0")
	}
	defer c.Close()
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return net.JoinHostPort(host, "0")
	}
	defer l.Close()
	return addr
}

func (s *show) say(format string, args ...any) { fmt.Fprintf(s.Out, format+"\n", args...) }

func since(t time.Time) time.Duration { return time.Since(t).Round(time.Millisecond) }

func (s *show) summary() {
	s.say("")
	if len(s.failures) == 0 {
		s.say("All %d acts went as they should, in %v.", len(acts), since(s.began).Round(100*time.Millisecond))
		return
	}
	s.say("%d things did not go as they should:", len(s.failures))
	for _, f := range s.failures {
		s.say("  - %s", f)
	}
}

// invite tells a person how to take part.
func (s *show) invite() {
	s.say("\nThe stage stays up; end it with Ctrl-C. Register a softphone of your own:")
	s.say("  server %s (UDP or TCP)   user %s   password %s", s.SIP("udp"), stage.Study, s.Password)
	s.say("  dial 2025550100 (answers and talks), 2025550150 (early media, then a tone), 911 (refused, and why)")
	s.say("  let the Google Voice number ring:")
	s.say("    curl -d '{\"to\":\"%s\",\"from\":\"+12025550147\",\"talk\":{\"tone\":700,\"talk_for\":\"10s\"}}' %s/calls", stage.Number, s.Edge.ControlURL())
	s.say("  what the edge sees: %s/state", s.Edge.ControlURL())
	s.say("  meetings: dial %s (talking, sharing, coming and going), or %s before it to knock; %s is a page", example, stage.Knock, s.Meetings.ControlURL())
}
