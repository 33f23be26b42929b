//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// process is a program that was started here. Whoever starts it ends it.
type process struct {
	cmd   *exec.Cmd
	log   *os.File
	after func() // cleans up behind it; may be nil
}

// start runs a program whose output goes to a file in logs; set may change the
// command before.
func start(ctx context.Context, logs, name string, set func(*exec.Cmd), args ...string) (*process, error) {
	log, err := os.Create(filepath.Join(logs, filepath.Base(name)+".log"))
	if err != nil {
		return nil, err
	}
	c := command(ctx, name, args...)
	c.Stdout, c.Stderr = log, log
	// Nothing is left behind when this program dies, or is killed.
	c.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	c.Cancel = func() error { return c.Process.Signal(syscall.SIGTERM) }
	c.WaitDelay = 5 * time.Second
	if set != nil {
		set(c)
	}
	if err := c.Start(); err != nil {
		_ = log.Close()
		return nil, fmt.Errorf("start %s: %w", name, err)
	}
	return &process{cmd: c, log: log}, nil
}

// command is exec.CommandContext with a high priority where we may give it, so
// that whatever else runs on the machine disturbs the figures little.
func command(ctx context.Context, name string, args ...string) *exec.Cmd {
	if os.Geteuid() != 0 {
		return exec.CommandContext(ctx, name, args...)
	}
	return exec.CommandContext(ctx, "nice", append([]string{"--adjustment=-15", name}, args...)...)
}

// stop ends the process and waits for it.
func (p *process) stop() {
	_ = p.cmd.Process.Signal(syscall.SIGTERM)
	kill := time.AfterFunc(5*time.Second, func() { _ = p.cmd.Process.Kill() })
	_ = p.cmd.Wait()
	kill.Stop()
	_ = p.log.Close()
	if p.after != nil {
		p.after()
	}
}

// cpu is the CPU time that all threads of the process, and of its children, have
// used until now. It counts nanoseconds of the scheduler, not clock ticks.
func (p *process) cpu() (time.Duration, error) {
	var sum time.Duration
	for _, pid := range family(p.cmd.Process.Pid) {
		threads, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/schedstat", pid))
		if err != nil {
			return 0, err
		}
		for _, f := range threads {
			b, err := os.ReadFile(f)
			if errors.Is(err, os.ErrNotExist) || errors.Is(err, syscall.ESRCH) {
				continue // the thread ended
			} else if err != nil {
				return 0, err
			}
			ns, err := strconv.ParseInt(strings.Fields(string(b))[0], 10, 64)
			if err != nil {
				return 0, err
			}
			sum += time.Duration(ns)
		}
	}
	return sum, nil
}

// family is a process and its direct children.
func family(pid int) []int {
	pids := []int{pid}
	lists, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pid))
	for _, f := range lists {
		b, _ := os.ReadFile(f)
		for _, child := range strings.Fields(string(b)) {
			if n, err := strconv.Atoi(child); err == nil {
				pids = append(pids, n)
			}
		}
	}
	return pids
}

var residentLine = regexp.MustCompile(`VmRSS:\s+(\d+) kB`)

// resident is the memory of the process, in MB.
func (p *process) resident() float64 {
	b, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid))
	m := residentLine.FindSubmatch(b)
	if m == nil {
		return 0
	}
	kb, _ := strconv.Atoi(string(m[1]))
	return float64(kb) / 1024
}

// raiseFileLimit is inherited by everything that is started here.
func raiseFileLimit(n uint64) error {
	var l unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &l); err != nil {
		return err
	}
	l.Cur = max(l.Cur, n)
	l.Max = max(l.Max, l.Cur)
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, (*syscall.Rlimit)(&l)); err != nil {
		return fmt.Errorf("%d open files are needed: %w", n, err)
	}
	return nil
}
