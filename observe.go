package tandem

import (
	"errors"
	"fmt"
	"time"

	"tandem/alarm"
	"tandem/call"
	"tandem/leg/gvoice"
	"tandem/leg/sipua"
	"tandem/metrics"
	"tandem/sip/flow"
	"tandem/sip/transaction"
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
	m.Func(metrics.AlarmMailsTotal, func(emit metrics.Emit) {
		s := g.mail.Stats()
		emit(float64(s.Sent), "sent")
		emit(float64(s.Failed), "failed")
		emit(float64(s.Dropped), "dropped")
	})
	m.Func(metrics.EventsDroppedTotal, func(emit metrics.Emit) {
		emit(float64(g.admin.server.Dropped()), "listener")
		emit(float64(g.admin.server.Sender.Dropped()), "webhook")
	})
	g.observeMeetings(m)
	g.observeCapacity(m)
	m.Func(metrics.LegsActive, func(emit metrics.Emit) {
		emit(float64(g.Phones.Stats().Legs), sipua.Name)
		emit(float64(g.Voice.Stats().Legs), gvoice.Name)
	})
	m.Func(metrics.TokenFetchesTotal, func(emit metrics.Emit) {
		s := g.Voice.Stats().Tokens
		emit(float64(s.Fetched), "ok")
		emit(float64(s.Refused), "refused")
		emit(float64(s.Failed), "failed")
	})
	g.observeSIP(m)
	g.observeMedia(m)
	m.Func(metrics.TollRefusalsTotal, func(emit metrics.Emit) {
		for why, n := range g.toll.Refused() {
			emit(float64(n), why.String())
		}
	})
	m.Func(metrics.TracesTotal, func(emit metrics.Emit) {
		s := g.tracer.Stats()
		emit(float64(s.Sent), "sent")
		emit(float64(s.Failed), "failed")
		emit(float64(s.Dropped), "dropped")
	})
	m.GaugeFunc(metrics.StoreWaiting, func() float64 { return float64(g.records.Stats().Waiting) })
	m.Func(metrics.StoreDroppedTotal, func(emit metrics.Emit) { emit(float64(g.records.Stats().Dropped + g.records.Stats().Failed)) })
	g.observeLife()
	g.Health.Ready("store", func() error { return g.records.Stats().Err })
	g.Health.Ready("google_voice", g.voiceReady)
	if t := g.together; t != nil {
		g.Health.Ready("drain", func() error {
			if t.member.Draining() {
				return errDraining
			}
			return nil
		})
	}
}

// observeLife finds parts that have come to a standstill: each check asks for what its
// part gives out under the lock that all of its work needs. Only a restart mends one.
func (g *Gateway) observeLife() {
	g.Health.Live("calls", func() error { g.Switch.Phases(); return nil })
	g.Health.Live("sip", func() error { g.flows(); return nil })
	g.Health.Live("media", func() error { g.Engine.Stats(); return nil })
}

var errDraining = errors.New("this machine is being drained and takes no new calls")

// observeSIP shows the SIP stacks of both connectors.
func (g *Gateway) observeSIP(m *metrics.Registry) {
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
	m.Func(metrics.SIPParseErrorsTotal, g.eachNetwork(func(s flow.Stats, i int) float64 { return float64(s.Unreadable[i]) }))
	m.Func(metrics.SIPConnections, g.eachNetwork(func(s flow.Stats, i int) float64 { return float64(s.Connections[i]) }))
	m.Func(metrics.SIPTransactions, g.eachLayer(func(s transaction.Stats, emit metrics.Emit) {
		emit(float64(s.LiveClients), "client")
		emit(float64(s.Live-s.LiveClients), "server")
	}))
	m.Func(metrics.SIPTransactionsTotal, g.eachLayer(func(s transaction.Stats, emit metrics.Emit) {
		emit(float64(s.Clients), "client")
		emit(float64(s.Servers), "server")
	}))
	m.Func(metrics.SIPRetransmissionsTotal, g.eachLayer(func(s transaction.Stats, emit metrics.Emit) {
		emit(float64(s.Absorbed), "in")
		emit(float64(s.Resent), "out")
	}))
	m.Func(metrics.SIPTimeoutsTotal, g.eachLayer(func(s transaction.Stats, emit metrics.Emit) { emit(float64(s.Timeouts)) }))
}

// eachNetwork emits a figure of the flows by network.
func (g *Gateway) eachNetwork(figure func(s flow.Stats, network int) float64) func(metrics.Emit) {
	return func(emit metrics.Emit) {
		for _, s := range g.flows() {
			for i, network := range flow.Networks() {
				emit(figure(s, i), network)
			}
		}
	}
}

// eachLayer emits figures of both transaction layers.
func (g *Gateway) eachLayer(figures func(transaction.Stats, metrics.Emit)) func(metrics.Emit) {
	return func(emit metrics.Emit) {
		figures(g.Phones.Stats().Transactions, emit)
		figures(g.Voice.Stats().Transactions, emit)
	}
}

// observeMedia shows the media plane.
func (g *Gateway) observeMedia(m *metrics.Registry) {
	m.Func(metrics.RTPPacketsTotal, func(emit metrics.Emit) {
		s := g.Engine.Stats()
		emit(float64(s.PacketsIn), "in")
		emit(float64(s.PacketsOut), "out")
	})
	m.GaugeFunc(metrics.MediaSessions, func() float64 { return float64(g.Engine.Stats().Sessions) })
	m.Func(metrics.RTPBytesTotal, func(emit metrics.Emit) {
		s := g.Engine.Stats()
		emit(float64(s.BytesIn), "in")
		emit(float64(s.BytesOut), "out")
	})
	m.CounterFunc(metrics.RTPLostTotal, func() uint64 { return g.Engine.Stats().Lost })
	m.Func(metrics.RTPDroppedTotal, func(emit metrics.Emit) {
		s := g.Engine.Stats()
		emit(float64(s.Stray), "stray")
		emit(float64(s.Rejected), "rejected")
		emit(float64(s.Unsent), "unsent")
	})
	m.Func(metrics.RTPJitterSeconds, func(emit metrics.Emit) {
		s := g.Engine.Stats()
		emit(s.Jitter.Seconds(), "median")
		emit(s.WorstJitter.Seconds(), "worst")
	})
	m.Func(metrics.BridgesActive, g.bridges.count)
}

func (g *Gateway) flows() []flow.Stats {
	return []flow.Stats{g.Phones.Stats().Flow, g.Voice.Stats().Flow}
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

func (g *Gateway) observeMeetings(m *metrics.Registry) {
	m.Func(metrics.MeetJoinsTotal, func(emit metrics.Emit) {
		joins := g.Meet.Stats().Joins
		emit(float64(joins["joined"]), "joined") // shown before the first call, too
		for result, n := range joins {
			if result != "joined" {
				emit(float64(n), result)
			}
		}
	})
	m.Func(metrics.MeetCalls, func(emit metrics.Emit) {
		s := g.Meet.Stats()
		emit(float64(s.Active), "joined")
		emit(float64(s.Waiting), "waiting")
	})
	m.Func(metrics.MeetLobbiesTotal, func(emit metrics.Emit) { emit(float64(g.Meet.Stats().Lobbies)) })
	m.Func(metrics.MeetTokenExpiry, func(emit metrics.Emit) {
		if s := g.Meet.Gateway(); s.Active.Installed {
			emit(time.Until(s.Active.Until).Seconds())
		}
	})
}

func (g *Gateway) observeCapacity(m *metrics.Registry) {
	m.GaugeFunc(metrics.PortsUsed, func() float64 { return float64(g.Capacity.Stats().Used) })
	m.GaugeFunc(metrics.PortsLimit, func() float64 { return float64(g.Capacity.Stats().Limit) })
	m.GaugeFunc(metrics.CPURatio, func() float64 { return g.Capacity.Stats().Load })
	m.Func(metrics.AdmissionRefusalsTotal, func(emit metrics.Emit) {
		for why, n := range g.Capacity.Stats().Refused {
			emit(float64(n), why.String())
		}
	})
	m.Func(metrics.ReceptionSentencesTotal, func(emit metrics.Emit) {
		for name, n := range g.Receptions.Told() {
			emit(float64(n), string(name))
		}
	})
}
