package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"

	"tandem/sim/meet"
)

// meetings starts the simulated Google Meet beside Google Voice, and says how to use it.
func (s *simCmd) meetings(ctx context.Context, log *slog.Logger) (*meet.Server, error) {
	conf := meet.Config{
		Bind: s.Bind, EdgePort: s.MeetEdge, ControlPort: s.MeetControl, MediaPort: s.MeetMedia,
		Tokens: meet.ExampleTokens(), Meetings: meet.ExampleMeetings(),
	}
	server := &meet.Server{Config: conf, Log: log}
	if err := server.Start(context.WithoutCancel(ctx)); err != nil {
		return nil, fmt.Errorf("the simulated Google Meet: %w; --no-meet leaves it out", err)
	}
	if err := os.WriteFile(s.MeetCA, server.CAPEM(), 0o644); err != nil { //nolint:gosec // certificates are public
		return nil, errors.Join(err, server.Close())
	}
	s.printMeetings(server, conf)
	return server, nil
}

func (s *simCmd) printMeetings(server *meet.Server, conf meet.Config) {
	fmt.Printf("\nGoogle Meet        edge %s, media %s: docs/protocols/meet-interop.md\n", server.EdgeURL(), server.MediaAddr())
	fmt.Printf("root certificate   %s, also at %s/ca.pem\n", s.MeetCA, server.ControlURL())
	fmt.Printf("control endpoint   %s is a page; /state, /meetings/{id}, /faults\n", server.ControlURL())
	for _, m := range conf.Meetings {
		fmt.Printf("meeting            %s  %s  %s\n", m.PIN, m.Code, m.Title)
	}
	for _, t := range conf.Tokens {
		trust := "somebody has to admit its callers"
		if t.Trusted {
			trust = "trusted: its callers join at once"
		}
		fmt.Printf("access token       %s  of %s; %s\n", t.Value, t.Tenant, trust)
	}
	fmt.Printf("gateway token      tandem meet-token csr -o gateway.csr\n")
	fmt.Printf("                   curl --data-binary @gateway.csr %s/gateway-certificates > gateway.pem\n", server.ControlURL())
	fmt.Printf("                   tandem meet-token install gateway.pem\n")
}
