package mail

import (
	"context"
	"errors"
	"time"

	"tandem/alarm"
)

// ErrOff means that no mails are configured.
var ErrOff = errors.New("no mails are sent: alarms.mail.server names no mail server")

// Test sends one mail at once, as alarms are sent. The error says which step failed
// and what the server said.
func (m *Mailer) Test(ctx context.Context) error {
	m.mu.Lock()
	conf, hand := m.conf, m.hand
	m.mu.Unlock()
	if conf.Server == "" {
		return ErrOff
	}
	if hand == nil {
		hand = send
	}
	now := time.Now()
	return hand(ctx, conf, compose(conf, m.Node, []alarm.Alarm{{
		Key: "test", Severity: alarm.Info, Title: "This is a test: mails about alarms arrive", Begin: now, Do: "Nothing to do.",
	}}, now))
}
