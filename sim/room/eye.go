package room

import (
	"fmt"
	"image"
	"math"
	"net/netip"
	"strings"
	"time"
)

// Eye is the video of one call: a camera and a screen, and perhaps a shared screen
// beside them.
type Eye struct {
	lane
	cfg Config

	// Guarded by lane.mu.
	sends     bool
	refused   bool
	covered   bool   // the camera sends nothing
	none      bool   // the far end's description has no video
	known     bool   // the far end has described itself
	others    []line // m-lines behind the camera's, as the far end has them
	refreshed int    // keyframes asked for by INFO

	share *share // the shared screen; nil without
}

func newEye(c Config, bind string) (*Eye, error) {
	e := &Eye{cfg: c}
	scene := c.scene()
	e.film, e.draw = c, func(img *image.YCbCr, since time.Duration) {
		scene.Draw(img, math.Mod(since.Seconds(), lap.Seconds())/lap.Seconds())
	}
	if err := e.open(bind); err != nil {
		return nil, err
	}
	if c.Share != "" {
		var err error
		if e.share, err = newShare(c, bind); err != nil {
			e.lane.close()
			return nil, err
		}
	}
	return e, nil
}

// Close ends camera and screen, and waits for them.
func (e *Eye) Close() {
	e.lane.close()
	if e.share != nil {
		e.share.close()
	}
}

// Cover stops the camera, or lets it go on; the description stays as it is.
func (e *Eye) Cover(covered bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.covered, e.key = covered, true
	e.rollLocked()
}

func (e *Eye) rollLocked() { e.rolls = e.sends && !e.refused && !e.covered }

// Refresh implements [phone.Picture].
func (e *Eye) Refresh() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.key = true
	e.askedOfUs++
	e.refreshed++
}

var payloadTypes = map[string]uint8{"H264": 97, "VP8": 98}

var formats = map[string]string{
	"H264": "profile-level-id=42e01f;packetization-mode=1",
	"VP8":  "max-fs=3600;max-fr=30",
}

// describe is the m-line of a lane and its formats: the one agreed on, or all that we
// have.
func (l *lane) describe(port int) string {
	codecs, numbers := l.film.Video, payloadTypes
	if l.codec != "" {
		codecs, numbers = []string{l.codec}, map[string]uint8{l.codec: l.pt}
	}
	var b strings.Builder
	fmt.Fprintf(&b, "m=video %d RTP/AVP", port)
	for _, c := range codecs {
		fmt.Fprintf(&b, " %d", numbers[c])
	}
	fmt.Fprintf(&b, "\r\nb=TIAS:%d\r\n", 2_000_000)
	for _, c := range codecs {
		fmt.Fprintf(&b, "a=rtpmap:%d %s/90000\r\na=fmtp:%d %s\r\n", numbers[c], c, numbers[c], formats[c])
	}
	if !l.film.NoFeedback {
		b.WriteString("a=rtcp-fb:* nack pli\r\na=rtcp-fb:* ccm fir\r\n")
	}
	fmt.Fprintf(&b, "a=rtcp:%d\r\n", portOf(l.rtcp))
	return b.String()
}

// Describe implements [phone.Picture].
func (e *Eye) Describe(direction string) string {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.none {
		return ""
	}
	port := portOf(e.rtp)
	if e.refused {
		port = 0
	}
	text := e.lane.describe(port) + "a=" + direction + "\r\n"
	if e.share != nil {
		text += "a=content:main\r\na=label:11\r\n"
	}
	if !e.known {
		if e.share != nil {
			text += e.share.offer()
		}
		return text
	}
	for _, m := range e.others {
		if e.share != nil && m.port != 0 && (m.screen() || m.floor()) {
			text += e.share.answer(m)
			continue
		}
		text += m.refusal()
	}
	return text
}

// Take implements [phone.Picture].
func (e *Eye) Take(host netip.Addr, lines []string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	defer e.rollLocked()
	if e.none = len(lines) == 0; e.none {
		e.sends = false
		return
	}
	e.known = true
	list := parseLines(lines)
	m := list[0]
	e.others = list[1:]
	if e.share != nil {
		e.share.take(host, e.others)
	}
	i := m.common(e.cfg.Video)
	if e.refused = m.port == 0 || i < 0; e.refused {
		e.sends = false
		return
	}
	e.take(host, m, i)
	at := e.to.Addr()
	e.sends = (m.direction == "sendrecv" || m.direction == "recvonly") && at.IsValid() && !at.IsUnspecified()
}

// Still is the picture that was shown last: a copy; nil before the first.
func (e *Eye) Still() *image.YCbCr { return e.still() }
