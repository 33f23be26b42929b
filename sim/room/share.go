package room

import (
	"encoding/binary"
	"fmt"
	"image"
	"math"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/rtp"

	"tandem/sim/picture"
)

// share is the shared screen of one call: a second stream of video in both directions,
// and the floor control that says when we may send (RFC 8855, as a participant).
type share struct {
	cfg       Config
	rtp, rtcp *net.UDPConn
	floor     *net.UDPConn // nil over TCP
	stop      chan struct{}
	work      sync.WaitGroup

	mu        sync.Mutex // guards everything below
	conn      net.Conn   // floor control over TCP
	to, toCtl netip.AddrPort
	toFloor   netip.AddrPort
	codec     string
	pt        uint8
	conf      uint32
	user, id  uint16
	wants     bool   // we want to share
	request   uint16 // that was granted; 0: none
	pending   []byte // our request that has no answer yet
	next      uint16 // transaction
	key       bool
	ssrc      uint32
	seq       uint16
	frames    int
	state     ShareReport
	screen    screen
}

// ShareReport is what is known of a shared screen.
type ShareReport struct {
	Agreed    bool   // there is a second stream
	Floor     bool   // and floor control
	Granted   bool   // we have the floor
	Revoked   int    // how often it was taken away
	Presenter string // who else has it
	Sent      int    // pictures
	Frames    int    // shown of somebody else's
	Common    string // the colour of the last one, "#rrggbb"
	Width     int    // of the last one
}

func newShare(c Config, bind string) (*share, error) {
	s := &share{cfg: c, stop: make(chan struct{}), ssrc: 0x5aa5, key: true}
	for _, conn := range []**net.UDPConn{&s.rtp, &s.rtcp, &s.floor} {
		if conn == &s.floor && c.Share == "tcp" {
			continue
		}
		var err error
		if *conn, err = net.ListenUDP("udp", &net.UDPAddr{IP: net.ParseIP(bind)}); err != nil {
			return nil, err
		}
	}
	s.work.Go(s.watch)
	s.work.Go(s.control)
	s.work.Go(s.film)
	if s.floor != nil {
		s.work.Go(s.listen)
	}
	return s, nil
}

func (s *share) close() {
	close(s.stop)
	_ = s.rtp.Close()
	_ = s.rtcp.Close()
	if s.floor != nil {
		_ = s.floor.Close()
	}
	s.mu.Lock()
	if s.conn != nil {
		_ = s.conn.Close()
	}
	s.mu.Unlock()
	s.work.Wait()
	s.screen.close()
}

// Share asks for the floor, and shares the screen while it is ours; or gives it back.
func (e *Eye) Share(on bool) {
	s := e.share
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.wants = on; on {
		s.ask(1, 2, s.id) // FloorRequest with a FLOOR-ID
		return
	}
	if s.request != 0 {
		s.ask(2, 3, s.request) // FloorRelease with a FLOOR-REQUEST-ID
	}
}

// Shared is what is known of the shared screen.
func (e *Eye) Shared() ShareReport {
	s := e.share
	s.mu.Lock()
	defer s.mu.Unlock()
	r := s.state
	r.Granted, r.Sent, r.Frames = s.request != 0, s.frames, s.screen.frames
	if s.screen.img != nil {
		r.Common, r.Width = picture.Hex(picture.Common(s.screen.img)), s.screen.img.Bounds().Dx()
	}
	return r
}

// SharedStill is a copy of the picture of somebody else's screen; nil before the first.
func (e *Eye) SharedStill() *image.YCbCr {
	e.share.mu.Lock()
	defer e.share.mu.Unlock()
	return e.share.screen.still()
}

func (s *share) describe() string {
	var b strings.Builder
	fmt.Fprintf(&b, "m=video %d RTP/AVP", s.rtp.LocalAddr().(*net.UDPAddr).Port)
	for _, c := range s.cfg.Video {
		fmt.Fprintf(&b, " %d", payloadTypes[c])
	}
	fmt.Fprintf(&b, "\r\nb=TIAS:2000000\r\n")
	for _, c := range s.cfg.Video {
		fmt.Fprintf(&b, "a=rtpmap:%d %s/90000\r\na=fmtp:%d %s\r\n", payloadTypes[c], c, payloadTypes[c], formats[c])
	}
	fmt.Fprintf(&b, "a=rtcp-fb:* nack pli\r\na=rtcp:%d\r\na=content:slides\r\na=label:12\r\na=sendrecv\r\n", s.rtcp.LocalAddr().(*net.UDPAddr).Port)
	if s.floor == nil {
		b.WriteString("m=application 9 TCP/BFCP *\r\na=setup:active\r\na=connection:new\r\na=floorctrl:c-only\r\n")
	} else {
		fmt.Fprintf(&b, "m=application %d UDP/BFCP *\r\na=floorctrl:c-only\r\na=bfcpver:2\r\n", s.floor.LocalAddr().(*net.UDPAddr).Port)
	}
	return b.String()
}

// firstLine cuts the first m-line with its attributes off.
func firstLine(lines []string) (first, others []string) {
	for i, l := range lines {
		if i > 0 && strings.HasPrefix(l, "m=") {
			return lines[:i], lines[i:]
		}
	}
	return lines, nil
}

// take adopts the far end's second video line and its floor control.
func (s *share) take(host netip.Addr, lines []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.state.Agreed, s.state.Floor = false, false
	for len(lines) > 0 {
		var one []string
		one, lines = firstLine(lines)
		m := parseLine(one)
		at := host
		if m.host.IsValid() {
			at = m.host
		}
		switch {
		case m.port == 0:
		case strings.HasPrefix(one[0], "m=video") && len(m.codecs) > 0:
			s.codec, s.pt, s.state.Agreed = m.codecs[0], m.numbers[0], true
			s.to, s.toCtl = netip.AddrPortFrom(at, m.port), netip.AddrPortFrom(at, m.rtcp)
		case strings.Contains(one[0], "/BFCP"):
			s.takeFloor(netip.AddrPortFrom(at, m.port), one)
		}
	}
}

func (s *share) takeFloor(at netip.AddrPort, lines []string) {
	number := func(name string) uint64 {
		for _, l := range lines {
			if v, ok := strings.CutPrefix(l, "a="+name+":"); ok {
				n, _ := strconv.ParseUint(strings.Fields(v + " 0")[0], 10, 32)
				return n
			}
		}
		return 0
	}
	s.toFloor, s.state.Floor = at, true
	s.conf, s.user, s.id = uint32(number("confid")), uint16(number("userid")), uint16(number("floorid"))
	if s.floor == nil && s.conn == nil {
		s.work.Go(s.dial)
	}
}

// ask sends a request with one attribute. s.mu is held.
func (s *share) ask(primitive, attribute byte, value uint16) {
	s.next++
	s.pending = s.message(primitive, s.next, false, attribute, value)
	s.write(s.pending)
}

func (s *share) message(primitive byte, transaction uint16, response bool, attribute byte, value uint16) []byte {
	version := byte(2 << 5)
	if s.floor == nil {
		version = 1 << 5
	}
	if response {
		version |= 0x10
	}
	b := []byte{version, primitive, 0, 0}
	b = binary.BigEndian.AppendUint32(b, s.conf)
	b = binary.BigEndian.AppendUint16(b, transaction)
	b = binary.BigEndian.AppendUint16(b, s.user)
	if attribute != 0 {
		b[3] = 1
		b = append(b, attribute<<1|1, 4, byte(value>>8), byte(value))
	}
	return b
}

func (s *share) write(b []byte) {
	switch {
	case s.floor != nil && s.toFloor.IsValid():
		_, _ = s.floor.WriteToUDPAddrPort(b, s.toFloor)
	case s.conn != nil:
		_, _ = s.conn.Write(b)
	}
}

// listen takes floor control over UDP, and asks again what is not answered.
func (s *share) listen() {
	buf := make([]byte, 2048)
	for {
		_ = s.floor.SetReadDeadline(time.Now().Add(500 * time.Millisecond))
		n, _, err := s.floor.ReadFromUDPAddrPort(buf)
		select {
		case <-s.stop:
			return
		default:
		}
		s.mu.Lock()
		if err == nil {
			s.heard(buf[:n])
		} else if s.pending != nil {
			s.write(s.pending)
		}
		s.mu.Unlock()
	}
}

// dial has floor control over TCP.
func (s *share) dial() {
	s.mu.Lock()
	at := s.toFloor
	s.mu.Unlock()
	c, err := net.DialTimeout("tcp", at.String(), 2*time.Second)
	if err != nil {
		return
	}
	s.mu.Lock()
	s.conn = c
	if s.pending != nil {
		s.write(s.pending)
	}
	s.mu.Unlock()
	buf := make([]byte, 0, 4096)
	for {
		n, err := c.Read(buf[len(buf):cap(buf)])
		if err != nil {
			return
		}
		buf = buf[:len(buf)+n]
		for len(buf) >= 12 {
			size := 12 + 4*int(binary.BigEndian.Uint16(buf[2:]))
			if size > len(buf) {
				break
			}
			s.mu.Lock()
			s.heard(buf[:size])
			s.mu.Unlock()
			buf = append(buf[:0], buf[size:]...)
		}
	}
}

// heard takes one message of the floor control server. s.mu is held.
func (s *share) heard(b []byte) {
	if len(b) < 12 || b[0]&0x08 != 0 {
		return
	}
	primitive, transaction, response := b[1], binary.BigEndian.Uint16(b[8:]), b[0]&0x10 != 0
	st := status{}
	st.read(b[12:], 0)
	if s.pending != nil && transaction == binary.BigEndian.Uint16(s.pending[8:]) {
		s.pending = nil
	}
	switch primitive {
	case 4: // FloorRequestStatus
		switch st.status {
		case 3:
			s.request, s.key = st.request, true
		case 4, 5, 6, 7:
			if s.request == st.request {
				s.request = 0
			}
			if st.status == 7 {
				s.state.Revoked++
			}
		}
	case 8: // FloorStatus
		s.state.Presenter = st.name
	}
	if !response && s.floor != nil && (primitive == 4 || primitive == 8) {
		ack := byte(14)
		if primitive == 8 {
			ack = 15
		}
		s.write(s.message(ack, transaction, true, 0, 0))
	}
}

// status is what stands in a message, however deep.
type status struct {
	request uint16
	status  byte
	name    string
}

func (st *status) read(b []byte, depth int) {
	for len(b) >= 2 && depth < 4 {
		kind, n := b[0]>>1, int(b[1])
		if n < 2 || n > len(b) {
			return
		}
		switch v := b[2:n]; {
		case kind == 5 && len(v) > 0:
			st.status = v[0]
		case kind == 12:
			st.name = string(v)
		case len(v) >= 2 && (kind == 15 || kind == 18):
			st.request = binary.BigEndian.Uint16(v)
			st.read(v[2:], depth+1)
		case len(v) >= 2 && (kind == 14 || kind == 17):
			st.read(v[2:], depth+1)
		}
		b = b[min((n+3)&^3, len(b)):]
	}
}

// film shares slides while the floor is ours.
func (s *share) film() {
	const fps = 5
	tick := time.NewTicker(time.Second / fps)
	defer tick.Stop()
	img := picture.New(1280, 720)
	scene := picture.Scene{Name: s.cfg.Name + " SLIDES", Colour: s.cfg.Colour, Slides: true}
	var enc encoder
	var codec string
	defer func() {
		if enc != nil {
			enc.Close()
		}
	}()
	began := time.Now()
	for {
		select {
		case <-s.stop:
			return
		case <-tick.C:
		}
		s.mu.Lock()
		granted, want, key := s.request != 0, s.codec, s.key
		s.key = s.key && !granted
		s.mu.Unlock()
		if !granted || want == "" {
			continue
		}
		if want != codec {
			var err error
			c := s.cfg
			c.Width, c.Height, c.FPS = 1280, 720, fps
			if enc, err = newEncoder(want, c, 800); err != nil {
				return
			}
			codec, key = want, true
		}
		since := time.Since(began)
		scene.Draw(img, math.Mod(since.Seconds()/8, 1))
		if payloads, err := enc.encode(img, key); err == nil {
			s.send(payloads, since)
		}
	}
}

func (s *share) send(payloads [][]byte, since time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, b := range payloads {
		s.seq++
		p := rtp.Packet{Header: rtp.Header{
			Version: 2, PayloadType: s.pt, SequenceNumber: s.seq, SSRC: s.ssrc, Marker: i == len(payloads)-1,
			Timestamp: uint32(since.Milliseconds() * 90),
		}, Payload: b}
		if raw, err := p.Marshal(); err == nil {
			_, _ = s.rtp.WriteToUDPAddrPort(raw, s.to)
		}
	}
	s.frames++
}

// control takes the far end's RTCP: requests for a new picture.
func (s *share) control() {
	buf := make([]byte, 2048)
	for {
		n, _, err := s.rtcp.ReadFromUDPAddrPort(buf)
		if err != nil {
			select {
			case <-s.stop:
				return
			default:
				continue
			}
		}
		packets, err := rtcp.Unmarshal(buf[:n])
		if err != nil {
			continue
		}
		s.mu.Lock()
		for _, p := range packets {
			switch p.(type) {
			case *rtcp.PictureLossIndication, *rtcp.FullIntraRequest:
				s.key = true
			}
		}
		s.mu.Unlock()
	}
}

// watch shows what comes.
func (s *share) watch() {
	buf := make([]byte, 2048)
	for {
		n, _, err := s.rtp.ReadFromUDPAddrPort(buf)
		if err != nil {
			select {
			case <-s.stop:
				return
			default:
				continue
			}
		}
		var p rtp.Packet
		if n < 12 || p.Unmarshal(slices.Clone(buf[:n])) != nil {
			continue
		}
		s.mu.Lock()
		if p.PayloadType == s.pt && s.codec != "" {
			s.screen.packet(time.Now(), s.codec, &p)
		}
		s.mu.Unlock()
	}
}
