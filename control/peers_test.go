//go:build peers && unix

package control

import (
	"testing"

	"tandem/internal/postgres"
)

// runTests gives the tests a PostgreSQL of their own, too.
func runTests(m *testing.M) int { return postgres.Main(m) }
