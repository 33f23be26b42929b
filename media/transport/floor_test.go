package transport

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/pion/dtls/v3"

	"tandem/internal/pipe"
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

// floorClient is a participant over DTLS.
func floorClient(t *testing.T, at string, certificate tls.Certificate, want sdp.Fingerprint) *dtls.Conn {
	t.Helper()
	raddr, err := net.ResolveUDPAddr("udp", at)
	if err != nil {
		t.Fatal(err)
	}
	c, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	conn, err := dtls.ClientWithOptions(c, raddr, dtls.WithCertificates(certificate), dtls.WithInsecureSkipVerify(true),
		dtls.WithVerifyPeerCertificate(func(chain [][]byte, _ [][]*x509.Certificate) error {
			return verify([]sdp.Fingerprint{want}, chain)
		}), dtls.WithLoggerFactory(pipe.Quiet()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}

func TestTheFloorOverDTLS(t *testing.T) {
	own, err := newIdentity()
	if err != nil {
		t.Fatal(err)
	}
	stranger, err := newIdentity()
	if err != nil {
		t.Fatal(err)
	}
	s, at := sharer(t, "m=application 6006 UDP/TLS/BFCP *\r\na=floorctrl:c-only\r\na=setup:actpass\r\na=fingerprint:sha-256 "+own.fingerprint.Value+"\r\n")
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	wrong := floorClient(t, at, stranger.certificate, s.engine.identity.fingerprint)
	if wrong.HandshakeContext(ctx) == nil {
		_ = wrong.SetReadDeadline(time.Now().Add(patience))
		if _, err := wrong.Read(make([]byte, 2048)); err == nil {
			t.Error("a stranger's certificate is taken")
		}
	}
	_ = wrong.Close()
	right := floorClient(t, at, own.certificate, s.engine.identity.fingerprint)
	if err := right.HandshakeContext(ctx); err != nil {
		t.Fatal(err)
	}
	if _, err := right.Write(floorRequest(2)); err != nil {
		t.Fatal(err)
	}
	heard := func(p bfcp.Primitive, want bfcp.Status) {
		t.Helper()
		b := make([]byte, 2048)
		_ = right.SetReadDeadline(time.Now().Add(patience))
		for {
			n, err := right.Read(b)
			if err != nil {
				t.Fatalf("no %v: %v", want, err)
			}
			var m bfcp.Message
			if bfcp.Parse(b[:n], &m) == nil && m.Primitive == p && m.Status == want {
				return
			}
		}
	}
	heard(bfcp.FloorRequestStatus, bfcp.Granted)
	if !s.HoldsFloor() {
		t.Error("the floor is not held")
	}
	s.Present("Ada Example")
	heard(bfcp.FloorRequestStatus, bfcp.Revoked)
	s.Close() // ends the association, and says so
	_ = right.SetReadDeadline(time.Now().Add(patience))
	b := make([]byte, 2048)
	for err == nil {
		_, err = right.Read(b)
	}
	if !errors.Is(err, io.EOF) {
		t.Errorf("the association ended with %v", err)
	}
}

// Who is called gets a screen and its floor offered, and may refuse either.
func TestWeOfferAScreenAndItsFloor(t *testing.T) {
	for _, row := range []struct {
		name, answer string
		ports        int
	}{
		{"both", "m=video 6004 RTP/AVP 100\r\na=rtpmap:100 VP8/90000\r\na=content:slides\r\nm=application 6006 UDP/BFCP *\r\na=floorctrl:c-only\r\n", 7},
		{"the screen", "m=video 6004 RTP/AVP 100\r\na=rtpmap:100 VP8/90000\r\na=content:slides\r\nm=application 0 UDP/BFCP *\r\n", 6},
		{"neither", "m=video 0 RTP/AVP 100\r\nm=application 0 UDP/BFCP *\r\n", 4},
	} {
		t.Run(row.name, func(t *testing.T) {
			s, _ := newTestSession(t, newEngine(t), func(o *Options) {
				secured(sdp.Plain, false)(o)
				o.Capabilities.Content = o.Capabilities.Video
			})
			offer, err := s.Offer()
			if err != nil {
				t.Fatal(err)
			}
			d, err := sdp.Parse(offer)
			if err != nil || len(d.Media) != 4 || d.Media[3].Profile != "UDP/BFCP" || d.Media[3].Port == 0 {
				t.Fatalf("%v: %s", err, offer)
			}
			begin, _, _ := strings.Cut(floorOffer, "m=video 6004")
			if err := s.SetAnswer([]byte(begin + row.answer)); err != nil {
				t.Fatal(err)
			}
			if n := s.engine.Stats().Ports; n != row.ports {
				t.Errorf("%d ports are in use, want %d", n, row.ports)
			}
			again, err := s.Offer()
			if err != nil {
				t.Fatal(err)
			}
			later, err := sdp.Parse(again)
			agreed := s.Agreed()
			if err != nil || len(later.Media) != 4 || (later.Media[3].Port != 0) != (agreed.Floor != nil) || (later.Media[2].Port != 0) != (agreed.Of(media.Content) != nil) {
				t.Errorf("%v: our next offer\n%s", err, again)
			}
			if agreed.Floor == nil {
				return
			}
			c, err := net.DialUDP("udp", nil, &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1), Port: int(d.Media[3].Port)})
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			_, _ = c.Write(floorRequest(2))
			_ = c.SetReadDeadline(time.Now().Add(patience))
			b := make([]byte, 2048)
			n, err := c.Read(b)
			var m bfcp.Message
			if err != nil || bfcp.Parse(b[:n], &m) != nil || m.Status != bfcp.Granted {
				t.Errorf("%v: %x", err, b[:n])
			}
		})
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
	s.SetScreen(false)
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
