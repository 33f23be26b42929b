package store

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
)

// Log keeps records of one type in the order of their times, such as call
// records. A record is appended when something begins and updated by its ID
// until it has ended; what it is then stays. Like a Collection it is made with
// a struct literal and has no state:
//
//	calls := &store.Log[call.Record]{DB: db, Name: "calls", Label: func(r call.Record) string { return r.State }}
type Log[T any] struct {
	DB   *DB
	Name string // one name, one T
	// Label picks the record's label, by which List and UpdateLabelled select:
	// "running" while the call runs. nil is none.
	Label func(T) string
}

// Entry is a record with its place in the log.
type Entry[T any] struct {
	ID    string    // unique in the log
	At    time.Time // its place in time order; does not change
	Value T
}

// Append adds a record, or returns ErrConflict when the ID is taken.
func (l *Log[T]) Append(ctx context.Context, e Entry[T]) error {
	return l.write(ctx, "append", e, ErrConflict,
		`INSERT INTO records (log, id, label, value, at) VALUES ($1, $2, $3, $4, $5) ON CONFLICT (log, id) DO NOTHING`, nanos(e.At))
}

// Update replaces the value of the record with e.ID, or returns ErrNotFound.
// The record keeps its time.
func (l *Log[T]) Update(ctx context.Context, e Entry[T]) error {
	return l.write(ctx, "update", e, ErrNotFound,
		`UPDATE records SET label = $3, value = $4 WHERE log = $1 AND id = $2`)
}

// Put appends the record, or updates the one with its ID.
func (l *Log[T]) Put(ctx context.Context, e Entry[T]) error {
	return l.write(ctx, "put", e, ErrConflict,
		`INSERT INTO records (log, id, label, value, at) VALUES ($1, $2, $3, $4, $5)
		ON CONFLICT (log, id) DO UPDATE SET label = excluded.label, value = excluded.value`, nanos(e.At))
}

// write runs a statement that takes log, id, label, value and more; none is the
// error when it touched no row.
func (l *Log[T]) write(ctx context.Context, did string, e Entry[T], none error, query string, more ...any) error {
	value, err := encode(l.Name, e.ID, e.Value)
	if err != nil {
		return l.explain(did, e.ID, err)
	}
	label := ""
	if l.Label != nil {
		label = l.Label(e.Value)
	}
	res, err := l.DB.in(ctx).ExecContext(ctx, query, append([]any{l.Name, e.ID, label, value}, more...)...)
	if err != nil {
		return l.explain(did, e.ID, err)
	}
	if n, err := res.RowsAffected(); err == nil && n == 0 {
		return l.explain(did, e.ID, none)
	}
	return nil
}

// Get returns one record, or ErrNotFound.
func (l *Log[T]) Get(ctx context.Context, id string) (Entry[T], error) {
	row := l.DB.in(ctx).QueryRowContext(ctx, `SELECT id, at, value FROM records WHERE log = $1 AND id = $2`, l.Name, id)
	e, err := scanEntry[T](row.Scan)
	return e, l.explain("get", id, err)
}

// Span selects a part of a log.
type Span struct {
	Since time.Time // only records at or after it; zero is all
	// Before is where the page ends: only records older than it. For the next
	// page take Before and BeforeID of the last record; zero is the newest.
	Before   time.Time
	BeforeID string
	Label    string // only records with this label; empty is all
	Limit    int    // records at most; 0 is 100, more than 1000 is 1000
}

// List returns records, the newest first. A page shorter than Limit is the last.
func (l *Log[T]) List(ctx context.Context, s Span) ([]Entry[T], error) {
	where, args := l.where(s)
	args = append(args, limit(s.Limit))
	return l.list(ctx, fmt.Sprintf(`SELECT id, at, value FROM records WHERE %s ORDER BY at DESC, id DESC LIMIT $%d`, where, len(args)), args...)
}

// where is the condition that selects the span, and what its parameters are.
func (l *Log[T]) where(s Span) (string, []any) {
	where := []string{"log = $1"}
	args := []any{l.Name}
	and := func(condition string, values ...any) {
		for _, v := range values {
			args = append(args, v)
			condition = strings.Replace(condition, "?", fmt.Sprintf("$%d", len(args)), 1)
		}
		where = append(where, condition)
	}
	if s.Label != "" {
		and("label = ?", s.Label)
	}
	if !s.Since.IsZero() {
		and("at >= ?", nanos(s.Since))
	}
	if !s.Before.IsZero() {
		and("(at, id) < (?, ?)", nanos(s.Before), s.BeforeID)
	}
	return strings.Join(where, " AND "), args
}

// ListBefore returns the records older than t, the oldest first: what a
// retention time would delete.
func (l *Log[T]) ListBefore(ctx context.Context, t time.Time, most int) ([]Entry[T], error) {
	return l.list(ctx, `SELECT id, at, value FROM records WHERE log = $1 AND at < $2 ORDER BY at, id LIMIT $3`,
		l.Name, nanos(t), limit(most))
}

// DeleteBefore removes the records older than t and says how many.
func (l *Log[T]) DeleteBefore(ctx context.Context, t time.Time) (int64, error) {
	res, err := l.DB.in(ctx).ExecContext(ctx, `DELETE FROM records WHERE log = $1 AND at < $2`, l.Name, nanos(t))
	if err != nil {
		return 0, l.explain("delete old records of", "", err)
	}
	return res.RowsAffected()
}

// UpdateLabelled changes every record that has the label, and says how many:
// all of them or, on an error, none. At a start it ends the records of calls
// that were running when the process was killed. change must give each another
// label, or it would be met again; that is an error.
func (l *Log[T]) UpdateLabelled(ctx context.Context, label string, change func(*Entry[T])) (n int, err error) {
	if l.Label == nil || label == "" {
		return 0, l.explain("update", label, errors.New("records without labels cannot be selected by one"))
	}
	err = l.DB.Atomically(ctx, func(ctx context.Context) error {
		for {
			page, err := l.List(ctx, Span{Label: label, Limit: maxPage})
			if err != nil || len(page) == 0 {
				return err
			}
			for _, e := range page {
				change(&e)
				if l.Label(e.Value) == label {
					return l.explain("update", e.ID, fmt.Errorf("the record is still labelled %q", label))
				}
				if err := l.Update(ctx, e); err != nil {
					return err
				}
				n++
			}
		}
	})
	if err != nil {
		return 0, err
	}
	return n, nil
}

func (l *Log[T]) list(ctx context.Context, query string, args ...any) ([]Entry[T], error) {
	rows, err := l.DB.in(ctx).QueryContext(ctx, query, args...)
	if err != nil {
		return nil, l.explain("list", "", err)
	}
	defer func() { _ = rows.Close() }()
	var entries []Entry[T]
	for rows.Next() {
		e, err := scanEntry[T](rows.Scan)
		if err != nil {
			return nil, l.explain("list", e.ID, err)
		}
		entries = append(entries, e)
	}
	return entries, l.explain("list", "", rows.Err())
}

func (l *Log[T]) explain(did, id string, err error) error {
	return explainAt(l.DB, did, l.Name, id, err)
}

func scanEntry[T any](scan func(...any) error) (Entry[T], error) {
	var e Entry[T]
	var at int64
	var value []byte
	if err := scan(&e.ID, &at, &value); err != nil {
		return e, err
	}
	e.At = fromNanos(at)
	return e, decode(value, &e.Value)
}
