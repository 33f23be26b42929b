package store

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
	"time"
)

const crashFile = "TANDEM_STORE_CRASH_FILE"

// TestMain lets the test binary be the process that is killed.
func TestMain(m *testing.M) {
	if path := os.Getenv(crashFile); path != "" {
		if err := writeForEver(path); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
	os.Exit(runTests(m))
}

// writeForEver writes numbers in pairs and prints each that is acknowledged.
func writeForEver(path string) error {
	ctx := context.Background()
	db, err := Open(ctx, path)
	if err != nil {
		return err
	}
	numbers := Collection[int]{DB: db, Name: "numbers"}
	calls := Log[thing]{DB: db, Name: "calls"}
	last, _ := numbers.Get(ctx, "last")
	for n := last.Value + 1; ; n++ {
		err := db.Atomically(ctx, func(ctx context.Context) error {
			if _, err := numbers.Put(ctx, "last", n); err != nil {
				return err
			}
			return calls.Append(ctx, Entry[thing]{ID: strconv.Itoa(n), At: time.Now(), Value: thing{Count: n}})
		})
		if err != nil {
			return err
		}
		fmt.Println(n)
	}
}

// Nothing acknowledged is lost and nothing is half done when the process is
// killed at any moment (goals R-10; more rounds with TANDEM_CRASH_ROUNDS).
func TestKillLosesNothing(t *testing.T) {
	rounds := 8
	if n, err := strconv.Atoi(os.Getenv("TANDEM_CRASH_ROUNDS")); err == nil {
		rounds = n
	}
	path := filepath.Join(t.TempDir(), "test.db")
	for range rounds {
		acknowledged := killOnce(t, path, 1+rand.IntN(20), time.Duration(rand.IntN(3000))*time.Microsecond)
		db, err := Open(t.Context(), path)
		if err != nil {
			t.Fatal(err)
		}
		checkNumbers(t, db, acknowledged)
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// killOnce kills a writer some time after it has acknowledged so many numbers
// and returns the last one it acknowledged.
func killOnce(t *testing.T, path string, after int, then time.Duration) int {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), crashFile+"="+path)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	last, seen := 0, 0
	lines := bufio.NewReader(out)
	for {
		line, err := lines.ReadString('\n')
		if err == io.EOF {
			break
		}
		if n, err := strconv.Atoi(line[:max(len(line)-1, 0)]); err == nil {
			last = n
		}
		if seen++; seen == after {
			time.AfterFunc(then, func() { _ = cmd.Process.Kill() })
		}
	}
	_ = cmd.Wait() // "signal: killed"
	if seen < after {
		t.Fatalf("the writer ended by itself after %d numbers", seen)
	}
	return last
}

func checkNumbers(t *testing.T, db *DB, acknowledged int) {
	t.Helper()
	var state string
	if err := db.sql.QueryRow(`PRAGMA integrity_check`).Scan(&state); err != nil || state != "ok" {
		t.Fatalf("integrity: %s, %v", state, err)
	}
	numbers := Collection[int]{DB: db, Name: "numbers"}
	last, err := numbers.Get(t.Context(), "last")
	if err != nil || last.Value < acknowledged {
		t.Fatalf("%d was acknowledged, %d is stored (%v)", acknowledged, last.Value, err)
	}
	var records int
	if err := db.sql.QueryRow(`SELECT count(*) FROM records`).Scan(&records); err != nil || records != last.Value {
		t.Fatalf("%d records belong to number %d (%v)", records, last.Value, err)
	}
}
