//go:build peers

package e2e

import (
	"context"
	"encoding/json"
	"errors"
	"image/color"
	"log/slog"
	"math"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"

	"tandem/internal/stage"
	"tandem/sim/picture"
	"tandem/sim/room"
)

// browser is a Chromium whose one page has joined a simulated meeting.
type browser struct {
	t    *testing.T
	log  string
	mu   sync.Mutex // guards what follows
	last visit
}

// visit is what the page reports of itself, from RTCPeerConnection.getStats.
type visit struct {
	State, Connection string
	Level             float64 // of its own voice
	In                []struct {
		Kind, Mid     string
		Packets       int
		Frames        int
		Width, Height int
		Energy, Level float64
	}
	Out []struct {
		Kind, Rid     string
		Packets       int
		Frames        int
		Width, Height int
		Plis          int
	}
	Colours []string // of the pictures it shows
}

// startBrowser has Chromium open a page of the simulator.
func startBrowser(t *testing.T, st *stage.Stage, pin string, query url.Values) *browser {
	t.Helper()
	b := &browser{t: t, log: filepath.Join(t.TempDir(), "log")}
	sink := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		var v visit
		if json.NewDecoder(http.MaxBytesReader(nil, r.Body, 1<<20)).Decode(&v) == nil {
			b.mu.Lock()
			b.last = v
			b.mu.Unlock()
		}
	}))
	t.Cleanup(sink.Close)
	query.Set("report", sink.URL)
	log, err := os.Create(b.log)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = log.Close() })
	chromium(t, log, "--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream", "--disable-features=WebRtcHideLocalIpsWithMdns",
		st.Meetings.ControlURL()+"/visit/"+pin+"?"+query.Encode())
	return b
}

// chromium starts a Chromium, which ends with the test.
func chromium(t *testing.T, log *os.File, args ...string) {
	t.Helper()
	// Not the test's own folder: helpers that outlive the browser for a moment may write to it.
	dir, err := os.MkdirTemp("", "tandem-chromium-")
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("chromium", append([]string{
		"--headless", "--no-sandbox", "--disable-gpu", "--no-first-run",
		"--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-default-apps",
		"--autoplay-policy=no-user-gesture-required", "--allow-loopback-in-peer-connection", "--user-data-dir=" + dir,
	}, args...)...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if log != nil {
		cmd.Stdout, cmd.Stderr = log, log
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) // with its helpers
		_ = cmd.Wait()
		for range 100 {
			if os.RemoveAll(dir) == nil {
				return
			}
			time.Sleep(50 * time.Millisecond)
		}
	})
}

func (b *browser) visit() visit {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.last
}

// wait waits until the page reports what is wanted.
func (b *browser) wait(ctx context.Context, what string, ok func(visit) bool) {
	b.t.Helper()
	err := until(ctx, func() error {
		if v := b.visit(); !ok(v) {
			return errors.New("no " + what)
		}
		return nil
	})
	if err != nil {
		b.t.Fatalf("%v: %+v\n%s", err, b.visit(), tail(b.log))
	}
}

// shows reports whether one of the browser's pictures has a colour.
func (v visit) shows(want color.RGBA) bool {
	for _, c := range v.Colours {
		if got, err := picture.ParseHex(c); err == nil && picture.Distance(got, want) < 40 {
			return true
		}
	}
	return false
}

// TestABrowserAndARoomInAMeeting has Chromium in a meeting that a room is in through the
// gateway: each sees and hears the other.
func TestABrowserAndARoomInAMeeting(t *testing.T) {
	teal, green := color.RGBA{0x20, 0x90, 0x90, 0xff}, color.RGBA{0x20, 0xa0, 0x40, 0xff}
	for _, codec := range []string{"H264", "VP8"} {
		t.Run(codec, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), 6*time.Minute)
			defer cancel()
			c := meetings()
			c.Meetings[0].People = nil
			st, err := stage.Start(ctx, stage.Options{Dir: t.TempDir(), Log: slog.New(slog.DiscardHandler), Meet: c})
			if err != nil {
				t.Fatal(err)
			}
			defer func() {
				if err := st.Close(); err != nil {
					t.Error(err)
				}
			}()
			const pin = "1234567890123"
			b := startBrowser(t, st, pin, url.Values{"name": {"Browser"}, "colour": {"rgb(32,160,64)"}, "tone": {"520"}})
			b.wait(ctx, "joining", func(v visit) bool { return v.State == "STATE_JOINED " })
			p := videoRoom(ctx, t, st, stage.Board, room.Config{Video: []string{codec}, Width: 640, Height: 360, FPS: 10, Kbps: 700, Name: "BOARD", Colour: teal})
			call, err := p.Call(ctx, pin)
			if err != nil {
				t.Fatal(err)
			}
			if err := call.WaitAnswered(ctx); err != nil {
				t.Fatal(err)
			}
			wantSeen(ctx, t, call, picture.Hex(green))
			if err := call.WaitTone(ctx, 520, 200*time.Millisecond); err != nil {
				t.Error(err)
			}
			b.wait(ctx, "picture and voice of the room", func(v visit) bool {
				// Chromium sends fewer layers than three where it has too little of the processor; sim/meet and
				// media/bridge tell in virtual time that three arrive.
				return v.shows(teal) && v.frames() > 20 && v.hears() && (v.sends() == 3 || v.sends() > 0 && !timed()) && v.Level > 0.05
			})
			if err := call.HangUp(ctx); err != nil {
				t.Error(err)
			}
			for _, v := range st.Meetings.Violations() {
				t.Errorf("the meeting service complains: %+v", v)
			}
		})
	}
}

// frames is how many the browser has decoded.
func (v visit) frames() (n int) {
	for _, s := range v.In {
		n += s.Frames
	}
	return n
}

// hears reports whether a voice with some energy comes.
func (v visit) hears() bool {
	for _, s := range v.In {
		if s.Kind == "audio" && s.Energy > 0.001 && s.Level > 0.01 && !math.IsNaN(s.Energy) {
			return true
		}
	}
	return false
}

// sends is how many layers of its camera the browser has sent pictures of.
func (v visit) sends() (n int) {
	for _, s := range v.Out {
		if s.Kind == "video" && s.Frames > 5 && s.Packets > 5 {
			n++
		}
	}
	return n
}
