package control

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"os"
	"os/exec"
	"strconv"
	"testing"
	"time"

	"tandem/config"
	"tandem/store"
	"tandem/token"
)

const (
	crashStore = "TANDEM_CONTROL_CRASH_STORE"
	crashKey   = "TANDEM_CONTROL_CRASH_KEY"
)

// TestMain lets the test binary be the process that is killed.
func TestMain(m *testing.M) {
	if url := os.Getenv(crashStore); url != "" {
		if err := changeForEver(url, os.Getenv(crashKey)); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
	os.Exit(runTests(m))
}

// changeForEver makes one version after another and prints each that is
// acknowledged. Version n has n as password and as the device's display.
func changeForEver(url, keyFile string) error {
	ctx := context.Background()
	db, err := store.Open(ctx, url)
	if err != nil {
		return err
	}
	key, err := store.OpenKey(keyFile)
	if err != nil {
		return err
	}
	m := &Manager{DB: db, Secrets: &store.Secrets{DB: db, Key: key}, Base: base(), Log: slog.New(slog.DiscardHandler), Keep: 5}
	if err := m.Open(ctx); err != nil {
		return err
	}
	for {
		_, last := m.Current()
		n := strconv.FormatInt(last.Number+1, 10)
		v, err := m.Change(ctx, Author{Name: "crash"}, last.Number, func(c *config.Config) error {
			c.SIP.Devices[0].Password, c.SIP.Devices[0].Display = token.Secret(n), n
			return nil
		})
		if err != nil {
			return err
		}
		fmt.Println(v.Number)
	}
}

// A process that is killed at any moment leaves the old version or the new one,
// whole; what was acknowledged is there.
func TestKillLeavesOneVersionWhole(t *testing.T) {
	rounds := 6
	if n, err := strconv.Atoi(os.Getenv("TANDEM_CRASH_ROUNDS")); err == nil {
		rounds = n
	}
	each(t, func(t *testing.T, r *rig) {
		for range rounds {
			acknowledged := killOnce(t, r, 1+rand.IntN(8), time.Duration(rand.IntN(5000))*time.Microsecond)
			checkWhole(t, r, acknowledged)
		}
	})
}

func checkWhole(t *testing.T, r *rig, acknowledged int64) {
	t.Helper()
	m := r.node()
	_, v := m.Current()
	if v.Number < acknowledged {
		t.Fatalf("version %d was acknowledged, %d is stored", acknowledged, v.Number)
	}
	all, err := m.Versions(t.Context(), 0, 0)
	if err != nil || all[0].Number != v.Number || len(all) > 5 {
		t.Fatalf("got %v, %v", all, err)
	}
	for i, one := range all {
		c, _, err := m.At(t.Context(), one.Number)
		n := strconv.FormatInt(one.Number, 10)
		if err != nil || one.Number != v.Number-int64(i) || one.Number > 1 && (c.SIP.Devices[0].Display != n || !c.SIP.Devices[0].Password.Equal(token.Secret(n))) {
			t.Fatalf("version %d is not whole: %v", one.Number, err)
		}
	}
	if names, err := m.Secrets.Names(t.Context()); err != nil || len(names) != len(all) {
		t.Errorf("%d secrets belong to %d versions (%v)", len(names), len(all), err)
	}
}

// killOnce kills a process some time after it has acknowledged so many versions
// and returns the last one.
func killOnce(t *testing.T, r *rig, after int, then time.Duration) (last int64) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), crashStore+"="+r.url, crashKey+"="+r.path)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	seen := 0
	for lines := bufio.NewReader(out); ; {
		line, err := lines.ReadString('\n')
		if errors.Is(err, io.EOF) {
			break
		}
		if n, err := strconv.ParseInt(line[:max(len(line)-1, 0)], 10, 64); err == nil {
			last = n
		}
		if seen++; seen == after {
			time.AfterFunc(then, func() { _ = cmd.Process.Kill() })
		}
	}
	_ = cmd.Wait() // "signal: killed"
	if seen < after {
		t.Fatalf("the process ended by itself after %d versions", seen)
	}
	return last
}
