package store

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"
)

const (
	defaultQueue = 10_000
	writeBatch   = 256 // records in one transaction
	// A disk is as busy with one record as with a hundred. So records gather for
	// this long, unless somebody waits for them in Flush.
	gather = 100 * time.Millisecond
	// When many wait for theirs, one after the other, they are written together: a
	// transaction begins no sooner after the one before. Who comes alone waits for nobody.
	apart      = 20 * time.Millisecond
	retryFirst = 100 * time.Millisecond
	retryMost  = 5 * time.Second
	// When the writer is told to stop, what it still holds gets this long.
	drainTime = 10 * time.Second
)

// Writer writes records to a Log behind the caller's back, for callers that
// must not wait for a disk: calls. Put takes a record into a bounded queue; Run
// writes it, and tries again for as long as the disk is full or the database
// away. A record is acknowledged by Flush, not by Put: kill -9 loses what is
// queued, which is what came in during the last write and 100 ms before it.
type Writer[T any] struct {
	To    *Log[T]
	Queue int          // records that may wait; 0 is 10,000
	Log   *slog.Logger // nil is slog.Default

	// Changed is told, by Run's goroutine, why nothing can be written now, and nil
	// when it can again. It is called at each new failure; nil does nothing.
	Changed func(error)

	once sync.Once
	wake chan struct{} // holds one token when there is something to write
	now  chan struct{} // holds one token when somebody waits for it

	mu      sync.Mutex // guards all below
	waiting map[string]slot[T]
	order   []string      // IDs in waiting, the oldest first
	puts    uint64        // Puts accepted so far
	changed chan struct{} // closed and replaced when waiting or Err changes
	stats   WriterStats
	watched map[string]chan struct{} // by ID, see Stored

	taken []slot[T] // the batch being written; Run's
	began time.Time // when the last transaction began; Run's
}

// slot is the newest value of a record that waits or is being written.
type slot[T any] struct {
	entry  Entry[T]
	first  uint64 // the oldest Put of it that is not stored
	newest uint64 // the Put the value is of
	stored bool   // an older value is in the log
}

// WriterStats is a Writer's figures for metrics and readiness checks.
type WriterStats struct {
	Waiting int    // records in the queue now
	Written uint64 // records stored
	Merged  uint64 // values replaced by a newer one of the same record while they waited
	Dropped uint64 // records refused because the queue was full
	Failed  uint64 // records the database refused for good, such as one too large
	Retries uint64 // writes that failed because the database was away or full
	Err     error  // why nothing can be written now; nil when all is well
}

// Put queues the record, to be put into the log under its ID. It never blocks.
// When the queue is full it counts the record as dropped and returns false; a
// newer value of a record that still waits takes its place and always fits.
func (w *Writer[T]) Put(e Entry[T]) bool {
	w.once.Do(w.setup)
	w.mu.Lock()
	defer w.mu.Unlock()
	s, waits := w.waiting[e.ID]
	if !waits && len(w.order) >= w.queue() {
		w.stats.Dropped++
		return false
	}
	w.puts++
	if waits {
		e.At = s.entry.At // its place is where it began
		w.stats.Merged++
	} else {
		s.first = w.puts
		w.order = append(w.order, e.ID)
	}
	s.entry, s.newest = e, w.puts
	w.waiting[e.ID] = s
	select {
	case w.wake <- struct{}{}:
	default:
	}
	return true
}

// Run writes until ctx ends, and then what is still queued. It returns an error
// when that could not be stored within 10 s. Call it once.
func (w *Writer[T]) Run(ctx context.Context) error {
	w.once.Do(w.setup)
	for ctx.Err() == nil {
		w.drain(ctx)
		select {
		case <-w.wake:
			w.gather(ctx)
		case <-w.now:
		case <-ctx.Done():
		}
		w.pause(ctx, apart-time.Since(w.began))
	}
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), drainTime)
	defer cancel()
	for w.drain(last) {
	}
	if s := w.Stats(); s.Waiting > 0 {
		return fmt.Errorf("store the last records of %s: %d are lost: %w", w.To.Name, s.Waiting, errors.Join(last.Err(), s.Err))
	}
	return nil
}

// gather lets more records come in.
func (w *Writer[T]) gather(ctx context.Context) {
	t := time.NewTimer(gather)
	defer t.Stop()
	select {
	case <-t.C:
	case <-w.now:
	case <-ctx.Done():
	}
}

func (w *Writer[T]) pause(ctx context.Context, d time.Duration) {
	if d <= 0 {
		return
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}

// Flush waits until every record put before is stored, or refused for good.
func (w *Writer[T]) Flush(ctx context.Context) error {
	w.once.Do(w.setup)
	w.mu.Lock()
	until := w.puts
	w.mu.Unlock()
	select {
	case w.now <- struct{}{}:
	default:
	}
	for {
		done, changed, why := w.storedUntil(until)
		if done {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return fmt.Errorf("flush the records of %s: %w", w.To.Name, errors.Join(ctx.Err(), why))
		}
	}
}

// Stored is closed when the record with id, which was Put, is in the log, or when
// nothing can be written now. It is nil when the record does not wait, and when
// it is known that nothing can be written. It hurries nobody, unlike Flush.
func (w *Writer[T]) Stored(id string) <-chan struct{} {
	w.once.Do(w.setup)
	w.mu.Lock()
	defer w.mu.Unlock()
	s, waits := w.waiting[id]
	if !waits || s.stored || w.stats.Err != nil {
		return nil
	}
	if w.watched[id] == nil {
		w.watched[id] = make(chan struct{})
	}
	select { // somebody waits: no gathering
	case w.now <- struct{}{}:
	default:
	}
	return w.watched[id]
}

// unwatchLocked tells who watches id.
func (w *Writer[T]) unwatchLocked(id string) {
	if c := w.watched[id]; c != nil {
		close(c)
		delete(w.watched, id)
	}
}

// Stats returns the figures.
func (w *Writer[T]) Stats() WriterStats {
	w.mu.Lock()
	defer w.mu.Unlock()
	s := w.stats
	s.Waiting = len(w.order)
	return s
}

// drain writes what is in the queue, until ctx ends. It reports whether there was
// something; what has come meanwhile waits for the next time.
func (w *Writer[T]) drain(ctx context.Context) (wrote bool) {
	wait := retryFirst
	for ctx.Err() == nil {
		batch := w.batch()
		if len(batch) == 0 {
			return wrote
		}
		w.began = time.Now()
		bad := w.Stats().Err != nil
		err := w.write(ctx, batch)
		if err == nil {
			wait = retryFirst
			if bad {
				w.tell(nil)
			}
			if wrote = true; len(batch) < writeBatch {
				return wrote
			}
			continue
		}
		w.failing(ctx, err)
		select {
		case <-time.After(wait):
		case <-ctx.Done():
		}
		wait = min(2*wait, retryMost)
	}
	return false
}

// write stores the batch in one transaction. When the database refuses it for
// what it holds, it stores one by one, to find and drop the culprit. An error
// means that the database cannot be used now.
func (w *Writer[T]) write(ctx context.Context, batch []slot[T]) error {
	err := w.To.DB.Atomically(ctx, func(ctx context.Context) error {
		for _, s := range batch {
			if err := w.To.Put(ctx, s.entry); err != nil {
				return err
			}
		}
		return nil
	})
	if err == nil {
		w.done(batch, &w.stats.Written)
		return nil
	}
	if !refused(err) {
		return err
	}
	for _, s := range batch {
		err := w.To.Put(ctx, s.entry)
		switch {
		case err == nil:
			w.done([]slot[T]{s}, &w.stats.Written)
		case refused(err):
			w.log().Error("record cannot be stored", "log", w.To.Name, "id", s.entry.ID, "err", err)
			w.done([]slot[T]{s}, &w.stats.Failed)
		default:
			return err
		}
	}
	return nil
}

func (w *Writer[T]) setup() {
	w.wake, w.now = make(chan struct{}, 1), make(chan struct{}, 1)
	w.waiting = make(map[string]slot[T])
	w.changed = make(chan struct{})
	w.watched = make(map[string]chan struct{})
}

func (w *Writer[T]) queue() int {
	if w.Queue <= 0 {
		return defaultQueue
	}
	return w.Queue
}

func (w *Writer[T]) log() *slog.Logger {
	if w.Log == nil {
		return slog.Default()
	}
	return w.Log
}

// batch copies the oldest records; they stay in the queue until done. The result
// is good until the next call.
func (w *Writer[T]) batch() []slot[T] {
	w.mu.Lock()
	defer w.mu.Unlock()
	clear(w.taken)
	w.taken = w.taken[:0]
	for _, id := range w.order[:min(len(w.order), writeBatch)] {
		w.taken = append(w.taken, w.waiting[id])
	}
	return w.taken
}

// done takes the batch off the queue, but for records that have a newer value.
func (w *Writer[T]) done(batch []slot[T], count *uint64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, b := range batch {
		*count++
		w.unwatchLocked(b.entry.ID)
		s := w.waiting[b.entry.ID]
		if s.newest == b.newest {
			delete(w.waiting, b.entry.ID)
			continue
		}
		s.first, s.stored = b.newest+1, true
		w.waiting[b.entry.ID] = s
	}
	// Everything of the batch is among the first.
	kept := w.order[:0:0]
	head := min(len(w.order), writeBatch)
	for _, id := range w.order[:head] {
		if _, ok := w.waiting[id]; ok {
			kept = append(kept, id)
		}
	}
	w.order = append(kept, w.order[head:]...)
	w.stats.Err = nil
	w.changedLocked()
}

func (w *Writer[T]) tell(err error) {
	if w.Changed != nil {
		w.Changed(err)
	}
}

func (w *Writer[T]) failing(ctx context.Context, err error) {
	if ctx.Err() != nil {
		return // stopped; that says nothing about the database
	}
	w.tell(err)
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.stats.Err == nil {
		w.log().Error("records cannot be stored now and wait", "log", w.To.Name, "waiting", len(w.order), "err", err)
	}
	w.stats.Retries++
	w.stats.Err = err
	for id := range w.watched {
		w.unwatchLocked(id)
	}
	w.changedLocked()
}

func (w *Writer[T]) changedLocked() {
	close(w.changed)
	w.changed = make(chan struct{})
}

// storedUntil says whether no Put up to that one waits; when not, the channel
// is closed at the next change.
func (w *Writer[T]) storedUntil(put uint64) (done bool, changed <-chan struct{}, why error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, s := range w.waiting {
		if s.first <= put {
			return false, w.changed, w.stats.Err
		}
	}
	return true, w.changed, nil
}
