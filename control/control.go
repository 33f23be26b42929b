// Package control keeps the configuration of record: its versions, who changed
// what, and the way back. Start reading at [Manager.Change].
//
// A version is one whole document. A change is a new version: validated as a
// whole, applied to the running gateway, and stored in one transaction, so that
// a process that is killed at any moment leaves the old version or the new one.
package control

import (
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"tandem/alarm"
	"tandem/config"
	"tandem/store"
)

// What a caller branches on, with errors.Is. What is wrong with a document is a
// [config.Errors].
var (
	// ErrConflict: somebody else has changed the configuration meanwhile.
	ErrConflict = errors.New("the configuration was changed by somebody else meanwhile; look at it again")
	// ErrReadOnly: the configuration is a file's.
	ErrReadOnly = errors.New("takes its configuration from the file")
	// ErrNoVersion: there is no such version, or it is too old to be kept.
	ErrNoVersion = errors.New("there is no such version of the configuration, or it is not kept any more")
	// ErrUnreadable: a version is damaged, or another program's. When it is the newest, a rollback mends it.
	ErrUnreadable = errors.New("a version of the configuration cannot be read; roll back to one that can")
)

// Version is one version of the configuration, without the document itself.
type Version struct {
	Number  int64     `json:"number"` // from 1; 0 when the configuration is a file's
	At      time.Time `json:"at"`     // later than the version before
	Author  string    `json:"author"` // who made it: a user, an API key, "file"
	Comment string    `json:"comment,omitempty"`
	Undo    int64     `json:"undo,omitempty"` // the version it rolled back to; 0 is none
	Digest  string    `json:"digest"`         // SHA-256 of the document
}

// Author is who changes the configuration, and what for.
type Author struct {
	Name    string
	Comment string // may be empty
}

// Difference is one field that a change touches; secrets in it are masked.
type Difference = config.Difference

// Diff is all that differs between two versions, in the order of the document.
type Diff []Difference

const (
	defaultKeep = 1000                   // versions
	defaultPoll = 500 * time.Millisecond // another node's change shows within a second
	applyAgain  = 30 * time.Second       // after a version could not be applied here
	maxAuthor   = 200                    // bytes
	maxComment  = 2000                   // bytes
	changeTime  = 30 * time.Second       // that the store may take for a change
	maxRaces    = 100                    // changes of others that one change is made again after
)

// Manager is the configuration of record. Fill in the fields, call Open, then
// Run. Its methods are safe for concurrent use.
type Manager struct {
	DB      *store.DB
	Secrets *store.Secrets
	Base    *config.Config             // the machine's own fields; the first version when there is none
	Apply   func(*config.Config) error // puts a configuration in force, or leaves the old one; nil: nothing runs here
	Check   func(*config.Config) error // finds more than the configuration's own checks; may be nil
	Log     *slog.Logger               //
	Alarms  *alarm.Board               // may be nil
	File    string                     // the configuration is this file's, and cannot be changed here; empty: it is managed
	Keep    int                        // versions that are kept; 0 is 1000
	Poll    time.Duration              // between looks for versions of others; 0 is 500 ms

	change sync.Mutex // one change at a time; held while one is applied and stored

	mu       sync.Mutex // guards what follows
	current  record     // of record
	force    record     // what the gateway runs
	failed   time.Time  // when current could not be applied
	watchers map[chan Version]struct{}
}

// record is a version with its document.
type record struct {
	version Version
	conf    *config.Config // immutable
	refs    refs           // where its secrets are kept
}

// Current returns the configuration of record, with its secrets. It is
// immutable: who wants another one calls Change.
func (m *Manager) Current() (*config.Config, Version) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.current.conf, m.current.version
}

func (m *Manager) record() record {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.current
}

// Managed reports whether the configuration can be changed here.
func (m *Manager) Managed() bool { return m.File == "" }

// Adopt makes c the configuration that Current returns, after its file was read
// again and c was applied.
func (m *Manager) Adopt(c *config.Config) {
	if m.Managed() {
		panic("control: Adopt is for a configuration that is a file's")
	}
	r := record{conf: c}
	m.mu.Lock()
	m.current, m.force = r, r
	m.mu.Unlock()
	m.tell(r.version)
}

func (m *Manager) readOnly() error {
	if m.Managed() {
		return nil
	}
	return fmt.Errorf("this gateway %w %s; change it there, or start it with managed: true", ErrReadOnly, m.File)
}

// set makes r the configuration of record.
func (m *Manager) set(r record) {
	m.mu.Lock()
	m.current = r
	m.mu.Unlock()
	m.tell(r.version)
}

// Watch returns a channel that tells the newest version after every change; a
// reader that is late finds the newest only. The function ends it.
func (m *Manager) Watch() (<-chan Version, func()) {
	c := make(chan Version, 1)
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.watchers == nil {
		m.watchers = make(map[chan Version]struct{})
	}
	m.watchers[c] = struct{}{}
	return c, sync.OnceFunc(func() {
		m.mu.Lock()
		defer m.mu.Unlock()
		delete(m.watchers, c)
		close(c)
	})
}

func (m *Manager) tell(v Version) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for c := range m.watchers {
		select {
		case <-c: // superseded
		default:
		}
		c <- v // only tell sends, one at a time: there is room
	}
}
