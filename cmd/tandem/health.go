package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"tandem/metrics"
	"tandem/support"
)

type healthCmd struct {
	keptIn
	URL string `name:"gateway" help:"HTTP address of the gateway, instead of the file's." placeholder:"http://127.0.0.1:8080"`
}

// healthTime is what a gateway that works needs at most: its checks have 5 seconds.
const healthTime = 8 * time.Second

// Run asks /readyz. It is meant for what restarts containers and moves addresses.
func (h *healthCmd) Run() error {
	conf, err := h.machine()
	if err != nil {
		return err
	}
	url := cmp.Or(h.URL, localURL(conf))
	if url == "" {
		return errors.New("the gateway has no HTTP listener (http: off), so it cannot be asked")
	}
	report, err := ready(url)
	if err != nil {
		return err
	}
	for _, c := range report.Checks {
		fmt.Println(c.Name+":", cmp.Or(c.Error, "ok"))
	}
	if report.Status != "ok" {
		return errors.New("the gateway cannot take calls now")
	}
	return nil
}

func ready(url string) (report metrics.Report, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), healthTime)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, url+"/readyz", http.NoBody)
	if err != nil {
		return report, fmt.Errorf("ask the gateway: %w", err)
	}
	client := support.Client()
	defer client.CloseIdleConnections()
	resp, err := client.Do(r)
	if err != nil {
		return report, fmt.Errorf("the gateway does not answer: %w", err)
	}
	defer resp.Body.Close()
	if err := json.NewDecoder(io.LimitReader(resp.Body, 1<<20)).Decode(&report); err != nil {
		return report, fmt.Errorf("%s is not a gateway: %w", url, err)
	}
	return report, nil
}
