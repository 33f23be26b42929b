package store

import (
	"bufio"
	"compress/gzip"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// archiveFormat is the number of the archive's form, in its first line.
const archiveFormat = 1

// ownTables are what an archive holds.
func ownTables() []string { return []string{"items", "records", "secrets"} }

// Manifest tells what an archive holds. The archive is JSON lines, compressed with
// gzip: the manifest, then for each table its name and columns followed by one
// array a row, files, and at last how much there was. It is the same for SQLite
// and PostgreSQL, so that it can be restored into either.
type Manifest struct {
	Format int       `json:"tandem_backup"`
	By     string    `json:"by"`     // the version of the program that made it
	Schema int64     `json:"schema"` // of the tables
	Engine string    `json:"engine"` // sqlite or postgres
	Made   time.Time `json:"made"`

	Rows  map[string]int64  `json:"-"` // by table
	Files map[string]string `json:"-"` // their text, by name; the key file only
}

// line is every line of an archive that is not a row.
type line struct {
	Table   string           `json:"table,omitempty"`
	Columns []string         `json:"columns,omitempty"`
	File    string           `json:"file,omitempty"`
	Text    string           `json:"text,omitempty"`
	End     bool             `json:"end,omitempty"`
	Rows    map[string]int64 `json:"rows,omitempty"`
}

// Look opens a database that is there already, and neither makes nor changes its
// tables: what an older or newer program uses at this moment stays as it is.
func Look(ctx context.Context, databaseURL string) (*DB, error) {
	ctx, cancel := context.WithTimeout(ctx, openTimeout)
	defer cancel()
	db, err := look(databaseURL)
	if err != nil {
		return nil, err
	}
	if _, err := db.schema(ctx, db.sql); err != nil {
		_ = db.sql.Close()
		return nil, fmt.Errorf("database %s holds nothing of this program yet: %w", db.name, err)
	}
	return db, nil
}

func look(databaseURL string) (*DB, error) {
	if isPostgres(databaseURL) {
		return openPostgres(databaseURL)
	}
	path := strings.TrimPrefix(databaseURL, "sqlite:")
	if path != "" && !strings.Contains(path, "://") {
		if _, err := os.Stat(path); err != nil {
			return nil, fmt.Errorf("open database: %w", err)
		}
	}
	return openSQLite(path)
}

func (db *DB) schema(ctx context.Context, q querier) (n int64, err error) {
	err = q.QueryRowContext(ctx, `SELECT max(version_id) FROM schema_version`).Scan(&n)
	return n, db.explain("read", err)
}

func (db *DB) engine() string {
	if db.file {
		return "sqlite"
	}
	return "postgres"
}

// Backup writes an archive of everything to w: the state at one moment, while the
// gateway goes on reading and writing. Secrets stay sealed. files are added under
// their names; by is the version of the program.
func (db *DB) Backup(ctx context.Context, w io.Writer, by string, files map[string]string) (Manifest, error) {
	// Of SQLite a reader's transaction is a snapshot that keeps no writer waiting.
	tx, err := db.sql.BeginTx(ctx, &sql.TxOptions{ReadOnly: true, Isolation: db.snapshot()})
	if err != nil {
		return Manifest{}, db.explain("begin a transaction in", err)
	}
	defer func() { _ = tx.Rollback() }()
	m := Manifest{Format: archiveFormat, By: by, Engine: db.engine(), Made: time.Now().UTC(), Rows: make(map[string]int64), Files: files}
	if m.Schema, err = db.schema(ctx, tx); err != nil {
		return m, err
	}
	packed := gzip.NewWriter(w)
	buffered := bufio.NewWriterSize(packed, 64<<10)
	out := json.NewEncoder(buffered)
	out.SetEscapeHTML(false)
	err = out.Encode(m)
	for _, table := range ownTables() {
		if err == nil {
			m.Rows[table], err = db.dump(ctx, tx, table, out)
		}
	}
	for name, text := range files {
		err = errors.Join(err, out.Encode(line{File: name, Text: text}))
	}
	return m, errors.Join(err, out.Encode(line{End: true, Rows: m.Rows}), buffered.Flush(), packed.Close())
}

func (db *DB) snapshot() sql.IsolationLevel {
	if db.file {
		return sql.LevelDefault
	}
	return sql.LevelRepeatableRead
}

// dump writes the rows of a table and returns how many there were.
func (db *DB) dump(ctx context.Context, tx *sql.Tx, table string, out *json.Encoder) (n int64, err error) {
	rows, err := tx.QueryContext(ctx, "SELECT * FROM "+table) //nolint:gosec // a table of ours
	if err != nil {
		return 0, db.explain("read", err)
	}
	defer func() { _ = rows.Close() }()
	columns, err := rows.Columns()
	if err != nil {
		return 0, db.explain("read", err)
	}
	if err := out.Encode(line{Table: table, Columns: columns}); err != nil {
		return 0, err
	}
	row, into := make([]any, len(columns)), make([]any, len(columns))
	for i := range row {
		into[i] = &row[i]
	}
	for rows.Next() {
		if err := rows.Scan(into...); err != nil {
			return n, db.explain("read", err)
		}
		if err := portable(row); err != nil {
			return n, fmt.Errorf("table %s of database %s: %w", table, db.name, err)
		}
		if err := out.Encode(row); err != nil {
			return n, err
		}
		n++
	}
	return n, db.explain("read", rows.Err())
}

// portable makes sure that a row is the same when it is read again: texts and whole
// numbers are all that the tables hold.
func portable(row []any) error {
	for i, v := range row {
		switch v := v.(type) {
		case int64:
		case []byte:
			row[i] = string(v)
		case string:
		default:
			return fmt.Errorf("a row holds a %T, which no archive can hold", v)
		}
		if s, ok := row[i].(string); ok && !utf8.ValidString(s) {
			return fmt.Errorf("a row holds a text that is not UTF-8, beginning with %.40q", s)
		}
	}
	return nil
}

// Empty reports whether nothing is kept in the database.
func (db *DB) Empty(ctx context.Context) (bool, error) {
	for _, table := range ownTables() {
		var n int
		if err := db.in(ctx).QueryRowContext(ctx, "SELECT count(*) FROM (SELECT 1 FROM "+table+" LIMIT 1) AS found").Scan(&n); err != nil {
			return false, db.explain("read", err)
		}
		if n > 0 {
			return false, nil
		}
	}
	return true, nil
}

// isOwn reports whether an archive may name the table.
func isOwn(table string) bool { return slices.Contains(ownTables(), table) }
