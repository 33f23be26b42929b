package store

import (
	"context"
	"database/sql"
	"sync"
	"time"
)

// transaction is a *sql.Tx whose statements are prepared: parsing one costs as much as
// carrying it out. Like a *sql.Tx it belongs to one goroutine.
type transaction struct {
	*sql.Tx
	db       *DB
	prepared map[string]*sql.Stmt
	fresh    []string // queries that the shelf does not have
}

// within is the context of one statement. The SQLite driver starts a goroutine for
// each statement that could be interrupted, which costs more than to write a
// record; the transaction as a whole still ends with its context.
func (t *transaction) within(ctx context.Context) context.Context {
	if t.db.file { // a statement waits for nobody far away
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
	s, err := t.prepare(ctx, query)
	if err != nil {
		return nil, err
	}
	if t.prepared == nil {
		t.prepared = make(map[string]*sql.Stmt)
	}
	t.prepared[query] = s
	return s, nil
}

// prepare takes the statement from the shelf, which has it from the second
// transaction on.
func (t *transaction) prepare(ctx context.Context, query string) (*sql.Stmt, error) {
	if s := t.db.shelf.get(query); s != nil {
		return t.StmtContext(t.within(ctx), s), nil
	}
	t.fresh = append(t.fresh, query)
	return t.PrepareContext(ctx, query)
}

// A shelf keeps the statements of a SQLite file prepared from one transaction to the
// next. PostgreSQL's are not kept: a pooler before it may not know them.
type shelf struct {
	mu  sync.Mutex // guards all
	all map[string]*sql.Stmt
}

// maxShelf is more than the code has statements.
const maxShelf = 64

func (s *shelf) get(query string) *sql.Stmt {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.all[query]
}

// keep prepares statements for transactions to come. It is called outside of one:
// it may need a connection of its own.
func (s *shelf) keep(ctx context.Context, db *sql.DB, queries []string) {
	for _, q := range queries {
		p, err := db.PrepareContext(ctx, q) //nolint:sqlclosecheck // the shelf keeps it until close
		if err != nil {
			return // the next transaction prepares its own again
		}
		s.mu.Lock()
		if s.all == nil {
			s.all = make(map[string]*sql.Stmt)
		}
		if s.all[q] == nil && len(s.all) < maxShelf {
			s.all[q], p = p, nil
		}
		s.mu.Unlock()
		if p != nil {
			_ = p.Close()
		}
	}
}

func (s *shelf) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, p := range s.all {
		_ = p.Close()
	}
	s.all = nil
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
	t := &transaction{Tx: tx, db: db}
	if err := f(context.WithValue(ctx, txKey{db}, t)); err != nil {
		return err
	}
	if err := tx.Commit(); err != nil {
		return db.explain("commit to", err)
	}
	if db.file && len(t.fresh) > 0 {
		db.shelf.keep(context.WithoutCancel(ctx), db.sql, t.fresh)
	}
	return nil
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
