package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"syscall"

	"github.com/jackc/pgx/v5/pgconn"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// What a caller branches on, with errors.Is.
var (
	// ErrNotFound: there is no such item, or its time is over.
	ErrNotFound = errors.New("not found")
	// ErrConflict: somebody else has created or changed the item.
	ErrConflict = errors.New("changed by somebody else")
	// ErrFull: the disk, or the space given to the database, is full.
	ErrFull = errors.New("no space is left for the database; free some disk space")
	// ErrReadOnly: the database cannot be written to.
	ErrReadOnly = errors.New("the database is read-only; check its permissions and its file system")
	// ErrUnavailable: the database cannot be reached, opened or is locked.
	ErrUnavailable = errors.New("the database is not available")
	// ErrCorrupt: the database file is damaged or is not one.
	ErrCorrupt = errors.New("the database file is damaged or is not a database; restore a backup")

	errBadValue = errors.New("this cannot be kept")
)

// explain says what was done to which database, and what a person can do.
func (db *DB) explain(did string, err error) error {
	if err == nil {
		return nil
	}
	for _, known := range []error{ErrNotFound, ErrConflict} {
		if errors.Is(err, known) {
			return err
		}
	}
	if reason := reasonOf(err); reason != nil && !errors.Is(err, reason) {
		return fmt.Errorf("%s database %s: %w (%w)", did, db.name, reason, err)
	}
	return fmt.Errorf("%s database %s: %w", did, db.name, err)
}

func reasonOf(err error) error {
	var s *sqlite.Error
	var p *pgconn.PgError
	var n net.Error
	switch {
	case errors.Is(err, context.Canceled):
		return nil
	case errors.As(err, &s):
		return sqliteReason(s.Code())
	case errors.As(err, &p):
		return postgresReason(p.Code)
	case errors.Is(err, syscall.ENOSPC):
		return ErrFull
	case errors.Is(err, syscall.EROFS):
		return ErrReadOnly
	case errors.As(err, &n):
		return ErrUnavailable
	}
	var c *pgconn.ConnectError
	if errors.As(err, &c) || slices.ContainsFunc(lostConnection(), func(lost error) bool { return errors.Is(err, lost) }) {
		return ErrUnavailable
	}
	return nil
}

// lostConnection is how a connection says that its server went away in the
// middle of a statement.
func lostConnection() []error {
	return []error{io.EOF, io.ErrUnexpectedEOF, driver.ErrBadConn, sql.ErrConnDone, net.ErrClosed, syscall.EPIPE, syscall.ECONNRESET}
}

// refused says whether the database will never take the value, however often
// it is asked.
func refused(err error) bool {
	var s *sqlite.Error
	var p *pgconn.PgError
	switch {
	case errors.Is(err, errBadValue):
		return true
	case errors.As(err, &s):
		code := s.Code() & 0xff
		return code == sqlite3.SQLITE_TOOBIG || code == sqlite3.SQLITE_CONSTRAINT || code == sqlite3.SQLITE_MISMATCH
	case errors.As(err, &p) && len(p.Code) == 5:
		// Data exception, integrity constraint, program limit.
		return p.Code[:2] == "22" || p.Code[:2] == "23" || p.Code[:2] == "54"
	}
	return false
}

// sqliteReason reads the primary code: the low byte of an extended one.
func sqliteReason(code int) error {
	switch code & 0xff {
	case sqlite3.SQLITE_FULL:
		return ErrFull
	case sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM:
		return ErrReadOnly
	case sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_IOERR:
		return ErrUnavailable
	case sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB:
		return ErrCorrupt
	}
	return nil
}

// postgresReason reads a SQLSTATE (PostgreSQL documentation, appendix A).
func postgresReason(state string) error {
	if len(state) != 5 {
		return nil
	}
	switch {
	case state == "53100": // disk_full
		return ErrFull
	case state == "25006": // read_only_sql_transaction: a standby
		return ErrReadOnly
	case state[:2] == "08", state[:2] == "57", state[:2] == "53", state[:2] == "28":
		return ErrUnavailable
	}
	return nil
}
