package systemd

import (
	"context"
	"errors"
	"net"
	"path/filepath"
	"regexp"
	"strconv"
	"testing"
	"testing/synctest"
	"time"
)

// manager is the service manager's end.
func manager(t *testing.T) (path string, next func() string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "notify")
	c, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return path, func() string {
		t.Helper()
		if err := c.SetReadDeadline(time.Now().Add(time.Minute)); err != nil {
			t.Fatal(err)
		}
		b := make([]byte, 1000)
		n, err := c.Read(b)
		if err != nil {
			t.Fatal(err)
		}
		return string(b[:n])
	}
}

func TestTheServiceManagerIsTold(t *testing.T) {
	path, next := manager(t)
	t.Setenv("NOTIFY_SOCKET", path)
	t.Setenv("WATCHDOG_USEC", "20000")
	n := FromEnvironment()
	for _, c := range []struct {
		tell func() error
		want string
	}{
		{n.Ready, `READY=1`},
		{n.Reloading, `RELOADING=1\nMONOTONIC_USEC=[1-9]\d*`},
		{n.Stopping, `STOPPING=1`},
		{func() error { return n.Status("3 calls\nREADY=1") }, `STATUS=3 calls READY=1`},
	} {
		if err := c.tell(); err != nil {
			t.Fatal(err)
		}
		if got := next(); !regexp.MustCompile(`^` + c.want + `$`).MatchString(got) {
			t.Errorf("got %q, want %q", got, c.want)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { defer close(done); n.Watch(ctx, func() error { return nil }, func(err error) { t.Error(err) }) }()
	for range 2 {
		if got := next(); got != "WATCHDOG=1" {
			t.Errorf("got %q", got)
		}
	}
	cancel()
	<-done
	if again := FromEnvironment(); again != (Notifier{}) {
		t.Errorf("programs that are started would think they are the service: %+v", again)
	}
}

func TestASickGatewayGivesNoSignOfLife(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 61*time.Second)
		defer cancel()
		n := Notifier{socket: "/nonexistent/socket", watchdog: 30 * time.Second}
		sick := errors.New("no answer")
		told := 0
		n.Watch(ctx, func() error { return sick }, func(err error) {
			told++
			if !errors.Is(err, sick) {
				t.Errorf("got %v", err)
			}
		})
		if told != 4 {
			t.Errorf("told %d times in a minute, want 4", told)
		}
	})
}

func TestTheWatchdogIsMeantForThisProcess(t *testing.T) {
	for _, c := range []struct {
		usec, pid string
		want      time.Duration
	}{
		{"30000000", "", 30 * time.Second},
		{"30000000", strconv.Itoa(7), 30 * time.Second},
		{"30000000", "8", 0},
		{"", "", 0},
		{"-1", "", 0},
		{"99999999999999999999", "", 0},
		{"soon", "", 0},
	} {
		if got := interval(c.usec, c.pid, 7); got != c.want {
			t.Errorf("%+v: got %v", c, got)
		}
	}
}

func TestWithoutAServiceManagerNothingIsSent(t *testing.T) {
	t.Setenv("NOTIFY_SOCKET", "relative")
	n := FromEnvironment()
	if err := errors.Join(n.Ready(), n.Reloading(), n.Stopping()); err != nil {
		t.Error(err)
	}
	n.Watch(t.Context(), nil, nil)
}
