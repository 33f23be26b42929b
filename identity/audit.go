package identity

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"time"

	"tandem/store"
)

// An Entry is something somebody did, or tried to do.
type Entry struct {
	ID     string    `json:"id"`
	At     time.Time `json:"at"`
	Who    string    `json:"who"`
	From   string    `json:"from,omitempty"`   // address
	Kind   string    `json:"kind"`             // "session", "config", "call", "user", "key", "alarm", "webhook", "token"
	Action string    `json:"action"`           // "sign in", "PUT /api/v1/devices/kitchen"
	Target string    `json:"target,omitempty"` // what it was about
	Result string    `json:"result"`           // "done", "refused"
	Detail string    `json:"detail,omitempty"` // never a secret
}

// Note writes an entry. When the store cannot take it, that is an error in the log
// and the entry with it: the audit log does not stop who has to put things right.
func (k *Keeper) Note(ctx context.Context, e Entry) {
	var id [12]byte
	_, _ = rand.Read(id[:]) // never fails (crypto/rand)
	e.ID, e.At = hex.EncodeToString(id[:]), time.Now().UTC()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), noteTime)
	defer cancel()
	if err := k.audit.Append(ctx, store.Entry[Entry]{ID: e.ID, At: e.At, Value: e}); err != nil {
		k.Log.Error("audit entry not stored", "who", e.Who, "from", e.From, "action", e.Action, "target", e.Target, "result", e.Result, "err", err)
	}
}

// noteTime is how long the store may take for an entry.
const noteTime = 5 * time.Second

// An AuditPage selects entries.
type AuditPage struct {
	Kind     string    // "" is every kind
	Before   time.Time // only older ones; with BeforeID the last of the page before
	BeforeID string
	Limit    int // 0 is 100, at most 1000
}

// Audit returns entries, the newest first.
func (k *Keeper) Audit(ctx context.Context, p AuditPage) ([]Entry, error) {
	page, err := k.audit.List(ctx, store.Span{Before: p.Before, BeforeID: p.BeforeID, Label: p.Kind, Limit: p.Limit})
	all := make([]Entry, 0, len(page))
	for _, e := range page {
		all = append(all, e.Value)
	}
	return all, err
}

const (
	// keepAudit is how long it can be looked up who did what. Strangers who fail to sign
	// in leave entries, too, so there has to be an end.
	keepAudit  = 400 * 24 * time.Hour
	forgetTick = time.Hour
)

// Run forgets audit entries that are too old, until ctx is done.
func (k *Keeper) Run(ctx context.Context) error {
	every := time.NewTicker(forgetTick)
	defer every.Stop()
	for {
		if _, err := k.Forget(ctx, time.Now().Add(-k.kept())); err != nil && ctx.Err() == nil {
			k.Log.Warn("old audit entries were not removed", "err", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-every.C:
		}
	}
}

func (k *Keeper) kept() time.Duration {
	if k.Keep == nil {
		return keepAudit
	}
	return k.Keep()
}

// Forget removes audit entries older than t.
func (k *Keeper) Forget(ctx context.Context, t time.Time) (int64, error) {
	return k.audit.Prune(ctx, t, "")
}
