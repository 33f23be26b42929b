package flow

import (
	"math/rand/v2"
	"time"
)

// Keep-alives on the wire (RFC 5626 §3.5.1, RFC 7118 §6).
const (
	ping = "\r\n\r\n"
	pong = "\r\n"
)

// defaultPong is how long RFC 5626 §4.4.1 waits for a pong.
const defaultPong = 10 * time.Second

// KeepAlive says how a flow is kept open.
type KeepAlive struct {
	Every      time.Duration // between a pong and the next ping; 0 stops the pings
	Spread     time.Duration // each wait is shortened by a random part of this (RFC 5626 §4.4.1: a fifth of Every)
	PongWithin time.Duration // 0 is ten seconds
}

// KeepAlive starts pings, changes their pace or stops them. On a connection a
// missing pong ends the flow with ErrNoPong. On UDP nothing is expected back:
// there the pings only keep NAT bindings open. Pings of the far end are always
// answered, whatever is set here.
func (f *Flow) KeepAlive(k KeepAlive) {
	if k.PongWithin <= 0 {
		k.PongWithin = defaultPong
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.keep.stop()
	f.pinned.Store(k.Every > 0)
	if f.dead || k.Every <= 0 {
		return
	}
	f.keep.conf = k
	f.keep.arm(k.wait(), f.ping)
}

func (k KeepAlive) wait() time.Duration {
	if k.Spread <= 0 {
		return k.Every
	}
	return max(k.Every-rand.N(k.Spread), 0)
}

// keeper is the keep-alive of one flow, guarded by its mutex. Its one timer waits
// either for the next ping or for a pong.
type keeper struct {
	conf    KeepAlive
	timer   *time.Timer
	waiting bool // for a pong
	turn    uint // counts arms, so that a timer that fired too late knows
}

func (k *keeper) stop() {
	k.turn++
	k.waiting = false
	if k.timer != nil {
		k.timer.Stop()
		k.timer = nil
	}
}

func (k *keeper) arm(d time.Duration, then func(turn uint)) {
	k.stop()
	turn := k.turn
	k.timer = time.AfterFunc(d, func() { then(turn) })
}

func (f *Flow) ping(turn uint) {
	f.mu.Lock()
	if f.keep.turn != turn {
		f.mu.Unlock()
		return
	}
	if f.Reliable() {
		f.keep.arm(f.keep.conf.PongWithin, f.noPong)
		f.keep.waiting = true
	} else {
		f.keep.arm(f.keep.conf.wait(), f.ping)
	}
	f.mu.Unlock()
	f.t.count.PingsOut.Add(1)
	f.SendBytes([]byte(ping)) // an error ends the flow by itself
}

func (f *Flow) noPong(turn uint) {
	f.mu.Lock()
	late := f.keep.turn != turn
	f.mu.Unlock()
	if late {
		return
	}
	f.t.count.PongsMissed.Add(1)
	f.Close(ErrNoPong)
}

// gotPong is called by the reader.
func (f *Flow) gotPong() {
	f.t.count.PongsIn.Add(1)
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.keep.waiting {
		f.keep.arm(f.keep.conf.wait(), f.ping)
	}
}

// gotPing is called by the reader.
func (f *Flow) gotPing() {
	f.t.count.PingsIn.Add(1)
	f.SendBytes([]byte(pong))
}
