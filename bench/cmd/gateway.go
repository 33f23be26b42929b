//go:build linux

package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

const (
	phones        = 1000 // that register, again and again
	phonePassword = "secret"
	domain        = "bench.invalid"
)

func phoneName(i int) string { return fmt.Sprintf("phone%04d", i) }

// startGateway starts the whole gateway, with its store and its records, between
// two trunks and with devices that have passwords.
func startGateway(ctx context.Context, s *settings) (*process, error) {
	if err := vacant("the gateway", oursAt); err != nil {
		return nil, err
	}
	home, err := os.MkdirTemp(s.build, "gateway-")
	if err != nil {
		return nil, err
	}
	text := fmt.Sprintf(`store: "sqlite:%s"
http: "off"
log: {level: warn}
limits: {calls: 10000}
media: {bind: 127.0.0.1, port_min: 20000, port_max: 32000}
sip:
  listen: [{network: udp, addr: "%s"}]
  domains: [bench.invalid]
%s  trunks:
    - {name: caller, server: "%s:%d"}
    - {name: called, server: "%s:%d"}
dial_plan:
  numbers: {off: true}
  rules: [{name: all, from: [caller], to: [{trunk: called}]}]
`, filepath.Join(home, "bench.db"), oursAt, devices(), callerHost, callerPort, calledHost, calledPort)
	file := filepath.Join(home, "bench.yaml")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		return nil, err
	}
	p, err := start(ctx, s.logs, filepath.Join(s.build, "tandem"), nil, "serve", "-c", file)
	if err != nil {
		return nil, err
	}
	p.after = func() { _ = os.RemoveAll(home) }
	return p, nil
}

// startBare starts the SIP stack alone, between the same callers and called.
func startBare(ctx context.Context, s *settings) (*process, error) {
	if err := vacant("our SIP stack", bareAt); err != nil {
		return nil, err
	}
	return start(ctx, s.logs, filepath.Join(s.build, "b2bua"), nil, "-listen", bareAt, "-to", fmt.Sprintf("%s:%d", calledHost, calledPort))
}

func devices() string {
	var b strings.Builder
	b.WriteString("  devices:\n")
	for i := range phones {
		fmt.Fprintf(&b, "    - {name: %s, password: %s}\n", phoneName(i), phonePassword)
	}
	return b.String()
}

// startKamailio starts it with one of the configurations in the folder sip.
func startKamailio(ctx context.Context, s *settings, conf string) (*process, error) {
	if err := vacant("Kamailio", peerAt); err != nil {
		return nil, err
	}
	b, err := files.ReadFile("sip/" + conf)
	if err != nil {
		return nil, err
	}
	path, err := filepath.Abs(filepath.Join(s.build, conf))
	if err != nil {
		return nil, err
	}
	if err := os.WriteFile(path, b, 0o600); err != nil {
		return nil, err
	}
	return start(ctx, s.logs, "kamailio", func(c *exec.Cmd) { c.Dir = s.build }, "-DD", "-E", "-m", "512", "-M", "16", "-f", path)
}
