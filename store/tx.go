package store

import (
	"context"
	"database/sql"
	"time"
)

// transaction is a *sql.Tx that prepares each statement once: parsing it costs as
// much as carrying it out. Like a *sql.Tx it belongs to one goroutine.
type transaction struct {
	*sql.Tx
	local    bool // the database is a file: a statement waits for nobody far away
	prepared map[string]*sql.Stmt
}

// within is the context of one statement. The SQLite driver starts a goroutine for
// each statement that could be interrupted, which costs more than to write a
// record; the transaction as a whole still ends with its context.
func (t *transaction) within(ctx context.Context) context.Context {
	if t.local {
		return context.WithoutCancel(ctx)
	}
	return ctx
}

// ExecContext carries out a statement, preparing it the first time. The end of
// the transaction closes it.
func (t *transaction) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	s, err := t.statement(ctx, query) //nolint:sqlclosecheck // the transaction keeps it and closes it
	if err != nil {
		return nil, err
	}
	return s.ExecContext(t.within(ctx), args...)
}

// QueryRowContext is the same for a statement that returns a row.
func (t *transaction) QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row {
	s, err := t.statement(ctx, query) //nolint:sqlclosecheck // the transaction keeps it and closes it
	if err != nil {
		return t.Tx.QueryRowContext(ctx, query, args...) // a Row can carry the error
	}
	return s.QueryRowContext(t.within(ctx), args...)
}

func (t *transaction) statement(ctx context.Context, query string) (*sql.Stmt, error) {
	if s := t.prepared[query]; s != nil {
		return s, nil
	}
	s, err := t.PrepareContext(ctx, query)
	if err != nil {
		return nil, err
	}
	if t.prepared == nil {
		t.prepared = make(map[string]*sql.Stmt)
	}
	t.prepared[query] = s
	return s, nil
}

// querier is what *sql.DB and *sql.Tx share.
type querier interface {
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

type txKey struct{ db *DB }

// Atomically runs f in one transaction: every method of this DB's collections,
// logs and secrets that gets f's context takes part in it. All is kept when f
// returns nil, nothing otherwise. Inside another Atomically it joins that one.
// f should be short: SQLite has one writer at a time.
func (db *DB) Atomically(ctx context.Context, f func(ctx context.Context) error) error {
	if ctx.Value(txKey{db}) != nil {
		return f(ctx)
	}
	tx, err := db.sql.BeginTx(ctx, nil)
	if err != nil {
		return db.explain("begin a transaction in", err)
	}
	defer func() { _ = tx.Rollback() }() // does nothing after Commit
	if err := f(context.WithValue(ctx, txKey{db}, &transaction{Tx: tx, local: db.file})); err != nil {
		return err
	}
	return db.explain("commit to", tx.Commit())
}

// in returns the transaction the context carries, or the database.
func (db *DB) in(ctx context.Context) querier {
	if tx, ok := ctx.Value(txKey{db}).(*transaction); ok {
		return tx
	}
	return db.sql
}

// nanos is how times are stored; the zero time is 0, "never".
func nanos(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixNano()
}

func fromNanos(n int64) time.Time {
	if n == 0 {
		return time.Time{}
	}
	return time.Unix(0, n).UTC()
}
