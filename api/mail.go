package api

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"tandem/identity"
)

// mailTime is how long the mail server may take for a test.
const mailTime = 20 * time.Second

type mailOutput struct {
	Body struct {
		OK   bool   `json:"ok"`
		Text string `json:"text" doc:"What the mail server said, when it did not take the mail."`
		Took int64  `json:"took_ms"`
	}
}

func (s *Server) registerMail() {
	huma.Register(s.api, operation(identity.Configure, http.MethodPost, "/alarms/test-mail", "test-mail", "alarm", "Send a test mail as alarms are sent"),
		func(ctx context.Context, _ *struct{}) (*mailOutput, error) {
			ctx, cancel := context.WithTimeout(ctx, mailTime)
			defer cancel()
			out := new(mailOutput)
			began := time.Now()
			err := s.Gateway.TestMail(ctx)
			out.Body.Took = time.Since(began).Milliseconds()
			out.Body.OK, out.Body.Text = err == nil, "The mail server has taken the mail."
			if err != nil {
				out.Body.Text = clip(err.Error(), 500)
			}
			return out, nil
		})
}
