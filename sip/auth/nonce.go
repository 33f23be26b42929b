package auth

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"io"
	"sync"
	"time"
)

// nonces issues nonces and remembers those that were used. A nonce carries its
// time and a MAC, so that a flood of requests without credentials costs no memory;
// only one that came back with the right password is remembered, for as long as it
// could be used again.
type nonces struct {
	macs sync.Pool // of keyed: to key a MAC costs as much as to make one

	mu      sync.Mutex // guards all below
	key     []byte
	counts  map[string]uint32 // highest nonce count, since turned
	before  map[string]uint32 // the same, of the lifetime before
	turned  time.Time
	dropped uint64 // right credentials called stale because the table was full
}

// keyed is a MAC with its key.
type keyed interface {
	io.Writer
	Sum([]byte) []byte
	Reset()
}

const (
	stampSize = 8 + 8 // time and randomness
	macSize   = 16
)

func (n *nonces) secret() []byte {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.key == nil {
		n.key = make([]byte, 32)
		rand.Read(n.key) // never fails (crypto/rand)
	}
	return n.key
}

// unknowable is a password nobody has.
func (n *nonces) unknowable() Secret { return Secret(hex.EncodeToString(n.secret())) }

func (n *nonces) issue(now time.Time) string {
	b := make([]byte, stampSize, stampSize+macSize)
	binary.BigEndian.PutUint64(b, uint64(now.UnixNano()))
	rand.Read(b[8:])
	return base64.RawURLEncoding.EncodeToString(append(b, n.mac(b)...))
}

func (n *nonces) mac(stamp []byte) []byte {
	h, ok := n.macs.Get().(keyed)
	if !ok {
		h = hmac.New(sha256.New, n.secret())
	}
	_, _ = h.Write(stamp)
	sum := h.Sum(nil)[:macSize]
	h.Reset()
	n.macs.Put(h)
	return sum
}

// verify reports whether we issued a nonce, and whether it is young enough.
func (n *nonces) verify(nonce string, now time.Time, lifetime time.Duration) (issued, fresh bool) {
	b, err := base64.RawURLEncoding.Strict().DecodeString(nonce)
	if err != nil || len(b) != stampSize+macSize || !hmac.Equal(n.mac(b[:stampSize]), b[stampSize:]) {
		return false, false
	}
	age := now.Sub(time.Unix(0, int64(binary.BigEndian.Uint64(b))))
	return true, 0 <= age && age < lifetime
}

// use reports whether a nonce count is higher than all before with that nonce, and
// remembers it. Without qop the count is 0, and a nonce is good for one request.
func (n *nonces) use(nonce string, count uint32, now time.Time, lifetime time.Duration, most int) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.counts == nil || now.Sub(n.turned) >= lifetime {
		n.before, n.counts, n.turned = n.counts, map[string]uint32{}, now
	}
	last, used := n.counts[nonce]
	if !used {
		last, used = n.before[nonce]
	}
	if used && count <= last {
		return false
	}
	if _, ok := n.counts[nonce]; !ok && len(n.counts) >= most {
		n.dropped++
		return false
	}
	n.counts[nonce] = count
	return true
}

// Dropped counts right credentials that were called stale because more nonces
// were in use than MaxNonces.
func (s *Server) Dropped() uint64 {
	s.nonces.mu.Lock()
	defer s.nonces.mu.Unlock()
	return s.nonces.dropped
}
