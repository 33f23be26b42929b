package identity

import (
	"context"
	"crypto/subtle"
	"errors"
	"sync"
	"time"

	"tandem/store"
)

// setup is the one-time link of a gateway without users.
type setup struct {
	mu     sync.Mutex // guards what follows
	digest string     // of the link's token; empty: there is no link
}

// setUpMark says in the store that somebody was faster.
const setUpMark = "identity/set-up"

// Needed reports whether there is no user yet.
func (k *Keeper) Needed(ctx context.Context) (bool, error) {
	page, err := k.users.List(ctx, store.Page{Limit: 1})
	return err == nil && len(page) == 0, err
}

// Invite returns the token of the one-time link by which the first user is made, or
// nothing when there are users. The one before is not good any more.
func (k *Keeper) Invite(ctx context.Context) (string, error) {
	needed, err := k.Needed(ctx)
	if err != nil || !needed {
		return "", err
	}
	token := random()
	k.setup.mu.Lock()
	defer k.setup.mu.Unlock()
	k.setup.digest = digest(token)
	return token, nil
}

// SetUp makes the first user, an administrator, and signs them in. It works once.
func (k *Keeper) SetUp(ctx context.Context, token, name, password, from string) (Session, error) {
	if err := k.throttle.may(time.Now(), from, "\x00set-up"); err != nil {
		return Session{}, err
	}
	needed, err := k.Needed(ctx)
	switch {
	case err != nil:
		return Session{}, err
	case !needed:
		return Session{}, ErrSetUp
	case !k.setup.opens(token):
		k.throttle.failed(time.Now(), from, "\x00set-up")
		return Session{}, ErrSetUpLink
	}
	marks := store.Collection[string]{DB: k.DB, Name: setUpMark}
	err = k.DB.Atomically(ctx, func(ctx context.Context) error {
		if _, err := k.AddUser(ctx, name, password, Administrator); err != nil {
			return err
		}
		// Two nodes with one store: the second finds the mark and is undone.
		if _, err := marks.Swap(ctx, store.Item[string]{Key: "done", Value: name}); err != nil {
			if errors.Is(err, store.ErrConflict) {
				return ErrSetUp
			}
			return err
		}
		return nil
	})
	if err != nil {
		return Session{}, err
	}
	k.setup.close()
	return k.SignIn(ctx, name, password, from)
}

func (s *setup) opens(token string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.digest != "" && subtle.ConstantTimeCompare([]byte(s.digest), []byte(digest(token))) == 1
}

func (s *setup) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.digest = ""
}
