package mail

import (
	"context"
	"errors"
	"strings"
	"testing"
)

func TestATestMailIsSentAtOnce(t *testing.T) {
	m := &Mailer{Node: "gw1"}
	if err := m.Test(t.Context()); !errors.Is(err, ErrOff) {
		t.Errorf("without a server: %v", err)
	}
	var got string
	m.hand = func(_ context.Context, _ Config, message []byte) error {
		got = string(message)
		return nil
	}
	m.Apply(Config{Server: "mail.example.com", From: "a@example.com", To: []string{"b@example.com"}})
	if err := m.Test(t.Context()); err != nil || !strings.Contains(got, "This is a test") || !strings.Contains(got, "b@example.com") {
		t.Errorf("%v:\n%s", err, got)
	}
	m.hand = func(context.Context, Config, []byte) error { return errors.New("550 go away") }
	if err := m.Test(t.Context()); err == nil {
		t.Error("a refusal is not told")
	}
}
