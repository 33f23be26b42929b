package api

import (
	"context"
	"net/http"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"tandem/alarm"
	"tandem/call"
	"tandem/identity"
	"tandem/leg/sipua"
	"tandem/store"
)

type (
	pastRegistrationsInput struct {
		From   time.Time `query:"from" doc:"Only registrations that began at or after this time (RFC 3339)."`
		To     time.Time `query:"to" doc:"Only registrations that began before this time."`
		Device string    `query:"device" maxLength:"200" doc:"Only registrations of this device."`
		Q      string    `query:"q" maxLength:"200" doc:"Only registrations with this text in device, address, user agent or reason."`
		After  string    `query:"after" maxLength:"300" doc:"The next of the page before."`
		Limit  int       `query:"limit" minimum:"1" maximum:"1000" default:"100"`
	}
	pastRegistrationsOutput struct {
		Body struct {
			Items []sipua.Registration `json:"items"`
			Next  string               `json:"next,omitempty" doc:"Goes into after for the next page, which can be short although there are more."`
		}
	}
	replayInput struct {
		At time.Time `query:"at" required:"true" doc:"The moment to look at (RFC 3339)."`
	}
	momentOutput struct {
		Body struct {
			At            time.Time            `json:"at"`
			Calls         []Call               `json:"calls" doc:"That ran then, as they were known when they ended; phase says how far they were."`
			Registrations []sipua.Registration `json:"registrations" doc:"That lasted then."`
			Alarms        []alarm.Alarm        `json:"alarms" doc:"That lasted then."`
			Whole         bool                 `json:"whole" doc:"False: there was more than is looked at."`
		}
	}
	replaySeriesInput struct {
		From time.Time `query:"from" required:"true"`
		To   time.Time `query:"to" required:"true"`
		Step int       `query:"step_s" minimum:"1" maximum:"86400" default:"60" doc:"Seconds that one number stands for; at most 2016 numbers."`
	}
	replaySeriesOutput struct {
		Body struct {
			From   time.Time `json:"from"`
			Step   int       `json:"step_s"`
			Begun  []int     `json:"begun" doc:"Calls that began."`
			Failed []int     `json:"failed" doc:"Calls that ended without anybody having talked."`
			Active []int     `json:"active" doc:"Calls that ran at the beginning of the step."`
			Whole  bool      `json:"whole" doc:"False: there were more calls than are looked at."`
		}
	}
)

const (
	// longestCall is how far before a moment a call is looked for that still ran then.
	longestCall = 24 * time.Hour
	maxMoment   = 1000   // of a kind, at one moment
	maxSeries   = 2016   // numbers: a week, five minutes each
	scanMoment  = 50_000 // records
)

func (s *Server) registerPast() {
	const tag = "history"
	huma.Register(s.api, operation(identity.Read, http.MethodGet, "/registrations/history", "list-past-registrations", tag, "List the registrations of phones that were, the newest first"), s.pastRegistrations)
	huma.Register(s.api, operation(identity.Read, http.MethodGet, "/replay", "replay", tag, "Show the gateway as it was at a moment: calls, registrations, alarms"), s.replay)
	huma.Register(s.api, operation(identity.Read, http.MethodGet, "/replay/series", "replay-series", tag, "Count calls over a stretch of the past, to find the moment to look at"), s.replaySeries)
}

func (s *Server) pastRegistrations(ctx context.Context, in *pastRegistrationsInput) (*pastRegistrationsOutput, error) {
	search := store.Search[sipua.Registration]{Span: store.Span{Since: in.From, Before: in.To, Limit: in.Limit}}
	if in.After != "" {
		var err error
		if search.Before, search.BeforeID, err = parseCursor(in.After); err != nil {
			return nil, err
		}
	}
	q := strings.TrimSpace(in.Q)
	for _, text := range []string{q, in.Device} {
		if text != "" {
			search.Texts = append(search.Texts, text)
		}
	}
	q = strings.ToLower(q)
	search.Match = func(r sipua.Registration) bool {
		if in.Device != "" && r.Device != in.Device {
			return false
		}
		return strings.Contains(strings.ToLower(strings.Join([]string{r.Device, r.Contact, r.Remote, r.Agent, r.Reason}, "\n")), q)
	}
	f, err := s.Registrations.Search(ctx, search)
	if err != nil {
		return nil, problem(err)
	}
	out := new(pastRegistrationsOutput)
	out.Body.Items = []sipua.Registration{}
	for _, e := range f.Entries {
		out.Body.Items = append(out.Body.Items, e.Value)
	}
	if f.More {
		out.Body.Next = cursor(f.At, f.ID)
	}
	return out, nil
}

// lasted reports whether something was there at a moment.
func lasted(began, ended, at time.Time) bool {
	return !began.After(at) && (ended.IsZero() || ended.After(at))
}

func (s *Server) runningByID() map[string]call.Record {
	all := make(map[string]call.Record)
	for _, r := range s.Gateway.Running() {
		all[r.ID] = r.Record
	}
	return all
}

// phaseAt is how far a call was.
func phaseAt(r call.Record, at time.Time) string {
	switch {
	case !r.Answered.IsZero() && !r.Answered.After(at):
		return call.Active.String()
	case !r.Rang.IsZero() && !r.Rang.After(at):
		return call.Early.String()
	}
	return call.Dialing.String()
}

func (s *Server) replay(ctx context.Context, in *replayInput) (*momentOutput, error) {
	if in.At.After(time.Now()) {
		return nil, wrongField("query.at", "this is not past yet; GET /calls shows what is now")
	}
	at := in.At.UTC()
	after := at.Add(time.Nanosecond) // Before leaves the moment itself out
	out := new(momentOutput)
	b := &out.Body
	b.At, b.Calls, b.Registrations, b.Alarms, b.Whole = at, []Call{}, []sipua.Registration{}, []alarm.Alarm{}, true
	calls, err := s.History.Search(ctx, store.Search[call.Record]{
		Span: store.Span{Since: at.Add(-longestCall), Before: after, Limit: maxMoment}, Scan: scanMoment,
		Match: func(r call.Record) bool { return lasted(r.Began, r.Ended, at) },
	})
	if err != nil {
		return nil, problem(err)
	}
	running := s.runningByID()
	for _, e := range calls.Entries {
		r := e.Value
		if now, runs := running[r.ID]; runs { // the store has only how it began
			r = now
		}
		c := past(r)
		c.Phase = phaseAt(r, at)
		b.Calls = append(b.Calls, c)
	}
	registrations, err := s.Registrations.Search(ctx, store.Search[sipua.Registration]{
		Span: store.Span{Before: after, Limit: maxMoment}, Scan: scanMoment,
		Match: func(r sipua.Registration) bool { return lasted(r.Began, r.Ended, at) },
	})
	if err != nil {
		return nil, problem(err)
	}
	for _, e := range registrations.Entries {
		b.Registrations = append(b.Registrations, e.Value)
	}
	alarms, err := s.Gateway.Ended(ctx, store.Span{Before: after, Limit: maxMoment})
	if err != nil {
		return nil, problem(err)
	}
	for _, e := range alarms {
		if lasted(e.Value.Begin, e.Value.End, at) {
			b.Alarms = append(b.Alarms, e.Value)
		}
	}
	b.Whole = !calls.More && !registrations.More && len(alarms) < maxMoment
	return out, nil
}

func (s *Server) replaySeries(ctx context.Context, in *replaySeriesInput) (*replaySeriesOutput, error) {
	step := time.Duration(in.Step) * time.Second
	n := int((in.To.Sub(in.From) + step - 1) / step)
	if n < 1 || n > maxSeries {
		return nil, wrongField("query.to", "the stretch has 1 to 2016 steps; make step_s longer, or the stretch shorter")
	}
	out := new(replaySeriesOutput)
	b := &out.Body
	b.From, b.Step, b.Whole = in.From.UTC(), in.Step, true
	b.Begun, b.Failed, b.Active = make([]int, n), make([]int, n), make([]int, n)
	count := func(r call.Record) {
		if i := int(r.Began.Sub(in.From) / step); !r.Began.Before(in.From) && i < n {
			b.Begun[i]++
			if r.Answered.IsZero() && !r.Ended.IsZero() {
				b.Failed[i]++
			}
		}
		for i := max(0, int((r.Began.Sub(in.From)+step-1)/step)); i < n; i++ {
			if at := in.From.Add(time.Duration(i) * step); !lasted(r.Began, r.Ended, at) {
				if at.After(r.Began) {
					return
				}
				continue
			}
			b.Active[i]++
		}
	}
	found, err := s.History.Search(ctx, store.Search[call.Record]{
		Span: store.Span{Since: in.From.Add(-longestCall), Before: in.To, Limit: 1}, Scan: scanMoment,
		Match: func(r call.Record) bool {
			count(r)
			return false // they are counted, not kept
		},
	})
	if err != nil {
		return nil, problem(err)
	}
	b.Whole = !found.More
	return out, nil
}
