package dialog

import (
	"strconv"

	"tandem/sip"
	"tandem/sip/transaction"
)

// Refer asks the far end to call to (RFC 3515), as [Session.Send] does. For an attended
// transfer to has a Replaces: see [ID.Replaces] and [Replaces.In]. How that call
// fares comes as Notify; stay in the session until its Done, or not, as you like.
func (s *Session) Refer(to sip.Address, headers ...sip.Header) {
	s.do(func() {
		s.referrals++
		s.enqueue("REFER", func(m *sip.Message) {
			m.Add("Refer-To", to.String())
			addAll(m, headers)
			if !m.Has("Referred-By") {
				m.Add("Referred-By", "<"+address(s.d.local).URI.String()+">")
			}
		}, func(m *sip.Message, err error) {
			if m == nil || m.Status >= 300 || m.Get("Refer-Sub") == "false" {
				s.referrals--
			}
			s.answeredTo("REFER")(m, err)
		})
	})
}

// A Transfer is a REFER of the far end and the subscription that it begins.
type Transfer struct {
	s     *Session
	d     *dialog
	tx    *transaction.Server // until it is answered
	event string              // of its NOTIFYs
	quiet bool                // the transferor wants no NOTIFY (RFC 4488)
	limit *alarm

	live bool // the subscription is
	busy bool // a NOTIFY is under way
	next *fragment
}

// A fragment is what a NOTIFY tells of the call that was asked for.
type fragment struct {
	status int
	reason string
}

// referred takes a REFER in the dialog.
func (s *Session) referred(d *dialog, tx *transaction.Server) {
	req := tx.Request()
	to, err := sip.ParseAddress(req.Get("Refer-To"))
	if err != nil || to.URI.IsZero() || count(req, "Refer-To") != 1 {
		s.refuse(tx, 400)
		return
	}
	seq, _ := req.CSeq()
	t := &Transfer{s: s, d: d, tx: tx, event: "refer", quiet: req.Get("Refer-Sub") == "false"}
	if s.transfers++; s.transfers > 1 { // the first may go without id (RFC 3515 §2.4.6)
		t.event += ";id=" + strconv.FormatUint(uint64(seq.Seq), 10)
	}
	t.limit = s.after(48*s.core.t1(), func() { t.answer(500, "") })
	e := Refer{ReferredBy: req.Get("Referred-By"), Message: req, Transfer: t}
	e.To, e.Replaces = splitReplaces(to)
	s.emit(e)
}

func count(m *sip.Message, name string) int { return len(m.Values(name)) }

// Accept answers 202 and sends the first NOTIFY (100 Trying).
func (t *Transfer) Accept() {
	t.s.do(func() {
		if t.tx == nil {
			return
		}
		t.answer(202, "")
		if t.live = !t.quiet; t.live {
			t.notify(fragment{100, "Trying"})
		}
	})
}

// Reject refuses the REFER by a status of 300 or above; 603 says that we do not want to.
func (t *Transfer) Reject(status int, reason string) {
	t.s.do(func() {
		if status >= 300 {
			t.answer(status, reason)
		}
	})
}

func (t *Transfer) answer(status int, reason string) {
	if t.tx == nil {
		return
	}
	tx := t.tx
	t.tx = nil
	t.limit.stop()
	m := t.s.response(tx.Request(), status, reason)
	if status < 300 {
		if t.s.contact != "" {
			m.Add("Contact", t.s.ownContact())
		}
		if t.quiet {
			m.Add("Refer-Sub", "false")
		}
	}
	t.s.respond(tx, m)
}

// Notify tells how the call that was asked for fares. A final status, 200 or
// above, is the last.
func (t *Transfer) Notify(status int, reason string) {
	t.s.do(func() {
		if reason == "" {
			reason = sip.ReasonPhrase(status)
		}
		if t.live && status >= 100 && status < 700 {
			t.notify(fragment{status, reason})
		}
	})
}
