package call

import (
	"fmt"
	"maps"
)

// A Guard bounds what callers spend on calls that lead out (Destination.Out). Its
// error refuses the call; wrap it by [Refusal] to say why. It must not block.
type Guard interface {
	Admit(Spending) error
}

// Spending is a call that is about to lead out.
type Spending struct {
	Payer  string // device, trunk or account that the call is charged to: who called, transferred or forwarded it; "" is a guest
	Dialed string // alias before the rule rewrote it
	To     string // where it goes
	Live   int    // calls that the payer has out at the moment, without this one
	Again  bool   // another destination of an attempt that was admitted before: hunting, or a group
}

// asked is the request as routing shall see it. What a phone transfers or
// forwards is its own wish: it may go where that phone may call, and nowhere
// else, whoever is on the line.
func (c *Call) asked() Request {
	r := c.Request
	if c.behalf.Via != "" {
		r.Connector, r.Via = c.behalf.Connector, c.behalf.Via
	}
	return r
}

// talker is who is at a leg: for a fork, whoever took the call.
func talker(l Leg) Info {
	if f, ok := l.(*fork); ok {
		if w := f.winner.Load(); w != nil {
			return (*w).Info()
		}
	}
	if l == nil {
		return Info{}
	}
	return l.Info()
}

// forwarded routes the call to the alias that a destination named instead of itself.
func (c *Call) forwarded(to string) error {
	c.behalf = Info{Connector: c.now.Connector, Via: c.now.Target}
	c.log.Info("call forwarded", "by", c.behalf.Via, "to", to)
	if c.Request.Hops > 0 {
		if c.Request.Hops--; c.Request.Hops == 0 {
			return Refusal(LoopDetected, fmt.Errorf("the call has no hops left"))
		}
	}
	return c.route(to)
}

// admit asks the guard before a call leads out.
func (c *Call) admit(d Destination) error {
	if c.Guard == nil || !d.Out {
		return nil
	}
	who := c.asked().Via
	s := Spending{Payer: who, Dialed: c.Request.To, To: d.To, Live: c.out(c, who), Again: c.paid}
	if err := c.Guard.Admit(s); err != nil {
		return err
	}
	c.paid = true
	c.charge(c, &who)
	return nil
}

// out counts the calls other than but that the payer has out. It is asked for every
// call, so it is kept and not looked for.
func (s *Switch) out(but *Call, payer string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := s.spending[payer]
	if but.payer != nil && *but.payer == payer {
		n--
	}
	return n
}

// Spending returns how many calls that lead out each payer has.
func (s *Switch) Spending() map[string]int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return maps.Clone(s.spending)
}

// charge has who pay for the call from now on; nil is nobody.
func (s *Switch) charge(c *Call, who *string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if c.payer != nil {
		if s.spending[*c.payer]--; s.spending[*c.payer] == 0 {
			delete(s.spending, *c.payer)
		}
	}
	if c.payer = who; who != nil {
		s.spending[*who]++
	}
}
