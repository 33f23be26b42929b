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

const floorPrint = "sha-256 12:34:56:78:9A:BC:DE:F0:12:34:56:78:9A:BC:DE:F0:12:34:56:78:9A:BC:DE:F0:12:34:56:78:9A:BC:DE:F0"

func screenGateway() (Capabilities, Transport) {
	caps, tr := roomGateway(Plain)
	slides := *tr.Video
	slides.Port = 40004
	caps.Content, tr.Content = caps.Video, &slides
	tr.FloorUDP, tr.FloorTCP, tr.FloorDTLS = 40010, 40011, 40012
	tr.FloorFingerprints = []Fingerprint{{Hash: "sha-256", Value: "AB:CD"}}
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
		{
			"over DTLS", "m=application 6006 UDP/TLS/BFCP *\r\na=floorctrl:c-only\r\na=setup:actpass\r\na=fingerprint:" + floorPrint + "\r\n",
			"m=application 40012 UDP/TLS/BFCP *\r\na=floorctrl:s-only\r\na=confid:1\r\na=userid:2\r\na=floorid:1 mstrm:10\r\na=bfcpver:2\r\na=fingerprint:sha-256 AB:CD\r\na=setup:passive\r\n",
		},
		{"over DTLS without a fingerprint", "m=application 6006 UDP/TLS/BFCP *\r\na=floorctrl:c-only\r\na=setup:actpass\r\n", "m=application 0 UDP/TLS/BFCP *\r\n"},
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
	if agreed.Floor == nil || agreed.Floor.Over != FloorOverTCP || agreed.Of(media.Content) == nil {
		t.Errorf("accepted %+v", agreed)
	}
}

func TestAFirstOfferHasTheScreenAndItsFloor(t *testing.T) {
	for _, row := range []struct {
		name       string
		dtls       bool
		line, more string
	}{
		{"over UDP", false, "m=application 40010 UDP/BFCP *\r\n", ""},
		{"over DTLS", true, "m=application 40012 UDP/TLS/BFCP *\r\n", "a=fingerprint:sha-256 AB:CD\r\na=setup:actpass\r\n"},
	} {
		t.Run(row.name, func(t *testing.T) {
			caps, tr := screenGateway()
			if tr.FloorTCP = 0; row.dtls {
				tr.FloorUDP = 0
			} else {
				tr.FloorDTLS = 0
			}
			offer := Offer(caps, tr)
			want := row.line + "a=floorctrl:s-only\r\na=confid:1\r\na=userid:2\r\na=floorid:1 mstrm:12\r\na=bfcpver:2\r\n" + row.more
			if text := offer.String(); !strings.HasSuffix(text, want) || !strings.Contains(text, "a=content:slides\r\n") || !strings.Contains(text, "a=label:12\r\n") {
				t.Fatalf("offered\n%s\nwant at the end\n%s", text, want)
			}
			answerTo(t, caps, tr, offer, row.dtls)
		})
	}
}

// answerTo plays far ends that take everything, the screen alone, or the camera alone.
func answerTo(t *testing.T, caps Capabilities, tr Transport, offer *Description, dtls bool) {
	t.Helper()
	rtp := func(port string) string { return "m=video " + port + " RTP/AVP 100\r\na=rtpmap:100 VP8/90000\r\n" }
	begin := "v=0\r\no=- 1 1 IN IP4 192.0.2.7\r\ns=-\r\nc=IN IP4 192.0.2.7\r\nt=0 0\r\nm=audio 6000 RTP/AVP 0\r\n" + rtp("6002")
	floor, proof := "m=application 6006 UDP/BFCP *\r\na=floorctrl:c-only\r\n", ""
	if dtls {
		floor, proof = strings.Replace(floor, "UDP/", "UDP/TLS/", 1), "a=setup:active\r\na=fingerprint:"+floorPrint+"\r\n"
	}
	for _, row := range []struct {
		name, answer  string
		screen, floor bool
	}{
		{"everything", begin + rtp("6004") + floor + proof, true, true},
		{"the screen without its floor", begin + rtp("6004") + strings.Replace(floor, "6006", "0", 1), true, false},
		{"neither", begin + rtp("0") + strings.Replace(floor, "6006", "0", 1), false, false},
		{"the floor of nothing", begin + rtp("0") + floor + proof, false, false},
		{"an answer that is too short", begin, false, false},
	} {
		agreed, err := Accept(caps, tr, offer, mustParse(t, row.answer))
		if err != nil {
			t.Fatal(err)
		}
		if got := agreed.Of(media.Content) != nil; got != row.screen || (agreed.Floor != nil) != row.floor || agreed.Of(media.Video) == nil {
			t.Errorf("%s: agreed on %+v", row.name, agreed)
		}
		if agreed.Floor != nil && (agreed.Floor.Remote.Port() != 6006 || dtls != (agreed.Floor.DTLS.Role == RoleServer)) {
			t.Errorf("%s: %+v", row.name, agreed.Floor)
		}
	}
}

func TestARefusedFloorStaysRefused(t *testing.T) {
	caps, tr := screenGateway()
	caps.ICE, tr.FloorTCP, tr.FloorDTLS = ICENone, 0, 0
	caps.Last = Offer(caps, tr)
	tr.FloorUDP, tr.Content = 0, nil
	if d := Offer(caps, tr); len(d.Media) != 4 || d.Media[2].Port != 0 || d.Media[3].Port != 0 {
		t.Errorf("offered again: %s", d)
	}
}
