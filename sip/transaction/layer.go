// Package transaction holds SIP transactions (RFC 3261 §17, RFC 6026). Start
// reading at [Layer.Receive] for what comes in, and at [Layer.Request] for what
// goes out; states and their arrows are drawn at [state].
//
// A transaction has one mutex and no goroutine. Its callbacks run in wire order,
// never two at once, on the goroutine that read the message or on a timer's; they
// must not block, and may call back into the layer.
package transaction

import (
	"errors"
	"hash/maphash"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"tandem/sip"
	"tandem/sip/flow"
)

var (
	// ErrTimeout ends a client transaction without a final response (timers B and
	// F, or 64*T1 after a CANCEL), and a server transaction whose final response
	// was never acknowledged (timer H).
	ErrTimeout = errors.New("the far end did not answer in time")
	// ErrTooMany is the end of a request that was never sent: the layer is at its cap.
	ErrTooMany = errors.New("there are too many transactions")
	// ErrClosed ends the transactions of a layer that was closed.
	ErrClosed = errors.New("the transaction layer was closed")
	// ErrFinal is Respond's error when a final response was sent before, or the
	// transaction is over.
	ErrFinal = errors.New("a final response was sent before")
)

// A Timer is what AfterFunc returns. *time.Timer is one.
type Timer interface {
	Stop() bool
	Reset(time.Duration) bool
}

// A Layer matches messages to transactions. Fill in its fields, give Receive and
// Malformed to the [flow.Transport], and do not change or copy it after that.
type Layer struct {
	// OnRequest is given each new request other than ACK and CANCEL. Somebody
	// must Respond in the end.
	OnRequest func(*Server)
	// OnStray is given what belongs to no transaction and to a dialog perhaps:
	// the ACK for a 2xx, and a 2xx to an INVITE whose transaction is gone.
	OnStray func(*flow.Flow, *sip.Message)

	T1, T2, T4 time.Duration                     // RFC 3261 §17.1.1.1; 500 ms, 4 s, 5 s
	AfterFunc  func(time.Duration, func()) Timer // the clock; nil is time.AfterFunc
	Limits     Limits
	Log        *slog.Logger // nil logs nothing

	once        sync.Once // init
	t1, t2, t4  time.Duration
	limits      Limits
	log         *slog.Logger
	shards      [shardCount]shard
	strangers   strangers
	buffers     sync.Pool // of *[]byte
	seed        maphash.Seed
	liveClients atomic.Int64 // of live
	live        atomic.Int64
	closed      atomic.Bool
	count       counters
	long        linger // 64*T1
	short       linger // T4
}

// Limits bound what the layer holds. A zero field stands for its default.
type Limits struct {
	Transactions int // of both kinds; requests above it get 503. 200,000
	PerStranger  int // unfinished server transactions of one source that is not trusted; 500
}

func (l *Layer) init() {
	l.once.Do(func() {
		l.t1, l.t2, l.t4 = or(l.T1, 500*time.Millisecond), or(l.T2, 4*time.Second), or(l.T4, 5*time.Second)
		l.limits = Limits{or(l.Limits.Transactions, 200_000), or(l.Limits.PerStranger, 500)}
		l.seed = maphash.MakeSeed()
		l.log = l.Log
		if l.log == nil {
			l.log = slog.New(slog.DiscardHandler)
		}
		l.long.l, l.long.wait = l, 64*l.t1
		l.short.l, l.short.wait = l, l.t4
		l.strangers.init(l.limits.PerStranger)
		l.buffers.New = func() any {
			b := make([]byte, 0, 2048)
			return &b
		}
	})
}

func or[T comparable](v, d T) T {
	var zero T
	if v == zero {
		return d
	}
	return v
}

// after starts a timer on the layer's clock.
func (l *Layer) after(d time.Duration, fn func()) Timer {
	if l.AfterFunc != nil {
		return l.AfterFunc(d, fn)
	}
	return time.AfterFunc(d, fn)
}

// room reports whether one more transaction may be made.
func (l *Layer) room() bool {
	return !l.closed.Load() && l.live.Load() < int64(l.limits.Transactions)
}

// Close ends every transaction: clients get ErrClosed as their last event, and
// OnEnd functions are called with it. New requests are refused. No timer is left.
func (l *Layer) Close() {
	l.init()
	l.closed.Store(true)
	defer l.short.close()
	defer l.long.close()
	for i := range l.shards {
		servers, clients := l.shards[i].all()
		for _, s := range servers {
			s.FlowEnded(ErrClosed)
		}
		for _, c := range clients {
			c.FlowEnded(ErrClosed)
		}
	}
}

// encode returns m in wire form in a pooled buffer, which the caller gives back.
func (l *Layer) encode(m *sip.Message) *[]byte {
	b := l.buffers.Get().(*[]byte)
	*b = m.Append((*b)[:0])
	return b
}

func (l *Layer) recycle(b *[]byte) {
	if cap(*b) <= 16<<10 {
		l.buffers.Put(b)
	}
}
