package transaction

import (
	"strings"

	"tandem/sip"
	"tandem/sip/flow"
)

// reply is a response of the layer's own, with the To tag that every response but
// 100 needs (RFC 3261 §8.2.6.2).
func reply(req *sip.Message, status int) *sip.Message {
	r := sip.NewResponse(req, status, "")
	tagged(r)
	return r
}

// tagged adds the To tag that a response is missing.
func tagged(r *sip.Message) {
	value := r.Get("To")
	if r.Status <= 100 || strings.Contains(value, ";tag=") {
		return
	}
	if to, err := sip.ParseAddress(value); err == nil && to.Tag() == "" {
		r.Set("To", value+";tag="+sip.NewTag())
	}
}

// quotable is s without what may not stand in a quoted string.
func quotable(s string) string {
	return strings.Map(func(c rune) rune {
		if c == '"' || c == '\\' || c < ' ' || c > '~' {
			return '\''
		}
		return c
	}, s)
}

// newVia is our Via on a flow.
func newVia(f *flow.Flow, branch string) sip.Via {
	host, port := f.SentBy()
	return sip.Via{Transport: f.ViaTransport(), Host: host, Port: port, Params: sip.Params(";branch=" + branch + ";rport")}
}

// prepare gives a request of ours what every request needs: a Via of ours with a
// branch, and Max-Forwards. A Via that the caller made is kept, and completed if
// it has no branch. It returns the branch.
func prepare(f *flow.Flow, req *sip.Message) string {
	if !req.Has("Max-Forwards") {
		req.Set("Max-Forwards", "70")
	}
	via, err := req.Via()
	if !req.Has("Via") || err != nil {
		branch := sip.NewBranch()
		req.Prepend("Via", newVia(f, branch).String())
		return branch
	}
	if b := via.Branch(); strings.HasPrefix(b, cookie) && len(b) > len(cookie) {
		return b
	}
	return renewBranch(req, via)
}

// renewBranch gives the top Via another branch.
func renewBranch(req *sip.Message, via sip.Via) string {
	branch := sip.NewBranch()
	via.Params = via.Params.With("branch", branch)
	req.RemoveFirst("Via")
	req.Prepend("Via", via.String())
	return branch
}

// ackFor is the ACK for a response other than 2xx (RFC 3261 §17.1.1.3).
func ackFor(invite, response *sip.Message) *sip.Message {
	ack := follow(invite, "ACK")
	ack.Set("To", response.Get("To"))
	return ack
}

// cancelFor is the CANCEL for an INVITE (RFC 3261 §9.1).
func cancelFor(invite *sip.Message, extra []sip.Header) *sip.Message {
	c := follow(invite, "CANCEL")
	for _, h := range extra {
		c.Add(h.Name, h.Value)
	}
	return c
}

// follow is a request that goes after an INVITE hop by hop: with its URI, its top
// Via, its Route and its CSeq number.
func follow(invite *sip.Message, method string) *sip.Message {
	m := sip.NewRequest(method, invite.URI)
	if via := invite.Values("Via"); len(via) > 0 {
		m.Add("Via", via[0])
	}
	for _, name := range [...]string{"Max-Forwards", "Route", "From", "To", "Call-ID"} {
		for _, h := range invite.Headers {
			if h.Name == name {
				m.Headers = append(m.Headers, h)
			}
		}
	}
	number, _, _ := strings.Cut(invite.Get("CSeq"), " ")
	m.Add("CSeq", number+" "+method)
	return m
}
