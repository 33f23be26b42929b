package dialog

import (
	"testing"

	"tandem/sip"
)

// FuzzHeaders feeds what the far end writes to every parser of this package.
func FuzzHeaders(f *testing.F) {
	for _, s := range []string{
		"90;refresher=uac", "1800 ; Refresher = \"uas\"", `Q.850;cause=16;text="a \"b\""`, "c@h;to-tag=1;from-tag=2;early-only",
		"<sip:c@h?Replaces=c%40h%3Bto-tag%3D1%3Bfrom-tag%3D2&Subject=x>", "1 8732 INVITE", "SIP/2.0 200 OK\r\n", "4294967296", ";;;=", "<sip:p;lr>,<sip:q>",
		"--b\r\nContent-Type: application/sdp\r\n\r\nv=0\r\n--b--\r\n", "10 (soon);duration=3",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, v string) {
		m := sip.NewRequest("INVITE", sip.URI{Scheme: "sip", Host: "h"})
		for _, name := range []string{"Session-Expires", "Min-SE", "Reason", "Replaces", "RAck", "RSeq", "Record-Route", "Contact", "To", "From", "CSeq"} {
			m.Headers = append(m.Headers, sip.Header{Name: name, Value: v})
		}
		if e, ok := parseExpires(m); ok && e.interval <= 0 {
			t.Errorf("a session timer of %v", e.interval)
		}
		c, _, tooSmall := SessionTimer{}.answer(m)
		if !tooSmall && c.interval > 0 && (c.interval < minExpires || c.refreshAt() >= c.expireAt()+c.interval/3) {
			t.Errorf("contract %+v", c)
		}
		Reasons(m)
		if r, ok := ParseReplaces(v); ok && (r.CallID == "" || r.ToTag == "" || r.FromTag == "") {
			t.Errorf("replaces %+v", r)
		}
		if a, err := sip.ParseAddress(v); err == nil {
			splitReplaces(a)
		}
		firstToken(v)
		(&reliable{rseq: 1}).acknowledgedBy(m, m)
		d := calleeState(m, "tag")
		d.request("BYE")
		callerState(m, m).request("BYE")
		m.Body = []byte(v)
		for _, kind := range []string{"message/sipfrag", "multipart/mixed;boundary=b", v} {
			m.Set("Content-Type", kind)
			if n, _ := parseFragment(m); n != 0 && (n < 100 || n > 699) {
				t.Errorf("sipfrag status %d", n)
			}
			sdpOf(m)
		}
	})
}

func TestSDPInAMultipartBody(t *testing.T) {
	m := sip.NewRequest("INVITE", sip.URI{Scheme: "sip", Host: "h"})
	m.Set("Content-Type", "multipart/mixed; boundary=x")
	m.Body = []byte("--x\r\nContent-Type: application/isup\r\n\r\nzz\r\n--x\r\nContent-Type: application/sdp\r\n\r\nv=0\r\n--x--\r\n")
	if got := string(sdpOf(m)); got != "v=0" {
		t.Errorf("%q", got)
	}
	m.Set("Content-Type", "Application/SDP;charset=utf-8")
	if got := sdpOf(m); len(got) != len(m.Body) {
		t.Errorf("%q", got)
	}
}
