package store

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
)

// Secrets keeps short texts encrypted at rest: refresh tokens, passwords that
// must be sent, private keys. Who reads the database, or a copy of it, without
// the key file learns only their names and lengths.
type Secrets struct {
	DB  *DB
	Key *Key
}

// Set seals the secret and stores it under the name.
func (s *Secrets) Set(ctx context.Context, name, secret string) error {
	if name == "" || len(name) > maxKey || strings.ContainsRune(name, 0) {
		return fmt.Errorf("store a secret: a name has 1 to %d bytes and no NUL", maxKey)
	}
	sealed := base64.StdEncoding.EncodeToString(s.Key.Seal(name, []byte(secret)))
	_, err := s.DB.in(ctx).ExecContext(ctx, `INSERT INTO secrets (name, sealed) VALUES ($1, $2)
		ON CONFLICT (name) DO UPDATE SET sealed = excluded.sealed`, name, sealed)
	return s.explain("set", name, err)
}

// Get returns the secret, ErrNotFound, or ErrKey when the key file is not the
// one it was sealed with.
func (s *Secrets) Get(ctx context.Context, name string) (string, error) {
	var sealed string
	err := s.DB.in(ctx).QueryRowContext(ctx, `SELECT sealed FROM secrets WHERE name = $1`, name).Scan(&sealed)
	if err != nil {
		return "", s.explain("get", name, err)
	}
	secret, err := s.open(name, sealed)
	return secret, s.explain("get", name, err)
}

// Delete removes the secret, or returns ErrNotFound.
func (s *Secrets) Delete(ctx context.Context, name string) error {
	res, err := s.DB.in(ctx).ExecContext(ctx, `DELETE FROM secrets WHERE name = $1`, name)
	if err != nil {
		return s.explain("delete", name, err)
	}
	if n, err := res.RowsAffected(); err == nil && n == 0 {
		return s.explain("delete", name, ErrNotFound)
	}
	return nil
}

// Names returns the names of all secrets.
func (s *Secrets) Names(ctx context.Context) ([]string, error) {
	rows, err := s.DB.in(ctx).QueryContext(ctx, `SELECT name FROM secrets ORDER BY name`)
	if err != nil {
		return nil, s.explain("list", "", err)
	}
	defer func() { _ = rows.Close() }()
	var names []string
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			return nil, s.explain("list", "", err)
		}
		names = append(names, name)
	}
	return names, s.explain("list", "", rows.Err())
}

// Check opens every secret, so that a wrong key file shows at the start and
// not at the first call. It returns the first error.
func (s *Secrets) Check(ctx context.Context) error {
	names, err := s.Names(ctx)
	if err != nil {
		return err
	}
	for _, name := range names {
		if _, err := s.Get(ctx, name); err != nil && !errors.Is(err, ErrNotFound) {
			return err
		}
	}
	return nil
}

// Reseal seals every secret with the newest key of the key file, after a new
// first line was put into it. Then the old lines can go.
func (s *Secrets) Reseal(ctx context.Context) error {
	return s.DB.Atomically(ctx, func(ctx context.Context) error {
		names, err := s.Names(ctx)
		if err != nil {
			return err
		}
		for _, name := range names {
			secret, err := s.Get(ctx, name)
			if err != nil {
				return err
			}
			if err := s.Set(ctx, name, secret); err != nil {
				return err
			}
		}
		return nil
	})
}

func (s *Secrets) open(name, sealed string) (string, error) {
	b, err := base64.StdEncoding.DecodeString(sealed)
	if err != nil {
		return "", fmt.Errorf("%w: its text is damaged", ErrKey)
	}
	plain, err := s.Key.Open(name, b)
	return string(plain), err
}

func (s *Secrets) explain(did, name string, err error) error {
	return explainAt(s.DB, did, "secret", name, err)
}
