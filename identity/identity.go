// Package identity knows who may do what: users with their passwords and roles,
// sessions of browsers, keys of programs, and the audit log of what they did. Start
// reading at [Keeper.SignIn] and [Principal.May].
package identity

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	"tandem/store"
)

// A Scope is a kind of thing somebody may do.
type Scope string

// The scopes. None contains another.
const (
	Read      Scope = "read"      // look at everything but users, keys and the audit log
	Operate   Scope = "operate"   // end and place calls, acknowledge alarms
	Configure Scope = "configure" // change the configuration
	Admin     Scope = "admin"     // users, keys, webhooks, the audit log
)

// Scopes are all of them, in order.
func Scopes() []Scope { return []Scope{Read, Operate, Configure, Admin} }

// A Role is a set of scopes that a person has.
type Role string

// The roles.
const (
	Viewer        Role = "viewer"
	Operator      Role = "operator"
	Administrator Role = "admin"
)

// Roles are all of them, the least first.
func Roles() []Role { return []Role{Viewer, Operator, Administrator} }

// Scopes are what the role may do.
func (r Role) Scopes() []Scope {
	switch r {
	case Viewer:
		return []Scope{Read}
	case Operator:
		return []Scope{Read, Operate}
	case Administrator:
		return Scopes()
	}
	return nil
}

// A Principal is who asks for something.
type Principal struct {
	Name   string  // of the user, or of the key
	Key    string  // ID of the API key; empty for a person
	Role   Role    // of a person
	Scopes []Scope //
	CSRF   string  // what a browser has to show before a change; empty without a session
}

// May reports whether the principal has the scope.
func (p *Principal) May(s Scope) bool { return p != nil && slices.Contains(p.Scopes, s) }

// String names the principal in the audit log and in versions of the configuration.
func (p *Principal) String() string {
	switch {
	case p == nil:
		return "nobody"
	case p.Key != "":
		return "key " + p.Name
	}
	return p.Name
}

// What a caller branches on. Their texts can be shown to anybody.
var (
	ErrSignIn    = errors.New("the user name or the password is wrong")
	ErrSession   = errors.New("sign in first: there is no session, or it has ended")
	ErrKey       = errors.New("this API key is not known, or its time is over")
	ErrCSRF      = errors.New("the X-CSRF-Token header is missing or wrong; GET /api/v1/session tells it")
	ErrSetUp     = errors.New("this gateway has been set up already; sign in")
	ErrSetUpLink = errors.New("this link is not, or not any more, the one in the log of the gateway")
	ErrLastAdmin = errors.New("this is the last administrator; make another one first")
	ErrTaken     = errors.New("there is one of this name already")
	ErrNotFound  = errors.New("there is none of this name")
)

// An InputError says which field of a request is wrong.
type InputError struct{ Field, Message string }

func (e *InputError) Error() string { return e.Field + ": " + e.Message }

// A TooManyError asks to wait, because passwords were guessed.
type TooManyError struct{ Wait time.Duration }

func (e *TooManyError) Error() string {
	return fmt.Sprintf("too many wrong passwords; try again in %v", e.Wait.Round(time.Second))
}

// A Keeper keeps identities in the store. Fill in DB and Log; all methods are safe
// for concurrent use.
type Keeper struct {
	DB  *store.DB
	Log *slog.Logger
	// Keep is how long audit entries are kept; nil is 400 days.
	Keep func() time.Duration

	hashing  hashing
	throttle throttle
	setup    setup
	users    store.Collection[User] // by folded name
	sessions store.Collection[session]
	keys     store.Collection[Key]
	audit    store.Log[Entry]
}

// New makes a keeper on a store.
func New(db *store.DB, log *slog.Logger) *Keeper {
	return &Keeper{
		DB: db, Log: log, hashing: newHashing(),
		users:    store.Collection[User]{DB: db, Name: "identity/users"},
		sessions: store.Collection[session]{DB: db, Name: "identity/sessions", Label: func(s session) string { return s.User }},
		keys:     store.Collection[Key]{DB: db, Name: "identity/keys"},
		audit:    store.Log[Entry]{DB: db, Name: "audit", Label: func(e Entry) string { return e.Kind }},
	}
}

// random is a text nobody can guess.
func random() string {
	var b [32]byte
	_, _ = rand.Read(b[:]) // never fails (crypto/rand)
	return base64.RawURLEncoding.EncodeToString(b[:])
}

// digest is how long random texts are kept. They need no slow hash: they cannot be
// guessed.
func digest(secret string) string {
	sum := sha256.Sum256([]byte(secret))
	return hex.EncodeToString(sum[:])
}

// checkName wants what can be shown and typed.
func checkName(field, name string) error {
	switch {
	case name == "" || len(name) > 64:
		return &InputError{field, "a name has 1 to 64 characters"}
	case strings.IndexFunc(name, func(r rune) bool { return !nameRune(r) }) >= 0:
		return &InputError{field, "a name has letters, digits, spaces and . _ - @ + only"}
	case strings.TrimSpace(name) != name:
		return &InputError{field, "a name does not begin or end with a space"}
	}
	return nil
}

func nameRune(r rune) bool {
	return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune(" ._-@+", r)
}

// fold is the key of a user: case does not matter.
func fold(name string) string { return strings.ToLower(name) }

// explain turns the store's errors into ours.
func explain(err error) error {
	switch {
	case errors.Is(err, store.ErrNotFound):
		return ErrNotFound
	case errors.Is(err, store.ErrConflict):
		return ErrTaken
	}
	return err
}
