//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"image"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	sim "tandem/sim/meet"
	"tandem/sim/picture"
	"tandem/token"
)

const (
	domain   = "bench.invalid"
	password = "a-benchmark"
	rooms    = 16
)

func roomName(n int) string { return fmt.Sprintf("room%02d", n) }

// gateway is the program under test.
type gateway struct {
	cmd *exec.Cmd
	sip string
	out string // file with what it prints
}

// startGateway writes a configuration, and starts the program with it.
func startGateway(ctx context.Context, program, dir string, server *sim.Server) (*gateway, error) {
	roots, folder := filepath.Join(dir, "roots.pem"), filepath.Join(dir, "token")
	if err := os.WriteFile(roots, server.CAPEM(), 0o600); err != nil {
		return nil, err
	}
	t := &token.Gateway{Dir: folder}
	request, err := t.Request("bench.tandem.example", false)
	if err != nil {
		return nil, err
	}
	chain, err := server.SignGateway(request, sim.GatewayCert{})
	if err == nil {
		_, err = t.Install(chain, true)
	}
	if err != nil {
		return nil, err
	}
	g := &gateway{sip: freePort(), out: filepath.Join(dir, "log")}
	file := filepath.Join(dir, "tandem.yaml")
	access := server.Config.Tokens[0]
	text := fmt.Sprintf(`store: "sqlite:%s"
http: "off"
log: {level: warn}
media: {bind: 127.0.0.1}
sip:
  listen: [{network: udp, addr: "%s"}]
  domains: [%s]
  devices:
%smeet:
  edge: %s
  roots: %s
  gateway_token: %s
  access_tokens: [{name: bench, secret: %s, tenant: %s, trusted: true}]
dial_plan:
  rules: [{name: meetings, match: '(\d{13})(@.*)?', replace: "$1", to: [{meet: bench}]}]
`, filepath.Join(dir, "bench.db"), g.sip, domain, devices(), server.EdgeURL(), roots, folder, access.Value, access.Tenant)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		return nil, err
	}
	log, err := os.Create(g.out)
	if err != nil {
		return nil, err
	}
	defer log.Close()
	g.cmd = exec.CommandContext(ctx, program, "serve", "-c", file)
	g.cmd.Stdout, g.cmd.Stderr = log, log
	g.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	g.cmd.Cancel = func() error { return g.cmd.Process.Signal(syscall.SIGTERM) }
	g.cmd.WaitDelay = 5 * time.Second
	if err := g.cmd.Start(); err != nil {
		return nil, err
	}
	if err := g.ready(ctx); err != nil {
		g.stop()
		return nil, fmt.Errorf("%w\n%s", err, g.log())
	}
	return g, nil
}

func devices() string {
	var b strings.Builder
	for n := range rooms {
		fmt.Fprintf(&b, "    - {name: %s, password: %s}\n", roomName(n), password)
	}
	return b.String()
}

func freePort() string {
	c, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		return "127.0.0.1:5999"
	}
	defer c.Close()
	return c.LocalAddr().String()
}

// ready waits until the gateway answers.
func (g *gateway) ready(ctx context.Context) error {
	c, err := net.Dial("udp4", g.sip)
	if err != nil {
		return err
	}
	defer c.Close()
	b := make([]byte, 2048)
	for range 100 {
		request := "OPTIONS sip:" + g.sip + " SIP/2.0\r\nVia: SIP/2.0/UDP " + c.LocalAddr().String() + ";rport;branch=z9hG4bK" + strconv.FormatInt(time.Now().UnixNano(), 36) +
			"\r\nMax-Forwards: 70\r\nFrom: <sip:bench@" + domain + ">;tag=1\r\nTo: <sip:" + g.sip + ">\r\nCall-ID: " + strconv.FormatInt(time.Now().UnixNano(), 36) +
			"\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n"
		_, _ = c.Write([]byte(request))
		_ = c.SetReadDeadline(time.Now().Add(100 * time.Millisecond))
		if _, err := c.Read(b); err == nil {
			return nil
		}
		if err := sleep(ctx, 50*time.Millisecond); err != nil {
			return err
		}
	}
	return errors.New("the gateway does not answer")
}

func (g *gateway) stop() {
	_ = g.cmd.Process.Signal(syscall.SIGTERM)
	_ = g.cmd.Wait()
}

func (g *gateway) log() string {
	b, _ := os.ReadFile(g.out)
	return string(b[max(0, len(b)-4000):])
}

// cpu is what all threads have used, by the scheduler's count.
func (g *gateway) cpu() (sum time.Duration) {
	threads, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/schedstat", g.cmd.Process.Pid))
	for _, f := range threads {
		b, _ := os.ReadFile(f)
		if fields := strings.Fields(string(b)); len(fields) > 0 {
			ns, _ := strconv.ParseInt(fields[0], 10, 64)
			sum += time.Duration(ns)
		}
	}
	return sum
}

// resident is the memory of the program, in MB.
func (g *gateway) resident() float64 {
	b, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", g.cmd.Process.Pid))
	for line := range strings.Lines(string(b)) {
		if v, ok := strings.CutPrefix(line, "VmRSS:"); ok {
			kb, _ := strconv.Atoi(strings.Fields(v)[0])
			return float64(kb) / 1024
		}
	}
	return 0
}

func savePNG(name string, img *image.YCbCr) error {
	f, err := os.Create(name)
	if err != nil {
		return err
	}
	return errors.Join(picture.PNG(f, img), f.Close())
}
