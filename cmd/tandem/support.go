package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"time"

	"tandem"
	"tandem/config"
	"tandem/support"
)

type supportCmd struct {
	keptIn
	Out   string `short:"o" help:"File to write; default tandem-support-TIME.zip; - is the standard output." placeholder:"FILE"`
	Log   string `help:"The gateway's log file; default the journal of the service tandem." type:"path"`
	URL   string `name:"gateway" help:"HTTP address of the running gateway, instead of the file's." placeholder:"http://127.0.0.1:8080"`
	Force bool   `help:"Replace FILE."`
}

// Run packs what somebody who helps needs to see.
func (s *supportCmd) Run() error {
	conf, err := s.machine()
	if err != nil {
		return err
	}
	now := time.Now()
	out := cmp.Or(s.Out, now.Format("tandem-support-20060102-150405.zip"))
	b := &support.Bundle{
		Version: tandem.Version, Config: conf, File: s.Config, URL: cmp.Or(s.URL, localURL(conf)), LogFile: s.Log, Now: now,
	}
	if err := writeWhole(out, s.Force, func(w io.Writer) error { return b.Write(context.Background(), w) }); err != nil {
		return err
	}
	fmt.Fprintf(os.Stderr, "%s is written. Secrets are taken out; names, numbers and addresses are in it, so look through it before you send it.\n", out)
	return nil
}

// localURL is where the gateway with this configuration can be asked from its own
// machine; empty when it cannot.
func localURL(conf *config.Config) string {
	addr := cmp.Or(conf.HTTP, "127.0.0.1:8080")
	host, port, err := net.SplitHostPort(addr)
	if err != nil { // off
		return ""
	}
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	if conf.Web.Cert != "" {
		return "https://" + net.JoinHostPort(host, port)
	}
	return "http://" + net.JoinHostPort(host, port)
}
