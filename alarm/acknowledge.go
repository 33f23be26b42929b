package alarm

import (
	"time"
)

// An Acknowledgement says that somebody looks after an alarm.
type Acknowledgement struct {
	By string    `json:"by"`
	At time.Time `json:"at"`
}

// Acknowledge notes that who looks after the alarm with that key, until it ends. It
// reports whether there is one. Subscribers hear of it.
func (b *Board) Acknowledge(key, who string) bool {
	if !b.acknowledge(key, who) {
		return false
	}
	b.log().Info("alarm acknowledged", "key", key, "by", who)
	b.tell()
	return true
}

func (b *Board) acknowledge(key, who string) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	a, ok := b.active[key]
	if !ok {
		return false
	}
	a.Acknowledged = &Acknowledgement{By: who, At: time.Now()}
	b.active[key] = a
	b.queueLocked(a)
	return true
}
