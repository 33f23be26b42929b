package sipua

import (
	"strconv"
	"strings"
	"time"

	"tandem/sip"
	"tandem/sip/transaction"
)

// onSubscribe takes subscriptions to message-summary, which many phones insist on
// (RFC 3842): there are never messages. Nothing is kept of them; a refresh is
// answered like a new one.
func (c *Connector) onSubscribe(s *transaction.Server) {
	f, req := s.Flow(), s.Request()
	d, no := c.identify(f, req)
	if no != nil {
		c.refuse(s, no)
		return
	}
	event, _, _ := strings.Cut(req.Get("Event"), ";")
	if strings.TrimSpace(event) != "message-summary" {
		m := sip.NewResponse(req, 489, "")
		m.Add("Allow-Events", "message-summary")
		c.respond(s, m)
		return
	}
	expires, err := seconds(req.Get("Expires"))
	if err != nil {
		expires = time.Hour
	}
	expires = min(expires, time.Hour)
	to, err := req.To()
	if err != nil {
		c.refuse(s, deny(400, ""))
		return
	}
	if to.Tag() == "" {
		to = to.WithTag(sip.NewTag())
	}
	m := sip.NewResponse(req, 200, "")
	m.Set("To", to.String())
	m.Add("Contact", sip.Address{URI: c.contact(f)}.String())
	m.Add("Expires", strconv.Itoa(int(expires/time.Second)))
	c.respond(s, m)
	c.noMessages(s, d, to, expires)
}

// noMessages sends the NOTIFY that follows a SUBSCRIBE (RFC 6665 §4.2.1.2).
func (c *Connector) noMessages(s *transaction.Server, d *device, from sip.Address, expires time.Duration) {
	f, req := s.Flow(), s.Request()
	uri := sip.URI{Scheme: "sip", User: sip.EscapeUser(d.Name), Host: f.Remote().Addr().String(), Port: int(f.Remote().Port())}
	if cs, err := req.Contacts(); err == nil && len(cs) > 0 {
		uri = cs[0].URI
	}
	seq, _ := req.CSeq() // the core has checked it
	m := sip.NewRequest("NOTIFY", uri)
	for _, r := range req.Values("Record-Route") {
		m.Add("Route", r)
	}
	m.Add("From", from.String())
	m.Add("To", req.Get("From"))
	m.Add("Call-ID", req.CallID())
	m.Add("CSeq", strconv.FormatUint(uint64(seq.Seq), 10)+" NOTIFY") // rises with the subscriber's
	m.Add("Contact", sip.Address{URI: c.contact(f)}.String())
	m.Add("Event", "message-summary")
	state := "active;expires=" + strconv.Itoa(int(expires/time.Second))
	if expires == 0 {
		state = "terminated;reason=timeout"
	}
	m.Add("Subscription-State", state)
	m.Add("Content-Type", "application/simple-message-summary")
	m.Body = []byte("Messages-Waiting: no\r\n")
	c.layer.Request(f, m, func(transaction.Event) {})
}
