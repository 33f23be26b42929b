// Package opus is a thin cgo binding of libopus for voice (RFC 6716, RFC 7587).
package opus
