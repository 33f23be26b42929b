package e2e

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"tandem/sim/phone"
)

func (s *story) phone(ctx context.Context, args []string) error {
	o := options(args[1:])
	p, err := s.Phone(ctx, args[0], func(c *phone.Config) {
		c.Tone, _ = strconv.ParseFloat(o["tone"], 64)
		c.Network = o["network"]
		_, c.Reliable = o["reliable"]
		_, c.NoEvents = o["noevents"]
		if v := o["codecs"]; v != "" {
			c.Codecs = strings.Split(v, ",")
		}
		if v, ok := o["password"]; ok {
			c.Password = v
		}
		switch v := o["answer"]; {
		case v == "manual":
			c.Answer.Manual = true
		case len(v) == 3 && v[0] >= '3':
			c.Answer.Status, _ = strconv.Atoi(v)
		case v != "":
			c.Answer.After, _ = time.ParseDuration(v)
		}
	})
	if err != nil {
		return err
	}
	s.phones[args[0]] = p
	return nil
}

func (s *story) call(name string) (*phone.Call, error) {
	if c := s.calls[name]; c != nil {
		return c, nil
	}
	return nil, fmt.Errorf("there is no call %q", name)
}

// with runs f on the call named by the first argument.
func (s *story) with(args []string, f func(c *phone.Call) error) error {
	c, err := s.call(args[0])
	if err != nil {
		return err
	}
	if err := f(c); err != nil {
		return fmt.Errorf("%w\n%+v", err, summary(c))
	}
	return nil
}

func summary(c *phone.Call) phone.Report {
	r := c.Report()
	for i := range r.Ladder {
		r.Ladder[i].Raw = ""
	}
	return r
}

func (s *story) dial(ctx context.Context, args []string) error {
	p := s.phones[args[0]]
	if p == nil {
		return fmt.Errorf("there is no phone %q", args[0])
	}
	c, err := p.Call(ctx, args[1])
	if err != nil {
		return err
	}
	s.calls[args[0]] = c
	if as := options(args[2:])["as"]; as != "" {
		s.calls[as] = c
	}
	return nil
}

func (s *story) incoming(ctx context.Context, args []string) error {
	p := s.phones[args[0]]
	if p == nil {
		return fmt.Errorf("there is no phone %q", args[0])
	}
	c, err := p.NextCall(ctx)
	if err != nil {
		return err
	}
	s.calls[args[0]] = c
	o := options(args[1:])
	if as := o["as"]; as != "" {
		s.calls[as] = c
	}
	if want := o["from"]; !strings.Contains(c.Report().From, want) {
		return fmt.Errorf("the call shows %q, want %q", c.Report().From, want)
	}
	return nil
}

func (s *story) early(ctx context.Context, args []string) error {
	return s.with(args, func(c *phone.Call) error { return c.WaitEarly(ctx) })
}

func (s *story) ringing(ctx context.Context, args []string) error {
	return s.with(args, func(c *phone.Call) error { return c.WaitRinging(ctx) })
}

func (s *story) answer(_ context.Context, args []string) error {
	return s.with(args, func(c *phone.Call) error { return c.Answer() })
}

func (s *story) reject(_ context.Context, args []string) error {
	status, err := strconv.Atoi(args[1])
	if err != nil {
		return err
	}
	return s.with(args, func(c *phone.Call) error { return c.Reject(status) })
}

func (s *story) answered(ctx context.Context, args []string) error {
	return s.with(args, func(c *phone.Call) error { return c.WaitAnswered(ctx) })
}

func (s *story) hears(ctx context.Context, args []string) error {
	f, err := strconv.ParseFloat(args[1], 64)
	if err != nil {
		return err
	}
	return s.with(args, func(c *phone.Call) error { return c.WaitTone(ctx, f, 400*time.Millisecond) })
}

// ringback waits for the two tones at once that the meter calls noise.
func (s *story) ringback(ctx context.Context, args []string) error {
	return s.with(args, func(c *phone.Call) error {
		return until(ctx, func() error {
			for _, h := range c.Heard().Heard {
				if h.Noise && h.Level > -30 && h.To-h.From >= 500*time.Millisecond {
					return nil
				}
			}
			return fmt.Errorf("no ringback")
		})
	})
}

func (s *story) sounds(_ context.Context, args []string) error {
	f, err := strconv.ParseFloat(args[1], 64)
	if err != nil {
		return err
	}
	return s.with(args, func(c *phone.Call) error { c.SendTone(f); return nil })
}

func (s *story) silent(ctx context.Context, args []string) error {
	return s.with(args, func(c *phone.Call) error { return c.WaitTone(ctx, 0, 400*time.Millisecond) })
}

func (s *story) press(ctx context.Context, args []string) error {
	return s.with(args, func(c *phone.Call) error {
		if _, info := options(args[2:])["info"]; info {
			return c.SendInfoDTMF(ctx, args[1])
		}
		c.SendDTMF(args[1])
		return nil
	})
}

func (s *story) gets(ctx context.Context, args []string) error {
	return s.with(args, func(c *phone.Call) error { return c.WaitDTMF(ctx, args[1]) })
}

func (s *story) hold(ctx context.Context, args []string) error {
	return s.with(args, func(c *phone.Call) error { return c.Hold(ctx) })
}

func (s *story) resume(ctx context.Context, args []string) error {
	return s.with(args, func(c *phone.Call) error { return c.Resume(ctx) })
}

func (s *story) transfer(ctx context.Context, args []string) error {
	return s.with(args, func(c *phone.Call) error { return c.Transfer(ctx, args[1]) })
}

func (s *story) attend(ctx context.Context, args []string) error {
	other, err := s.call(args[1])
	if err != nil {
		return err
	}
	return s.with(args, func(c *phone.Call) error { return c.TransferTo(ctx, other) })
}

func (s *story) hangup(ctx context.Context, args []string) error {
	return s.with(args, func(c *phone.Call) error { return c.HangUp(ctx) })
}

func (s *story) ended(ctx context.Context, args []string) error {
	return s.with(args, func(c *phone.Call) error {
		rep, err := c.Wait(ctx)
		if err != nil {
			return err
		}
		if len(args) > 1 && !strings.Contains(args[1], "=") && strconv.Itoa(rep.Status) != args[1] {
			return fmt.Errorf("ended with %d %s, want %s", rep.Status, rep.Reason, args[1])
		}
		text := options(args[1:])["text"]
		for _, e := range rep.Ladder {
			if strings.Contains(e.Raw, text) {
				return nil
			}
		}
		return fmt.Errorf("no message says %q", text)
	})
}

func (s *story) quality(_ context.Context, args []string) error {
	return s.with(args, func(c *phone.Call) error {
		if r := c.Heard(); r.Lost > 0 || r.Duplicates > 0 || r.Packets == 0 {
			return fmt.Errorf("%d packets, %d lost, %d doubled", r.Packets, r.Lost, r.Duplicates)
		}
		return nil
	})
}

func (s *story) unplug(_ context.Context, args []string) error {
	return s.phones[args[0]].Close()
}

func (s *story) unregister(ctx context.Context, args []string) error {
	return s.phones[args[0]].Unregister(ctx)
}
