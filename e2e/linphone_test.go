//go:build peers

package e2e

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// linphone is a running linphone-daemon. It reads commands from its standard
// input, and writes answers and events to its standard output. This machine has no
// sound card: it sends and takes packets, and plays nothing.
type linphone struct {
	in io.WriteCloser

	mu    sync.Mutex // guards what follows
	out   bytes.Buffer
	read  int           // what a story has seen of out
	woken chan struct{} // closed and replaced at every write
}

// Write takes what linphone says.
func (l *linphone) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	close(l.woken)
	l.woken = make(chan struct{})
	return l.out.Write(p)
}

const linphoneConfig = `[sip]
sip_port=%s
sip_tcp_port=-1
sip_tls_port=-1
media_encryption=none
guess_hostname=0
bind_address=127.0.0.1
contact="%s" <sip:%s@127.0.0.1>
[net]
mtu=1300
[rtp]
audio_rtp_port=-1
bind_address=127.0.0.1
[sound]
ec=0
[video]
enabled=0
`

// linphoneVideo has a camera that films linphone's own still picture, and sends it at
// once. Its display shows to nobody.
const linphoneVideo = `[video]
enabled=1
capture=1
display=0
automatically_initiate=1
automatically_accept=1
device=StaticImage: Static picture
size=vga
`

// startLinphone starts a phone and registers it.
func startLinphone(ts *testscript.TestScript, neg bool, args []string) {
	s, name := ts.Value(storyKey{}).(*story), args[0]
	network := options(args[1:])["transport"]
	if network == "" {
		network = "udp"
	}
	dir := ts.MkAbs("linphone-" + name)
	ts.Check(os.MkdirAll(filepath.Join(dir, ".local", "share", "linphone"), 0o700))
	rc := filepath.Join(dir, "rc")
	config := fmt.Appendf(nil, linphoneConfig, freeUDPPort(ts), name, name)
	if _, video := options(args[1:])["video"]; video {
		config = append(bytes.TrimSuffix(config, []byte("[video]\nenabled=0\n")), linphoneVideo...)
	}
	ts.Check(os.WriteFile(rc, config, 0o600))
	l := &linphone{woken: make(chan struct{})}
	cmd := exec.Command("linphone-daemon", "--config", rc, "--disable-stats-events")
	if _, video := options(args[1:])["video"]; video {
		cmd.Args = append(cmd.Args, "-C", "-D") // capture and display
	}
	cmd.Env = append(os.Environ(), "HOME="+dir, "XDG_CONFIG_HOME=", "XDG_DATA_HOME=")
	cmd.Stdout, cmd.Stderr = l, l
	var err error
	l.in, err = cmd.StdinPipe()
	ts.Check(err)
	ts.Check(cmd.Start())
	ts.Defer(func() {
		_, _ = io.WriteString(l.in, "quit\n")
		_ = l.in.Close()
		late := time.AfterFunc(3*time.Second, func() { _ = cmd.Process.Kill() })
		_ = cmd.Wait()
		late.Stop()
	})
	p := ts.Value(peersKey{}).(*peers)
	if p.linphones == nil {
		p.linphones = make(map[string]*linphone)
	}
	p.linphones[name] = l
	within(ts, neg, func(ctx context.Context) error {
		at := s.address(network, false)
		proxy := fmt.Sprintf("sip:%s;transport=%s", at, network)
		err := l.command(ctx, []string{"register", fmt.Sprintf("sip:%s@%s", name, at), proxy, s.Password, name})
		if err != nil {
			return err
		}
		return until(ctx, func() error {
			if err := l.command(ctx, []string{"register-status", "ALL"}); err != nil {
				return err
			}
			return l.said(ctx, "LinphoneRegistrationOk", 200*time.Millisecond)
		})
	})
}

// freeUDPPort is a port that nothing of this machine has.
func freeUDPPort(ts *testscript.TestScript) string {
	_, port, err := net.SplitHostPort(freePort(ts))
	ts.Check(err)
	return port
}

// command gives a command and waits until it is carried out.
func (l *linphone) command(ctx context.Context, args []string) error {
	if _, err := fmt.Fprintln(l.in, strings.Join(args, " ")); err != nil {
		return err
	}
	return l.says(ctx, []string{"Status: Ok"})
}

// says waits for a text in what linphone has written since the last one.
func (l *linphone) says(ctx context.Context, args []string) error {
	return l.said(ctx, strings.Join(args, " "), patience)
}

func (l *linphone) said(ctx context.Context, want string, within time.Duration) error {
	late := time.NewTimer(within)
	defer late.Stop()
	for {
		l.mu.Lock()
		rest := l.out.Bytes()[l.read:]
		i := bytes.Index(rest, []byte(want))
		if i >= 0 {
			l.read += i + len(want)
		}
		text, woken := string(rest[max(0, len(rest)-2000):]), l.woken
		l.mu.Unlock()
		if i >= 0 {
			return nil
		}
		select {
		case <-woken:
		case <-late.C:
			return fmt.Errorf("linphone does not say %q but\n%s", want, text)
		case <-ctx.Done():
			return errors.Join(ctx.Err(), fmt.Errorf("linphone does not say %q but\n%s", want, text))
		}
	}
}

// onLinphone makes a script command of a method.
func onLinphone(f func(l *linphone, ctx context.Context, args []string) error) func(*testscript.TestScript, bool, []string) {
	return func(ts *testscript.TestScript, neg bool, args []string) {
		l := ts.Value(peersKey{}).(*peers).linphones[args[0]]
		if l == nil {
			ts.Fatalf("no linphone is called %q", args[0])
		}
		within(ts, neg, func(ctx context.Context) error { return f(l, ctx, args[1:]) })
	}
}
