package main

import (
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestTheServiceManagerSeesTheGatewaysLife runs the command as a service: it is
// ready, reads its file again, gives signs of life, and stops.
func TestTheServiceManagerSeesTheGatewaysLife(t *testing.T) {
	dir := t.TempDir()
	file, socket := filepath.Join(dir, "tandem.yaml"), filepath.Join(dir, "notify")
	if err := os.WriteFile(file, []byte("store: "+filepath.Join(dir, "t.db")+"\nhttp: \"off\"\nsip: {listen: [{network: udp, addr: \"127.0.0.1:0\"}]}\nmedia: {bind: 127.0.0.1}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: socket, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	t.Setenv("NOTIFY_SOCKET", socket)
	t.Setenv("WATCHDOG_USEC", "50000")
	wait := func(want string) {
		t.Helper()
		if err := c.SetReadDeadline(time.Now().Add(time.Minute)); err != nil {
			t.Fatal(err)
		}
		for b := make([]byte, 1000); ; {
			n, err := c.Read(b)
			if err != nil {
				t.Fatalf("waiting for %s: %v", want, err)
			}
			if strings.HasPrefix(string(b[:n]), want) {
				return
			}
		}
	}
	ended := make(chan error, 1)
	go func() { ended <- (&serveCmd{Config: file}).Run() }()
	wait("READY=1")
	wait("WATCHDOG=1")
	if err := syscall.Kill(os.Getpid(), syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	wait("RELOADING=1")
	wait("READY=1")
	if err := syscall.Kill(os.Getpid(), syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	wait("STOPPING=1")
	if err := <-ended; err != nil {
		t.Error(err)
	}
}
