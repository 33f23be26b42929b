package dialog

import (
	"strconv"

	"tandem/sip"
)

// state is all that a dialog remembers of its messages (RFC 3261 §12). It is a
// value: methods return the next one, and nothing here has a clock or does I/O.
//
// Addresses, tags and routes are kept and sent byte for byte as they came. They
// are never compared as URIs, and never resolved (GV-C8).
type state struct {
	callID              string
	local, remote       string // From and To of our requests, with tags
	localTag, remoteTag string
	target              sip.URI  // the far end's Contact
	routes              []string // Route values in the order we send them
	localSeq            uint32   // of our last request
	remoteSeq           uint32   // of the far end's last request
	remoteSeen          bool     // remoteSeq is set
}

// callerState is the dialog that a response with a To tag makes at the caller
// (RFC 3261 §12.1.2).
func callerState(invite, resp *sip.Message) state {
	seq, _ := invite.CSeq()
	d := state{
		callID: invite.CallID(), local: invite.Get("From"), localTag: tagOf(invite, "From"),
		remote: resp.Get("To"), remoteTag: tagOf(resp, "To"),
		target: invite.URI, localSeq: seq.Seq,
	}
	return d.confirm(resp)
}

// calleeState is the dialog at the callee (RFC 3261 §12.1.1).
func calleeState(invite *sip.Message, localTag string) state {
	seq, _ := invite.CSeq()
	d := state{
		callID: invite.CallID(), local: withTag(invite.Get("To"), localTag), localTag: localTag,
		remote: invite.Get("From"), remoteTag: tagOf(invite, "From"),
		remoteSeq: seq.Seq, remoteSeen: true,
		routes: invite.Values("Record-Route"), // straight: GV-C18
	}
	if from, err := invite.From(); err == nil {
		d.target = from.URI // better than nothing, if there is no usable Contact
	}
	return d.refresh(invite)
}

// confirm takes route set and target from a response at the caller: the 2xx's replace
// those of the provisional (RFC 3261 §13.2.2.4).
func (d state) confirm(resp *sip.Message) state {
	rr := resp.Values("Record-Route")
	d.routes = make([]string, len(rr))
	for i, r := range rr {
		d.routes[len(rr)-1-i] = r // reversed: RFC 3261 §12.1.2
	}
	return d.refresh(resp)
}

// refresh takes the target from the Contact of a target refresh request or its
// 2xx (RFC 3261 §12.2). A message without a usable Contact changes nothing.
func (d state) refresh(m *sip.Message) state {
	if c, err := m.Contacts(); err == nil && len(c) > 0 && c[0].URI.Scheme != "*" {
		d.target = c[0].URI
		d.target.Headers = "" // none in a Request-URI (RFC 3261 §19.1.1), and nobody puts Routes into our requests
	}
	return d
}

// request builds the next request in the dialog (RFC 3261 §12.2.1.1).
func (d state) request(method string) (*sip.Message, state) {
	d.localSeq++
	return d.build(method, d.localSeq), d
}

// ack builds the ACK for a 2xx to our INVITE with that CSeq number.
func (d state) ack(seq uint32) *sip.Message { return d.build("ACK", seq) }

func (d state) build(method string, seq uint32) *sip.Message {
	uri, routes := d.path()
	m := sip.NewRequest(method, uri)
	for _, r := range routes {
		m.Add("Route", r)
	}
	m.Add("Max-Forwards", "70")
	m.Add("From", d.local)
	m.Add("To", d.remote)
	m.Add("Call-ID", d.callID)
	m.Add("CSeq", strconv.FormatUint(uint64(seq), 10)+" "+method)
	return m
}

// path returns the Request-URI and Route headers. If the first route is a
// strict router (RFC 2543), it becomes the Request-URI, and the target goes
// last. A route that cannot be parsed is opaque to us and taken for a loose one.
func (d state) path() (sip.URI, []string) {
	if len(d.routes) == 0 {
		return d.target, nil
	}
	first, err := sip.ParseAddress(d.routes[0])
	if err != nil || isLoose(first) {
		return d.target, d.routes
	}
	routes := append([]string(nil), d.routes[1:]...)
	uri := first.URI
	uri.Headers, uri.Params = "", uri.Params.Without("method") // RFC 3261 §19.1.1
	return uri, append(routes, "<"+d.target.String()+">")
}

// isLoose looks for lr. Without angle brackets the parameters are parsed as the header's.
func isLoose(a sip.Address) bool { return a.URI.Params.Has("lr") || a.Params.Has("lr") }

// receive takes note of a request's CSeq. A number that is not higher than the last is
// out of order: the answer is 500 (RFC 3261 §12.2.2).
func (d state) receive(seq uint32) (state, bool) {
	if d.remoteSeen && seq <= d.remoteSeq {
		return d, false
	}
	d.remoteSeq, d.remoteSeen = seq, true
	return d, true
}

func (d state) id() ID { return ID{d.callID, d.localTag, d.remoteTag} }

func tagOf(m *sip.Message, header string) string {
	a, err := sip.ParseAddress(m.Get(header))
	if err != nil {
		return ""
	}
	return a.Tag()
}

// withTag adds a tag to a From or To value and changes nothing else of it.
func withTag(value, tag string) string {
	if a, err := sip.ParseAddress(value); err == nil && a.Tag() != "" {
		return value
	}
	return value + ";tag=" + tag
}
