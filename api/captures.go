package api

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"tandem/call"
	"tandem/capture"
	"tandem/identity"
)

// Captures record packets of calls into files that wait to be fetched.
type Captures interface {
	// Begin admits a capture and begins it. call.ErrNoCall, ErrState and ErrBusy are
	// why it may not be.
	Begin(order CaptureOrder) (Capture, error)
	List() []Capture
	// Stop ends one; what was recorded stays. Remove throws it away.
	Stop(id string) error
	Remove(id string) error
	// Open reads what was recorded by one that is over.
	Open(id string) (io.ReadCloser, Capture, error)
}

// ErrBusy says that no other capture can begin now.
var ErrBusy = errors.New("other captures go on; stop one of them")

// A CaptureOrder says what is to be recorded.
type CaptureOrder struct {
	Call  string
	By    string
	Media bool // what is said, too
	For   time.Duration
}

// A Capture is one, running or over.
type Capture struct {
	ID     string    `json:"id"`
	Call   string    `json:"call"`
	By     string    `json:"by" doc:"Who began it."`
	Began  time.Time `json:"began"`
	Until  time.Time `json:"until" doc:"When it ends by itself."`
	Ended  time.Time `json:"ended,omitzero"`
	Gone   time.Time `json:"gone,omitzero" doc:"When its file is thrown away."`
	State  string    `json:"state" enum:"running,over,failed"`
	Media  bool      `json:"media,omitempty" doc:"It has what was said, too."`
	Octets int64     `json:"octets"`
	Left   uint64    `json:"left_out,omitempty" doc:"Packets that were left out because they came too fast."`
	Error  string    `json:"error,omitempty"`
}

type (
	captureInput struct {
		ID   string `path:"id" maxLength:"64" doc:"Of the call."`
		Key  string `header:"Idempotency-Key" maxLength:"100"`
		Body struct {
			Seconds int  `json:"seconds,omitempty" minimum:"1" maximum:"600" default:"60" doc:"How long at most."`
			Media   bool `json:"media,omitempty" doc:"Record what is said and seen, too, in the clear. Needs the scope admin. Ask those who talk."`
		}
	}
	captureOutput  struct{ Body Capture }
	capturesOutput struct {
		Body struct {
			Items []Capture `json:"items"`
			On    bool      `json:"on" doc:"Whether captures are allowed: capture: true in the file."`
		}
	}
	captureID struct {
		ID string `path:"id" maxLength:"64"`
	}
)

func (s *Server) registerCaptures() {
	const tag = "capture"
	op := operation(identity.Operate, http.MethodPost, "/calls/{id}/capture", "begin-capture", tag, "Admit a capture: record what passes of a call")
	op.Errors, op.DefaultStatus = append(op.Errors, http.StatusConflict), http.StatusAccepted
	huma.Register(s.api, op, s.beginCapture)
	huma.Register(s.api, operation(identity.Operate, http.MethodGet, "/captures", "list-captures", tag, "List the captures, the newest first"),
		func(context.Context, *struct{}) (*capturesOutput, error) {
			out := new(capturesOutput)
			out.Body.Items, out.Body.On = []Capture{}, s.Captures != nil
			if s.Captures != nil {
				out.Body.Items = append(out.Body.Items, s.Captures.List()...)
			}
			return out, nil
		})
	for path, what := range map[string]func(string) error{"stop": s.stopCapture, "": s.removeCapture} {
		method, id, summary := http.MethodDelete, "remove-capture", "Throw a capture away"
		if path != "" {
			method, path, id, summary = http.MethodPost, "/"+path, "stop-capture", "End a capture"
		}
		huma.Register(s.api, operation(identity.Operate, method, "/captures/{id}"+path, id, tag, summary),
			func(ctx context.Context, in *captureID) (*struct{}, error) {
				return nil, captureProblem(what(in.ID))
			})
	}
	op = operation(identity.Operate, http.MethodGet, "/captures/{id}/file", "get-capture", tag, "Fetch what a capture has recorded")
	op.Errors = append(op.Errors, http.StatusConflict)
	op.Responses = map[string]*huma.Response{"200": {Description: "pcapng.", Content: map[string]*huma.MediaType{pcapng: {Schema: &huma.Schema{Type: huma.TypeString, Format: "binary"}}}}}
	huma.Register(s.api, op, s.fetchCapture)
}

const pcapng = "application/x-pcapng"

var errNoCaptures = fmt.Errorf("%w: captures are off; set capture: true in the gateway's file and start it again", ErrState)

func (s *Server) beginCapture(ctx context.Context, in *captureInput) (*captureOutput, error) {
	if in.Body.Media && !who(ctx).May(identity.Admin) {
		return nil, huma.Error403Forbidden("only administrators record what is said")
	}
	if s.Captures == nil {
		return nil, captureProblem(errNoCaptures)
	}
	return once(ctx, s, in.Key, in, func() (*captureOutput, error) {
		c, err := s.Captures.Begin(CaptureOrder{
			Call: in.ID, By: who(ctx).String(), Media: in.Body.Media,
			For: min(max(time.Duration(in.Body.Seconds)*time.Second, time.Second), capture.MaxTime),
		})
		if err != nil {
			return nil, captureProblem(err)
		}
		return &captureOutput{c}, nil
	})
}

func (s *Server) stopCapture(id string) error {
	if s.Captures == nil {
		return ErrNotFound
	}
	return s.Captures.Stop(id)
}

func (s *Server) removeCapture(id string) error {
	if s.Captures == nil {
		return ErrNotFound
	}
	return s.Captures.Remove(id)
}

// fetchCapture is written down like a change: a file with it leaves the machine.
func (s *Server) fetchCapture(ctx context.Context, in *captureID) (*huma.StreamResponse, error) {
	if s.Captures == nil {
		return nil, captureProblem(ErrNotFound)
	}
	f, c, err := s.Captures.Open(in.ID)
	if err != nil {
		return nil, captureProblem(err)
	}
	if c.Media && !who(ctx).May(identity.Admin) {
		return nil, errors.Join(huma.Error403Forbidden("only administrators fetch what was said"), f.Close())
	}
	s.Identity.Note(ctx, identity.Entry{
		Who: who(ctx).String(), From: address(ctx), Kind: "capture", Action: "Fetch what a capture has recorded", Target: c.Call, Result: "done",
		Detail: fmt.Sprintf("%d octets, %s", c.Octets, map[bool]string{true: "with what was said", false: "without what was said"}[c.Media]),
	})
	return &huma.StreamResponse{Body: func(hc huma.Context) {
		defer f.Close()
		hc.SetHeader("Content-Type", pcapng)
		hc.SetHeader("Content-Disposition", `attachment; filename="`+c.Call+`.pcapng"`)
		hc.SetHeader("Content-Length", fmt.Sprint(c.Octets))
		if _, err := io.Copy(newPatience(hc, exportPatience), f); err != nil {
			s.Log.Info("download of a capture broken off", "err", err)
		}
	}}, nil
}

func captureProblem(err error) error {
	switch {
	case errors.Is(err, call.ErrNoCall):
		return huma.Error404NotFound(err.Error())
	case errors.Is(err, ErrNotFound):
		return huma.Error404NotFound("there is no such capture; its file may have been thrown away")
	case errors.Is(err, ErrBusy):
		return tooMany(err.Error(), 10)
	}
	return problem(err)
}
