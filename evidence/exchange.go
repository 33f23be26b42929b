package evidence

import (
	"strings"
	"time"
)

// An Exchange is a message of a leg that speaks something else than SIP. Its text has
// no secrets any more.
type Exchange struct {
	At      time.Time
	Out     bool   // from us
	Network string // "HTTPS", …
	Peer    string
	Summary string
	Text    string
}

const (
	maxTalk = 64          // of a leg's exchanges; of further ones the summary is kept, then none
	exclude = "exchange " // is in no Call-ID
)

// Exchange takes one message, as it passes.
func (r *Recorder) Exchange(leg string, x Exchange) {
	r.mu.Lock()
	defer r.mu.Unlock()
	id := exclude + leg
	m := r.dialogs[id]
	if m == nil {
		m = r.newDialogLocked(id, x.At)
		r.legs[leg] = append(r.legs[leg], id)
	}
	if len(m.all) >= maxMessages {
		m.dropped++
		return
	}
	text := []byte(strings.ToValidUTF8(x.Text[:min(len(x.Text), maxMessage)], ""))
	if len(m.all) >= maxTalk || r.total > maxTotal || m.call != nil && m.call.octets > maxText/2 { // the rest is for SIP
		text = nil
	}
	m.all = append(m.all, raw{at: x.At, out: x.Out, way: &way{network: x.Network}, text: text, said: &said{x.Peer, x.Summary}})
	m.octets += len(text)
	r.total += len(text)
	if m.call != nil {
		m.call.octets += len(text)
	}
}
