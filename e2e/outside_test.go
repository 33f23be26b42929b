package e2e

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"tandem/internal/stage"
	sim "tandem/sim/gvoice"
)

// outside places a call from the telephone network to the Google Voice number.
func (s *story) outside(ctx context.Context, args []string) error {
	o := options(args[1:])
	in := sim.Incoming{To: stage.Number, From: args[0], Name: o["name"], Display: sim.DisplayName(o["display"])}
	in.Talk.Tone, _ = strconv.ParseFloat(o["tone"], 64)
	in.Talk.TalkFor, _ = time.ParseDuration(o["talk"])
	in.Talk.DTMF = o["dtmf"]
	in.CancelAfter, _ = time.ParseDuration(o["cancel"])
	var err error
	s.outer, err = s.Edge.PlaceCall(ctx, in)
	return err
}

// far is the newest call at the edge, in either direction.
func (s *story) far() (*sim.Call, error) {
	all := s.Edge.Calls()
	if len(all) == 0 {
		return nil, fmt.Errorf("the edge has seen no call")
	}
	return all[len(all)-1], nil
}

func (s *story) outerEnds(ctx context.Context, args []string) error {
	c, err := s.far()
	if err != nil {
		return err
	}
	rep, err := c.Wait(ctx)
	rep.Ladder = nil
	if err != nil {
		return fmt.Errorf("%w: %+v", err, rep)
	}
	if want := strings.Join(args, " "); rep.Outcome != want {
		return fmt.Errorf("the call ended as %q, want %q", rep.Outcome, want)
	}
	return nil
}

// until polls the measurements of the edge, which have no event.
func until(ctx context.Context, ok func() error) error {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		err := ok()
		if err == nil {
			return nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return err
		}
	}
}

func (s *story) outerHears(ctx context.Context, args []string) error {
	want, err := strconv.ParseFloat(args[0], 64)
	if err != nil {
		return err
	}
	return until(ctx, func() error {
		c, err := s.far()
		if err != nil {
			return err
		}
		rep := c.Report()
		for _, l := range rep.Legs {
			for _, h := range l.Media.Received.Heard {
				if math.Abs(h.Frequency-want) < 15 && h.To-h.From >= 300*time.Millisecond {
					return nil
				}
			}
		}
		rep.Ladder = nil
		return fmt.Errorf("the far person does not hear %v Hz: %+v", want, rep.Legs)
	})
}

func (s *story) outerGets(ctx context.Context, args []string) error {
	return until(ctx, func() error {
		c, err := s.far()
		if err != nil {
			return err
		}
		for _, l := range c.Report().Legs {
			if l.Media.Received.DTMF == args[0] {
				return nil
			}
			err = fmt.Errorf("the far person got the keys %q, want %q", l.Media.Received.DTMF, args[0])
		}
		return err
	})
}

func (s *story) outerHangs(context.Context, []string) error {
	c, err := s.far()
	if err == nil {
		c.HangUp()
	}
	return err
}

func (s *story) outerAnswered(ctx context.Context, _ []string) error {
	c, err := s.far()
	if err != nil {
		return err
	}
	return c.WaitPhase(ctx, sim.PhaseAnswered)
}

func (s *story) outerCalls(_ context.Context, args []string) error {
	if got := strconv.Itoa(len(s.Edge.Calls())); got != args[0] {
		return fmt.Errorf("the edge has seen %s calls, want %s", got, args[0])
	}
	return nil
}

func (s *story) fault(_ context.Context, args []string) error {
	o := options(args[1:])
	f := sim.Fault{Kind: sim.FaultKind(args[0]), Host: o["host"]}
	f.Status, _ = strconv.Atoi(o["status"])
	f.Times, _ = strconv.Atoi(o["times"])
	f.Delay, _ = time.ParseDuration(o["delay"])
	return s.Edge.SetFault(f)
}

func (s *story) repair(context.Context, []string) error {
	s.Edge.ClearFaults()
	return nil
}

func (s *story) account(ctx context.Context, args []string) error {
	return until(ctx, func() error {
		st := s.Gateway.Voice.Status()[0]
		if slices.Contains(args, st.State.String()) {
			return nil
		}
		return fmt.Errorf("the account is %s (%s), want %v", st.State, st.Problem, args)
	})
}

// alarmed waits for an alarm that says TEXT, or for the end of all.
func (s *story) alarmed(ctx context.Context, args []string) error {
	want := strings.Join(args, " ")
	return until(ctx, func() error {
		active := s.Gateway.Alarms.Active()
		if want == "" && len(active) == 0 {
			return nil
		}
		for _, a := range active {
			if want != "" && strings.Contains(a.Title+" "+a.Detail, want) && a.Do != "" {
				return nil
			}
		}
		return fmt.Errorf("alarms %+v, want %q", active, want)
	})
}

// clean fails when the edge refused, dropped or frowned at anything.
func (s *story) clean(_ context.Context, args []string) error {
	for _, r := range s.Edge.Refusals() {
		if !slices.Contains(args, r.Rule) {
			return fmt.Errorf("the edge %s %s: %s (%s)", r.Action, r.What, r.Reason, r.Rule)
		}
	}
	return nil
}
