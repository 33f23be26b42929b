package metrics

import (
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Count is a counter family for what no part counts itself: events that the
// root package hears of, such as the end of a call.
type Count struct {
	vec  *prometheus.CounterVec
	seen series
}

// Counter registers the family and returns its counters, all at 0.
func (r *Registry) Counter(family Family) *Count {
	mustBe(family, Counter)
	c := &Count{vec: prometheus.NewCounterVec(prometheus.CounterOpts{Name: family.Name, Help: family.Help}, family.Labels)}
	r.reg.MustRegister(c.vec)
	return c
}

// Inc adds one. The number of label values is the family's, or it panics.
func (c *Count) Inc(labels ...string) { c.vec.WithLabelValues(c.seen.bound(labels)...).Inc() }

// Spread is a histogram family of durations.
type Spread struct {
	vec  *prometheus.HistogramVec
	seen series
}

// Histogram registers the family and returns its histograms.
func (r *Registry) Histogram(family Family) *Spread {
	mustBe(family, Histogram)
	s := &Spread{vec: prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name: family.Name, Help: family.Help, Buckets: family.Buckets,
	}, family.Labels)}
	r.reg.MustRegister(s.vec)
	return s
}

// Observe counts one duration. The number of label values is the family's, or
// it panics.
func (s *Spread) Observe(d time.Duration, labels ...string) {
	s.vec.WithLabelValues(s.seen.bound(labels)...).Observe(d.Seconds())
}

// series remembers the label values of a family, to bound their number.
type series struct {
	mu   sync.Mutex // guards keys
	keys map[string]bool
}

// bound returns the labels fit to be used, or "other" for each when the family
// is full.
func (s *series) bound(labels []string) []string {
	labels = clean(labels)
	key := strings.Join(labels, "\x00")
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.keys[key] {
		return labels
	}
	if len(s.keys) >= maxSeries {
		return allOther(labels)
	}
	if s.keys == nil {
		s.keys = make(map[string]bool)
	}
	s.keys[key] = true
	return labels
}

func mustBe(f Family, want Kind) {
	if f.Kind != want {
		panic(fmt.Sprintf("metrics: %s is registered as another kind than its family says", f.Name))
	}
}
