// Package metrics shows the gateway's figures to Prometheus and its health to
// whoever watches it. The parts know nothing of it: each has Stats of its own,
// and the root package joins the two with one line per family. Start reading
// at [Registry.Func]; the families are listed in families.go.
package metrics

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"runtime"
	"strings"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

const (
	// maxSeries bounds a family: label values may come from the wire in the
	// end. What does not fit is added up under the label value "other".
	maxSeries = 1000
	maxLabel  = 128 // bytes
	other     = "other"
)

// Kind is how a family's values behave.
type Kind int

// The kinds, as Prometheus knows them.
const (
	Gauge     Kind = iota // goes up and down
	Counter               // only grows; restarts at 0
	Histogram             // observations counted in buckets
)

// Family is one metric name with its labels; see families.go.
type Family struct {
	Name    string // with its unit at the end: _seconds, _total
	Help    string
	Kind    Kind
	Labels  []string
	Buckets []float64 // upper bounds, for a Histogram
}

// Registry is the metrics of one gateway, apart from any other in the process.
// Its methods are safe for concurrent use.
type Registry struct {
	reg *prometheus.Registry
	log *slog.Logger
}

// New makes a registry that shows the Go runtime, the process and the version.
func New(version string, log *slog.Logger) *Registry {
	r := &Registry{reg: prometheus.NewRegistry(), log: log}
	if r.log == nil {
		r.log = slog.Default()
	}
	r.reg.MustRegister(
		collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
	)
	r.Func(BuildInfo, func(emit Emit) { emit(1, version, runtime.Version()) })
	return r
}

// Handler answers GET /metrics. A family that cannot be read is left out and
// logged; the others are shown.
func (r *Registry) Handler() http.Handler {
	return promhttp.HandlerFor(r.reg, promhttp.HandlerOpts{
		ErrorLog:      printer{r.log},
		ErrorHandling: promhttp.ContinueOnError,
		// More at once is not monitoring any more.
		MaxRequestsInFlight: 4,
	})
}

// Emit gives one value with its label values, in the order of Family.Labels.
// Values given for the same labels are added up.
type Emit func(value float64, labels ...string)

// Func shows a gauge or counter family whose values f reads from a part's
// Stats at every scrape. f must not block; it may be called by several
// goroutines at once. Registering a family twice panics.
func (r *Registry) Func(family Family, f func(emit Emit)) {
	r.reg.MustRegister(&funcCollector{family: family, desc: family.desc(), read: f})
}

// GaugeFunc is Func for a gauge without labels.
func (r *Registry) GaugeFunc(family Family, f func() float64) {
	r.Func(family, func(emit Emit) { emit(f()) })
}

// CounterFunc is Func for a counter without labels that a part counts itself.
func (r *Registry) CounterFunc(family Family, f func() uint64) {
	r.Func(family, func(emit Emit) { emit(float64(f())) })
}

func (f Family) desc() *prometheus.Desc { return prometheus.NewDesc(f.Name, f.Help, f.Labels, nil) }

// funcCollector reads a family at the time of the scrape.
type funcCollector struct {
	family Family
	desc   *prometheus.Desc
	read   func(Emit)
}

var _ prometheus.Collector = (*funcCollector)(nil)

// Describe implements prometheus.Collector.
func (c *funcCollector) Describe(ch chan<- *prometheus.Desc) { ch <- c.desc }

// Collect implements prometheus.Collector.
func (c *funcCollector) Collect(ch chan<- prometheus.Metric) {
	sums := make(map[string]float64)
	labelsOf := make(map[string][]string)
	var bad error
	c.read(func(value float64, labels ...string) {
		if len(labels) != len(c.family.Labels) {
			bad = fmt.Errorf("%s: %d label values were given for the labels %v", c.family.Name, len(labels), c.family.Labels)
			return
		}
		labels = clean(labels)
		key := strings.Join(labels, "\x00")
		if _, ok := sums[key]; !ok && len(sums) >= maxSeries {
			labels = allOther(labels)
			key = strings.Join(labels, "\x00")
		}
		sums[key] += value
		labelsOf[key] = labels
	})
	if bad != nil {
		ch <- prometheus.NewInvalidMetric(c.desc, bad)
		return
	}
	kind := prometheus.GaugeValue
	if c.family.Kind == Counter {
		kind = prometheus.CounterValue
	}
	for key, sum := range sums {
		m, err := prometheus.NewConstMetric(c.desc, kind, sum, labelsOf[key]...)
		if err != nil {
			m = prometheus.NewInvalidMetric(c.desc, err)
		}
		ch <- m
	}
}

// clean makes label values valid and short; they may come from the wire.
func clean(labels []string) []string {
	out := make([]string, len(labels))
	for i, l := range labels {
		out[i] = strings.ToValidUTF8(l[:min(len(l), maxLabel)], "?")
	}
	return out
}

func allOther(labels []string) []string {
	out := make([]string, len(labels))
	for i := range out {
		out[i] = other
	}
	return out
}

// printer is where the Prometheus handler reports its errors.
type printer struct{ log *slog.Logger }

// Println implements promhttp.Logger.
func (p printer) Println(v ...any) {
	p.log.Error("metrics cannot be shown in full", "err", errors.New(strings.TrimSpace(fmt.Sprintln(v...))))
}
