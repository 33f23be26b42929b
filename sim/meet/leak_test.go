package meet

import (
	"testing"

	"go.uber.org/goleak"

	"tandem/sim/picture"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m)
}

// near reports whether two colours look the same after coding.
func near(t *testing.T, got, want string) bool {
	t.Helper()
	a, err := picture.ParseHex(got)
	if err != nil {
		return false
	}
	b, err := picture.ParseHex(want)
	if err != nil {
		t.Fatal(err)
	}
	return picture.Distance(a, b) < 20
}
