package store

import "context"

// Sizes says how much a database holds, and where.
type Sizes struct {
	Engine string `json:"engine"`
	Schema int64  `json:"schema"`
	Bytes  int64  `json:"bytes"` // of the file without its log, or of the whole PostgreSQL database
	Parts  []Part `json:"parts"` // collections, logs and the secrets
}

// Part is a collection, a log, or the secrets.
type Part struct {
	Table string `json:"table"`
	Name  string `json:"name"`
	Rows  int64  `json:"rows"`
	Bytes int64  `json:"bytes"` // of the values
}

// Sizes looks through the whole database, which takes a second for every few
// hundred thousand records.
func (db *DB) Sizes(ctx context.Context) (Sizes, error) {
	s := Sizes{Engine: db.engine()}
	size := `SELECT pg_database_size(current_database())`
	if db.file {
		size = `SELECT page_count * page_size FROM pragma_page_count(), pragma_page_size()`
	}
	if err := db.in(ctx).QueryRowContext(ctx, size).Scan(&s.Bytes); err != nil {
		return s, db.explain("read", err)
	}
	var err error
	if s.Schema, err = db.schema(ctx, db.in(ctx)); err != nil {
		return s, err
	}
	rows, err := db.in(ctx).QueryContext(ctx, `SELECT 'items', collection, count(*), coalesce(sum(length(value)), 0) FROM items GROUP BY collection
		UNION ALL SELECT 'records', log, count(*), coalesce(sum(length(value)), 0) FROM records GROUP BY log
		UNION ALL SELECT 'secrets', '', count(*), coalesce(sum(length(sealed)), 0) FROM secrets ORDER BY 1, 2`)
	if err != nil {
		return s, db.explain("read", err)
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var p Part
		if err := rows.Scan(&p.Table, &p.Name, &p.Rows, &p.Bytes); err != nil {
			return s, db.explain("read", err)
		}
		s.Parts = append(s.Parts, p)
	}
	return s, db.explain("read", rows.Err())
}
