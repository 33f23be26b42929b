package token

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"
)

func TestACommandWritesTheToken(t *testing.T) {
	for _, test := range []struct {
		name    string
		args    []string
		timeout time.Duration
		want    string // token
		is      error
		says    string
	}{
		{"one line", []string{"echo", "ya29.token"}, 0, "ya29.token", nil, ""},
		{"no command", nil, 0, "", nil, "no command is configured"},
		{"no such program", []string{"tandem-no-such-program"}, 0, "", nil, "not found"},
		{"fails and says why", []string{"sh", "-c", "echo token; echo 'not\tlogged in' >&2; exit 3"}, 0, "", nil, "exit status 3: not logged in"},
		{"silent", []string{"true"}, 0, "", ErrAnswer, "no access token"},
		{"two lines", []string{"printf", "a\nb"}, 0, "", ErrAnswer, "byte 2"},
		{"would end the header", []string{"printf", `a"`}, 0, "", ErrAnswer, "byte 2"},
		{"too much", []string{"head", "-c", "100000", "/dev/zero"}, 0, "", ErrAnswer, "larger than"},
		{"too slow", []string{"sleep", "60"}, 50 * time.Millisecond, "", ErrTimeout, "no answer in time"},
		{"leaves a child behind", []string{"sh", "-c", "sleep 60 & echo token; wait"}, 50 * time.Millisecond, "", ErrTimeout, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			c := Command{Name: "home", Args: test.args, Timeout: test.timeout}
			got, expiry, err := c.Token(context.Background())
			if got.Reveal() != test.want || !expiry.IsZero() {
				t.Errorf("got %q until %v", got.Reveal(), expiry)
			}
			if (err != nil) != (test.want == "") || test.is != nil && !errors.Is(err, test.is) {
				t.Errorf("got error %v, want %v", err, test.is)
			}
			if err != nil && (!strings.Contains(err.Error(), test.says) || !strings.Contains(err.Error(), "home")) {
				t.Errorf("got error %q, want %q in it", err, test.says)
			}
		})
	}
}
