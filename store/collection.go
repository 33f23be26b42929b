package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"strings"
	"time"
)

const (
	maxKey   = 512     // bytes
	maxValue = 4 << 20 // bytes of JSON
	// pageSize is the page when none is asked for, and maxPage the largest.
	pageSize = 100
	maxPage  = 1000
)

// Collection keeps values of one type by key, as JSON. Make one with a struct
// literal and keep it; it has no state of its own:
//
//	accounts := &store.Collection[Account]{DB: db, Name: "accounts"}
type Collection[T any] struct {
	DB   *DB
	Name string // one name, one T
	// Label picks the value's label, by which List can select; nil is none.
	Label func(T) string
}

// Item is a value with what the store knows of it.
type Item[T any] struct {
	Key     string
	Value   T
	Version int64     // 1 when created, one more at every change
	Expires time.Time // not found from then on; zero is never
}

// Get returns the item, or ErrNotFound.
func (c *Collection[T]) Get(ctx context.Context, key string) (Item[T], error) {
	row := c.DB.in(ctx).QueryRowContext(ctx, `SELECT key, version, expires, value FROM items
		WHERE collection = $1 AND key = $2 AND (expires = 0 OR expires > $3)`, c.Name, key, nanos(time.Now()))
	item, err := scanItem[T](row.Scan)
	return item, c.explain("get", key, err)
}

// upsert takes collection, key, label, expires and value.
const upsert = `INSERT INTO items (collection, key, label, version, expires, value) VALUES ($1, $2, $3, 1, $4, $5)
	ON CONFLICT (collection, key) DO UPDATE SET label = excluded.label, version = items.version + 1,
		expires = excluded.expires, value = excluded.value`

// Put stores the value under the key, whether there is one already or not, and
// without an end.
func (c *Collection[T]) Put(ctx context.Context, key string, value T) (Item[T], error) {
	return c.PutUntil(ctx, key, value, time.Time{})
}

// PutUntil is Put for a value that is not found any more at a time; a zero
// time is never.
func (c *Collection[T]) PutUntil(ctx context.Context, key string, value T, expires time.Time) (Item[T], error) {
	return c.write(ctx, "put", Item[T]{Key: key, Value: value, Expires: expires},
		upsert+` RETURNING version`)
}

// Set is PutUntil for who does not ask for the version: it costs half as much.
func (c *Collection[T]) Set(ctx context.Context, key string, value T, expires time.Time) error {
	args, err := c.args(Item[T]{Key: key, Value: value, Expires: expires})
	if err == nil {
		_, err = c.exec(ctx, upsert, args...)
	}
	return c.explain("set", key, err)
}

// Swap stores the item only when its Version is still the stored one; version
// 0 means that there must be none. Otherwise it returns ErrConflict: get the
// item again and decide anew. It is how leases and edits by two people work.
func (c *Collection[T]) Swap(ctx context.Context, item Item[T]) (Item[T], error) {
	if item.Version == 0 {
		// An item whose time is over counts as none.
		return c.write(ctx, "create", item,
			upsert+` WHERE items.expires > 0 AND items.expires <= $6 RETURNING version`, nanos(time.Now()))
	}
	return c.write(ctx, "change", item,
		`UPDATE items SET label = $3, version = version + 1, expires = $4, value = $5
		WHERE collection = $1 AND key = $2 AND version = $6
		RETURNING version`, item.Version)
}

// write runs a statement that takes collection, key, label, expires, value and
// more, and returns the new version, or no row for a conflict.
func (c *Collection[T]) write(ctx context.Context, did string, item Item[T], query string, more ...any) (Item[T], error) {
	args, err := c.args(item)
	if err != nil {
		return item, c.explain(did, item.Key, err)
	}
	args = append(args, more...)
	err = c.DB.in(ctx).QueryRowContext(ctx, query, args...).Scan(&item.Version)
	if errors.Is(err, sql.ErrNoRows) {
		err = ErrConflict
	}
	return item, c.explain(did, item.Key, err)
}

// args are what upsert takes.
func (c *Collection[T]) args(item Item[T]) ([]any, error) {
	value, err := encode(c.Name, item.Key, item.Value)
	if err != nil {
		return nil, err
	}
	label := ""
	if c.Label != nil {
		label = c.Label(item.Value)
	}
	return []any{c.Name, item.Key, label, nanos(item.Expires), value}, nil
}

// Delete removes the item, or returns ErrNotFound.
func (c *Collection[T]) Delete(ctx context.Context, key string) error {
	n, err := c.exec(ctx, `DELETE FROM items WHERE collection = $1 AND key = $2`, c.Name, key)
	if err == nil && n == 0 {
		err = ErrNotFound
	}
	return c.explain("delete", key, err)
}

// DeleteVersion removes the item only when its version is still the stored
// one; otherwise, and when there is none, it returns ErrConflict.
func (c *Collection[T]) DeleteVersion(ctx context.Context, key string, version int64) error {
	n, err := c.exec(ctx, `DELETE FROM items WHERE collection = $1 AND key = $2 AND version = $3`, c.Name, key, version)
	if err == nil && n == 0 {
		err = ErrConflict
	}
	return c.explain("delete", key, err)
}

// DeleteExpired removes the items whose time was over at now, and says how
// many. They are not found anyway; this gives their space back.
func (c *Collection[T]) DeleteExpired(ctx context.Context, now time.Time) (int64, error) {
	n, err := c.exec(ctx, `DELETE FROM items WHERE collection = $1 AND expires > 0 AND expires <= $2`, c.Name, nanos(now))
	return n, c.explain("expire items of", "", err)
}

func (c *Collection[T]) exec(ctx context.Context, query string, args ...any) (int64, error) {
	res, err := c.DB.in(ctx).ExecContext(ctx, query, args...)
	if err != nil {
		return 0, err
	}
	return res.RowsAffected()
}

// Page selects a part of a collection.
type Page struct {
	After string // only keys after this one: the last key of the page before
	Label string // only items with this label; empty is all
	Limit int    // items at most; 0 is 100, more than 1000 is 1000
}

// List returns one page in the order of the keys. A page shorter than Limit is
// the last.
func (c *Collection[T]) List(ctx context.Context, p Page) ([]Item[T], error) {
	return c.list(ctx, `SELECT key, version, expires, value FROM items
		WHERE collection = $1 AND key > $2 AND ($3 = '' OR label = $3) AND (expires = 0 OR expires > $4)
		ORDER BY key LIMIT $5`, c.Name, p.After, p.Label, nanos(time.Now()), limit(p.Limit))
}

// ListBefore returns the items that expire before t (those whose time is over
// already too), the earliest first. What to renew, and what to say goodbye to.
func (c *Collection[T]) ListBefore(ctx context.Context, t time.Time, most int) ([]Item[T], error) {
	return c.list(ctx, `SELECT key, version, expires, value FROM items
		WHERE collection = $1 AND expires > 0 AND expires < $2
		ORDER BY expires, key LIMIT $3`, c.Name, nanos(t), limit(most))
}

// Each goes through the whole collection page by page in the order of the
// keys; what changes meanwhile is seen or not. After an error it ends.
func (c *Collection[T]) Each(ctx context.Context) iter.Seq2[Item[T], error] {
	return func(yield func(Item[T], error) bool) {
		for p := (Page{Limit: maxPage}); ; {
			items, err := c.List(ctx, p)
			if err != nil {
				yield(Item[T]{}, err)
				return
			}
			for _, item := range items {
				if !yield(item, nil) {
					return
				}
			}
			if len(items) < maxPage {
				return
			}
			p.After = items[len(items)-1].Key
		}
	}
}

func (c *Collection[T]) list(ctx context.Context, query string, args ...any) ([]Item[T], error) {
	rows, err := c.DB.in(ctx).QueryContext(ctx, query, args...)
	if err != nil {
		return nil, c.explain("list", "", err)
	}
	defer func() { _ = rows.Close() }()
	var items []Item[T]
	for rows.Next() {
		item, err := scanItem[T](rows.Scan)
		if err != nil {
			return nil, c.explain("list", item.Key, err)
		}
		items = append(items, item)
	}
	return items, c.explain("list", "", rows.Err())
}

func (c *Collection[T]) explain(did, key string, err error) error {
	return explainAt(c.DB, did, c.Name, key, err)
}

// explainAt names the item in the error, and the database when it is to blame.
func explainAt(db *DB, did, name, key string, err error) error {
	if err == nil {
		return nil
	}
	if errors.Is(err, sql.ErrNoRows) {
		err = ErrNotFound
	}
	at := strings.TrimSuffix(name+"/"+key, "/")
	if reasonOf(err) != nil {
		return db.explain(did+" "+at+" in", err)
	}
	return fmt.Errorf("%s %s: %w", did, at, err)
}

func scanItem[T any](scan func(...any) error) (Item[T], error) {
	var item Item[T]
	var expires int64
	var value []byte
	if err := scan(&item.Key, &item.Version, &expires, &value); err != nil {
		return item, err
	}
	item.Expires = fromNanos(expires)
	return item, decode(value, &item.Value)
}

func encode(name, key string, value any) (string, error) {
	if name == "" || key == "" || len(key) > maxKey || strings.ContainsRune(key, 0) {
		return "", fmt.Errorf("%w: a key has 1 to %d bytes and no NUL", errBadValue, maxKey)
	}
	b, err := json.Marshal(value)
	if err != nil {
		return "", fmt.Errorf("%w: %w", errBadValue, err)
	}
	if len(b) > maxValue {
		return "", fmt.Errorf("%w: the value has %d bytes, more than %d", errBadValue, len(b), maxValue)
	}
	return string(b), nil
}

func decode(value []byte, to any) error {
	if err := json.Unmarshal(value, to); err != nil {
		return fmt.Errorf("decode the stored value: %w", err)
	}
	return nil
}

func limit(n int) int {
	if n <= 0 {
		return pageSize
	}
	return min(n, maxPage)
}
