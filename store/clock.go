package store

import (
	"context"
	"time"
)

// Now is the database's clock, which is the same for all that share the database
// whatever their own clocks say. A SQLite file has the clock of its machine.
func (db *DB) Now(ctx context.Context) (time.Time, error) {
	if db.file {
		return time.Now(), nil
	}
	var micros int64
	row := db.in(ctx).QueryRowContext(ctx, `SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint`)
	if err := row.Scan(&micros); err != nil {
		return time.Time{}, db.explain("ask the time of", err)
	}
	return time.UnixMicro(micros).UTC(), nil
}

// Shared reports whether several machines can share the database: PostgreSQL.
func (db *DB) Shared() bool { return !db.file }
