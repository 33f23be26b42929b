//go:build peers

package e2e

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"tandem/internal/ports"
)

// baresip is one running phone, driven through its ctrl_tcp module: JSON in
// netstrings, commands one way, answers and events the other.
type baresip struct {
	dir  string
	conn net.Conn
	done chan struct{} // the reader is gone
	stop func()        // ends it, after it has un-registered

	mu     sync.Mutex // guards what follows
	news   []baresipEvent
	woken  chan struct{} // closed and replaced at every message
	answer *baresipAnswer
}

type baresipEvent struct{ Type, Param, PeerURI string }

type baresipAnswer struct {
	OK   bool
	Data string
}

const baresipConfig = `poll_method epoll
sip_listen 127.0.0.1:0
call_max_calls 4
call_local_timeout 30
audio_source ausine,%s
audio_player aubridge,%s
ausrc_srate 48000
auplay_srate 48000
ausrc_channels 2
auplay_channels 2
audio_level no
rtcp_mux yes
jitter_buffer_delay 1-5
opus_stereo no
opus_sprop_stereo no
net_interface %s
module_path /usr/lib/baresip/modules
module g711.so
module g722.so
module opus.so
module ausine.so
module aubridge.so
module sndfile.so
module ice.so
module srtp.so
module dtls_srtp.so
module_tmp uuid.so
module_tmp account.so
module_app menu.so
module_app ctrl_tcp.so
module_app debug_cmd.so
ctrl_tcp_listen %s
snd_path %s
`

// startBaresip starts a phone and waits until it is registered.
func startBaresip(ts *testscript.TestScript, neg bool, args []string) {
	s := ts.Value(storyKey{}).(*story)
	b := &baresip{dir: ts.MkAbs("baresip-" + args[0]), woken: make(chan struct{}), done: make(chan struct{})}
	ts.Check(os.MkdirAll(filepath.Join(b.dir, "rec"), 0o700))
	o := options(args[1:])
	control := freePort(ts)
	ts.Check(os.WriteFile(filepath.Join(b.dir, "config"), []byte(s.baresipConfig(b, o, control)), 0o600))
	ts.Check(os.WriteFile(filepath.Join(b.dir, "accounts"), []byte(s.baresipAccount(args[0], o)), 0o600))
	log, err := os.Create(filepath.Join(b.dir, "log"))
	ts.Check(err)
	ctx, stop := context.WithCancel(context.Background())
	cmd := exec.CommandContext(ctx, "baresip", "-f", b.dir, "-s", "-v")
	cmd.Stdout, cmd.Stderr = log, log
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) } // it un-registers
	cmd.WaitDelay = 3 * time.Second
	ts.Check(cmd.Start())
	b.stop = sync.OnceFunc(func() {
		stop()
		_ = cmd.Wait()
		_ = log.Close()
		if b.conn != nil {
			_ = b.conn.Close()
			<-b.done
		}
	})
	ts.Defer(b.stop)
	within(ts, neg, func(ctx context.Context) error {
		if err := b.connect(ctx, control); err != nil {
			return fmt.Errorf("%w\n%s", err, tail(log.Name()))
		}
		want := "OK "
		if _, failing := o["failing"]; failing {
			want = "ERR"
		}
		return b.registered(ctx, want)
	})
	p := ts.Value(peersKey{}).(*peers)
	if p.bares == nil {
		p.bares = make(map[string]*baresip)
	}
	p.bares[args[0]] = b
}

func (s *story) baresipConfig(b *baresip, o map[string]string, control string) string {
	tone, local := o["tone"], "127.0.0.1"
	if tone == "" {
		tone = "440"
	}
	if o["host"] == "ipv6" {
		local = "::1"
	}
	c := fmt.Sprintf(baresipConfig, tone, filepath.Base(b.dir), local, control, filepath.Join(b.dir, "rec"))
	if local == "::1" {
		c = strings.Replace(c, "sip_listen 127.0.0.1:0\n", "sip_listen [::1]:0\n", 1)
	}
	if o["video"] != "" {
		c += fmt.Sprintf(baresipVideo, or(o["colour"], "0x209090"), or(o["size"], "640x360"), or(o["size"], "640x360"))
	}
	return c
}

// baresipVideo is a camera that films one colour, and a display that shows to nobody.
const baresipVideo = `video_source avformat,lavfi,color=c=%s:s=%s:r=15
video_display fakevideo,nil
video_size %s
video_bitrate 800000
video_fps 15
module avcodec.so
module vp8.so
module avformat.so
module fakevideo.so
module swscale.so
module snapshot.so
`

func or(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}

// baresipAccount is a line of baresip's file accounts.
func (s *story) baresipAccount(name string, o map[string]string) string {
	network := o["transport"]
	if network == "" {
		network = "udp"
	}
	line := fmt.Sprintf("<sip:%s@%s;transport=%s>;auth_user=%s;regint=60;answermode=manual",
		name, s.address(network, o["host"] == "ipv6"), network, name)
	if p, ok := o["password"]; ok {
		line += ";auth_pass=" + p
	} else {
		line += ";auth_pass=" + s.Password
	}
	if v := o["codecs"]; v != "" {
		line += ";audio_codecs=" + v
	}
	if v := o["video"]; v != "" {
		line += ";video_codecs=" + v
	}
	for _, k := range []string{"mediaenc", "medianat", "ptime", "sipnat", "call_transfer"} {
		if v := o[k]; v != "" {
			line += ";" + k + "=" + v
		}
	}
	return line + "\n"
}

// freePort is an address of this machine that nothing listens on.
func freePort(ts *testscript.TestScript) string {
	addrs, err := ports.Free(1)
	ts.Check(err)
	return addrs[0]
}

// connect reaches the control port as soon as baresip listens there.
func (b *baresip) connect(ctx context.Context, addr string) error {
	err := until(ctx, func() (err error) {
		b.conn, err = net.Dial("tcp", addr)
		return err
	})
	if err != nil {
		close(b.done)
		return err
	}
	go b.read()
	return nil
}

// read takes answers and events until the connection ends.
func (b *baresip) read() {
	defer close(b.done)
	r := bufio.NewReader(b.conn)
	for {
		size, err := r.ReadString(':')
		if err != nil {
			return
		}
		n, err := strconv.Atoi(strings.TrimSuffix(size, ":"))
		if err != nil || n > 1<<20 {
			return
		}
		body := make([]byte, n+1) // with the comma
		if _, err := io.ReadFull(r, body); err != nil {
			return
		}
		b.take(body[:n])
	}
}

func (b *baresip) take(body []byte) {
	var m struct {
		Event, Response bool
		baresipEvent
		baresipAnswer
	}
	if json.Unmarshal(body, &m) != nil {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if m.Event {
		b.news = append(b.news, m.baresipEvent)
	} else {
		b.answer = &m.baresipAnswer
	}
	close(b.woken)
	b.woken = make(chan struct{})
}

// wait waits until ok, which is called with b.mu held.
func (b *baresip) wait(ctx context.Context, ok func() bool) error {
	for {
		b.mu.Lock()
		good, woken := ok(), b.woken
		b.mu.Unlock()
		if good {
			return nil
		}
		select {
		case <-woken:
		case <-b.done:
			return errors.New("baresip is gone")
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// command runs one of baresip's commands.
func (b *baresip) command(ctx context.Context, args []string) error {
	text, err := json.Marshal(map[string]string{"command": args[0], "params": strings.Join(args[1:], " "), "token": "e2e"})
	if err != nil {
		return err
	}
	b.mu.Lock()
	b.answer = nil
	b.mu.Unlock()
	if _, err := fmt.Fprintf(b.conn, "%d:%s,", len(text), text); err != nil {
		return err
	}
	var got baresipAnswer
	if err := b.wait(ctx, func() bool {
		if b.answer != nil {
			got = *b.answer
		}
		return b.answer != nil
	}); err != nil {
		return fmt.Errorf("baresip does not answer %q: %w", args, err)
	}
	if !got.OK {
		return fmt.Errorf("baresip refuses %q: %s", args, got.Data)
	}
	return nil
}

// registered waits until baresip says so; its event may come before we can hear it.
func (b *baresip) registered(ctx context.Context, want string) error {
	return until(ctx, func() error {
		err := b.command(ctx, []string{"reginfo"})
		b.mu.Lock()
		defer b.mu.Unlock()
		if err == nil && !strings.Contains(b.answer.Data, want) {
			err = fmt.Errorf("baresip does not say %q: %s\n%s", want, b.answer.Data, tail(filepath.Join(b.dir, "log")))
		}
		return err
	})
}

// event waits for an event and forgets those before it.
func (b *baresip) event(ctx context.Context, args []string) error {
	var seen []baresipEvent
	err := b.wait(ctx, func() bool {
		seen = b.news
		i := slices.IndexFunc(b.news, func(e baresipEvent) bool {
			return e.Type == args[0] && (len(args) < 2 || strings.Contains(e.Param+" "+e.PeerURI, args[1]))
		})
		if i >= 0 {
			b.news = b.news[i+1:]
		}
		return i >= 0
	})
	if err != nil {
		return fmt.Errorf("no event %q (%w) among %+v\n%s", args, err, seen, tail(filepath.Join(b.dir, "log")))
	}
	return nil
}

// leave ends the phone in good order.
func (b *baresip) leave(context.Context, []string) error {
	b.stop()
	return nil
}

// onBaresip makes a script command of a method.
func onBaresip(f func(b *baresip, ctx context.Context, args []string) error) func(*testscript.TestScript, bool, []string) {
	return func(ts *testscript.TestScript, neg bool, args []string) {
		b := ts.Value(peersKey{}).(*peers).bares[args[0]]
		if b == nil {
			ts.Fatalf("no baresip is called %q", args[0])
		}
		within(ts, neg, func(ctx context.Context) error { return f(b, ctx, args[1:]) })
	}
}
