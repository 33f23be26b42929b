package main

import (
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"os/signal"
	"runtime"
	"slices"
	"sync"
	"syscall"

	"tandem"
	"tandem/alarm"
	"tandem/config"
	"tandem/internal/systemd"
)

type serveCmd struct {
	File   string   `arg:"" optional:"" help:"Configuration file, as with --config." type:"path"`
	Config string   `short:"c" help:"Configuration file; default tandem.yaml. Without a file the configuration is kept in the store." type:"path"`
	Store  string   `help:"Database, instead of the file's: sqlite:PATH or postgres://…"`
	HTTP   string   `help:"Address of the web page, the API and the metrics, instead of the file's."`
	Trace  []string `help:"Print what passes: sip shows one line for every SIP message, messages shows the messages as well." enum:"sip,messages" placeholder:"sip"`
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
	conf, err := s.load()
	if err != nil {
		return err
	}
	notifier := systemd.FromEnvironment()
	log := newLog(conf.Log, os.Stderr)
	o := tandem.Options{Log: log, File: s.Config}
	if len(s.Trace) > 0 {
		t := newTracer(os.Stdout, slices.Contains(s.Trace, "messages"))
		defer t.Close()
		o.Trace = t.Trace
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	g, err := tandem.New(ctx, conf, o)
	if err != nil {
		return err
	}
	done, hup := make(chan struct{}), make(chan os.Signal, 1)
	signal.Notify(hup, syscall.SIGHUP)
	defer signal.Stop(hup)
	var beside sync.WaitGroup
	beside.Go(func() { reload(done, hup, g, s.Config, manager{notifier, log}) })
	beside.Go(func() { manager{notifier, log}.watch(done, ctx.Done(), g) })
	err = g.Run(ctx)
	close(done)
	beside.Wait()
	if errors.Is(err, context.Canceled) {
		return nil
	}
	return err
}

// load reads the file. Without one the gateway is managed.
func (s *serveCmd) load() (*config.Config, error) {
	conf := &config.Config{Managed: true}
	switch {
	case s.File != "" && s.Config != "":
		return nil, errors.New("the configuration file is named twice, by --config and without it")
	case s.File != "":
		s.Config = s.File
	}
	if s.Config == "" {
		s.Config = defaultFile
		if _, err := os.Stat(s.Config); errors.Is(err, fs.ErrNotExist) {
			s.Config = ""
		}
	}
	if s.Config != "" {
		var err error
		if conf, err = config.Load(s.Config); err != nil {
			return nil, err
		}
	}
	if s.Store != "" {
		conf.Store = s.Store
	}
	if s.HTTP != "" {
		conf.HTTP = s.HTTP
	}
	return conf, conf.Validate()
}

const defaultFile = "tandem.yaml"

// configAlarm is raised while the file is not what is in force.
const configAlarm = "config"

// reload applies the file at every SIGHUP until done.
func reload(done <-chan struct{}, hup <-chan os.Signal, g *tandem.Gateway, path string, m manager) {
	for {
		select {
		case <-done:
			return
		case <-hup:
			m.told(m.Reloading())
			reread(g, path, m.log)
			m.told(m.Ready())
		}
	}
}

// reread applies the file. What is wrong with it is an alarm.
func reread(g *tandem.Gateway, path string, log *slog.Logger) {
	if g.Control.Managed() {
		log.Warn("the configuration is kept in the store, the file is not read again; change it with tandem apply, by the API or on the web page")
		return
	}
	c, err := config.Load(path)
	if err == nil {
		err = g.Apply(c)
	}
	if err != nil {
		log.Error("configuration not applied, the old one stays in force", "err", err)
		g.Alarms.Raise(alarm.Alarm{
			Key: configAlarm, Severity: alarm.Warning, Title: "The configuration file is wrong, the old one stays in force",
			Subject: path, Detail: err.Error(), Do: "Mend the lines that are named, try them with tandem check, and send SIGHUP again.",
		})
		return
	}
	g.Alarms.Clear(configAlarm)
}
