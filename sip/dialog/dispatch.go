package dialog

import (
	"strings"

	"tandem/sip"
	"tandem/sip/flow"
	"tandem/sip/transaction"
)

// HandleRequest takes a new request of the transaction layer: it is the layer's OnRequest.
func (c *Core) HandleRequest(tx *transaction.Server) {
	req := tx.Request()
	tag := tagOf(req, "To")
	if tag == "" {
		c.outside(tx)
		return
	}
	s := c.session(sessionKey{req.CallID(), tag})
	if s == nil {
		c.noDialog(tx)
		return
	}
	if !s.offer(func() { s.receive(tx) }) {
		c.stats.dropped.Add(1)
		c.refuse(tx, 503, sip.Header{Name: "Retry-After", Value: "5"})
	}
}

// outside takes a request without To tag.
func (c *Core) outside(tx *transaction.Server) {
	switch {
	case tx.Request().Method == "INVITE":
		c.incoming(tx)
	case c.OnRequest != nil:
		c.OnRequest(tx)
	default:
		c.refuse(tx, 405, sip.Header{Name: "Allow", Value: strings.Join(c.allow(), ", ")})
	}
}

// noDialog answers a request with a To tag of no session. Subscriptions that others
// keep on the same connections have tags as well.
func (c *Core) noDialog(tx *transaction.Server) {
	switch tx.Request().Method {
	case "SUBSCRIBE", "NOTIFY", "MESSAGE", "PUBLISH", "REGISTER":
		if c.OnRequest != nil {
			c.OnRequest(tx)
			return
		}
	}
	c.stats.noDialog.Add(1)
	c.refuse(tx, 481)
}

// refuse answers a request that no session was made for.
func (c *Core) refuse(tx *transaction.Server, status int, headers ...sip.Header) {
	m := sip.NewResponse(tx.Request(), status, "")
	m.Set("To", withTag(m.Get("To"), sip.NewTag()))
	if c.UserAgent != "" {
		m.Add("Server", c.UserAgent)
	}
	addAll(m, headers)
	if err := tx.Respond(m); err != nil {
		c.logger().Debug("sip response not sent", "status", status, "err", err)
	}
}

// HandleStray takes what belongs to no transaction, an ACK for a 2xx or a late
// 2xx: it is the layer's OnStray.
func (c *Core) HandleStray(f *flow.Flow, m *sip.Message) {
	ours := "From"
	if m.IsRequest() {
		ours = "To"
	}
	s := c.session(sessionKey{m.CallID(), tagOf(m, ours)})
	if s == nil {
		c.stats.stray.Add(1)
		return
	}
	s.offer(func() {
		switch {
		case m.Method == "ACK":
			s.acked(m)
		case !m.IsRequest() && m.Status/100 == 2:
			s.late(m)
		}
	})
}

// receive takes a request in a dialog of this session.
func (s *Session) receive(tx *transaction.Server) {
	req := tx.Request()
	d := s.fork(tagOf(req, "From"))
	if d == nil || s.phase == over {
		s.core.stats.noDialog.Add(1)
		s.refuse(tx, 481)
		return
	}
	seq, err := req.CSeq()
	if err != nil {
		s.refuse(tx, 400)
		return
	}
	next, ok := d.receive(seq.Seq)
	if !ok {
		s.refuse(tx, 500, retryAfter(0))
		return
	}
	if unknown := s.core.unsupported(req); unknown != "" && req.Method != "BYE" {
		s.refuse(tx, 420, sip.Header{Name: "Unsupported", Value: unknown})
		return
	}
	d.state = next
	d.learn(req)
	s.adopt(tx.Flow())
	s.dispatch(d, tx)
}

func (s *Session) dispatch(d *dialog, tx *transaction.Server) {
	if s.phase == ending && tx.Request().Method != "BYE" && tx.Request().Method != "PRACK" {
		s.refuse(tx, 481)
		return
	}
	switch tx.Request().Method {
	case "INVITE":
		s.reinvited(d, tx)
	case "BYE":
		s.byed(d, tx)
	case "PRACK":
		s.pracked(d, tx)
	case "UPDATE":
		s.updated(d, tx)
	case "INFO":
		s.informed(tx)
	case "REFER":
		s.referred(d, tx)
	case "NOTIFY":
		s.notified(tx)
	case "OPTIONS":
		s.optioned(tx)
	default:
		s.otherRequest(tx)
	}
}

// unsupported lists the option tags in Require that we do not have.
func (c *Core) unsupported(req *sip.Message) string {
	if !req.Has("Require") {
		return ""
	}
	var unknown []string
	for _, tag := range req.Values("Require") {
		known := false
		for _, have := range c.supported() {
			known = known || strings.EqualFold(tag, have)
		}
		if !known && tag != "" {
			unknown = append(unknown, tag)
		}
	}
	return strings.Join(unknown, ", ")
}
