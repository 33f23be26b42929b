package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Search selects records by what is in them. It reads records in time order, the
// newest first, and no more of them than Scan: so a search for what is rare gives an
// answer in bounded time, and the place to go on.
type Search[T any] struct {
	Span
	// Texts must all be somewhere in the record's JSON; case does not matter for
	// letters of ASCII.
	Texts []string
	// Match decides on what Texts let through; nil takes all.
	Match func(T) bool
	Scan  int // records looked at, at most; 0 is 10,000
}

// Found is a page of a search.
type Found[T any] struct {
	Entries []Entry[T]
	// More says that there are older records that were not looked at; Before and
	// BeforeID of the next Span are then At and ID.
	More bool
	At   time.Time
	ID   string
}

const (
	defaultScan = 10_000
	maxStep     = 5_000 // records one statement looks at
)

// Search returns the records that match, the newest first. A page can be shorter
// than Limit, even empty, although there is More.
func (l *Log[T]) Search(ctx context.Context, s Search[T]) (Found[T], error) {
	var f Found[T]
	want := limit(s.Limit)
	left, step := s.Scan, max(2*want, 200)
	if left <= 0 {
		left = defaultScan
	}
	for len(f.Entries) < want {
		step = min(step, left, maxStep)
		c, err := l.chunk(ctx, s, step)
		if err != nil {
			return f, err
		}
		for _, e := range c.page {
			if s.Match != nil && !s.Match(e.Value) {
				continue
			}
			if len(f.Entries) == want {
				f.More = true
				return f, nil
			}
			f.Entries = append(f.Entries, e)
			f.At, f.ID = e.At, e.ID
		}
		if c.read < step {
			return f, nil // there are no older ones
		}
		f.At, f.ID, f.More = c.at, c.id, true
		s.Before, s.BeforeID = c.at, c.id
		if left -= c.read; left == 0 {
			break
		}
		f.More = false
		step *= 2
	}
	f.More = true
	return f, nil
}

// A chunk is what the database found in the next records.
type chunk[T any] struct {
	page []Entry[T] // those with the texts
	read int        // records looked at
	at   time.Time  // of the last one
	id   string
}

func (l *Log[T]) chunk(ctx context.Context, s Search[T], step int) (c chunk[T], err error) {
	where, args := l.where(s.Span)
	read := fmt.Sprintf(`SELECT id, at, value FROM records WHERE %s ORDER BY at DESC, id DESC LIMIT %d`, where, step)
	if len(s.Texts) == 0 {
		if c.page, err = l.list(ctx, read, args...); err == nil && len(c.page) > 0 {
			last := c.page[len(c.page)-1]
			c.read, c.at, c.id = len(c.page), last.At, last.ID
		}
		return c, err
	}
	like := "ILIKE"
	if l.DB.file {
		like = "LIKE" // without case there, too
	}
	var has []string
	with := slices.Clone(args)
	for _, text := range s.Texts {
		with = append(with, "%"+likeText(text)+"%")
		has = append(has, fmt.Sprintf(`value %s $%d ESCAPE '!'`, like, len(with)))
	}
	c.page, err = l.list(ctx, fmt.Sprintf(`SELECT id, at, value FROM (%s) AS newest WHERE %s ORDER BY at DESC, id DESC`, read, strings.Join(has, " AND ")), with...)
	if err != nil {
		return c, err
	}
	var at int64
	err = l.DB.in(ctx).QueryRowContext(ctx, fmt.Sprintf(`SELECT id, at FROM records WHERE %s ORDER BY at DESC, id DESC LIMIT 1 OFFSET %d`, where, step-1), args...).Scan(&c.id, &at)
	if errors.Is(err, sql.ErrNoRows) {
		return c, nil // fewer were left; read stays below step
	}
	c.read, c.at = step, fromNanos(at)
	return c, l.explain("search", "", err)
}

// likeText is a text as it stands in JSON, and nothing in it means something to LIKE.
func likeText(text string) string {
	b, err := json.Marshal(text)
	if err != nil {
		b = []byte(text)
	}
	return strings.NewReplacer("!", "!!", "%", "!%", "_", "!_").Replace(strings.Trim(string(b), `"`))
}
