package dialog

import (
	"strconv"
	"strings"

	"tandem/sip"
	"tandem/sip/transaction"
)

// notify sends a NOTIFY with a sipfrag (RFC 3515 §2.4.5), one at a time: what comes
// meanwhile waits, and only the newest of it, since that is what counts.
func (t *Transfer) notify(f fragment) {
	if t.next != nil && t.next.status >= 200 {
		return
	}
	if t.busy {
		t.next = &f
		return
	}
	t.busy = true
	t.s.request(t.d, "NOTIFY", func(m *sip.Message) {
		m.Add("Event", t.event)
		m.Add("Subscription-State", f.subscription())
		m.Add("Content-Type", "message/sipfrag;version=2.0")
		m.Body = []byte("SIP/2.0 " + strconv.Itoa(f.status) + " " + f.reason + "\r\n")
	}, func(resp *sip.Message, err error) {
		t.busy = false
		if err != nil || resp.Status >= 300 || f.status >= 200 {
			t.live = false
			return
		}
		if next := t.next; next != nil {
			t.next = nil
			t.notify(*next)
		}
	})
	if f.status >= 200 {
		t.live = false
	}
}

func (f fragment) subscription() string {
	if f.status >= 200 {
		return "terminated;reason=noresource"
	}
	return "active;expires=180"
}

// notified takes a NOTIFY in the dialog: of a REFER of ours, or of a SUBSCRIBE that
// was sent in it. Others are of no event that we know.
func (s *Session) notified(tx *transaction.Server) {
	req := tx.Request()
	pkg, _, _ := strings.Cut(req.Get("Event"), ";")
	pkg = strings.ToLower(strings.TrimSpace(pkg))
	switch {
	case pkg == "refer" && s.referrals <= 0:
		s.refuse(tx, 481)
		return
	case pkg != "refer" && !s.subscribed:
		s.refuse(tx, 489, sip.Header{Name: "Allow-Events", Value: "refer"})
		return
	}
	s.respond(tx, s.response(req, 200, ""))
	state, _, _ := strings.Cut(req.Get("Subscription-State"), ";")
	e := Notify{Package: pkg, Done: strings.EqualFold(strings.TrimSpace(state), "terminated"), Message: req}
	e.Status, e.Reason = parseFragment(req)
	if e.Done && pkg == "refer" {
		s.referrals--
	}
	s.emit(e)
}

// parseFragment reads the status line of a sipfrag (RFC 3420); 0 if there is none.
func parseFragment(m *sip.Message) (int, string) {
	kind, _, _ := strings.Cut(m.Get("Content-Type"), ";")
	if !strings.EqualFold(strings.TrimSpace(kind), "message/sipfrag") {
		return 0, ""
	}
	line, _, _ := strings.Cut(string(m.Body), "\n")
	version, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
	code, reason, _ := strings.Cut(strings.TrimSpace(rest), " ")
	n, err := strconv.Atoi(code)
	if !strings.EqualFold(version, "SIP/2.0") || err != nil || n < 100 || n > 699 {
		return 0, ""
	}
	return n, reason
}
