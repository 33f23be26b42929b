package api

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"slices"
	"time"

	"tandem/config"
	"tandem/leg/gvoice"
	"tandem/store"
	"tandem/token"
)

// A consent waits for a browser to come back, at whichever machine of a cluster. It holds
// client secrets: in the store it is sealed, and is of use for minutes only.
type consent struct {
	*token.Pending
	account gvoice.Account
}

// keptConsent is a consent as it is stored, by the digest of its state.
type keptConsent struct {
	By     string `json:"by"`
	Sealed []byte `json:"sealed"` // a sealedConsent
}

type sealedConsent struct {
	Account      json.RawMessage `json:"account"`
	State        string          `json:"state"`
	Verifier     string          `json:"verifier"`
	AuthorizeURL string          `json:"authorize_url,omitempty"`
	RedirectURL  string          `json:"redirect_url"`
}

const (
	consentLife = 15 * time.Minute
	maxConsents = 100
)

// consents are those that wait.
type consents struct {
	all *store.Collection[keptConsent]
	key *store.Key
}

func (s *Server) consents() (*consents, error) {
	secrets, err := s.Secrets()
	if err != nil {
		return nil, err
	}
	return &consents{&store.Collection[keptConsent]{DB: secrets.DB, Name: "consents"}, secrets.Key}, nil
}

// consentOf is what asks for the consent of an account's owner.
func consentOf(a *gvoice.Account, authorizeURL, redirectURL string) (token.Consent, error) {
	trust, err := trustOf(a.Roots)
	return token.Consent{
		ClientID: a.ClientID, ClientSecret: a.ClientSecret, AuthorizeURL: authorizeURL, TokenURL: a.TokenURL, RedirectURL: redirectURL, TLS: trust, Private: a.Private,
	}, err
}

func consentKey(state string) string {
	sum := sha256.Sum256([]byte(state))
	return hex.EncodeToString(sum[:])
}

// put keeps a consent; when there are too many, the one that ends first makes room.
func (c *consents) put(ctx context.Context, one consent, authorizeURL, redirectURL, by string, until time.Time) error {
	account, err := config.RevealJSON(&one.account)
	if err != nil {
		return err
	}
	text, err := json.Marshal(sealedConsent{account, one.State, one.Verifier().Reveal(), authorizeURL, redirectURL})
	if err != nil {
		return err
	}
	if err := c.room(ctx); err != nil {
		return err
	}
	key := consentKey(one.State)
	return c.all.Set(ctx, key, keptConsent{by, c.key.Seal("consent/"+key, text)}, until)
}

func (c *consents) room(ctx context.Context) error {
	if _, err := c.all.DeleteExpired(ctx, time.Now()); err != nil {
		return err
	}
	items, err := c.all.List(ctx, store.Page{Limit: maxConsents})
	if err != nil || len(items) < maxConsents {
		return err
	}
	first := slices.MinFunc(items, func(a, b store.Item[keptConsent]) int {
		return cmp.Or(a.Expires.Compare(b.Expires), cmp.Compare(a.Key, b.Key))
	})
	if err := c.all.Delete(ctx, first.Key); !errors.Is(err, store.ErrNotFound) {
		return err
	}
	return nil
}

// take removes and returns a consent of somebody; ok is false when there is none, or
// somebody else was faster.
func (c *consents) take(ctx context.Context, state, by string) (one consent, ok bool, err error) {
	key := consentKey(state)
	item, err := c.all.Get(ctx, key)
	if errors.Is(err, store.ErrNotFound) || err == nil && item.Value.By != by {
		return one, false, nil
	}
	if err == nil {
		err = c.all.DeleteVersion(ctx, key, item.Version)
	}
	if errors.Is(err, store.ErrConflict) || errors.Is(err, store.ErrNotFound) {
		return one, false, nil
	}
	if err != nil {
		return one, false, err
	}
	text, err := c.key.Open("consent/"+key, item.Value.Sealed)
	if err != nil { // the key was changed meanwhile
		return one, false, nil
	}
	var kept sealedConsent
	if err := json.Unmarshal(text, &kept); err != nil {
		return one, false, err
	}
	if err := config.FromJSON(kept.Account, &one.account); err != nil {
		return one, false, err
	}
	from, err := consentOf(&one.account, kept.AuthorizeURL, kept.RedirectURL)
	if err != nil {
		return one, false, err
	}
	one.Pending = from.Resume(kept.State, kept.Verifier)
	return one, true, nil
}
