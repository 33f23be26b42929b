// Package systemd tells the service manager how the gateway is: started, reading
// its configuration again, stopping, alive. It speaks sd_notify(3) itself, one
// datagram a message. Start reading at [FromEnvironment].
package systemd

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// Notifier sends to the service manager. The zero value has none and sends nothing.
type Notifier struct {
	socket   string        // a path, or @ and an abstract name
	watchdog time.Duration // between signs of life, at most; 0: nobody watches
}

// FromEnvironment reads what the service manager has told this process, and takes
// it out of the environment: programs that the gateway starts are not the service.
func FromEnvironment() Notifier {
	n := Notifier{socket: os.Getenv("NOTIFY_SOCKET"), watchdog: interval(os.Getenv("WATCHDOG_USEC"), os.Getenv("WATCHDOG_PID"), os.Getpid())}
	for _, name := range []string{"NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"} {
		_ = os.Unsetenv(name) // it can only fail for a name that is none
	}
	if !strings.HasPrefix(n.socket, "/") && !strings.HasPrefix(n.socket, "@") {
		return Notifier{}
	}
	return n
}

// interval is WATCHDOG_USEC when it is meant for this process.
func interval(usec, pid string, own int) time.Duration {
	if pid != "" && pid != strconv.Itoa(own) {
		return 0
	}
	n, err := strconv.ParseInt(usec, 10, 64)
	if err != nil || n <= 0 || n > int64(24*time.Hour/time.Microsecond) {
		return 0
	}
	return time.Duration(n) * time.Microsecond
}

// Ready says that the gateway serves, also after Reloading.
func (n Notifier) Ready() error { return n.send("READY=1") }

// Stopping says that it ends.
func (n Notifier) Stopping() error { return n.send("STOPPING=1") }

// Reloading says that it reads its configuration again; Ready ends that.
func (n Notifier) Reloading() error {
	var now unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &now); err != nil {
		return fmt.Errorf("read the clock: %w", err)
	}
	return n.send("RELOADING=1", fmt.Sprintf("MONOTONIC_USEC=%d", now.Nano()/1000))
}

// Status is what systemctl status shows in a line.
func (n Notifier) Status(text string) error {
	return n.send("STATUS=" + strings.ReplaceAll(text, "\n", " "))
}

// Watch gives signs of life, twice as often as asked for, until ctx is done, while
// alive returns nil. When it does not, it stops giving them, and the service manager
// restarts the gateway. failed hears of it, and of signs that could not be sent.
func (n Notifier) Watch(ctx context.Context, alive func() error, failed func(error)) {
	if n.watchdog == 0 || n.socket == "" {
		return
	}
	t := time.NewTicker(n.watchdog / 2)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-t.C:
			err := alive()
			if err == nil {
				err = n.send("WATCHDOG=1")
			}
			if err != nil {
				failed(err)
			}
		}
	}
}

func (n Notifier) send(lines ...string) error {
	if n.socket == "" {
		return nil
	}
	c, err := net.DialUnix("unixgram", nil, &net.UnixAddr{Name: n.socket, Net: "unixgram"})
	if err != nil {
		return fmt.Errorf("tell the service manager: %w", err)
	}
	_, err = c.Write([]byte(strings.Join(lines, "\n")))
	if err = errors.Join(err, c.Close()); err != nil {
		return fmt.Errorf("tell the service manager: %w", err)
	}
	return nil
}
