package store

import (
	"context"
	"time"
)

// pruneBatch is how many records one statement removes, so that nobody who writes waits
// for long.
const pruneBatch = 500

// Prune removes the records older than before, but for those whose label begins with
// spare ("" spares none), and says how many. It removes few at a time, and lets others
// at the store in between.
func (l *Log[T]) Prune(ctx context.Context, before time.Time, spare string) (int64, error) {
	var total int64
	for {
		res, err := l.DB.in(ctx).ExecContext(ctx, `DELETE FROM records WHERE log = $1 AND id IN
			(SELECT id FROM records WHERE log = $1 AND at < $2 AND ($3 = '' OR substr(label, 1, $4) <> $3) ORDER BY at LIMIT $5)`,
			l.Name, nanos(before), spare, len(spare), pruneBatch)
		if err != nil {
			return total, l.explain("remove old records of", "", err)
		}
		n, err := res.RowsAffected()
		if total += n; err != nil || n < pruneBatch {
			return total, err
		}
		select {
		case <-ctx.Done():
			return total, ctx.Err()
		case <-time.After(pruneRest):
		}
	}
}

// pruneRest is the pause between two batches.
const pruneRest = 20 * time.Millisecond

// Delete removes one record, or returns ErrNotFound.
func (l *Log[T]) Delete(ctx context.Context, id string) error {
	res, err := l.DB.in(ctx).ExecContext(ctx, `DELETE FROM records WHERE log = $1 AND id = $2`, l.Name, id)
	if err != nil {
		return l.explain("delete", id, err)
	}
	if n, err := res.RowsAffected(); err == nil && n == 0 {
		return l.explain("delete", id, ErrNotFound)
	}
	return nil
}
