package demo

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"tandem/call"
	"tandem/internal/stage"
	sim "tandem/sim/gvoice"
	"tandem/sim/phone"
)

// people are the far ends of the acts; the numbers are reserved for fiction.
var people = []sim.Person{
	{Number: "+12025550150", Note: "early media, then answers and talks", EarlyTone: 480, AnswerAfter: 1500 * time.Millisecond, Tone: 700, TalkFor: 3 * time.Second},
	{Number: "+12025550151", Note: "declines", Refuse: 603, AnswerAfter: 500 * time.Millisecond},
}

// An act is one call and what should become of it.
type act struct {
	title string
	play  func(context.Context, *show) (*scene, error)
}

var acts = []act{
	{"A phone calls through Google Voice", phoneCallsOut},
	{"Somebody calls the Google Voice number; two phones ring, one answers", numberRings},
	{"A call that the far end declines", declined},
	{"911 without an emergency trunk", emergency},
	{"A room joins a Google Meet meeting", roomJoins},
	{"A room knocks and is admitted", admitted},
	{"A room knocks and is turned away", turnedAway},
	{"A room knocks and nobody opens", nobodyOpens},
	{"A room asks for a meeting at the reception", asks},
}

// A scene is what is known of a call when it is over.
type scene struct {
	phone *phone.Report
	edge  *sim.Report // nil when the call never reached the edge
	lines []string    // further remarks
	who   string      // whose call's record is told; "" is the newest
}

func (s *show) perform(ctx context.Context, a act) {
	s.say("\n── %s", a.title)
	ctx, cancel := context.WithTimeout(ctx, 60*time.Second)
	defer cancel()
	before := len(s.failures)
	sc, err := a.play(ctx, s)
	if err != nil {
		s.fail("%s: %v", a.title, err)
	}
	if sc != nil {
		s.report(sc)
	}
	if len(s.failures) == before {
		s.say("   as it should be")
	}
}

func (s *show) fail(format string, args ...any) {
	f := fmt.Sprintf(format, args...)
	s.failures = append(s.failures, f)
	s.say("   NOT as it should be: %s", f)
}

func phoneCallsOut(ctx context.Context, s *show) (*scene, error) {
	c, err := s.kitchen.Call(ctx, "2025550150")
	if err != nil {
		return nil, err
	}
	began := time.Now()
	s.say("   kitchen dials 2025550150")
	if err := c.WaitEarly(ctx); err != nil {
		return s.outScene(ctx, c), err
	}
	s.say("   %6v  early media from Google Voice", since(began))
	if err := c.WaitAnswered(ctx); err != nil {
		return s.outScene(ctx, c), err
	}
	s.say("   %6v  answered", since(began))
	if err := c.WaitTone(ctx, 700, time.Second); err != nil {
		return s.outScene(ctx, c), err
	}
	s.say("   %6v  kitchen hears the far person", since(began))
	sc := s.outScene(ctx, c)
	s.say("   %6v  the far person hung up", since(began))
	s.wantTone("kitchen hears", sc.phone.Received.Tone, 700)
	s.wantTone("the far person hears", sc.edge.Legs[0].Media.Received.Tone, 440)
	return sc, nil
}

// outScene waits for the end of an outgoing call and gathers both ends' reports.
func (s *show) outScene(ctx context.Context, c *phone.Call) *scene {
	rep, _ := c.Wait(ctx)
	sc := &scene{phone: &rep}
	if calls := s.Edge.Calls(); len(calls) > 0 {
		if e, err := calls[len(calls)-1].Wait(ctx); err == nil && e.Started.After(rep.Times.Started) {
			sc.edge = &e
		}
	}
	return sc
}

func numberRings(ctx context.Context, s *show) (*scene, error) {
	s.kitchen.SetAnswer(phone.Answer{Manual: true})
	s.study.SetAnswer(phone.Answer{Manual: true})
	in, err := s.Edge.PlaceCall(ctx, sim.Incoming{To: stage.Number, From: "+12025550147", Name: "Flower shop", Talk: sim.Person{Tone: 620, TalkFor: 3 * time.Second}})
	if err != nil {
		return nil, err
	}
	began := time.Now()
	s.say("   +12025550147 dials %s", stage.Number)
	atKitchen, err := s.kitchen.NextCall(ctx)
	if err != nil {
		return nil, err
	}
	atStudy, err := s.study.NextCall(ctx)
	if err != nil {
		return nil, err
	}
	s.say("   %6v  kitchen and study ring, showing %s", since(began), shown(atKitchen))
	if err := in.WaitPhase(ctx, sim.PhaseEarly); err != nil {
		return nil, err
	}
	if err := atStudy.Answer(); err != nil {
		return nil, err
	}
	if err := in.WaitPhase(ctx, sim.PhaseAnswered); err != nil {
		return nil, err
	}
	s.say("   %6v  study answered", since(began))
	other, err := atKitchen.Wait(ctx)
	if err != nil {
		return nil, err
	}
	s.say("   %6v  kitchen stopped ringing", since(began))
	if err := atStudy.WaitTone(ctx, 620, time.Second); err != nil {
		return nil, err
	}
	s.say("   %6v  study hears the caller", since(began))
	rep, err := atStudy.Wait(ctx)
	if err != nil {
		return nil, err
	}
	edge, err := in.Wait(ctx)
	if err != nil {
		return nil, err
	}
	s.say("   %6v  the caller hung up", since(began))
	if other.Phase != phone.Ended || !other.Times.Started.IsZero() && other.Times.Answered != 0 {
		s.fail("kitchen is %q although study took the call", other.Phase)
	}
	if !strings.Contains(rep.From, "Flower shop") || !strings.Contains(rep.From, "+12025550147") {
		s.fail("the phone shows %q", rep.From)
	}
	s.wantTone("study hears", rep.Received.Tone, 620)
	s.wantTone("the caller hears", edge.Legs[0].Media.Received.Tone, 520)
	return &scene{phone: &rep, edge: &edge}, nil
}

// shown is the From of an incoming call as a display shows it.
func shown(c *phone.Call) string {
	from, _, _ := strings.Cut(c.Report().From, ";")
	return from
}

func declined(ctx context.Context, s *show) (*scene, error) {
	c, err := s.kitchen.Call(ctx, "+12025550151")
	if err != nil {
		return nil, err
	}
	s.say("   kitchen dials +12025550151")
	sc := s.outScene(ctx, c)
	s.wantRefusal(sc, call.Rejected)
	return sc, nil
}

func emergency(ctx context.Context, s *show) (*scene, error) {
	before := len(s.Edge.Calls())
	c, err := s.kitchen.Call(ctx, "911")
	if err != nil {
		return nil, err
	}
	s.say("   kitchen dials 911")
	sc := s.outScene(ctx, c)
	sc.edge = nil
	s.wantRefusal(sc, call.Emergency)
	if n := len(s.Edge.Calls()); n != before {
		s.fail("911 reached Google Voice")
	}
	sc.lines = append(sc.lines, "Google Voice never saw the call")
	return sc, nil
}

func (s *show) wantRefusal(sc *scene, c call.Cause) {
	if sc.phone.Status != c.SIP() {
		s.fail("the phone got %d %s, want %d", sc.phone.Status, sc.phone.Reason, c.SIP())
	}
	i := slices.IndexFunc(sc.phone.Ladder, func(e event) bool { return strings.Contains(e.Raw, c.Sentence()) })
	if i < 0 {
		s.fail("the phone was not told why: %q", c.Sentence())
		return
	}
	s.say("   the phone gets %d %s, and the sentence: %s", sc.phone.Status, sc.phone.Reason, c.Sentence())
}

func (s *show) wantTone(who string, got, want float64) {
	if math.Abs(got-want) > 15 {
		s.fail("%s %.0f Hz, want %.0f Hz", who, got, want)
	}
}
