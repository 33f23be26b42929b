package identity

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"tandem/store"
)

// A Key lets a program in. Its secret is shown once, when it is made; the store
// knows the hash.
type Key struct {
	ID      string    `json:"id"`
	Name    string    `json:"name"` // what it is for
	Scopes  []Scope   `json:"scopes"`
	Hash    string    `json:"hash,omitempty"`
	By      string    `json:"by"` // who made it
	Created time.Time `json:"created"`
	Expires time.Time `json:"expires,omitzero"`
	Used    time.Time `json:"used,omitzero"` // last time, to the nearest minute
}

// keyPrefix makes a key that leaked easy to find.
const keyPrefix = "tdm_"

// usedStep is how often the last use is written down.
const usedStep = time.Minute

// AddKey makes a key and returns its secret, which nobody can ask for again.
func (k *Keeper) AddKey(ctx context.Context, by *Principal, name string, scopes []Scope, expires time.Time) (Key, string, error) {
	if err := checkName("name", name); err != nil {
		return Key{}, "", err
	}
	if len(scopes) == 0 {
		return Key{}, "", &InputError{"scopes", "a key without scopes may do nothing"}
	}
	for i, s := range scopes {
		if !slices.Contains(Scopes(), s) {
			return Key{}, "", &InputError{fmt.Sprintf("scopes[%d]", i), "a scope is one of read, operate, configure, admin"}
		}
		if !by.May(s) {
			return Key{}, "", &InputError{fmt.Sprintf("scopes[%d]", i), "you cannot give away what you may not do yourself"}
		}
	}
	if !expires.IsZero() && expires.Before(time.Now()) {
		return Key{}, "", &InputError{"expires", "this time is over already"}
	}
	var id [8]byte
	_, _ = rand.Read(id[:]) // never fails (crypto/rand)
	secret := random()
	key := Key{
		ID: hex.EncodeToString(id[:]), Name: name, Scopes: slices.Compact(slices.Sorted(slices.Values(scopes))), Hash: digest(secret),
		By: by.String(), Created: time.Now().UTC(), Expires: expires.UTC(),
	}
	if expires.IsZero() {
		key.Expires = time.Time{}
	}
	if _, err := k.keys.Swap(ctx, store.Item[Key]{Key: key.ID, Value: key, Expires: key.Expires}); err != nil {
		return Key{}, "", err
	}
	return key, keyPrefix + key.ID + "_" + secret, nil
}

// Authorize tells who a key belongs to, or returns ErrKey.
func (k *Keeper) Authorize(ctx context.Context, secret string) (*Principal, error) {
	rest, ok := strings.CutPrefix(secret, keyPrefix)
	id, rest, ok2 := strings.Cut(rest, "_")
	if !ok || !ok2 || len(id) != 16 || len(rest) > 100 {
		return nil, ErrKey
	}
	item, err := k.keys.Get(ctx, id)
	if errors.Is(err, store.ErrNotFound) {
		return nil, ErrKey
	}
	if err != nil {
		return nil, err
	}
	if subtle.ConstantTimeCompare([]byte(digest(rest)), []byte(item.Value.Hash)) != 1 {
		return nil, ErrKey
	}
	if now := time.Now().UTC(); now.Sub(item.Value.Used) > usedStep {
		item.Value.Used = now.Truncate(usedStep)
		if _, err := k.keys.Swap(ctx, item); err != nil && !errors.Is(err, store.ErrConflict) {
			k.Log.Debug("the use of a key was not noted", "key", id, "err", err)
		}
	}
	return &Principal{Name: item.Value.Name, Key: id, Scopes: item.Value.Scopes}, nil
}

// Keys are all of them, without their hashes.
func (k *Keeper) Keys(ctx context.Context) ([]Key, error) {
	all := []Key{}
	for item, err := range k.keys.Each(ctx) {
		if err != nil {
			return nil, err
		}
		item.Value.Hash = ""
		all = append(all, item.Value)
	}
	slices.SortFunc(all, func(a, b Key) int { return a.Created.Compare(b.Created) })
	return all, nil
}

// Key finds a key by its ID, without its hash.
func (k *Keeper) Key(ctx context.Context, id string) (Key, error) {
	if id == "" {
		return Key{}, ErrNotFound
	}
	item, err := k.keys.Get(ctx, id)
	item.Value.Hash = ""
	return item.Value, explain(err)
}

// RemoveKey makes a key worthless at once.
func (k *Keeper) RemoveKey(ctx context.Context, id string) error {
	return explain(k.keys.Delete(ctx, id))
}
