package flow

import "sync/atomic"

// Stats are counts since the Transport was made, and gauges where said.
type Stats struct {
	MessagesIn, MessagesOut [networkCount]uint64 // by network, in the order udp, tcp, tls, ws, wss
	BytesIn, BytesOut       [networkCount]uint64
	Connections             [networkCount]int    // now, by network; UDP has none
	Unreadable              [networkCount]uint64 // messages given to Malformed, by network
	Open                    int                  // connections now, the sum
	Accepted, Dialed        uint64               // connections
	Refused                 uint64               // at a cap, all others of it being useful
	Evicted                 uint64               // silent connections that gave way at a cap
	Handshakes              uint64               // TLS or WebSocket handshakes that failed or took too long
	Idle                    uint64               // connections closed by a deadline
	QueueFull               uint64               // flows that ended with ErrQueueFull
	SendErrors              uint64
	Malformed               uint64 // the sum of Unreadable
	Junk                    uint64 // datagrams dropped unparsed: too long, or no SIP
	OverBudget              uint64 // datagrams dropped, or pauses made on connections, for a budget
	PingsIn, PingsOut       uint64
	PongsIn, PongsMissed    uint64
	FlowsForgotten          uint64 // UDP flows dropped from the bounded table
}

// Networks names the indices of the arrays in Stats.
func Networks() []string { return []string{"udp", "tcp", "tls", "ws", "wss"} }

// Stats returns a snapshot.
func (t *Transport) Stats() Stats {
	c := &t.count
	s := Stats{
		Accepted: c.Accepted.Load(), Dialed: c.Dialed.Load(),
		Refused: c.Refused.Load(), Evicted: c.Evicted.Load(), Handshakes: c.Handshakes.Load(),
		Idle: c.Idle.Load(), QueueFull: c.QueueFull.Load(), SendErrors: c.SendErrors.Load(),
		Junk: c.Junk.Load(), OverBudget: c.OverBudget.Load(),
		PingsIn: c.PingsIn.Load(), PingsOut: c.PingsOut.Load(),
		PongsIn: c.PongsIn.Load(), PongsMissed: c.PongsMissed.Load(),
		FlowsForgotten: c.FlowsForgotten.Load(),
	}
	for n := range networkCount {
		s.MessagesIn[n], s.MessagesOut[n] = c.in[n].messages.Load(), c.out[n].messages.Load()
		s.BytesIn[n], s.BytesOut[n] = c.in[n].bytes.Load(), c.out[n].bytes.Load()
		s.Connections[n], s.Unreadable[n] = int(c.open[n].Load()), c.unreadable[n].Load()
		s.Open += s.Connections[n]
		s.Malformed += s.Unreadable[n]
	}
	return s
}

type counters struct {
	in, out [networkCount]struct{ messages, bytes atomic.Uint64 }

	open                                                    [networkCount]atomic.Int64
	unreadable                                              [networkCount]atomic.Uint64
	Accepted, Dialed, Refused, Evicted, Handshakes, Idle    atomic.Uint64
	QueueFull, SendErrors, Junk, OverBudget                 atomic.Uint64
	PingsIn, PingsOut, PongsIn, PongsMissed, FlowsForgotten atomic.Uint64
}

func (c *counters) sent(n network, bytes int) {
	c.out[n].messages.Add(1)
	c.out[n].bytes.Add(uint64(bytes))
}

func (c *counters) received(n network, bytes int) {
	c.in[n].messages.Add(1)
	c.in[n].bytes.Add(uint64(bytes))
}
