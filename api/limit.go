package api

import (
	"sync"
	"time"
)

const (
	// A client may send so many requests at once, and so many a second for longer.
	burst = 400
	rate  = 100

	maxClients = 20_000 // remembered; more share one bucket
)

// A limiter is a token bucket for each address. Its time is an argument.
type limiter struct {
	mu      sync.Mutex // guards what follows
	buckets map[string]*bucket
}

type bucket struct {
	tokens float64
	at     time.Time
}

// take returns how long the client has to wait; 0 is not at all.
func (l *limiter) take(now time.Time, client string) time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.buckets == nil {
		l.buckets = make(map[string]*bucket)
	}
	b := l.buckets[client]
	if b == nil {
		if len(l.buckets) >= maxClients {
			client = "" // everybody else
			b = l.buckets[client]
		}
		if b == nil {
			b = &bucket{tokens: burst, at: now}
			l.buckets[client] = b
		}
	}
	b.tokens = min(burst, b.tokens+now.Sub(b.at).Seconds()*rate)
	b.at = now
	if b.tokens < 1 {
		return time.Duration((1 - b.tokens) / rate * float64(time.Second))
	}
	b.tokens--
	return 0
}

// sweep forgets clients whose bucket is full again.
func (l *limiter) sweep(now time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for client, b := range l.buckets {
		if now.Sub(b.at).Seconds()*rate > burst {
			delete(l.buckets, client)
		}
	}
}
