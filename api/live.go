package api

import (
	"context"
	"errors"
	"math"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"tandem/call"
	"tandem/evidence"
	"tandem/identity"
	"tandem/leg/gvoice"
	"tandem/leg/meet"
	"tandem/leg/sipua"
	"tandem/media"
)

// A Call is a call as it is shown: its record, and where it stands.
type Call struct {
	call.Record
	// Cause hides the record's, which a running call has not.
	Cause    string `json:"cause,omitempty" doc:"Why it ended; nothing while it runs."`
	Sentence string `json:"sentence,omitempty" doc:"The cause, for people."`
	Phase    string `json:"phase,omitempty" enum:"dialing,early,active,ending,over"`
	Meeting  string `json:"meeting,omitempty" doc:"The meeting it is in."`
	Title    string `json:"meeting_title,omitempty"`
}

// shown is a call that runs.
func shown(r call.Running) Call {
	c := Call{Record: r.Record, Phase: r.Phase.String()}
	if !r.Ended.IsZero() {
		c.Cause, c.Sentence, c.Phase = r.Cause.String(), r.Cause.Sentence(), call.Over.String()
	}
	if r.B.Connector == meet.Name {
		c.Meeting = r.B.Remote
	}
	return c
}

// past is a call as history has it.
func past(r call.Record) Call {
	c := Call{Record: r}
	if !r.Ended.IsZero() {
		c.Cause, c.Sentence = r.Cause.String(), r.Cause.Sentence()
	}
	if r.B.Connector == meet.Name {
		c.Meeting = r.B.Remote
	}
	return c
}

type (
	overviewOutput struct{ Body Overview }
	callsInput     struct {
		Q     string `query:"q" maxLength:"200" doc:"Only calls with this text in a number, a name or a leg."`
		After string `query:"after" maxLength:"100" doc:"The next of the page before."`
		Limit int    `query:"limit" minimum:"1" maximum:"1000" default:"100"`
	}
	callsOutput struct {
		Body struct {
			Items []Call `json:"items"`
			Total int    `json:"total"`
			Next  string `json:"next,omitempty"`
		}
	}
	callInput struct {
		ID string `path:"id" maxLength:"64"`
	}
	// A stream is one direction of one kind of media of a leg.
	stream struct {
		Leg       string  `json:"leg" enum:"a,b"`
		Direction string  `json:"direction" enum:"in,out"`
		Kind      string  `json:"kind" enum:"audio,video,content"`
		ID        string  `json:"id,omitempty"`
		Codec     string  `json:"codec,omitempty"`
		State     string  `json:"state" enum:"sendrecv,sendonly,recvonly,inactive"`
		Layer     int     `json:"layer,omitempty" doc:"Of simulcast, 0 is the smallest."`
		Packets   uint64  `json:"packets,omitempty"`
		Lost      uint64  `json:"lost,omitempty"`
		Loss      float64 `json:"loss,omitempty" doc:"Share of the packets, 0 to 1."`
		Jitter    float64 `json:"jitter_ms,omitempty"`
		RoundTrip float64 `json:"round_trip_ms,omitempty"`
		MOS       float64 `json:"mos,omitempty"`
		Bitrate   float64 `json:"bit_rate,omitempty" doc:"In bit/s, over the last seconds."`
		Width     int     `json:"width,omitempty" doc:"Of the newest picture, in pixels."`
		Height    int     `json:"height,omitempty"`
		FrameRate float64 `json:"fps,omitempty" doc:"Pictures in a second, over the last two."`
	}
	// A person is somebody in the meeting of a call.
	person struct {
		Name       string `json:"name"`
		Muted      bool   `json:"muted,omitempty"`
		NoVideo    bool   `json:"no_video,omitempty"`
		Presenting bool   `json:"presenting,omitempty"`
		Telephone  bool   `json:"telephone,omitempty"`
	}
	callDetail struct {
		Call
		Streams  []stream `json:"streams"`
		Muted    []string `json:"muted,omitempty" enum:"a,b" doc:"Legs that the other side does not hear."`
		Pipeline []string `json:"pipeline" doc:"What the media goes through, in words."`
		People   []person `json:"people,omitempty"`
		evidence.Evidence
	}
	callOutput struct{ Body callDetail }

	registrationsOutput struct {
		Body struct {
			Items   []sipua.Binding      `json:"items"`
			Devices []sipua.DeviceStatus `json:"devices"`
			Trunks  []sipua.TrunkStatus  `json:"trunks"`
		}
	}
	accountsOutput struct {
		Body struct {
			Items []gvoice.Status `json:"items"`
		}
	}
	meeting struct {
		ID     string   `json:"id"`
		Title  string   `json:"title,omitempty"`
		Token  string   `json:"token,omitempty"`
		Stage  string   `json:"stage,omitempty"`
		People int      `json:"people"`
		Calls  []string `json:"calls"`
	}
	meetingsOutput struct {
		Body struct {
			Items []meeting `json:"items"`
		}
	}
)

func (s *Server) registerLive() {
	const tag = "live"
	huma.Register(s.api, operation(identity.Read, http.MethodGet, "/status", "get-status", tag, "Show the gateway at a glance"),
		func(context.Context, *struct{}) (*overviewOutput, error) { return &overviewOutput{s.overview()}, nil })
	huma.Register(s.api, operation(identity.Read, http.MethodGet, "/calls", "list-calls", tag, "List the calls that run, the oldest first"),
		func(_ context.Context, in *callsInput) (*callsOutput, error) { return s.calls(in), nil })
	huma.Register(s.api, operation(identity.Read, http.MethodGet, "/calls/{id}", "get-call", tag, "Show a call that runs: legs, streams, pipeline, SIP messages"), s.call)
	huma.Register(s.api, operation(identity.Read, http.MethodGet, "/registrations", "list-registrations", tag, "List the contacts of devices, and the state of trunks"),
		func(context.Context, *struct{}) (*registrationsOutput, error) { return s.registrations(), nil })
	huma.Register(s.api, operation(identity.Read, http.MethodGet, "/accounts/status", "list-accounts-status", tag, "Show the state of the Google Voice accounts"),
		func(context.Context, *struct{}) (*accountsOutput, error) {
			out := new(accountsOutput)
			out.Body.Items = append([]gvoice.Status{}, s.Gateway.Accounts()...)
			return out, nil
		})
	huma.Register(s.api, operation(identity.Read, http.MethodGet, "/meetings", "list-meetings", tag, "List the meetings calls are in"),
		func(context.Context, *struct{}) (*meetingsOutput, error) {
			out := new(meetingsOutput)
			out.Body.Items = s.meetings()
			return out, nil
		})
	s.registerCommands()
}

func (s *Server) overview() Overview {
	o := s.Gateway.Overview()
	_, v := s.Config.Current()
	o.Config, o.Managed = v.Number, s.Config.Managed()
	o.Counts.Alarms = map[string]int{"info": 0, "warning": 0, "critical": 0}
	for _, a := range s.Gateway.Active() {
		o.Counts.Alarms[a.Severity.String()]++
	}
	return o
}

func (s *Server) calls(in *callsInput) *callsOutput {
	all := s.Gateway.Running()
	if q := strings.ToLower(strings.TrimSpace(in.Q)); q != "" {
		all = slices.DeleteFunc(all, func(r call.Running) bool { return !callMentions(r.Record, q) })
	}
	out := new(callsOutput)
	out.Body.Items, out.Body.Total = []Call{}, len(all)
	for _, r := range all {
		if in.After != "" && r.ID <= in.After { // IDs sort by time
			continue
		}
		if len(out.Body.Items) == in.Limit {
			out.Body.Next = out.Body.Items[in.Limit-1].ID
			break
		}
		out.Body.Items = append(out.Body.Items, shown(r))
	}
	s.entitle(out.Body.Items)
	return out
}

func callMentions(r call.Record, q string) bool {
	return slices.ContainsFunc([]string{r.ID, r.From, r.FromName, r.To, r.A.Via, r.A.Remote, r.B.Via, r.B.Remote, r.A.ID, r.B.ID}, func(text string) bool {
		return strings.Contains(strings.ToLower(text), q)
	})
}

// entitle fills in the titles of meetings.
func (s *Server) entitle(calls []Call) {
	var known map[string]meet.Status
	for i := range calls {
		if calls[i].Meeting == "" {
			continue
		}
		if known == nil {
			known = make(map[string]meet.Status)
			for _, m := range s.Gateway.Meetings() {
				known[m.Leg] = m
			}
		}
		calls[i].Title = known[calls[i].B.ID].Title
	}
}

func (s *Server) call(ctx context.Context, in *callInput) (*callOutput, error) {
	v, err := s.Gateway.Look(ctx, in.ID)
	if err != nil {
		return nil, commandProblem(err)
	}
	out := &callOutput{callDetail{Call: shown(v.Running), Streams: []stream{}, Pipeline: pipeline(v)}}
	left, err := s.Gateway.Evidence(ctx, in.ID)
	if err != nil && !errors.Is(err, ErrNotFound) {
		return nil, problem(err)
	}
	out.Body.Evidence = whole(left)
	for i, l := range v.Legs {
		if l.Muted {
			out.Body.Muted = append(out.Body.Muted, []string{"a", "b"}[min(i, 1)])
		}
		out.Body.Streams = append(out.Body.Streams, streams([]string{"a", "b"}[min(i, 1)], l, left.Timeline)...)
		if l.Roster == nil {
			continue
		}
		out.Body.Title = l.Roster.Title
		for _, p := range l.Roster.People {
			out.Body.People = append(out.Body.People, person{p.Name, p.AudioMuted, p.VideoMuted, p.Presenting, p.Telephone})
		}
	}
	return out, nil
}

// whole has lists where there is nothing.
func whole(e evidence.Evidence) evidence.Evidence {
	if e.Ladder == nil {
		e.Ladder = []evidence.Message{}
	}
	if e.Timeline == nil {
		e.Timeline = []evidence.Sample{}
	}
	return e
}

// pipeline is what the media goes through.
func pipeline(v call.View) []string {
	lines := []string{}
	for i, l := range v.Legs {
		if l.Session != "" {
			lines = append(lines, []string{"A: ", "B: "}[min(i, 1)]+l.Session)
		}
		if i == 0 && v.Path != "" {
			lines = append(lines, v.Path)
		}
	}
	return lines
}

// streams are those of a leg. What is known of the leg as a whole is shown at its
// first audio stream.
func streams(side string, l call.LegView, timeline []evidence.Sample) (all []stream) {
	voices := 0
	for _, i := range l.In {
		if i.Kind == media.Audio {
			voices++
		}
	}
	first := true
	for _, i := range l.In {
		st := streamOf(side, "in", i)
		if first && i.Kind == media.Audio {
			first = false
			m := l.Media
			st.RoundTrip, st.MOS = millis(m.RoundTrip), l.MOS
			if st.Packets == 0 {
				st.Packets, st.Lost, st.Loss, st.Jitter = m.PacketsIn, m.Lost, share(m.Lost, m.PacketsIn), millis(m.Jitter)
			}
			for _, sample := range slices.Backward(timeline) {
				if voices > 1 { // what is known is of all of them, and of pictures
					break
				}
				if sample.Leg == side {
					st.Bitrate = sample.Bitrate
					break
				}
			}
		}
		all = append(all, st)
	}
	first = true
	for _, i := range l.Out {
		st := streamOf(side, "out", i)
		if first && i.Kind == media.Audio {
			first = false
			st.RoundTrip = millis(l.Media.RoundTrip)
			if st.Packets == 0 {
				st.Packets, st.Lost = l.Media.PacketsOut, l.Media.RemoteLost
			}
		}
		all = append(all, st)
	}
	return all
}

func streamOf(side, direction string, i call.StreamView) stream {
	st := stream{
		Leg: side, Direction: direction, Kind: i.Kind.String(), ID: i.ID, Codec: i.Codec, State: i.Direction.String(), Layer: i.Layer,
		Packets: i.Packets, Lost: i.Lost, Loss: share(i.Lost, i.Packets), Jitter: millis(i.Jitter), Bitrate: float64(i.Bitrate),
		Width: i.Width, Height: i.Height, FrameRate: math.Round(i.FrameRate*10) / 10,
	}
	if direction == "out" {
		st.Loss = 0
	}
	return st
}

// share is what was lost of all that was sent, 0 to 1.
func share(lost, came uint64) float64 {
	if lost == 0 {
		return 0
	}
	return math.Round(float64(lost)/float64(lost+came)*1e4) / 1e4
}

func millis(d time.Duration) float64 { return math.Round(float64(d)/1e4) / 100 }

func (s *Server) registrations() *registrationsOutput {
	out := new(registrationsOutput)
	b := &out.Body
	b.Items, b.Devices, b.Trunks = []sipua.Binding{}, s.Gateway.Devices(), append([]sipua.TrunkStatus{}, s.Gateway.Trunks()...)
	if b.Devices == nil {
		b.Devices = []sipua.DeviceStatus{}
	}
	for _, d := range b.Devices {
		b.Items = append(b.Items, d.Contacts...)
	}
	return out
}

// meetings are the meetings with the calls in them.
func (s *Server) meetings() []meeting {
	byLeg := make(map[string]string)
	for _, r := range s.Gateway.Running() {
		byLeg[r.B.ID] = r.ID
	}
	all := []meeting{}
	for _, m := range s.Gateway.Meetings() {
		id := m.Space
		if id == "" {
			id = m.Meeting
		}
		i := slices.IndexFunc(all, func(o meeting) bool { return o.ID == id })
		if i < 0 {
			i = len(all)
			all = append(all, meeting{ID: id, Title: m.Title, Token: m.Token, Stage: m.Stage, Calls: []string{}})
		}
		all[i].People = max(all[i].People, m.People)
		if c := byLeg[m.Leg]; c != "" {
			all[i].Calls = append(all[i].Calls, c)
		}
	}
	return all
}
