package api

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"tandem/alarm"
	"tandem/identity"
	"tandem/store"
)

type (
	alarmsOutput struct {
		Body struct {
			Items []alarm.Alarm `json:"items"`
		}
	}
	alarmHistoryInput struct {
		After string `query:"after" maxLength:"300" doc:"The next of the page before."`
		Limit int    `query:"limit" minimum:"1" maximum:"1000" default:"100"`
	}
	alarmHistoryOutput struct {
		Body struct {
			Items []alarm.Alarm `json:"items"`
			Next  string        `json:"next,omitempty"`
		}
	}
	acknowledgeInput struct {
		Key string `path:"key" maxLength:"300" doc:"Of the alarm, with / written as %2F."`
	}
)

func (s *Server) registerAlarms() {
	const tag = "alarm"
	huma.Register(s.api, operation(identity.Read, http.MethodGet, "/alarms", "list-alarms", tag, "List the alarms that last, the most severe first"),
		func(context.Context, *struct{}) (*alarmsOutput, error) {
			out := new(alarmsOutput)
			out.Body.Items = append([]alarm.Alarm{}, s.Gateway.Active()...)
			return out, nil
		})
	huma.Register(s.api, operation(identity.Read, http.MethodGet, "/alarms/history", "list-alarm-history", tag, "List the alarms there were, the newest first"), s.alarmHistory)
	huma.Register(s.api, operation(identity.Operate, http.MethodPost, "/alarms/{key}/acknowledge", "acknowledge-alarm", tag, "Say that somebody looks after an alarm"),
		func(ctx context.Context, in *acknowledgeInput) (*struct{}, error) {
			if !s.Gateway.Acknowledge(in.Key, who(ctx).String()) {
				return nil, huma.Error404NotFound("no alarm with this key lasts")
			}
			return nil, nil
		})
}

func (s *Server) alarmHistory(ctx context.Context, in *alarmHistoryInput) (*alarmHistoryOutput, error) {
	at, id, err := parseCursor(in.After)
	if err != nil {
		return nil, err
	}
	page, err := s.Gateway.Ended(ctx, store.Span{Before: at, BeforeID: id, Limit: in.Limit})
	if err != nil {
		return nil, problem(err)
	}
	out := new(alarmHistoryOutput)
	out.Body.Items = []alarm.Alarm{}
	for _, e := range page {
		out.Body.Items = append(out.Body.Items, e.Value)
	}
	if n := len(page); n == in.Limit {
		out.Body.Next = cursor(page[n-1].At, page[n-1].ID)
	}
	return out, nil
}
