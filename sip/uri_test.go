package sip

import "testing"

func TestURIEqual(t *testing.T) { // RFC 3261 §19.1.4
	for _, row := range []struct {
		a, b string
		want bool
	}{
		{"sip:%61lice@atlanta.com;transport=TCP", "sip:alice@AtLanTa.CoM;Transport=tcp", true},
		{"sip:carol@chicago.com", "sip:carol@chicago.com;newparam=5", true},
		{"sip:carol@chicago.com;security=on", "sip:carol@chicago.com;newparam=5", true},
		{"sip:biloxi.com;transport=tcp;method=REGISTER?to=sip:bob%40biloxi.com", "sip:biloxi.com;method=REGISTER;transport=tcp?to=sip:bob%40biloxi.com", true},
		{"sip:alice@atlanta.com?subject=project%20x&priority=urgent", "sip:alice@atlanta.com?priority=urgent&subject=project%20x", true},
		{"SIP:ALICE@AtLanTa.CoM;Transport=udp", "sip:alice@AtLanTa.CoM;Transport=UDP", false},
		{"sip:bob@biloxi.com", "sip:bob@biloxi.com:5060", false},
		{"sip:bob@biloxi.com", "sip:bob@biloxi.com;transport=udp", false},
		{"sip:bob@biloxi.com", "sip:bob@biloxi.com:6000;transport=tcp", false},
		{"sip:carol@chicago.com", "sip:carol@chicago.com?Subject=next%20meeting", false},
		{"sip:carol@chicago.com;security=on", "sip:carol@chicago.com;security=off", false},
		{"sip:a@example.com", "sips:a@example.com", false},
		{"sip:v%3D@example.com", "sip:v=@example.com", true}, // Google writes "=" for "%3D" (reference §5.2)
	} {
		a, err1 := ParseURI(row.a)
		b, err2 := ParseURI(row.b)
		if err1 != nil || err2 != nil {
			t.Fatal(err1, err2)
		}
		equal(t, row.a+" "+row.b, a.Equal(b), row.want)
		equal(t, row.b+" "+row.a, b.Equal(a), row.want)
		equal(t, "written", a.String()[4:], row.a[4:])
	}
}

func TestParams(t *testing.T) {
	p := Params(`;transport=tls;+sip.instance="<urn:uuid:1;2>";lr`)
	instance, _ := p.Get("+SIP.instance")
	equal(t, "quoted", instance, "<urn:uuid:1;2>")
	equal(t, "flag", p.Has("LR"), true)
	equal(t, "replaced in place", p.With("transport", "tcp").Without("+sip.instance"), ";transport=tcp;lr")
	equal(t, "added", Params("").With("received", "2001:db8::1").With("rport", ""), ";received=2001:db8::1;rport")
	equal(t, "quoted when needed", Params("").With("obn", `a "b"`), `;obn="a \"b\""`)
}

func TestHeaderEditing(t *testing.T) {
	m, err := Parse([]byte(good))
	if err != nil {
		t.Fatal(err)
	}
	m.Prepend("Via", "SIP/2.0/UDP first, SIP/2.0/UDP second")
	equal(t, "first", m.Headers[0].Name, "Via")
	m.RemoveFirst("v")
	equal(t, "Via", m.Get("via"), "SIP/2.0/UDP second")
	m.Add("Route", "<sip:a,b@x;lr>, <sip:c>")
	equal(t, "elements", len(m.Values("Route")), 2)
	m.Add("Via", "SIP/2.0/UDP last")
	equal(t, "grouped", m.Headers[2].Value, "SIP/2.0/UDP last")
	m.Set("VIA", "SIP/2.0/UDP only")
	equal(t, "replaced", len(m.Values("Via")), 1)
	m.Del("route")
	equal(t, "deleted", m.Has("Route"), false)
}
