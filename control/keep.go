package control

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"

	"tandem/config"
	"tandem/store"
	"tandem/token"
)

// head is the item that names the newest version. Its own version in the store
// makes changes exclude each other.
type head struct {
	Number int64 `json:"number"`
}

// entry is a version in the log.
type entry struct {
	Version
	// Dropped are the secrets that the version before had and this one has not: they
	// go when the version before goes.
	Dropped []string `json:"dropped,omitempty"`
}

const (
	headKey      = "head"
	secretPrefix = "config/"
	maxStored    = 4 << 20 // bytes: what config.FromJSON reads
)

func (m *Manager) heads() *store.Collection[head] {
	return &store.Collection[head]{DB: m.DB, Name: "config_head"}
}

func (m *Manager) documents() *store.Collection[document] {
	return &store.Collection[document]{DB: m.DB, Name: "config_documents"}
}

func (m *Manager) versions() *store.Log[entry] {
	return &store.Log[entry]{DB: m.DB, Name: "config_versions"}
}

// key sorts as the number does.
func key(number int64) string { return fmt.Sprintf("%019d", number) }

// refs are the secrets of a document by their fields.
type refs map[string]ref

type ref struct {
	name  string // in the store; never used for another value
	value token.Secret
}

// write stores the next version in one transaction, or returns ErrConflict.
func (m *Manager) write(ctx context.Context, old record, next *config.Config, v Version) (record, error) {
	sealed, kept, fresh := seal(next, old.refs)
	text, err := config.RevealJSON(sealed.WithMachine(&config.Config{}))
	if err != nil {
		return record{}, err
	}
	if len(text) > maxStored {
		return record{}, config.FieldError("", "the configuration would have %d bytes, more than %d", len(text), maxStored)
	}
	sum := sha256.Sum256(text)
	v.Digest = hex.EncodeToString(sum[:])
	packed, err := packDocument(text)
	if err != nil {
		return record{}, err
	}
	err = m.DB.Atomically(ctx, func(ctx context.Context) error {
		if err := m.moveHead(ctx, v.Number); err != nil {
			return err
		}
		for _, s := range fresh {
			if err := m.Secrets.Set(ctx, s.name, s.value.Reveal()); err != nil {
				return err
			}
		}
		if _, err := m.documents().Put(ctx, key(v.Number), packed); err != nil {
			return err
		}
		e := entry{Version: v, Dropped: dropped(old.refs, kept)}
		if err := m.versions().Append(ctx, store.Entry[entry]{ID: key(v.Number), At: v.At, Value: e}); err != nil {
			return err
		}
		return m.prune(ctx, v.Number)
	})
	if errors.Is(err, store.ErrConflict) {
		return record{}, ErrConflict
	}
	return record{v, next, kept}, err
}

// moveHead makes number the newest version, if it was the one before until now.
func (m *Manager) moveHead(ctx context.Context, number int64) error {
	item, err := m.heads().Get(ctx, headKey)
	switch {
	case errors.Is(err, store.ErrNotFound) && number == 1:
		item = store.Item[head]{Key: headKey}
	case errors.Is(err, store.ErrNotFound):
		return store.ErrConflict
	case err != nil:
		return err
	case item.Value.Number != number-1:
		return store.ErrConflict
	}
	item.Value.Number = number
	_, err = m.heads().Swap(ctx, item)
	return err
}

// seal returns a copy of the configuration whose secrets are the names they are kept under,
// those names, and the secrets that are new.
func seal(c *config.Config, old refs) (sealed *config.Config, kept refs, fresh []ref) {
	sealed, kept = c.WithMachine(&config.Config{}), make(refs) // a machine's own secrets stay with it
	config.Secrets(sealed, func(field string, s *token.Secret) {
		r, ok := old[field]
		if !ok || !r.value.Equal(*s) {
			r = ref{secretPrefix + rand.Text(), *s}
			fresh = append(fresh, r)
		}
		kept[field] = r
		*s = token.Secret(r.name)
	})
	return sealed, kept, fresh
}

func dropped(old, kept refs) (names []string) {
	stays := make(map[string]bool, len(kept))
	for _, r := range kept {
		stays[r.name] = true
	}
	for _, r := range old {
		if !stays[r.name] {
			names = append(names, r.name)
		}
	}
	return names
}

// prune deletes the versions that are too old to be kept, and the secrets that
// only they had.
func (m *Manager) prune(ctx context.Context, newest int64) error {
	keep := m.Keep
	if keep <= 0 {
		keep = defaultKeep
	}
	oldest, err := m.versions().Get(ctx, key(newest-int64(keep)+1))
	if errors.Is(err, store.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	gone, err := m.versions().ListBefore(ctx, oldest.At, 0)
	if err != nil || len(gone) == 0 {
		return err
	}
	next, err := m.versions().Get(ctx, key(gone[len(gone)-1].Value.Number+1))
	if err != nil {
		return err
	}
	for _, e := range append(gone, next) {
		for _, name := range e.Value.Dropped {
			if err := m.Secrets.Delete(ctx, name); err != nil && !errors.Is(err, store.ErrNotFound) {
				return err
			}
		}
	}
	for _, e := range gone {
		if err := m.documents().Delete(ctx, e.ID); err != nil && !errors.Is(err, store.ErrNotFound) {
			return err
		}
	}
	_, err = m.versions().DeleteBefore(ctx, gone[len(gone)-1].At.Add(1))
	return err
}

// read loads a version. Secrets that known has are not opened again.
func (m *Manager) read(ctx context.Context, number int64, known refs) (record, error) {
	e, err := m.versions().Get(ctx, key(number))
	if errors.Is(err, store.ErrNotFound) {
		return record{}, ErrNoVersion
	}
	if err != nil {
		return record{}, err
	}
	doc, err := m.documents().Get(ctx, key(number))
	if errors.Is(err, store.ErrNotFound) {
		return record{}, ErrNoVersion
	}
	if err != nil {
		return record{}, err
	}
	text, err := doc.Value.text()
	if err != nil {
		return record{}, err
	}
	r := record{version: e.Value.Version, conf: new(config.Config), refs: make(refs)}
	if err := config.FromJSON(text, r.conf); err != nil {
		return record{}, fmt.Errorf("version %d of the configuration was not written by this version of the program: %w", number, err)
	}
	if err := config.KeepSecrets(r.conf, nil); err != nil { // none is masked
		return record{}, err
	}
	if err := m.unseal(ctx, r, known); err != nil {
		return record{}, fmt.Errorf("version %d of the configuration: %w", number, err)
	}
	r.conf = r.conf.WithMachine(m.Base)
	return r, nil
}

// unseal puts the secrets in the place of their names.
func (m *Manager) unseal(ctx context.Context, r record, known refs) error {
	values := make(map[string]token.Secret, len(known))
	for _, k := range known {
		values[k.name] = k.value
	}
	var failed error
	config.Secrets(r.conf, func(field string, s *token.Secret) {
		name := s.Reveal()
		value, ok := values[name]
		if !ok && failed == nil {
			text, err := m.Secrets.Get(ctx, name)
			if err != nil {
				failed = fmt.Errorf("%s: %w", field, err)
			}
			value = token.Secret(text)
		}
		*s = value
		r.refs[field] = ref{name, value}
	})
	return failed
}

// At returns an old version, or ErrNoVersion.
func (m *Manager) At(ctx context.Context, number int64) (*config.Config, Version, error) {
	now := m.record()
	if number == now.version.Number {
		return now.conf, now.version, nil
	}
	if !m.Managed() {
		return nil, Version{}, ErrNoVersion
	}
	r, err := m.read(ctx, number, now.refs)
	if err != nil && !errors.Is(err, ErrNoVersion) {
		err = unreadable(err)
	}
	return r.conf, r.version, err
}

// Versions returns the versions before one, the newest first; before 0 is the
// newest. limit is 100 when it is 0, and 1000 at most.
func (m *Manager) Versions(ctx context.Context, before int64, limit int) ([]Version, error) {
	if !m.Managed() {
		return nil, nil
	}
	span := store.Span{Limit: limit}
	if before > 0 {
		e, err := m.versions().Get(ctx, key(before))
		if errors.Is(err, store.ErrNotFound) {
			return nil, nil
		}
		if err != nil {
			return nil, err
		}
		span.Before, span.BeforeID = e.At, e.ID
	}
	page, err := m.versions().List(ctx, span)
	var all []Version
	for _, e := range page {
		all = append(all, e.Value.Version)
	}
	return all, err
}

// String is the version's number, as people call it.
func (v Version) String() string { return "version " + strconv.FormatInt(v.Number, 10) }
