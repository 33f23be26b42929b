package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"runtime"
	"sync"
	"syscall"

	"tandem"
	"tandem/config"
	"tandem/sip/flow"
)

type serveCmd struct {
	Config string   `short:"c" default:"tandem.yaml" help:"Configuration file." type:"path"`
	Trace  []string `help:"Print what passes: sip shows every SIP message with its time and direction." enum:"sip" placeholder:"sip"`
}

// headroom is how much garbage may gather at least before the collector runs: with
// the small heap of a gateway it would otherwise run many times a second. It is
// address space only; nothing is ever written to it.
const headroom = 64 << 20 // octets

// Run serves until SIGINT or SIGTERM. SIGHUP reads the configuration again; when
// it is wrong the old one stays in force.
func (s *serveCmd) Run() error {
	room := make([]byte, headroom)
	defer runtime.KeepAlive(room)
	conf, err := config.Load(s.Config)
	if err != nil {
		return err
	}
	log := newLog(conf.Log, os.Stderr)
	o := tandem.Options{Log: log}
	if len(s.Trace) > 0 {
		o.Trace = ladder(os.Stdout)
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	g, err := tandem.New(ctx, conf, o)
	if err != nil {
		return err
	}
	for _, l := range g.Listens() {
		log.Info("listening", "network", l.Network, "addr", l.Addr)
	}
	done := make(chan struct{})
	var reloads sync.WaitGroup
	reloads.Go(func() { reload(done, g, s.Config, log) })
	err = g.Run(ctx)
	close(done)
	reloads.Wait()
	if errors.Is(err, context.Canceled) {
		return nil
	}
	return err
}

// reload applies the file at every SIGHUP until done.
func reload(done <-chan struct{}, g *tandem.Gateway, path string, log *slog.Logger) {
	hup := make(chan os.Signal, 1)
	signal.Notify(hup, syscall.SIGHUP)
	defer signal.Stop(hup)
	for {
		select {
		case <-done:
			return
		case <-hup:
			c, err := config.Load(path)
			if err == nil {
				err = g.Apply(c)
			}
			if err != nil {
				log.Error("configuration not applied, the old one stays in force", "err", err)
			}
		}
	}
}

// ladder prints SIP messages as they pass, without the credentials in them.
func ladder(w io.Writer) func(flow.TraceEvent) {
	var mu sync.Mutex // keeps messages of several connections apart
	return func(e flow.TraceEvent) {
		mu.Lock()
		defer mu.Unlock()
		arrow := "<--"
		if e.Out {
			arrow = "-->"
		}
		fmt.Fprintf(w, "%s %s %s\n%s\n", e.At.Format("15:04:05.000"), arrow, e.Flow, redact(e.Data))
	}
}
