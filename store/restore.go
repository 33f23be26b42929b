package store

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"
)

// ErrNotEmpty means that a database holds something that a restore would replace.
var ErrNotEmpty = errors.New("the database is not empty")

const (
	// maxLine bounds a line of an archive: a value and its quotes' escapes.
	maxLine = 2*maxValue + 64<<10
	// maxFileText bounds a file in an archive.
	maxFileText = 64 << 10
	maxFiles    = 4
	maxColumns  = 32
)

// CheckArchive reads a whole archive and says what it holds. An error says why
// it must not be restored.
func CheckArchive(r io.Reader) (Manifest, error) {
	return readArchive(r, func(string, []string) (func([]any) error, error) {
		return func([]any) error { return nil }, nil
	})
}

// Restore puts what the archive holds into the database, all of it or nothing, and
// says what that was. What the database held before is deleted when replace is
// set; otherwise it must be empty, or the error is ErrNotEmpty. No gateway may use
// the database meanwhile. The caller has seen CheckArchive succeed.
func (db *DB) Restore(ctx context.Context, r io.Reader, replace bool) (m Manifest, err error) {
	err = db.Atomically(ctx, func(ctx context.Context) error {
		if err := db.clear(ctx, replace); err != nil {
			return err
		}
		m, err = readArchive(r, func(table string, columns []string) (func([]any) error, error) {
			return db.inserter(ctx, table, columns)
		})
		if err != nil {
			return err
		}
		ours, err := db.schema(ctx, db.in(ctx))
		if err == nil && m.Schema > ours {
			err = fmt.Errorf("the archive was made by a newer version of this program (schema %d, this one knows %d)", m.Schema, ours)
		}
		return err
	})
	return m, err
}

func (db *DB) clear(ctx context.Context, replace bool) error {
	empty, err := db.Empty(ctx)
	if err != nil || empty {
		return err
	}
	if !replace {
		return fmt.Errorf("restore into database %s: %w", db.name, ErrNotEmpty)
	}
	for _, table := range ownTables() {
		if _, err := db.in(ctx).ExecContext(ctx, "DELETE FROM "+table); err != nil {
			return db.explain("empty", err)
		}
	}
	return nil
}

// inserter returns what puts a row of the archive into the table.
func (db *DB) inserter(ctx context.Context, table string, columns []string) (func([]any) error, error) {
	known, err := db.columns(ctx, table)
	if err != nil {
		return nil, err
	}
	for _, c := range columns {
		if !slices.Contains(known, c) {
			return nil, fmt.Errorf("the archive has a column %q of table %s that this version does not know", c, table)
		}
	}
	places := make([]string, len(columns))
	for i := range places {
		places[i] = fmt.Sprintf("$%d", i+1)
	}
	insert := fmt.Sprintf("INSERT INTO %s (%s) VALUES (%s)", table, strings.Join(columns, ", "), strings.Join(places, ", "))
	return func(row []any) error {
		_, err := db.in(ctx).ExecContext(ctx, insert, row...)
		return db.explain("write to", err)
	}, nil
}

func (db *DB) columns(ctx context.Context, table string) ([]string, error) {
	rows, err := db.in(ctx).QueryContext(ctx, "SELECT * FROM "+table+" LIMIT 0")
	if err != nil {
		return nil, db.explain("read", err)
	}
	defer func() { _ = rows.Close() }()
	columns, err := rows.Columns()
	return columns, db.explain("read", errors.Join(err, rows.Err()))
}

// An archive is one that is being read.
type archive struct {
	lines *bufio.Scanner
	n     int // of the line
	m     Manifest
	table string
	width int // columns of table
	put   func(row []any) error
	ended bool
}

// readArchive reads an archive to its end. table is called at the beginning of each
// table and returns what gets its rows.
func readArchive(r io.Reader, table func(name string, columns []string) (func(row []any) error, error)) (Manifest, error) {
	sent := &counted{from: r}
	packed, err := gzip.NewReader(bufio.NewReader(sent))
	if err != nil {
		return Manifest{}, fmt.Errorf("this is not an archive of tandem backup: %w", err)
	}
	a := &archive{lines: bufio.NewScanner(&inflated{from: packed, sent: sent}), m: Manifest{Rows: make(map[string]int64), Files: make(map[string]string)}}
	a.lines.Buffer(make([]byte, 64<<10), maxLine)
	for a.lines.Scan() {
		a.n++
		if err := a.line(a.lines.Bytes(), table); err != nil && a.lines.Err() == nil { // else it is what was read last
			return a.m, fmt.Errorf("line %d of the archive: %w", a.n, err)
		}
	}
	if err := a.lines.Err(); err != nil {
		return a.m, fmt.Errorf("the archive is damaged after line %d: %w", a.n, err)
	}
	if !a.ended {
		return a.m, fmt.Errorf("the archive is cut off after line %d", a.n)
	}
	return a.m, nil
}

const (
	// Archives shrink to a tenth or so; a bomb unpacks to a thousand times its size.
	mostGrowth = 200
	freeGrowth = 64 << 20 // bytes that an archive may unpack to in any case
)

var errBomb = errors.New("it unpacks to far more than an archive of tandem backup does")

// counted counts what is read.
type counted struct {
	from io.Reader
	n    int64
}

func (c *counted) Read(b []byte) (int, error) {
	n, err := c.from.Read(b)
	c.n += int64(n)
	return n, err
}

// inflated ends with an error when little was sent for what it has become.
type inflated struct {
	from io.Reader
	sent *counted
	n    int64
}

func (u *inflated) Read(b []byte) (int, error) {
	n, err := u.from.Read(b)
	if u.n += int64(n); u.n > freeGrowth && u.n > mostGrowth*u.sent.n {
		return 0, errBomb
	}
	return n, err
}

func (a *archive) line(text []byte, table func(string, []string) (func([]any) error, error)) error {
	switch {
	case a.ended:
		return errors.New("it comes after the end")
	case a.n == 1:
		return a.manifest(text)
	case bytes.HasPrefix(text, []byte("[")):
		return a.row(text)
	}
	var l line
	if err := strict(text, &l); err != nil {
		return err
	}
	switch {
	case l.End:
		a.ended = true
		if !maps.Equal(l.Rows, a.m.Rows) {
			return fmt.Errorf("rows are missing: it should hold %v and holds %v", l.Rows, a.m.Rows)
		}
		return nil
	case l.File != "":
		return a.file(l)
	}
	return a.begin(l, table)
}

func (a *archive) manifest(text []byte) error {
	if err := json.Unmarshal(text, &a.m); err != nil || a.m.Format == 0 {
		return errors.New("this is not an archive of tandem backup")
	}
	if a.m.Format != archiveFormat {
		return fmt.Errorf("its form is number %d, this version knows number %d; use the version of the program that made it (%s)", a.m.Format, archiveFormat, a.m.By)
	}
	return nil
}

func (a *archive) file(l line) error {
	if len(a.m.Files) == maxFiles || len(l.Text) > maxFileText || strings.ContainsAny(l.File, `/\`) {
		return fmt.Errorf("a file %.40q cannot be part of an archive", l.File)
	}
	a.m.Files[l.File] = l.Text
	return nil
}

func (a *archive) begin(l line, table func(string, []string) (func([]any) error, error)) (err error) {
	if _, twice := a.m.Rows[l.Table]; twice || !isOwn(l.Table) || len(l.Columns) == 0 || len(l.Columns) > maxColumns {
		return fmt.Errorf("a table %.40q cannot be part of an archive, or comes twice", l.Table)
	}
	for _, c := range l.Columns {
		if strings.Trim(c, "abcdefghijklmnopqrstuvwxyz_") != "" || c == "" {
			return fmt.Errorf("%.40q is not the name of a column", c)
		}
	}
	a.table, a.width, a.m.Rows[l.Table] = l.Table, len(l.Columns), 0
	a.put, err = table(l.Table, l.Columns)
	return err
}

func (a *archive) row(text []byte) error {
	if a.put == nil {
		return errors.New("a row comes before its table")
	}
	var row []any
	if err := strict(text, &row); err != nil {
		return err
	}
	if len(row) != a.width {
		return fmt.Errorf("a row of table %s has %d columns, it should have %d", a.table, len(row), a.width)
	}
	for i, v := range row {
		switch v := v.(type) {
		case string:
		case json.Number:
			n, err := v.Int64()
			if err != nil {
				return fmt.Errorf("%.40q is not a whole number", v)
			}
			row[i] = n
		default:
			return fmt.Errorf("a row of table %s holds what is neither text nor number", a.table)
		}
	}
	a.m.Rows[a.table]++
	return a.put(row)
}

// strict reads one JSON value and nothing after it.
func strict(text []byte, into any) error {
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		return fmt.Errorf("it is damaged: %w", err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return errors.New("it is damaged: something follows the value")
	}
	return nil
}

// Idle returns an error when another process has the SQLite file open; of
// PostgreSQL it knows nothing.
func (db *DB) Idle(ctx context.Context) error {
	if !db.file {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	c, err := db.sql.Conn(ctx)
	if err != nil {
		return db.explain("open", err)
	}
	defer func() { _ = c.Close() }()
	// Leaving the write-ahead log needs the file for oneself.
	if _, err := c.ExecContext(ctx, "PRAGMA busy_timeout = 0; PRAGMA journal_mode = DELETE"); err != nil {
		return fmt.Errorf("the database %s is in use; stop the gateway first: %w", db.name, err)
	}
	_, err = c.ExecContext(ctx, fmt.Sprintf("PRAGMA journal_mode = WAL; PRAGMA busy_timeout = %d", busyTimeout.Milliseconds()))
	return db.explain("open", err)
}
