package sip

import (
	"testing"

	sipgo "github.com/emiago/sipgo/sip"
)

// A second parser, which shares no code with ours, must read the same start line,
// identifiers and body.
func TestAgreesWithSipgo(t *testing.T) {
	valid := map[string][]byte{"gv-invite.sip": golden(t, "gv-invite.sip")}
	for _, archive := range []string{"rfc4475.txtar", "rfc5118.txtar"} {
		for name, b := range torture(t, archive) {
			valid[name] = b
		}
	}
	agreed := 0
	for name, b := range valid {
		m, code := status(b)
		theirs, err := sipgo.ParseMessage(b)
		if code != 0 || err != nil {
			continue
		}
		agreed++
		equal(t, name+" Call-ID", m.CallID(), theirs.CallID().Value())
		cseq, _ := m.CSeq()
		equal(t, name+" CSeq", cseq, CSeq{theirs.CSeq().SeqNo, string(theirs.CSeq().MethodName)})
		if name != "dblreq" && name != "inv2543" { // it gives no body without a Content-Length, and two messages as one
			equal(t, name+" body", string(m.Body), string(theirs.Body()))
		}
	}
	if agreed < 15 {
		t.Errorf("only %d messages are read by both", agreed)
	}
}
