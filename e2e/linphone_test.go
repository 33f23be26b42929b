//go:build peers

package e2e

type linphone struct{}
