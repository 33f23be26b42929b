// Package mail tells people of alarms by electronic mail. Start reading at
// [Mailer.Run].
package mail

import (
	"context"
	"log/slog"
	"slices"
	"sync"
	"time"

	"tandem/alarm"
)

const (
	maxWaiting = 200              // changes of alarms that wait; the oldest are left out
	gather     = 5 * time.Second  // one trouble often shows as several alarms: they are one mail
	apart      = time.Minute      // between mails, so that a flapping line does not fill a mailbox
	firstRetry = 30 * time.Second // after a mail that could not be sent; then twice as long each time
	lastRetry  = 30 * time.Minute
	tooOld     = 24 * time.Hour  // what waits longer is news no more
	goodbye    = 5 * time.Second // for what waits when the gateway stops

	// Key is the alarm of mails that cannot be sent. It is not mailed.
	Key = "alarms/mail"
)

// A Mailer mails alarms that begin and end. Make one with its fields set, subscribe
// Told to the board, and Run it.
type Mailer struct {
	Node   string       // this gateway's name, for the subject
	Log    *slog.Logger //
	Alarms *alarm.Board // hears when mails cannot be sent

	mu      sync.Mutex // guards what follows
	conf    Config
	waiting []alarm.Alarm
	told    map[string]alarm.Severity // alarms of which a mail has said that they began
	wake    chan struct{}             // something waits
	fresh   chan struct{}             // the configuration has changed
	stats   Stats

	hand func(context.Context, Config, []byte) error // nil: send
}

// Stats counts since the start.
type Stats struct {
	Sent    uint64 // mails
	Failed  uint64 // attempts
	Dropped uint64 // changes of alarms that were left out: too many waited, or for too long
}

// Stats returns the figures.
func (m *Mailer) Stats() Stats {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.stats
}

// Apply puts c, which was validated, in force.
func (m *Mailer) Apply(c Config) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.conf = c
	if c.Server == "" {
		m.waiting, m.told = nil, nil
	}
	m.makeLocked()
	poke(m.fresh)
}

// Told takes a change of an alarm; it is a subscriber of the board and does not block.
// An alarm that goes on with new words is no news, unless it has become worse.
func (m *Mailer) Told(a alarm.Alarm) {
	m.mu.Lock()
	defer m.mu.Unlock()
	least, err := m.conf.least()
	if m.conf.Server == "" || err != nil || a.Key == Key {
		return
	}
	before, known := m.told[a.Key]
	switch {
	case a.Active() && (a.Severity < least || known && a.Severity <= before):
		return
	case !a.Active() && !known:
		return
	case !a.Active():
		delete(m.told, a.Key)
	default:
		if m.told == nil {
			m.told = make(map[string]alarm.Severity)
		}
		m.told[a.Key] = a.Severity
	}
	if len(m.waiting) == maxWaiting {
		m.waiting = slices.Delete(m.waiting, 0, 1)
		m.stats.Dropped++
	}
	m.waiting = append(m.waiting, a)
	m.makeLocked()
	poke(m.wake)
}

func (m *Mailer) makeLocked() {
	if m.wake == nil {
		m.wake, m.fresh = make(chan struct{}, 1), make(chan struct{}, 1)
	}
}

func poke(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// Run sends what waits until ctx is done, and then what is left, once.
func (m *Mailer) Run(ctx context.Context) error {
	m.mu.Lock()
	m.makeLocked()
	m.mu.Unlock()
	for retry := firstRetry; ; {
		select {
		case <-ctx.Done():
		case <-m.wake:
			m.pause(ctx, gather, nil)
		}
		if ctx.Err() != nil {
			return m.finish(ctx)
		}
		switch sent, err := m.deliver(ctx); {
		case err != nil:
			m.pause(ctx, retry, m.fresh)
			retry = min(2*retry, lastRetry)
			poke(m.wake)
		case sent:
			retry = firstRetry
			m.pause(ctx, apart, nil)
		}
	}
}

// finish tries once more what waits when the gateway stops.
func (m *Mailer) finish(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), goodbye)
	defer cancel()
	_, _ = m.deliver(ctx) // logged
	return nil
}

// pause waits for d, or until early says otherwise.
func (*Mailer) pause(ctx context.Context, d time.Duration, early <-chan struct{}) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
	case <-t.C:
	case <-early:
	}
}

// deliver sends one mail with all that waits, if anything does. What could not be
// sent waits on.
func (m *Mailer) deliver(ctx context.Context) (sent bool, err error) {
	conf, news := m.take(time.Now())
	if len(news) == 0 {
		return false, nil
	}
	hand := m.hand
	if hand == nil {
		hand = send
	}
	err = hand(ctx, conf, compose(conf, m.Node, news, time.Now()))
	m.mu.Lock()
	if err != nil {
		m.stats.Failed++
		m.waiting = append(news, m.waiting...)
		if over := len(m.waiting) - maxWaiting; over > 0 {
			m.waiting = slices.Delete(m.waiting, 0, over)
			m.stats.Dropped += uint64(over)
		}
	} else {
		m.stats.Sent++
	}
	m.mu.Unlock()
	m.tell(conf, len(news), err)
	return err == nil, err
}

// take empties the queue.
func (m *Mailer) take(now time.Time) (Config, []alarm.Alarm) {
	m.mu.Lock()
	defer m.mu.Unlock()
	news := slices.DeleteFunc(m.waiting, func(a alarm.Alarm) bool { return now.Sub(changed(a)) > tooOld })
	m.stats.Dropped += uint64(len(m.waiting) - len(news))
	m.waiting = nil
	return m.conf, news
}

func (m *Mailer) tell(conf Config, n int, err error) {
	if err == nil {
		m.Log.Info("alarms mailed", "alarms", n, "server", conf.Server)
		m.Alarms.Clear(Key)
		return
	}
	m.Log.Warn("alarms not mailed", "alarms", n, "server", conf.Server, "err", err)
	m.Alarms.Raise(alarm.Alarm{
		Key: Key, Severity: alarm.Warning, Title: "Alarms cannot be mailed", Subject: conf.Server, Detail: err.Error(),
		Do: "Look at alarms.mail in the configuration, and at the log of the mail server. What waits is sent when it works again, for a day.",
	})
}

// changed is when a began or ended.
func changed(a alarm.Alarm) time.Time {
	if a.Active() {
		return a.Begin
	}
	return a.End
}
