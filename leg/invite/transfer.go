package invite

import (
	"tandem/call"
	"tandem/sip/dialog"
)

// theirRefer passes a transfer on to the call. The answer to it comes as
// call.Transferred, or as the end of this leg.
func (l *Leg) theirRefer(ev dialog.Refer) {
	if l.refer != nil || l.opt.Alias == nil || l.end != nil {
		ev.Reject(603, "")
		return
	}
	t := call.Transfer{To: l.opt.Alias(ev.To.URI)}
	if r := ev.Replaces; r != nil {
		id, ok := "", false
		if s := l.stack.Core.Find(r.CallID, r.ToTag, r.FromTag); s != nil {
			id, ok = l.stack.LegOf(s)
		}
		if !ok {
			ev.Accept() // a 481 to the REFER itself would end the call (RFC 5057 §5.1)
			ev.Notify(481, "")
			return
		}
		t.Replaces = id
	}
	l.refer = &ev
	ev.Accept()
	l.log.Info("transfer", "to", t.To, "replaces", t.Replaces, "by", ev.ReferredBy)
	l.emit(t)
}

// transferred tells the far end how its transfer went (RFC 3515 §2.4.4).
func (l *Leg) transferred(c call.Cause) {
	if l.refer == nil {
		return
	}
	if c == call.NormalClearing {
		l.refer.Notify(200, "OK")
	} else {
		l.refer.Notify(c.SIP(), "")
	}
	l.refer, l.told = nil, true
}
