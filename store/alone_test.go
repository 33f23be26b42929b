//go:build !(peers && unix)

package store

import "testing"

func runTests(m *testing.M) int { return m.Run() }
