package identity

import (
	"context"
	"errors"
	"strings"
	"time"

	"tandem/store"
)

// ErrNotTheirs is why somebody whom a provider knows is not taken for a user here.
var ErrNotTheirs = errors.New("there is a user of your name who signs in with a password; an administrator has to rename or remove that one first")

// ErrDisabled is why a known user does not get in.
var ErrDisabled = errors.New("your user is switched off here; ask who runs this gateway")

// Federated begins a session for somebody whose identity a provider has proven. The
// user is made when it signs in for the first time, and has the role that the
// provider's groups give it now. Errors are ErrNotTheirs and ErrDisabled.
func (k *Keeper) Federated(ctx context.Context, name, subject string, role Role, from string) (Session, error) {
	if err := checkRole(role); err != nil {
		return Session{}, err
	}
	name = asName(name)
	item, err := k.users.Get(ctx, fold(name))
	now := time.Now().UTC()
	switch {
	case errors.Is(err, store.ErrNotFound):
		item = store.Item[User]{Key: fold(name), Value: User{Name: name, Role: role, Subject: subject, Created: now, Changed: now}}
	case err != nil:
		return Session{}, err
	case item.Value.Subject != subject:
		return Session{}, ErrNotTheirs
	case item.Value.Disabled:
		return Session{}, ErrDisabled
	}
	if item.Value.Role != role {
		item.Value.Role, item.Value.Changed = role, now
	}
	if item, err = k.users.Swap(ctx, item); err != nil {
		return Session{}, explain(err)
	}
	return k.begin(ctx, item, from)
}

// asName makes a name of what a provider calls somebody.
func asName(text string) string {
	name := strings.TrimSpace(strings.Map(func(r rune) rune {
		if nameRune(r) {
			return r
		}
		return '-'
	}, text))
	if len(name) > 64 {
		name = strings.TrimSpace(name[:64])
	}
	if name == "" {
		return "somebody"
	}
	return name
}
