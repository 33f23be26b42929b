package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
)

// testMailCmd asks a running gateway for a test mail.
type testMailCmd struct {
	URL    string `name:"url" env:"TANDEM_URL" default:"http://127.0.0.1:8080" help:"Address of the running gateway."`
	APIKey string `name:"api-key" env:"TANDEM_API_KEY" help:"API key for it, with the scope configure; better given as the environment's TANDEM_API_KEY."`
}

func (t *testMailCmd) Run() error {
	r, err := newRemote(t.URL, t.APIKey)
	if err != nil {
		return err
	}
	var answer struct {
		OK   bool   `json:"ok"`
		Text string `json:"text"`
	}
	if _, err := r.ask(context.Background(), http.MethodPost, "/alarms/test-mail", nil, nil, &answer); err != nil {
		return err
	}
	if !answer.OK {
		return errors.New(answer.Text)
	}
	fmt.Println(answer.Text)
	return nil
}
