package sipua

import (
	"context"
	"fmt"
	"sync"
	"time"

	"tandem/alarm"
)

const (
	// saveTimeout bounds a visit to the store, and so how long a shutdown waits for it.
	saveTimeout = 5 * time.Second
	// saveRetry is how long a store that failed is left alone.
	saveRetry = 2 * time.Second
	// savePatience is how long a phone waits for its 200 while the store is slow;
	// most repeat a REGISTER after 500 ms.
	savePatience = 250 * time.Millisecond

	storeAlarm = "sipua/store"
)

// A batcher is a Bindings that writes what f does in one transaction.
type batcher interface {
	Atomically(ctx context.Context, f func(ctx context.Context) error) error
}

// saveSlack is how much longer the store keeps a registration than was agreed. A phone
// that only refreshes what the store has is written again when that runs out, not each
// time; what it was told holds after a kill -9 all the same. The price is that a phone
// which vanished together with the gateway is looked for a little longer.
const saveSlack = 5 * time.Minute

// saves are the bindings that the store does not know yet. Only the last state
// of each counts, so there are never more than there are contacts; without a
// store nothing is kept.
type saves struct {
	off bool

	mu      sync.Mutex // guards what follows
	todo    unsaved
	writing unsaved  // what a visit to the store is about
	told    []func() // wait until todo is in the store
	wake    chan struct{}
}

// unsaved holds bindings by device and key; nil is one to be deleted.
type unsaved map[string]map[string]*Binding

func (u unsaved) set(device, key string, b *Binding) {
	if u[device] == nil {
		u[device] = make(map[string]*Binding)
	}
	u[device][key] = b
}

func (s *saves) put(b Binding)             { s.add(b.Device, b.Key, &b) }
func (s *saves) delete(device, key string) { s.add(device, key, nil) }

func (s *saves) add(device, key string, b *Binding) {
	if s.off {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.todo == nil {
		s.todo = make(unsaved)
	}
	s.todo.set(device, key, b)
	s.wakeLocked()
}

// pending reports whether the store does not know all of a device yet.
func (s *saves) pending(device string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.todo[device] != nil || s.writing[device] != nil
}

func (s *saves) wakeLocked() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// then calls fn, once, when all that was added before is in the store, or could
// not be written, or savePatience is over.
func (s *saves) then(fn func()) {
	if s.off {
		fn()
		return
	}
	once := sync.OnceFunc(fn)
	late := time.AfterFunc(savePatience, once)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.told = append(s.told, func() {
		late.Stop()
		once()
	})
	s.wakeLocked()
}

func (s *saves) take() (todo unsaved, told []func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	todo, told = s.todo, s.told
	s.todo, s.told, s.writing = nil, nil, todo
	return todo, told
}

// done ends a visit to the store. What could not be written is to be written again,
// unless there is something newer.
func (s *saves) done(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	failed := s.writing
	if s.writing = nil; err == nil {
		return
	}
	for device, keys := range failed {
		for key, b := range s.todo[device] {
			keys[key] = b
		}
	}
	for device, keys := range s.todo {
		if failed[device] == nil {
			failed[device] = keys
		}
	}
	s.todo = failed
}

// saveGather is how long a registration waits for others, to be stored with them.
// A phone sees it as a way that is so much longer.
const saveGather = 20 * time.Millisecond

// write brings the store up to date whenever something has changed, and a last
// time when ctx is done.
func (c *Connector) write(ctx context.Context) {
	for {
		var again <-chan time.Time
		if !c.save() {
			again = time.After(saveRetry)
		}
		select {
		case <-ctx.Done():
			c.save()
			return
		case <-c.saves.wake:
			select { // a disk is as busy with one registration as with a hundred
			case <-ctx.Done():
			case <-time.After(saveGather):
			}
		case <-again:
		}
	}
}

// save writes what is to be written, in one transaction where that is possible.
// It reports false if something is left.
func (c *Connector) save() bool {
	todo, told := c.saves.take()
	defer func() {
		for _, fn := range told {
			fn()
		}
	}()
	if len(todo) == 0 {
		return true
	}
	ctx, cancel := context.WithTimeout(context.Background(), saveTimeout)
	defer cancel()
	all := func(ctx context.Context) error { return c.saveAll(ctx, todo) }
	var err error
	if b, ok := c.Bindings.(batcher); ok {
		err = b.Atomically(ctx, all)
	} else {
		err = all(ctx)
	}
	c.saves.done(err)
	c.storeWell(err)
	return err == nil
}

func (c *Connector) saveAll(ctx context.Context, todo unsaved) error {
	for device, keys := range todo {
		for key, b := range keys {
			err := error(nil)
			if b != nil {
				err = c.Bindings.Put(ctx, *b)
			} else {
				err = c.Bindings.Delete(ctx, device, key)
			}
			if err != nil {
				return fmt.Errorf("device %s: %w", device, err)
			}
		}
	}
	return nil
}

// storeWell raises or clears the alarm of the store.
func (c *Connector) storeWell(err error) {
	switch was := c.storeBad.Swap(err != nil); {
	case err == nil:
		if was && c.Alarms != nil {
			c.Alarms.Clear(storeAlarm)
		}
		return
	case !was:
		c.Log.Error("registrations are not in the store and wait for it", "err", err)
	}
	if c.Alarms != nil {
		c.Alarms.Raise(alarm.Alarm{
			Key: storeAlarm, Severity: alarm.Warning, Title: "Registrations cannot be stored", Detail: err.Error(),
			Do: "Make room on the disk, or bring the database back. Until then a restart forgets who is registered, and phones are reached only when they have registered again.",
		})
	}
}
