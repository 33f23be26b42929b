package identity

import (
	"context"
	"crypto/subtle"
	"errors"
	"time"

	"tandem/store"
)

const (
	// A session ends after so long without a request, and after so long in any case.
	sessionIdle = 12 * time.Hour
	sessionMost = 14 * 24 * time.Hour
	// A session's end is moved no more often than this, to spare the disk.
	sessionStep = 5 * time.Minute
)

// session is a browser that has signed in. The store knows the hash of its cookie
// only.
type session struct {
	User  string    `json:"user"` // folded name
	CSRF  string    `json:"csrf"`
	Began time.Time `json:"began"`
	From  string    `json:"from"` // address
}

// A Session is what somebody who signed in gets.
type Session struct {
	Principal
	Cookie string    // the secret
	Until  time.Time // at the latest
}

// SignIn checks a password that came from an address. Errors are ErrSignIn and
// *TooManyError.
func (k *Keeper) SignIn(ctx context.Context, name, password, from string) (Session, error) {
	if err := k.throttle.may(time.Now(), from, fold(name)); err != nil {
		return Session{}, err
	}
	item, err := k.users.Get(ctx, fold(name))
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		if len(name) <= 64 { // else it is no name at all
			return Session{}, err
		}
	}
	if len(password) > 4*maxPassword {
		password = ""
	}
	good, err := k.hashing.matches(ctx, password, item.Value.Hash)
	if err != nil {
		return Session{}, err
	}
	if !good || item.Value.Disabled || password == "" {
		k.throttle.failed(time.Now(), from, fold(name))
		return Session{}, ErrSignIn
	}
	k.throttle.passed(from, fold(name))
	return k.begin(ctx, item, from)
}

// begin makes a session for a user whose identity is proven.
func (k *Keeper) begin(ctx context.Context, item store.Item[User], from string) (Session, error) {
	now := time.Now()
	cookie, csrf := random(), random()
	err := k.DB.Atomically(ctx, func(ctx context.Context) error {
		s := session{User: item.Key, CSRF: csrf, Began: now.UTC(), From: from}
		if err := k.sessions.Set(ctx, digest(cookie), s, now.Add(sessionIdle)); err != nil {
			return err
		}
		item.Value.SignedIn = now.UTC()
		return k.users.Set(ctx, item.Key, item.Value, time.Time{})
	})
	if err != nil {
		return Session{}, err
	}
	return Session{Principal: item.Value.principal(csrf), Cookie: cookie, Until: now.Add(sessionMost)}, nil
}

func (u User) principal(csrf string) Principal {
	return Principal{Name: u.Name, Role: u.Role, Scopes: u.Role.Scopes(), CSRF: csrf}
}

// Session tells who a cookie belongs to, or returns ErrSession.
func (k *Keeper) Session(ctx context.Context, cookie string) (*Principal, error) {
	if len(cookie) != len(random()) {
		return nil, ErrSession
	}
	item, err := k.sessions.Get(ctx, digest(cookie))
	if errors.Is(err, store.ErrNotFound) {
		return nil, ErrSession
	}
	if err != nil {
		return nil, err
	}
	user, err := k.users.Get(ctx, item.Value.User)
	if errors.Is(err, store.ErrNotFound) || err == nil && user.Value.Disabled {
		return nil, ErrSession
	}
	if err != nil {
		return nil, err
	}
	k.prolong(ctx, item)
	p := user.Value.principal(item.Value.CSRF)
	return &p, nil
}

// prolong moves the end of a session that is used.
func (k *Keeper) prolong(ctx context.Context, item store.Item[session]) {
	until := time.Now().Add(sessionIdle)
	if most := item.Value.Began.Add(sessionMost); until.After(most) {
		until = most
	}
	if until.Sub(item.Expires) < sessionStep {
		return
	}
	item.Expires = until
	if _, err := k.sessions.Swap(ctx, item); err != nil && !errors.Is(err, store.ErrConflict) {
		k.Log.Debug("a session was not prolonged", "user", item.Value.User, "err", err)
	}
}

// SignOut ends the session of a cookie.
func (k *Keeper) SignOut(ctx context.Context, cookie string) error {
	if err := k.sessions.Delete(ctx, digest(cookie)); err != nil && !errors.Is(err, store.ErrNotFound) {
		return err
	}
	return nil
}

// endSessions ends those of a user.
func (k *Keeper) endSessions(ctx context.Context, user string) error {
	for {
		page, err := k.sessions.List(ctx, store.Page{Label: user})
		if err != nil || len(page) == 0 {
			return err
		}
		for _, item := range page {
			if err := k.sessions.Delete(ctx, item.Key); err != nil {
				return err
			}
		}
	}
}

// CheckCSRF compares what a browser has shown with what its session wants.
func (p *Principal) CheckCSRF(shown string) error {
	if p.Key == "" && subtle.ConstantTimeCompare([]byte(shown), []byte(p.CSRF)) != 1 {
		return ErrCSRF
	}
	return nil
}

// Sweep removes sessions whose time is over. Call it now and then.
func (k *Keeper) Sweep(ctx context.Context) error {
	_, err := k.sessions.DeleteExpired(ctx, time.Now())
	return err
}
