package dialog

import (
	"strings"

	"tandem/sip"
)

// Replaces names a dialog to be taken over (RFC 3891). The tags are as its user agent
// sees them: ToTag is that agent's own.
type Replaces struct {
	CallID, ToTag, FromTag string
	EarlyOnly              bool // not if it has been answered
}

// ParseReplaces reads the value of a Replaces header. ok is false if a part is missing.
func ParseReplaces(value string) (r Replaces, ok bool) {
	callID, params, _ := strings.Cut(value, ";")
	p := sip.Params(";" + params)
	r.CallID = strings.TrimSpace(callID)
	r.ToTag, _ = p.Get("to-tag")
	r.FromTag, _ = p.Get("from-tag")
	r.EarlyOnly = p.Has("early-only")
	return r, r.CallID != "" && r.ToTag != "" && r.FromTag != ""
}

// String is the header's value.
func (r Replaces) String() string {
	s := r.CallID + ";to-tag=" + r.ToTag + ";from-tag=" + r.FromTag
	if r.EarlyOnly {
		s += ";early-only"
	}
	return s
}

// In returns to with the Replaces put into its URI's headers: the Refer-To of an
// attended transfer.
func (r Replaces) In(to sip.Address) sip.Address {
	h := "Replaces=" + escapeHeader(r.String())
	if to.URI.Headers != "" {
		h = to.URI.Headers + "&" + h
	}
	to.URI.Headers = h
	return to
}

// Replaces is what a third party puts into its INVITE to take over this dialog:
// the far end of s is to see its own tag as ToTag.
func (id ID) Replaces() Replaces {
	return Replaces{CallID: id.CallID, ToTag: id.RemoteTag, FromTag: id.LocalTag}
}

// escapeHeader escapes a header value for the headers part of a URI (hvalue, RFC 3261 §25.1).
func escapeHeader(v string) string {
	const hex = "0123456789ABCDEF"
	var b strings.Builder
	for i := range len(v) {
		c := v[i]
		if 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || strings.IndexByte("-_.!~*'()[]/?:+$", c) >= 0 {
			b.WriteByte(c)
			continue
		}
		b.Write([]byte{'%', hex[c>>4], hex[c&15]})
	}
	return b.String()
}

// splitReplaces takes the Replaces header out of a Refer-To URI.
func splitReplaces(to sip.Address) (sip.Address, *Replaces) {
	var found *Replaces
	var rest []string
	for h := range strings.SplitSeq(to.URI.Headers, "&") {
		name, value, _ := strings.Cut(h, "=")
		if strings.EqualFold(name, "Replaces") && found == nil {
			if r, ok := ParseReplaces(sip.Unescape(value)); ok {
				found = &r
				continue
			}
		}
		if h != "" {
			rest = append(rest, h)
		}
	}
	if found == nil {
		return to, nil
	}
	to.URI.Headers = strings.Join(rest, "&")
	return to, found
}

// Find returns the session of the dialog that a Replaces header names: toTag is ours.
// It returns nil if there is none. A fromTag "0" stands for a far end without tag (RFC 3891 §3).
func (c *Core) Find(callID, toTag, fromTag string) *Session {
	s := c.session(sessionKey{callID, toTag})
	if s == nil {
		return nil
	}
	for _, tag := range s.view.Load().tags {
		if tag == fromTag || tag == "" && fromTag == "0" {
			return s
		}
	}
	return nil
}

// replacedBy finds what an INVITE wants to take over; a status other than 0 refuses it (RFC 3891 §3).
func (c *Core) replacedBy(invite *sip.Message) (*Session, int) {
	values := invite.Values("Replaces")
	if len(values) == 0 {
		return nil, 0
	}
	r, ok := ParseReplaces(values[0])
	if !ok || len(values) > 1 || invite.Has("Join") {
		return nil, 400
	}
	s := c.Find(r.CallID, r.ToTag, r.FromTag)
	if s == nil {
		return nil, 481
	}
	switch p := s.view.Load().phase; {
	case p >= ending:
		return nil, 603
	case p == ringing: // only who called may be taken over before the answer
		return nil, 481
	case p != calling && r.EarlyOnly:
		return nil, 486
	}
	return s, 0
}
