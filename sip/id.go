package sip

import (
	"crypto/rand"
	"encoding/hex"
)

// NewTag returns a random tag with 64 bits of randomness (RFC 3261 §19.3 asks for 32).
func NewTag() string { return random(8) }

// NewBranch returns a random branch, "z9hG4bK" first (RFC 3261 §8.1.1.7).
func NewBranch() string { return branchCookie + random(12) }

// NewCallID returns a random Call-ID without a host, so that it tells nothing of us.
func NewCallID() string { return random(16) }

// branchCookie begins every branch of RFC 3261.
const branchCookie = "z9hG4bK"

func random(n int) string {
	var b [16]byte
	rand.Read(b[:n]) // never fails (crypto/rand)
	return hex.EncodeToString(b[:n])
}
