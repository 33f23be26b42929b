//go:build unix

package postgres

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"flag"
	"fmt"
	"net/url"
	"os"
	"strings"
	"testing"
)

// Env names the database that tests of both engines use.
const Env = "TANDEM_TEST_POSTGRES"

// Main is a TestMain: it runs the tests with a server that all of them share, named by
// Env. When Env names one already, in a short run and without PostgreSQL on this
// machine it starts none.
func Main(m *testing.M) int {
	flag.Parse()
	if os.Getenv(Env) != "" || testing.Short() || find() == "" {
		return m.Run()
	}
	dir, err := os.MkdirTemp("", "tandem-postgres-*")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	s := &Server{dir: dir, tools: find()}
	if err := s.prepare(); err != nil {
		fmt.Fprintln(os.Stderr, "PostgreSQL cannot be run here; its tests are skipped:", err)
		return m.Run()
	}
	defer s.Stop()
	if err := errors.Join(s.run(), os.Setenv(Env, s.URL)); err != nil {
		fmt.Fprintf(os.Stderr, "start PostgreSQL: %v\n%s\n", err, s.log.String())
		return 1
	}
	return m.Run()
}

// Schema is the URL of a schema of its own in the database that Env names; it is gone
// after the test. Without Env the test is skipped.
func Schema(t testing.TB) string {
	t.Helper()
	base := os.Getenv(Env)
	if base == "" {
		t.Skip("run with -tags peers where PostgreSQL is installed, or set " + Env + " to the URL of a database")
	}
	admin, err := sql.Open("pgx", base)
	if err != nil {
		t.Fatal(err)
	}
	schema := "tandem_" + strings.ToLower(rand.Text())
	if _, err := admin.ExecContext(t.Context(), "CREATE SCHEMA "+schema); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_, err := admin.ExecContext(context.Background(), "DROP SCHEMA "+schema+" CASCADE")
		if err := errors.Join(err, admin.Close()); err != nil {
			t.Error(err)
		}
	})
	u, err := url.Parse(base)
	if err != nil {
		t.Fatal(err)
	}
	q := u.Query()
	q.Set("search_path", schema)
	u.RawQuery = q.Encode()
	return u.String()
}
