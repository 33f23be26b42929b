package capture

import (
	"context"
	"crypto/rand"
	"errors"
	"time"

	"tandem/store"
)

// ticketTime is how long a ticket is good.
const ticketTime = 30 * time.Second

// A Ticket asks for one capture. Who can write it into the store may read all of
// the gateway anyway: that is how the gateway knows that it may be had.
type Ticket struct {
	Call  string        `json:"call"`
	Media bool          `json:"media,omitempty"`
	For   time.Duration `json:"for_ns"`
	By    string        `json:"by"` // who asks, for the log
}

func tickets(db *store.DB) *store.Collection[Ticket] {
	return &store.Collection[Ticket]{DB: db, Name: "capture_tickets"}
}

// Issue keeps a ticket and returns the secret that redeems it, once.
func Issue(ctx context.Context, db *store.DB, t Ticket) (string, error) {
	if _, err := tickets(db).DeleteExpired(ctx, time.Now()); err != nil {
		return "", err
	}
	secret := rand.Text()
	return secret, tickets(db).Set(ctx, secret, t, time.Now().Add(ticketTime))
}

// Redeem takes the ticket, or returns ErrTicket.
func Redeem(ctx context.Context, db *store.DB, secret string) (Ticket, error) {
	if len(secret) < 20 || len(secret) > 100 {
		return Ticket{}, ErrTicket
	}
	item, err := tickets(db).Get(ctx, secret)
	if err == nil {
		err = tickets(db).DeleteVersion(ctx, secret, item.Version)
	}
	if errors.Is(err, store.ErrNotFound) || errors.Is(err, store.ErrConflict) {
		return Ticket{}, ErrTicket
	}
	item.Value.For = min(max(item.Value.For, time.Second), MaxTime)
	return item.Value, err
}
