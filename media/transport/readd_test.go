package transport

import (
	"fmt"
	"net/netip"
	"testing"
	"time"

	"tandem/media"
	"tandem/media/sdp"
)

// A camera that a far end turns off and on again has its path again, to the same address
// and to another.
func TestAPictureThatComesBackHasAPath(t *testing.T) {
	for _, row := range []struct {
		name string
		move bool
	}{{"to where it was", false}, {"to another port", true}} {
		t.Run(row.name, func(t *testing.T) {
			f := &far{}
			f.open(t)
			s, _ := newTestSession(t, newEngine(t), secured(sdp.Plain, false))
			f.offer(t, s, 1, portNumber(f.rtp))
			f.exchange(t, s)
			f.offer(t, s, 2, 0)
			if row.move {
				f.open(t)
			}
			f.offer(t, s, 3, portNumber(f.rtp))
			f.exchange(t, s)
		})
	}
}

// offer has the session answer a re-offer with the camera at a port; 0 turns it off.
func (f *far) offer(t *testing.T, s *Session, version, port int) {
	t.Helper()
	offer := fmt.Sprintf("v=0\r\no=- 1 %d IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 9 RTP/AVP 0\r\n"+
		"m=video %d RTP/AVP 100\r\na=rtpmap:100 VP8/90000\r\n", version, port)
	answer, err := s.AnswerTo([]byte(offer), "")
	if err != nil {
		t.Fatal(err)
	}
	d, err := sdp.Parse(answer)
	if err != nil || len(d.Media) != 2 || (d.Media[1].Port == 0) != (port == 0) {
		t.Fatalf("%v\n%s", err, answer)
	}
	f.to = netip.AddrPortFrom(loop4, d.Media[1].Port)
}

// exchange sends a picture each way.
func (f *far) exchange(t *testing.T, s *Session) {
	t.Helper()
	got, source, sink := atVideo(t, s)
	defer source.Attach(nil)
	seq := uint16(time.Now().UnixMilli())
	until(t, "a picture", func() bool { return got.count() > 0 }, func() { seq++; f.send(t, seq) })
	sink.Write(&media.Packet{PayloadType: 100, Sequence: 1, Timestamp: 1, SSRC: 9, Marker: true, Payload: []byte{0x10, 1, 2, 3}})
	if b := datagramFrom(t, f.rtp); len(b) != 16 || b[1]&0x7f != 100 {
		t.Errorf("the far end got %x", b)
	}
}
