//go:build !(peers && unix)

package control

import "testing"

func runTests(m *testing.M) int { return m.Run() }
