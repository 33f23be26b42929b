package main

import (
	"context"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	"tandem/demo"
)

type demoCmd struct {
	Stay    bool   `help:"Stay up after the calls, so that a softphone can register." env:"STAY"`
	Bind    string `default:"127.0.0.1:5060" help:"Where phones reach the gateway; a free port is taken when it is in use."`
	Dir     string `help:"Keep store and certificates in this directory." type:"path"`
	Stills  string `default:"demo-out" help:"Folder for pictures of what rooms and Google Meet saw." type:"path"`
	Brief   bool   `help:"Leave out the message ladders."`
	Verbose bool   `short:"v" help:"Write the log to standard error."`
}

func (d *demoCmd) Run() error {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	to := io.Discard
	if d.Verbose {
		to = os.Stderr
	}
	log := slog.New(slog.NewTextHandler(to, &slog.HandlerOptions{Level: slog.LevelDebug}))
	return demo.Run(ctx, demo.Options{Out: os.Stdout, Log: log, Dir: d.Dir, Bind: d.Bind, Stay: d.Stay, Brief: d.Brief, Stills: d.Stills})
}
