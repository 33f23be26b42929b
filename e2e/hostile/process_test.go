package hostile

import (
	"context"
	"database/sql"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"tandem/call"
	"tandem/sim/phone"
)

func TestKillInMidCall(t *testing.T) {
	t.Parallel()
	b := newBox(t)
	b.run(t)
	kitchen, study := b.phone(t, "kitchen", 440), b.phone(t, "study", 620)
	b.accountRegistered(t)
	const kills = 3
	for range kills {
		connect(t, kitchen, study, "study", 620)
		b.kill(syscall.SIGKILL)
		took := b.run(t)
		t.Logf("service is back after %v", took)
		if took > time.Second && timed(t) { // goals R-10
			t.Errorf("service was back only after %v", took)
		}
		b.accountRegistered(t)
	}
	// Nobody has registered again, and more calls than ports could be had if any leaked.
	for range 3 {
		c, _ := connect(t, kitchen, study, "study", 620)
		if err := c.HangUp(within(t, patience)); err != nil {
			t.Fatal(err)
		}
	}
	b.kill(syscall.SIGTERM)
	lost, ended := 0, 0
	for _, r := range b.records(t) {
		switch {
		case r.Ended.IsZero():
			t.Errorf("a record is still open: %+v", r)
		case r.Cause == call.Lost:
			lost++
		default:
			ended++
		}
	}
	// An answer waits for the record of its call, but not for longer than half a second.
	late := strings.Count(b.out.String(), "call answered before its record was stored")
	if lost > kills || lost < kills-late || ended != 3 {
		t.Errorf("%d records say lost and %d ended, want %d and 3 (%d answers did not wait for the store)", lost, ended, kills, late)
	}
}

// TestALockedDatabaseStopsNoCall holds the database as a stuck backup would.
func TestALockedDatabaseStopsNoCall(t *testing.T) {
	t.Parallel()
	b := newBox(t)
	b.run(t)
	b.accountRegistered(t)
	db, err := sql.Open("sqlite", "file:"+b.path("tandem.db")+"?_txlock=exclusive")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	lock, err := db.Begin()
	if err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	kitchen, study := b.phone(t, "kitchen", 440), b.phone(t, "study", 620)
	c, _ := connect(t, kitchen, study, "study", 620)
	if took := time.Since(began); timed(t) && took > 4*time.Second {
		t.Errorf("registering and calling took %v while the database was locked", took)
	}
	until(t, "an alarm tells of the database", func() bool { return strings.Contains(b.get(t, "/status"), "Registrations cannot be stored") })
	unharmed(t, c)
	if err := c.HangUp(within(t, patience)); err != nil {
		t.Fatal(err)
	}
	if err := lock.Rollback(); err != nil {
		t.Fatal(err)
	}
	until(t, "the alarm is over", func() bool { return !strings.Contains(b.get(t, "/status"), "cannot be stored") })
	b.kill(syscall.SIGTERM)
	if all := b.records(t); len(all) != 1 || all[0].Ended.IsZero() {
		t.Errorf("the records are %+v", all)
	}
	// What registered meanwhile is in the store now.
	b.run(t)
	c, _ = connect(t, kitchen, study, "study", 620)
	if err := c.HangUp(within(t, patience)); err != nil {
		t.Fatal(err)
	}
}

func TestReloadAndCanaries(t *testing.T) {
	t.Parallel()
	b := newBox(t)
	b.run(t, "--trace", "messages")
	kitchen, study := b.phone(t, "kitchen", 440), b.phone(t, "study", 620)
	b.accountRegistered(t)
	c, _ := connect(t, kitchen, study, "study", 620)

	b.configure(t, "    - {name: attic, password: "+canaryPassword+"}")
	b.hup(t)
	// Not by trying to register: the guard shuts out who tries too often.
	until(t, "the new file is applied", func() bool { return strings.Contains(b.out.String(), "configuration applied") })
	b.phone(t, "attic", 0)
	unharmed(t, c)

	b.configure(t, "    - {name: attic, password: "+canaryPassword+", max_calls: many}")
	b.hup(t)
	until(t, "an alarm tells of the bad file", func() bool { return strings.Contains(b.get(t, "/status"), "The configuration file is wrong") })
	if log := b.out.String(); !strings.Contains(log, "tandem.yaml:14:") || !strings.Contains(log, "sip.devices[2].max_calls") {
		t.Errorf("the log does not tell line, column and field:\n%s", grep(log, "configuration"))
	}
	if out, err := exec.Command(b.binary, "check", b.path("tandem.yaml")).CombinedOutput(); err == nil || !strings.Contains(string(out), "tandem.yaml:14:") {
		t.Errorf("check: %v: %s", err, out)
	}
	unharmed(t, c)
	b.configure(t, "")
	b.hup(t)
	until(t, "the alarm is over", func() bool { return !strings.Contains(b.get(t, "/status"), "The configuration file is wrong") })
	unharmed(t, c)

	// A wrong password, and one with the right name in the wrong place.
	bad := &phone.Phone{Config: phone.Config{User: "kitchen", Password: canaryPassword + "-wrong", Domain: "tandem.example", Server: b.sip}}
	if err := bad.Start(context.Background()); err != nil {
		t.Fatal(err)
	}
	defer bad.Close()
	_ = bad.Register(within(t, 2*time.Second))
	seen := b.get(t, "/metrics") + b.get(t, "/status") + b.get(t, "/healthz") + b.get(t, "/readyz")
	if err := c.HangUp(within(t, patience)); err != nil {
		t.Fatal(err)
	}
	b.kill(syscall.SIGTERM)
	seen += b.out.String()
	for _, f := range []string{"tandem.db", "tandem.db-wal"} {
		if text, err := os.ReadFile(b.path(f)); err == nil {
			seen += string(text)
		}
	}
	for _, secret := range []string{canaryPassword, canarySecret, canaryRefresh} {
		if i := strings.Index(seen, secret); i >= 0 {
			t.Errorf("a secret shows: …%s…", seen[max(0, i-200):min(len(seen), i+80)])
		}
	}
	for line := range strings.Lines(seen) {
		low := strings.ToLower(line)
		for _, mark := range []string{"response=\"", "inline:", "bearer ", "ice-pwd:"} {
			if i := strings.Index(low, mark); i >= 0 && !strings.Contains(low[i:], "[redacted]") {
				t.Errorf("a secret shows: %s", line)
			}
		}
	}
	for _, want := range []string{"INVITE sip:study@tandem.example +sdp (with credentials)", "200 OK (INVITE) +sdp", "gvoice", "<-- tandem", "--> tandem", "Authorization: Digest [redacted]", "Authorization: Bearer [redacted]"} {
		if !strings.Contains(seen, want) {
			t.Errorf("the trace shows no %q", want)
		}
	}
	if os.Getenv("TANDEM_SHOW") != "" {
		t.Log(grep(b.out.String(), " tandem "))
	}
}

func (b *box) hup(t *testing.T) {
	t.Helper()
	if err := b.cmd.Process.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
}

func grep(s, what string) string {
	var out []string
	for line := range strings.Lines(s) {
		if strings.Contains(line, what) {
			out = append(out, line)
		}
	}
	return strings.Join(out, "")
}
