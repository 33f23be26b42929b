package transport

import (
	"bytes"
	"net"
	"strconv"
	"testing"
	"time"

	"tandem/media"
	"tandem/media/bfcp"
	"tandem/media/sdp"
)

const floorOffer = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n" +
	"m=audio 6000 RTP/AVP 0\r\n" +
	"m=video 6002 RTP/AVP 100\r\na=rtpmap:100 VP8/90000\r\n" +
	"m=video 6004 RTP/AVP 100\r\na=rtpmap:100 VP8/90000\r\na=content:slides\r\n"

// sharer is a session whose far end may share a screen; it returns where floor control is.
func sharer(t *testing.T, line string) (*Session, string) {
	t.Helper()
	s, _ := newTestSession(t, newEngine(t), func(o *Options) {
		o.Capabilities = camera()
		o.Capabilities.Content = o.Capabilities.Video
	})
	answer, err := s.AnswerTo([]byte(floorOffer+line), "")
	if err != nil {
		t.Fatal(err)
	}
	d, err := sdp.Parse(answer)
	if err != nil || len(d.Media) != 4 || d.Media[3].Port == 0 {
		t.Fatalf("%v: %s", err, answer)
	}
	return s, net.JoinHostPort("127.0.0.1", strconv.Itoa(int(d.Media[3].Port)))
}

func floorRequest(version uint8) []byte {
	m := bfcp.Message{Version: version, Primitive: bfcp.FloorRequest, Conference: 1, Transaction: 5, User: 2, Floor: 1}
	return m.Append(nil)
}

func TestTheFloorOverUDP(t *testing.T) {
	s, at := sharer(t, "m=application 6006 UDP/BFCP *\r\na=floorctrl:c-only\r\n")
	c, err := net.Dial("udp", at)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	heard := func(want bfcp.Primitive) (m bfcp.Message) {
		t.Helper()
		b := make([]byte, 2048)
		for end := time.Now().Add(patience); time.Now().Before(end); {
			_ = c.SetReadDeadline(end)
			n, err := c.Read(b)
			if err != nil {
				t.Fatal(err)
			}
			if bfcp.Parse(b[:n], &m) == nil && m.Primitive == want {
				return m
			}
		}
		t.Fatalf("no primitive %d", want)
		return m
	}
	_, _ = c.Write(bytes.Repeat([]byte{0xff}, 100)) // no message
	_, _ = c.Write(floorRequest(2))
	if m := heard(bfcp.FloorRequestStatus); m.Status != bfcp.Granted || !s.HoldsFloor() {
		t.Errorf("the request got %v", m.Status)
	}
	s.Present("Ada Example")
	if m := heard(bfcp.FloorRequestStatus); m.Status != bfcp.Revoked {
		t.Errorf("when somebody presents: %v", m.Status)
	}
	for range 2 { // it is not acknowledged, and comes again
		if m := heard(bfcp.FloorStatus); m.Name != "" && m.Name != "Ada Example" {
			t.Errorf("the floor is %q's", m.Name)
		}
	}
	if s.HoldsFloor() {
		t.Error("the floor was not taken away")
	}
}

func TestTheFloorOverTCP(t *testing.T) {
	s, at := sharer(t, "m=application 9 TCP/BFCP *\r\na=setup:active\r\na=connection:new\r\na=floorctrl:c-only\r\n")
	for range 2 { // a far end may connect again
		c, err := net.Dial("tcp", at)
		if err != nil {
			t.Fatal(err)
		}
		request := floorRequest(1)
		_, _ = c.Write(request[:5]) // in pieces
		_, _ = c.Write(request[5:])
		_ = c.SetReadDeadline(time.Now().Add(patience))
		b := make([]byte, 2048)
		n, err := c.Read(b)
		if err != nil {
			t.Fatal(err)
		}
		var m bfcp.Message
		if err := bfcp.Parse(b[:min(n, bfcp.Size(b))], &m); err != nil || m.Status != bfcp.Granted {
			t.Errorf("%v %+v", err, m)
		}
		if !s.HoldsFloor() {
			t.Error("the floor is not held")
		}
		_, _ = c.Write([]byte{0x20, 1, 0xff, 0xff}) // longer than is read: the connection ends
		for err == nil {
			_, err = c.Read(b)
		}
		_ = c.Close()
	}
}

func TestTheFloorIsNobodyElses(t *testing.T) {
	s, at := sharer(t, "m=application 6006 UDP/BFCP *\r\nc=IN IP4 127.0.0.9\r\na=floorctrl:c-only\r\n")
	c, err := net.Dial("udp", at) // from 127.0.0.1
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_, _ = c.Write(floorRequest(2))
	_ = c.SetReadDeadline(time.Now().Add(200 * time.Millisecond))
	if n, err := c.Read(make([]byte, 2048)); err == nil {
		t.Errorf("a stranger gets %d octets", n)
	}
	if s.HoldsFloor() {
		t.Error("a stranger has the floor")
	}
}

func TestNobodySharesWithATelephone(t *testing.T) {
	s, _ := newTestSession(t, newEngine(t), func(o *Options) {
		o.Capabilities = camera()
		o.Capabilities.Content = o.Capabilities.Video
	})
	s.SetVideo(true, "VP8", media.Limits{})
	answer, err := s.AnswerTo([]byte(floorOffer+"m=application 6006 UDP/BFCP *\r\na=floorctrl:c-only\r\n"), "")
	if err != nil {
		t.Fatal(err)
	}
	d, err := sdp.Parse(answer)
	if err != nil || d.Media[1].Port == 0 || d.Media[2].Port != 0 || d.Media[3].Port != 0 {
		t.Errorf("%v: %s", err, answer)
	}
}

func TestTheFloorsPortIsGivenBack(t *testing.T) {
	s, _ := sharer(t, "m=application 6006 UDP/BFCP *\r\na=floorctrl:c-only\r\n")
	e := s.engine
	s.Close()
	if n := e.Stats().Ports; n != 0 {
		t.Errorf("%d ports are left", n)
	}
}
