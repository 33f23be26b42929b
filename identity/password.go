package identity

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"fmt"
	"strings"
	"unicode/utf8"

	"golang.org/x/crypto/argon2"
)

// The cost of a password's hash: OWASP's first choice for Argon2id.
const (
	argonMemory  = 19 << 10 // KiB
	argonTime    = 2        // passes
	argonThreads = 1
	saltSize     = 16
	hashSize     = 32

	// hashers bounds the hashes made at once, and so the memory strangers can take.
	hashers = 2

	minPassword = 10
	maxPassword = 200
)

type hashing struct {
	slots  chan struct{}
	memory uint32 // KiB
}

func newHashing() hashing { return hashing{slots: make(chan struct{}, hashers), memory: argonMemory} }

// hash returns the password's hash in PHC string format.
func (h *hashing) hash(ctx context.Context, password string) (string, error) {
	salt := make([]byte, saltSize)
	_, _ = rand.Read(salt) // never fails (crypto/rand)
	sum, err := h.sum(ctx, password, salt, argonTime, h.memory)
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, h.memory, argonTime, argonThreads,
		base64.RawStdEncoding.EncodeToString(salt), base64.RawStdEncoding.EncodeToString(sum)), nil
}

func (h *hashing) sum(ctx context.Context, password string, salt []byte, passes, memory uint32) ([]byte, error) {
	select {
	case h.slots <- struct{}{}:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	defer func() { <-h.slots }()
	return argon2.IDKey([]byte(password), salt, passes, memory, argonThreads, hashSize), nil
}

// matches compares a password with a hash. Without a hash it takes as long, so that
// nobody learns which users there are.
func (h *hashing) matches(ctx context.Context, password, phc string) (bool, error) {
	var version, threads int
	var memory, passes uint32
	parts := strings.Split(phc, "$")
	good := len(parts) == 6 && parts[1] == "argon2id"
	if good {
		n, _ := fmt.Sscanf(parts[2]+" "+parts[3], "v=%d m=%d,t=%d,p=%d", &version, &memory, &passes, &threads)
		good = n == 4 && version == argon2.Version && memory <= 1<<17 && passes > 0 && passes <= 10 && threads == argonThreads
	}
	if !good {
		_, err := h.sum(ctx, password, make([]byte, saltSize), argonTime, h.memory)
		return false, err
	}
	salt, errSalt := base64.RawStdEncoding.DecodeString(parts[4])
	want, errSum := base64.RawStdEncoding.DecodeString(parts[5])
	got, err := h.sum(ctx, password, salt, passes, memory)
	return errSalt == nil && errSum == nil && subtle.ConstantTimeCompare(got, want) == 1, err
}

// checkPassword wants one that is not guessed at once.
func checkPassword(user, password string) error {
	n := utf8.RuneCountInString(password)
	switch {
	case n < minPassword:
		return &InputError{"password", fmt.Sprintf("a password has at least %d characters; a sentence is a good one", minPassword)}
	case n > maxPassword:
		return &InputError{"password", fmt.Sprintf("a password has at most %d characters", maxPassword)}
	case strings.Contains(strings.ToLower(password), strings.ToLower(user)) && len(user) > 3:
		return &InputError{"password", "the password must not contain the user name"}
	case strings.Trim(password, password[:1]) == "":
		return &InputError{"password", "one character again and again is no password"}
	}
	return nil
}
