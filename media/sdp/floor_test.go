package sdp

import (
	"strings"
	"testing"

	"tandem/media"
)

// sharing is a room's offer with a shared screen and floor control (RFC 8856 §13, with a
// profile of its own).
func sharing(floor string) string {
	return "v=0\r\no=- 1 1 IN IP4 192.0.2.7\r\ns=-\r\nc=IN IP4 192.0.2.7\r\nt=0 0\r\n" +
		"m=audio 6000 RTP/AVP 0\r\n" +
		"m=video 6002 RTP/AVP 100\r\na=rtpmap:100 VP8/90000\r\na=content:main\r\na=label:11\r\n" +
		"m=video 6004 RTP/AVP 100\r\na=rtpmap:100 VP8/90000\r\na=content:slides\r\na=label:10\r\n" + floor
}

func screenGateway() (Capabilities, Transport) {
	caps, tr := roomGateway(Plain)
	slides := *tr.Video
	slides.Port = 40004
	caps.Content, tr.Content = caps.Video, &slides
	tr.FloorUDP, tr.FloorTCP = 40010, 40011
	return caps, tr
}

func TestFloorControlIsAnsweredAsAServer(t *testing.T) {
	for _, row := range []struct {
		name, offer, want string
	}{
		{
			"over UDP", "m=application 6006 UDP/BFCP *\r\na=floorctrl:c-only c-s\r\na=bfcpver:2\r\n",
			"m=application 40010 UDP/BFCP *\r\na=floorctrl:s-only\r\na=confid:1\r\na=userid:2\r\na=floorid:1 mstrm:10\r\na=bfcpver:2\r\n",
		},
		{
			"over TCP", "m=application 9 TCP/BFCP *\r\na=setup:actpass\r\na=connection:new\r\na=floorctrl:c-s\r\n",
			"m=application 40011 TCP/BFCP *\r\na=floorctrl:s-only\r\na=confid:1\r\na=userid:2\r\na=floorid:1 mstrm:10\r\na=bfcpver:1\r\na=setup:passive\r\na=connection:new\r\n",
		},
		{"a server like us", "m=application 6006 UDP/BFCP *\r\na=floorctrl:s-only\r\n", "m=application 0 UDP/BFCP *\r\n"},
		{"who waits for our connection", "m=application 6006 TCP/BFCP *\r\na=setup:passive\r\na=floorctrl:c-only\r\n", "m=application 0 TCP/BFCP *\r\n"},
		{"over DTLS, which is not served", "m=application 6006 UDP/TLS/BFCP *\r\na=floorctrl:c-only\r\n", "m=application 0 UDP/TLS/BFCP *\r\n"},
		{"something else", "m=application 6006 RTP/AVP 100\r\na=rtpmap:100 H224/4800\r\n", "m=application 0 RTP/AVP 100\r\n"},
	} {
		t.Run(row.name, func(t *testing.T) {
			caps, tr := screenGateway()
			offer := mustParse(t, sharing(row.offer))
			d, agreed := mustAnswer(t, caps, tr, offer, "")
			if text := d.String(); !strings.HasSuffix(text, row.want) {
				t.Errorf("answered\n%s\nwant at the end\n%s", text, row.want)
			}
			if accepted := !strings.Contains(row.want, " 0 "); accepted != (agreed.Floor != nil) {
				t.Errorf("agreed on %+v", agreed.Floor)
			}
			for _, v := range violations(offer, d) {
				t.Error(v)
			}
		})
	}
}

func TestFloorControlNeedsAScreen(t *testing.T) {
	caps, tr := screenGateway()
	caps.Content = nil
	offer := mustParse(t, sharing("m=application 6006 UDP/BFCP *\r\na=floorctrl:c-only\r\n"))
	d, agreed := mustAnswer(t, caps, tr, offer, "")
	if agreed.Floor != nil || d.Media[3].Port != 0 {
		t.Errorf("floor control without a screen: %+v", d.Media[3])
	}
}

func TestFloorControlStaysInALaterOffer(t *testing.T) {
	caps, tr := screenGateway()
	remote := mustParse(t, sharing("m=application 9 TCP/BFCP *\r\na=setup:active\r\na=connection:new\r\na=floorctrl:c-only\r\n"))
	last, _ := mustAnswer(t, caps, tr, remote, "")
	caps.Last, caps.Remote = last, remote
	d := Offer(caps, tr)
	if m := d.Media[3]; m.Port != 40011 || m.Profile != "TCP/BFCP" {
		t.Fatalf("our offer has %+v", m)
	}
	if v, _ := d.Media[3].Attribute("connection"); v != "existing" {
		t.Errorf("connection %q", v)
	}
	agreed, err := Accept(caps, tr, d, remote)
	if err != nil {
		t.Fatal(err)
	}
	if agreed.Floor == nil || !agreed.Floor.Reliable || agreed.Of(media.Content) == nil {
		t.Errorf("accepted %+v", agreed)
	}
}
