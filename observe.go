package tandem

import (
	"fmt"

	"tandem/alarm"
	"tandem/call"
	"tandem/leg/gvoice"
	"tandem/metrics"
	"tandem/sip/flow"
)

// figures are the metrics that calls move when they end.
type figures struct {
	ended              *metrics.Count
	setup, ring, talks *metrics.Spread
}

// observe joins the parts' figures with Prometheus, one line per family.
func (g *Gateway) observe() {
	m := metrics.New(Version, g.log)
	g.Metrics = m
	g.figures = figures{
		m.Counter(metrics.CallsTotal), m.Histogram(metrics.CallSetupSeconds),
		m.Histogram(metrics.CallPostDialDelaySeconds), m.Histogram(metrics.CallDurationSeconds),
	}
	m.GaugeFunc(metrics.Registrations, func() float64 { return float64(g.Phones.Stats().Registered) })
	m.Func(metrics.CallsActive, g.liveCalls)
	m.Func(metrics.AccountState, g.accountStates)
	m.Func(metrics.AlarmsActive, g.activeAlarms)
	m.Func(metrics.SIPMessagesTotal, func(emit metrics.Emit) {
		for _, s := range g.flows() {
			for i, network := range flow.Networks() {
				emit(float64(s.MessagesIn[i]), network, "in")
				emit(float64(s.MessagesOut[i]), network, "out")
			}
		}
	})
	m.Func(metrics.SIPBytesTotal, func(emit metrics.Emit) {
		for _, s := range g.flows() {
			for i, network := range flow.Networks() {
				emit(float64(s.BytesIn[i]), network, "in")
				emit(float64(s.BytesOut[i]), network, "out")
			}
		}
	})
	m.Func(metrics.SIPDroppedTotal, func(emit metrics.Emit) {
		for _, s := range g.flows() {
			emit(float64(s.Junk), "junk")
			emit(float64(s.OverBudget), "budget")
			emit(float64(s.QueueFull), "queue_full")
			emit(float64(s.Refused), "connections")
			emit(float64(s.Malformed), "malformed")
		}
		emit(float64(g.Phones.Stats().Blocked), "guard")
	})
	m.Func(metrics.SIPAuthFailuresTotal, func(emit metrics.Emit) { emit(float64(g.Phones.Stats().AuthFailures)) })
	m.Func(metrics.TollRefusalsTotal, func(emit metrics.Emit) {
		for why, n := range g.toll.Refused() {
			emit(float64(n), why.String())
		}
	})
	m.Func(metrics.RTPPacketsTotal, func(emit metrics.Emit) {
		s := g.Engine.Stats()
		emit(float64(s.PacketsIn), "in")
		emit(float64(s.PacketsOut), "out")
	})
	m.GaugeFunc(metrics.MediaSessions, func() float64 { return float64(g.Engine.Stats().Sessions) })
	m.GaugeFunc(metrics.StoreWaiting, func() float64 { return float64(g.records.Stats().Waiting) })
	m.Func(metrics.StoreDroppedTotal, func(emit metrics.Emit) { emit(float64(g.records.Stats().Dropped + g.records.Stats().Failed)) })
	g.Health.Ready("store", func() error { return g.records.Stats().Err })
	g.Health.Ready("google_voice", g.voiceReady)
}

func (g *Gateway) flows() []flow.Stats {
	voice, _ := g.Voice.Stats()
	return []flow.Stats{g.Phones.Stats().Flow, voice}
}

func (g *Gateway) liveCalls(emit metrics.Emit) {
	for p := call.Dialing; p < call.Over; p++ {
		emit(0, p.String())
	}
	for _, c := range g.Switch.Phases() {
		emit(1, c.String())
	}
}

func (g *Gateway) accountStates(emit metrics.Emit) {
	for _, s := range g.Voice.Status() {
		for st := gvoice.Connecting; st <= gvoice.Stopped; st++ {
			v := 0.0
			if st == s.State {
				v = 1
			}
			emit(v, s.Account, st.String())
		}
	}
}

func (g *Gateway) activeAlarms(emit metrics.Emit) {
	for _, s := range []alarm.Severity{alarm.Info, alarm.Warning, alarm.Critical} {
		emit(0, s.String())
	}
	for _, a := range g.Alarms.Active() {
		emit(1, a.Severity.String())
	}
}

// voiceReady fails when no account works although there are some.
func (g *Gateway) voiceReady() error {
	all := g.Voice.Status()
	for _, s := range all {
		if s.State == gvoice.Registered {
			return nil
		}
	}
	if len(all) == 0 {
		return nil
	}
	return fmt.Errorf("none of %d Google Voice accounts is registered: %s: %s", len(all), all[0].Account, all[0].Problem)
}

// count moves the figures of calls.
func (g *Gateway) count(r call.Record) {
	to := r.B.Connector
	if to == "" {
		to = "none"
	}
	g.figures.ended.Inc(to, r.Cause.String())
	if !r.Rang.IsZero() {
		g.figures.ring.Observe(r.Rang.Sub(r.Began), to)
	}
	if !r.Answered.IsZero() {
		g.figures.setup.Observe(r.Answered.Sub(r.Began), to)
		g.figures.talks.Observe(r.Talked, to)
	}
}
