// Package store keeps the gateway's state in SQLite or PostgreSQL: collections
// of named values, logs of records in time order, and secrets encrypted at
// rest. It knows nothing of what it keeps. Start reading at [Open], then
// [Collection], [Log] and [Secrets].
//
// What a method has acknowledged with a nil error survives kill -9 and a loss
// of power.
package store

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib" // the "pgx" driver
	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"
	_ "modernc.org/sqlite" // the "sqlite" driver
)

//go:embed migrations/*.sql
var migrations embed.FS

const (
	// A writer waits this long for another writer of the same SQLite file.
	busyTimeout = 10 * time.Second
	// More connections than this do not make either engine faster at our size.
	maxConns = 8
	// An unreachable PostgreSQL must not hold up the gateway's start for longer.
	openTimeout = 30 * time.Second
)

// DB is an open database. Its methods are safe for concurrent use.
type DB struct {
	sql  *sql.DB
	name string // for messages: the file, or the URL without its password
	file bool   // it is SQLite

	shelf shelf
}

// Open opens the database and brings its tables up to date. The URL is
// postgres://user@host/name, or sqlite:/path/to/file, or just the path of a
// SQLite file, whose directory is made when it is missing. The caller closes
// the DB.
func Open(ctx context.Context, databaseURL string) (*DB, error) {
	ctx, cancel := context.WithTimeout(ctx, openTimeout)
	defer cancel()
	var db *DB
	var dialect goose.Dialect
	var err error
	if isPostgres(databaseURL) {
		dialect = goose.DialectPostgres
		db, err = openPostgres(databaseURL)
	} else {
		dialect = goose.DialectSQLite3
		db, err = openSQLite(strings.TrimPrefix(databaseURL, "sqlite:"))
	}
	if err != nil {
		return nil, err
	}
	if err := db.migrate(ctx, dialect); err != nil {
		_ = db.sql.Close()
		return nil, err
	}
	return db, nil
}

// Close waits for running statements and closes the database.
func (db *DB) Close() error {
	db.shelf.close()
	return db.explain("close", db.sql.Close())
}

// Ping says whether the database can be reached and can be written to; it is
// meant for readiness checks. A full disk shows at the next write only.
func (db *DB) Ping(ctx context.Context) error {
	return db.Atomically(ctx, func(ctx context.Context) error {
		_, err := db.in(ctx).ExecContext(ctx, `DELETE FROM secrets WHERE name = ''`)
		return db.explain("write to", err)
	})
}

// String names the database without any password.
func (db *DB) String() string { return db.name }

func isPostgres(s string) bool {
	return strings.HasPrefix(s, "postgres://") || strings.HasPrefix(s, "postgresql://")
}

func openPostgres(databaseURL string) (*DB, error) {
	u, err := url.Parse(databaseURL)
	if err != nil {
		// The parser's own words would show the password.
		return nil, errors.New("open database: the postgres:// URL cannot be read; " +
			"characters like @ / : # % in the password must be percent-encoded")
	}
	db := &DB{name: u.Redacted()}
	if db.sql, err = sql.Open("pgx", databaseURL); err != nil {
		return nil, db.explain("open", err)
	}
	db.sql.SetMaxOpenConns(maxConns)
	db.sql.SetMaxIdleConns(maxConns)
	// Follow a fail-over of the server, and a change of its address.
	db.sql.SetConnMaxLifetime(30 * time.Minute)
	return db, nil
}

func openSQLite(path string) (*DB, error) {
	if path == "" {
		return nil, errors.New("open database: no file is named; set a path such as tandem.db")
	}
	if scheme, _, ok := strings.Cut(path, "://"); ok {
		return nil, fmt.Errorf("open database: %s:// is not supported; use sqlite:PATH or postgres://", scheme)
	}
	db := &DB{name: path, file: true}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, db.explain("open", err)
	}
	if err := touch(path); err != nil {
		return nil, db.explain("open", err)
	}
	query := url.Values{
		"_txlock": {"immediate"},
		"_pragma": {
			fmt.Sprintf("busy_timeout(%d)", busyTimeout.Milliseconds()),
			"journal_mode(WAL)",
			"synchronous(FULL)", // what is acknowledged survives a loss of power too
		},
	}
	var err error
	if db.sql, err = sql.Open("sqlite", (&url.URL{Scheme: "file", Opaque: escapePath(path), RawQuery: query.Encode()}).String()); err != nil {
		return nil, db.explain("open", err)
	}
	db.sql.SetMaxOpenConns(maxConns)
	db.sql.SetMaxIdleConns(maxConns)
	return db, nil
}

// touch makes the file for its owner only: it holds call records and the
// hashes of passwords. SQLite gives its -wal and -shm files the same mode.
func touch(path string) error {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if errors.Is(err, fs.ErrPermission) {
		return fmt.Errorf("%w: %w", ErrReadOnly, err)
	}
	if err != nil {
		return err
	}
	return f.Close()
}

// escapePath keeps ?, # and % of a file name out of the URI's syntax.
func escapePath(path string) string {
	return strings.NewReplacer("%", "%25", "?", "%3f", "#", "%23").Replace(path)
}

func (db *DB) migrate(ctx context.Context, dialect goose.Dialect) error {
	dir, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return db.explain("migrate", err)
	}
	options := []goose.ProviderOption{goose.WithTableName("schema_version"), goose.WithDisableGlobalRegistry(true)}
	if dialect == goose.DialectPostgres {
		locker, err := lock.NewPostgresSessionLocker() // several nodes start at once
		if err != nil {
			return db.explain("migrate", err)
		}
		options = append(options, goose.WithSessionLocker(locker))
	}
	p, err := goose.NewProvider(dialect, db.sql, dir, options...)
	if err != nil {
		return db.explain("migrate", err)
	}
	have, want, err := p.GetVersions(ctx)
	if err != nil {
		return db.explain("open", err)
	}
	if have > want {
		return fmt.Errorf("open database %s: it was written by a newer version of this program (schema %d, this one knows %d); "+
			"run the newer version, or restore a backup", db.name, have, want)
	}
	_, err = p.Up(ctx)
	return db.explain("migrate", err)
}
