// Package webhook tells other programs by HTTP what happens: signed, again until it
// is taken, and kept as a dead letter when it never is. Start reading at
// [Sender.Publish].
package webhook

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"slices"
	"strings"
	"time"

	"tandem/store"
	"tandem/token"
)

// A Hook is where events go.
type Hook struct {
	Name    string       `json:"name"`
	URL     string       `json:"url"`
	Events  []string     `json:"events"` // empty: all
	Secret  token.Secret `json:"-"`      // signs; kept sealed
	Enabled bool         `json:"enabled"`
	// Private lets the hook go to addresses of the own network.
	Private bool      `json:"allow_private,omitempty"`
	Changed time.Time `json:"changed"`
}

// Events are what a hook can be told.
func Events() []string {
	return []string{
		"call.began", "call.answered", "call.ended", "alarm.raised", "alarm.cleared", "registration.changed", "config.changed",
	}
}

// What a caller branches on.
var (
	ErrNotFound = errors.New("there is no webhook of this name")
	ErrTaken    = errors.New("there is a webhook of this name already")
	ErrOff      = errors.New("the webhook is switched off; nothing is sent to it")
	ErrFull     = errors.New("too much waits for this webhook already; try again later")
	ErrConflict = errors.New("somebody else has changed the webhook meanwhile")
)

// An InputError says which field of a hook is wrong.
type InputError struct{ Field, Message string }

func (e *InputError) Error() string { return e.Field + ": " + e.Message }

const (
	maxHooks  = 50
	minSecret = 16 // characters
)

// Validate names a field that is wrong.
func (h *Hook) Validate() error {
	if h.Name == "" || len(h.Name) > 64 || strings.ContainsFunc(h.Name, func(r rune) bool { return r < ' ' || r == '/' }) {
		return &InputError{"name", "a name has 1 to 64 characters, without a slash"}
	}
	u, err := url.Parse(h.URL)
	switch {
	case err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http":
		return &InputError{"url", "an address looks like https://example.com/hook"}
	case u.User != nil:
		return &InputError{"url", "an address holds no user and no password; the signature says who sends"}
	case u.Scheme == "http" && !h.Private:
		return &InputError{"url", "http is for addresses of the own network (allow_private); others need https"}
	case len(h.URL) > 1000:
		return &InputError{"url", "an address has at most 1000 characters"}
	}
	for i, e := range h.Events {
		if !slices.Contains(Events(), e) {
			return &InputError{fmt.Sprintf("events[%d]", i), "is none of " + strings.Join(Events(), ", ")}
		}
	}
	if n := len(h.Secret); n < minSecret || n > 200 {
		return &InputError{"secret", fmt.Sprintf("a secret has %d to 200 characters", minSecret)}
	}
	return nil
}

// wants reports whether the hook is told of an event.
func (h *Hook) wants(event string) bool {
	return h.Enabled && (len(h.Events) == 0 || slices.Contains(h.Events, event))
}

// Book keeps hooks in the store, their secrets sealed. Make one with NewBook.
type Book struct {
	secrets func() (*store.Secrets, error)
	hooks   store.Collection[Hook]
	dead    store.Log[Letter]
	db      *store.DB
}

// NewBook keeps hooks in a store. secrets is asked for when the first one is kept or
// needed.
func NewBook(db *store.DB, secrets func() (*store.Secrets, error)) *Book {
	return &Book{
		secrets: secrets, db: db,
		hooks: store.Collection[Hook]{DB: db, Name: "webhooks"},
		dead:  store.Log[Letter]{DB: db, Name: "webhooks/dead", Label: func(l Letter) string { return l.Hook }},
	}
}

func secretName(hook string) string { return "webhook/" + hook }

// Put keeps a hook. version is what the caller has seen: 0 for a new one. An empty
// secret keeps the one there is.
func (b *Book) Put(ctx context.Context, h Hook, version int64) (Hook, int64, error) {
	if h.Secret.IsZero() && version > 0 {
		old, _, err := b.Get(ctx, h.Name)
		if err != nil {
			return h, 0, err
		}
		h.Secret = old.Secret
	}
	if err := h.Validate(); err != nil {
		return h, 0, err
	}
	h.Changed = time.Now().UTC()
	var item store.Item[Hook]
	err := b.db.Atomically(ctx, func(ctx context.Context) error {
		var err error
		if version == 0 {
			all, err := b.hooks.List(ctx, store.Page{Limit: maxHooks})
			if err != nil || len(all) == maxHooks {
				return errors.Join(err, &InputError{"name", fmt.Sprintf("there are %d webhooks already", len(all))})
			}
		}
		if item, err = b.hooks.Swap(ctx, store.Item[Hook]{Key: h.Name, Value: h, Version: version}); err != nil {
			return err
		}
		sealed, err := b.secrets()
		if err != nil {
			return err
		}
		return sealed.Set(ctx, secretName(h.Name), h.Secret.Reveal())
	})
	if errors.Is(err, store.ErrConflict) {
		if version == 0 {
			return h, 0, ErrTaken
		}
		return h, 0, ErrConflict
	}
	return h, item.Version, err
}

// Get finds a hook, with its secret.
func (b *Book) Get(ctx context.Context, name string) (Hook, int64, error) {
	if name == "" || len(name) > 64 {
		return Hook{}, 0, ErrNotFound
	}
	item, err := b.hooks.Get(ctx, name)
	if errors.Is(err, store.ErrNotFound) {
		return Hook{}, 0, ErrNotFound
	}
	if err != nil {
		return Hook{}, 0, err
	}
	sealed, err := b.secrets()
	if err != nil {
		return Hook{}, 0, err
	}
	secret, err := sealed.Get(ctx, secretName(name))
	item.Value.Secret = token.Secret(secret)
	return item.Value, item.Version, err
}

// All are the hooks, by name, without their secrets.
func (b *Book) All(ctx context.Context) ([]store.Item[Hook], error) {
	return b.hooks.List(ctx, store.Page{Limit: maxHooks})
}

// Remove forgets a hook; its dead letters stay until their time is over.
func (b *Book) Remove(ctx context.Context, name string) error {
	if name == "" {
		return ErrNotFound
	}
	err := b.db.Atomically(ctx, func(ctx context.Context) error {
		if err := b.hooks.Delete(ctx, name); err != nil {
			return err
		}
		sealed, err := b.secrets()
		if err != nil {
			return err
		}
		return sealed.Delete(ctx, secretName(name))
	})
	if errors.Is(err, store.ErrNotFound) {
		return ErrNotFound
	}
	return err
}

// A Letter is an event on its way to a hook.
type Letter struct {
	ID    string    `json:"id"`
	Hook  string    `json:"hook"`
	Event string    `json:"event"`
	At    time.Time `json:"at"`
	Tries int       `json:"tries"`
	Error string    `json:"error,omitempty"` // of the last try
	Body  []byte    `json:"body,omitempty"`
	again bool      // it is among the dead already
}

// Dead are letters that a hook never took, the newest first.
func (b *Book) Dead(ctx context.Context, hook string, limit int) ([]Letter, error) {
	page, err := b.dead.List(ctx, store.Span{Label: hook, Limit: limit})
	all := []Letter{}
	for _, e := range page {
		all = append(all, e.Value)
	}
	return all, err
}

// Letter finds a letter that its hook never took.
func (b *Book) Letter(ctx context.Context, hook, id string) (Letter, error) {
	e, err := b.dead.Get(ctx, hook+" "+id)
	if errors.Is(err, store.ErrNotFound) {
		return Letter{}, ErrNotFound
	}
	return e.Value, err
}

// Drop forgets a letter that its hook never took.
func (b *Book) Drop(ctx context.Context, hook, id string) error {
	err := b.dead.Delete(ctx, hook+" "+id)
	if errors.Is(err, store.ErrNotFound) {
		return ErrNotFound
	}
	return err
}

// bury keeps a letter that nobody took.
func (b *Book) bury(ctx context.Context, l Letter, log *slog.Logger) {
	if err := b.dead.Put(ctx, store.Entry[Letter]{ID: l.Hook + " " + l.ID, At: l.At, Value: l}); err != nil {
		log.Error("an undelivered webhook is lost", "hook", l.Hook, "event", l.Event, "err", err)
	}
}

// Forget removes dead letters older than t.
func (b *Book) Forget(ctx context.Context, t time.Time) error {
	_, err := b.dead.Prune(ctx, t, "")
	return err
}
