package identity

import (
	"context"
	"errors"
	"slices"
	"time"

	"tandem/store"
)

// A User is a person who may sign in.
type User struct {
	Name     string    `json:"name"`
	Role     Role      `json:"role"`
	Hash     string    `json:"hash,omitempty"`    // of the password; empty: by OpenID Connect only
	Subject  string    `json:"subject,omitempty"` // at the OpenID provider
	Disabled bool      `json:"disabled,omitempty"`
	Created  time.Time `json:"created"`
	Changed  time.Time `json:"changed"`
	SignedIn time.Time `json:"signed_in,omitzero"` // last time
}

// A UserChange is what is to be different; fields that are nil stay.
type UserChange struct {
	Password *string
	Role     *Role
	Disabled *bool
}

func checkRole(r Role) error {
	if !slices.Contains(Roles(), r) {
		return &InputError{"role", "a role is one of viewer, operator, admin"}
	}
	return nil
}

// AddUser makes a user. Errors are ErrTaken and *InputError.
func (k *Keeper) AddUser(ctx context.Context, name, password string, role Role) (User, error) {
	if err := errors.Join(checkName("name", name), checkRole(role)); err != nil {
		return User{}, err
	}
	if err := checkPassword(name, password); err != nil {
		return User{}, err
	}
	hash, err := k.hashing.hash(ctx, password)
	if err != nil {
		return User{}, err
	}
	now := time.Now().UTC()
	u := User{Name: name, Role: role, Hash: hash, Created: now, Changed: now}
	_, err = k.users.Swap(ctx, store.Item[User]{Key: fold(name), Value: u})
	return u, explain(err)
}

// ChangeUser changes a user and ends their sessions. The last administrator stays
// one.
func (k *Keeper) ChangeUser(ctx context.Context, name string, c UserChange) (User, error) {
	hash := ""
	if c.Password != nil {
		if err := checkPassword(name, *c.Password); err != nil {
			return User{}, err
		}
		var err error
		if hash, err = k.hashing.hash(ctx, *c.Password); err != nil {
			return User{}, err
		}
	}
	if c.Role != nil {
		if err := checkRole(*c.Role); err != nil {
			return User{}, err
		}
	}
	var u User
	err := k.DB.Atomically(ctx, func(ctx context.Context) error {
		item, err := k.users.Get(ctx, fold(name))
		if err != nil {
			return err
		}
		was := item.Value
		if hash != "" {
			item.Value.Hash = hash
		}
		if c.Role != nil {
			item.Value.Role = *c.Role
		}
		if c.Disabled != nil {
			item.Value.Disabled = *c.Disabled
		}
		if was.rules() && !item.Value.rules() {
			if err := k.notTheLast(ctx, fold(name)); err != nil {
				return err
			}
		}
		item.Value.Changed = time.Now().UTC()
		if item, err = k.users.Swap(ctx, item); err != nil {
			return err
		}
		u = item.Value
		return k.endSessions(ctx, fold(name))
	})
	return u, explain(err)
}

// rules reports whether the user can put things right.
func (u User) rules() bool { return u.Role == Administrator && !u.Disabled }

// notTheLast wants another administrator than the one with the key.
func (k *Keeper) notTheLast(ctx context.Context, key string) error {
	for item, err := range k.users.Each(ctx) {
		if err != nil {
			return err
		}
		if item.Key != key && item.Value.rules() {
			return nil
		}
	}
	return ErrLastAdmin
}

// RemoveUser removes a user and ends their sessions.
func (k *Keeper) RemoveUser(ctx context.Context, name string) error {
	return explain(k.DB.Atomically(ctx, func(ctx context.Context) error {
		item, err := k.users.Get(ctx, fold(name))
		if err != nil {
			return err
		}
		if item.Value.rules() {
			if err := k.notTheLast(ctx, item.Key); err != nil {
				return err
			}
		}
		return errors.Join(k.endSessions(ctx, item.Key), k.users.Delete(ctx, item.Key))
	}))
}

// User finds a user.
func (k *Keeper) User(ctx context.Context, name string) (User, error) {
	item, err := k.users.Get(ctx, fold(name))
	return item.Value, explain(err)
}

// Users are all of them, by name.
func (k *Keeper) Users(ctx context.Context) ([]User, error) {
	all := []User{}
	for item, err := range k.users.Each(ctx) {
		if err != nil {
			return nil, err
		}
		all = append(all, item.Value)
	}
	return all, nil
}
