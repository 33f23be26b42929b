//go:build unix

// Package postgres runs a PostgreSQL server of its own for a test: on loopback, in
// a temporary folder, as a user without rights. Start reading at [Start]; [Main] is for
// packages all of whose tests share one.
package postgres

import (
	"bytes"
	"context"
	"database/sql"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib" // the "pgx" driver

	"tandem/internal/ports"
)

// A Server is a running PostgreSQL.
type Server struct {
	URL string // of an empty database

	dir   string
	tools string
	port  string
	as    *syscall.Credential // nil is ourselves
	cmd   *exec.Cmd
	log   bytes.Buffer
}

const startTime = 2 * time.Minute

// Start starts a server that lives as long as the test. Without PostgreSQL on this
// machine, and in a short test run, the test is skipped.
func Start(t testing.TB) *Server {
	t.Helper()
	if testing.Short() {
		t.Skip("a PostgreSQL is started in full test runs only")
	}
	s := &Server{dir: t.TempDir()}
	if s.tools = find(); s.tools == "" {
		t.Skip("there is no PostgreSQL on this machine; install Debian's postgresql, or run make test-deps")
	}
	if err := s.prepare(); err != nil {
		t.Skip("PostgreSQL cannot be run here: " + err.Error())
	}
	if err := s.run(); err != nil {
		t.Fatalf("start PostgreSQL: %v\n%s", err, s.log.String())
	}
	t.Cleanup(func() { s.Stop() })
	return s
}

// find returns the folder of the newest version's programs.
func find() string {
	all, _ := filepath.Glob("/usr/lib/postgresql/*/bin/initdb")
	if len(all) > 0 {
		return filepath.Dir(all[len(all)-1])
	}
	if path, err := exec.LookPath("initdb"); err == nil {
		return filepath.Dir(path)
	}
	return ""
}

// prepare makes the server's folder, for a user that is not root: PostgreSQL
// refuses to run as root.
func (s *Server) prepare() error {
	if os.Geteuid() == 0 {
		if err := s.lower(); err != nil {
			return err
		}
	}
	initdb := s.command("initdb", "-D", s.data(), "-U", "tandem", "-A", "trust", "-E", "UTF8", "--no-locale", "-N")
	if out, err := initdb.CombinedOutput(); err != nil {
		return fmt.Errorf("initdb: %w: %s", err, bytes.TrimSpace(out))
	}
	return nil
}

func (s *Server) lower() error {
	var who *user.User
	var err error
	for _, name := range []string{"postgres", "nobody"} {
		if who, err = user.Lookup(name); err == nil {
			break
		}
	}
	if err != nil {
		return err
	}
	uid, _ := strconv.ParseUint(who.Uid, 10, 32)
	gid, _ := strconv.ParseUint(who.Gid, 10, 32)
	s.as = &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
	for dir := s.dir; len(dir) > len(os.TempDir()); dir = filepath.Dir(dir) { // it must get there
		if err := os.Chmod(dir, 0o755); err != nil { //nolint:gosec // an empty folder of the test
			return err
		}
	}
	return os.Chown(s.dir, int(uid), int(gid))
}

func (s *Server) data() string { return filepath.Join(s.dir, "data") }

func (s *Server) command(name string, args ...string) *exec.Cmd {
	c := exec.Command(filepath.Join(s.tools, name), args...)
	c.Dir = s.dir
	c.Env = append(os.Environ(), "LC_ALL=C")
	c.SysProcAttr = &syscall.SysProcAttr{Credential: s.as, Setpgid: true}
	return c
}

// run starts the server and makes the database.
func (s *Server) run() error {
	addrs, err := ports.Free(1)
	if err != nil {
		return err
	}
	if _, s.port, err = net.SplitHostPort(addrs[0]); err != nil {
		return err
	}
	if err := s.Restart(); err != nil {
		return err
	}
	s.URL = fmt.Sprintf("postgres://tandem@127.0.0.1:%s/postgres?sslmode=disable", s.port)
	return s.await()
}

// Restart starts the server again after Stop, with what it had.
func (s *Server) Restart() error {
	s.cmd = s.command("postgres", "-D", s.data(), "-h", "127.0.0.1", "-p", s.port, "-k", s.dir, "-F", "-c", "max_connections=100")
	s.cmd.Stdout, s.cmd.Stderr = &s.log, &s.log
	return s.cmd.Start()
}

// Stop ends the server at once; connections are cut.
func (s *Server) Stop() {
	if s.cmd == nil {
		return
	}
	_ = s.cmd.Process.Signal(syscall.SIGINT) // PostgreSQL's fast shutdown
	_ = s.cmd.Wait()
	s.cmd = nil
}

// await waits until the server takes statements.
func (s *Server) await() error {
	ctx, cancel := context.WithTimeout(context.Background(), startTime)
	defer cancel()
	db, err := sql.Open("pgx", s.URL)
	if err != nil {
		return err
	}
	defer db.Close()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		if err = db.PingContext(ctx); err == nil {
			return nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return err
		}
	}
}
