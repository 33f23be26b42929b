package api

import (
	"context"
	"errors"
	"net/http"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"tandem/call"
	"tandem/identity"
)

type (
	dialInput struct {
		Key  string `header:"Idempotency-Key" maxLength:"100" doc:"The same command with the same key is carried out once."`
		Body struct {
			From string `json:"from" minLength:"1" maxLength:"200" doc:"The device that rings first."`
			To   string `json:"to" minLength:"1" maxLength:"200" doc:"Where its call goes, by the dial plan, when it has answered."`
		}
	}
	dialOutput struct {
		Location string `header:"Location"`
		Body     struct {
			ID string `json:"id"`
		}
	}
	transferInput struct {
		ID   string `path:"id" maxLength:"64"`
		Key  string `header:"Idempotency-Key" maxLength:"100"`
		Body struct {
			To string `json:"to" minLength:"1" maxLength:"200" doc:"Where the caller goes instead, by the dial plan."`
		}
	}
	keysInput struct {
		ID   string `path:"id" maxLength:"64"`
		Key  string `header:"Idempotency-Key" maxLength:"100"`
		Body struct {
			Digits string `json:"digits" minLength:"1" maxLength:"64" pattern:"^[0-9*#A-D]+$"`
			Leg    string `json:"leg,omitempty" enum:"a,b" default:"b" doc:"Who gets them; default the leg that was called."`
		}
	}
	muteInput struct {
		ID   string `path:"id" maxLength:"64"`
		Key  string `header:"Idempotency-Key" maxLength:"100"`
		Body struct {
			Muted bool   `json:"muted"`
			Leg   string `json:"leg,omitempty" enum:"a,b" default:"a" doc:"Who is not heard by the other side; default the leg that called. In a meeting it is the room."`
		}
	}
	layoutInput struct {
		ID   string `path:"id" maxLength:"64"`
		Key  string `header:"Idempotency-Key" maxLength:"100"`
		Body struct {
			Layout string `json:"layout" enum:"1:7,2:21,4:0,9:0,16:0,25:0,1:0"`
		}
	}
	chatInput struct {
		ID   string `path:"id" maxLength:"64"`
		Key  string `header:"Idempotency-Key" maxLength:"100"`
		Body struct {
			Text string `json:"text" minLength:"1" maxLength:"2000"`
		}
	}
)

// registerCommands registers what can be asked of calls.
func (s *Server) registerCommands() {
	op := command(http.MethodPost, "/calls", "dial-out", "Have a device ring, and call somebody from it")
	op.DefaultStatus = http.StatusAccepted
	op.Errors = append(op.Errors, http.StatusNotFound)
	huma.Register(s.api, op, func(ctx context.Context, in *dialInput) (*dialOutput, error) {
		return once(ctx, s, in.Key, in.Body, func() (*dialOutput, error) {
			id, err := s.Gateway.Call(ctx, in.Body.From, in.Body.To)
			if err != nil {
				return nil, commandProblem(err)
			}
			out := &dialOutput{Location: prefix + "/calls/" + id}
			out.Body.ID = id
			return out, nil
		})
	})
	huma.Register(s.api, command(http.MethodDelete, "/calls/{id}", "hang-up", "End a call"),
		func(_ context.Context, in *callInput) (*struct{}, error) {
			if !s.Gateway.Hangup(in.ID) {
				return nil, commandProblem(call.ErrNoCall)
			}
			return nil, nil
		})
	huma.Register(s.api, command(http.MethodPost, "/calls/{id}/transfer", "transfer-call", "Send the caller elsewhere"),
		func(ctx context.Context, in *transferInput) (*struct{}, error) {
			return once(ctx, s, in.Key, in, func() (*struct{}, error) {
				return nil, commandProblem(s.Gateway.Transfer(ctx, in.ID, in.Body.To))
			})
		})
	huma.Register(s.api, command(http.MethodPost, "/calls/{id}/dtmf", "send-dtmf", "Send keys (DTMF) to one side of a call"),
		func(ctx context.Context, in *keysInput) (*struct{}, error) {
			side := sideOf(in.Body.Leg, call.B)
			return once(ctx, s, in.Key, in, func() (*struct{}, error) {
				return nil, commandProblem(s.Gateway.Keys(ctx, in.ID, side, in.Body.Digits))
			})
		})
	huma.Register(s.api, command(http.MethodPost, "/calls/{id}/mute", "mute-call", "Mute or unmute one side of a call: the other one hears silence"),
		func(ctx context.Context, in *muteInput) (*struct{}, error) {
			return once(ctx, s, in.Key, in, func() (*struct{}, error) {
				return nil, commandProblem(s.Gateway.Mute(ctx, in.ID, sideOf(in.Body.Leg, call.A), in.Body.Muted))
			})
		})
	huma.Register(s.api, command(http.MethodPost, "/calls/{id}/layout", "change-layout", "Change what the room of a call sees of its meeting"),
		func(ctx context.Context, in *layoutInput) (*struct{}, error) {
			return once(ctx, s, in.Key, in, func() (*struct{}, error) {
				return nil, commandProblem(s.Gateway.Layout(ctx, in.ID, in.Body.Layout))
			})
		})
	huma.Register(s.api, command(http.MethodPost, "/calls/{id}/chat", "send-chat", "Write a line into the chat of the meeting of a call"),
		func(ctx context.Context, in *chatInput) (*struct{}, error) {
			return once(ctx, s, in.Key, in, func() (*struct{}, error) {
				return nil, commandProblem(s.Gateway.Say(ctx, in.ID, in.Body.Text))
			})
		})
}

// sideOf reads the name of a leg.
func sideOf(name string, otherwise call.Side) call.Side {
	switch strings.ToLower(name) {
	case "a":
		return call.A
	case "b":
		return call.B
	}
	return otherwise
}

// command describes an operation that acts on calls.
func command(method, path, id, summary string) huma.Operation {
	op := operation(identity.Operate, method, path, id, "call", summary)
	op.Errors = append(op.Errors, http.StatusConflict)
	return op
}

// commandProblem is the answer to a command that was not carried out.
func commandProblem(err error) error {
	var refused *call.RefusalError
	switch {
	case err == nil:
		return nil
	case errors.Is(err, call.ErrNoCall), errors.Is(err, ErrNotFound):
		return huma.Error404NotFound(err.Error())
	case errors.Is(err, call.ErrNotNow), errors.Is(err, ErrState), errors.As(err, &refused), errors.Is(err, call.ErrNoRoute):
		return huma.Error409Conflict(err.Error())
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		return huma.Error503ServiceUnavailable("the call did not answer in time")
	}
	return huma.Error422UnprocessableEntity(err.Error())
}
