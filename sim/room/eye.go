package room

import (
	"fmt"
	"image"
	"math/rand/v2"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/rtp"
)

// Eye is the video of one call: plain RTP and RTCP on two ports, a camera and a
// screen.
type Eye struct {
	cfg       Config
	rtp, rtcp *net.UDPConn
	stop      chan struct{}
	once      sync.Once
	work      sync.WaitGroup
	started   time.Time

	mu        sync.Mutex // guards everything below
	to, toCtl netip.AddrPort
	codec     string // agreed; "" before
	pt        uint8
	sends     bool
	refused   bool
	covered   bool // the camera sends nothing
	none      bool // the far end's description has no video
	key       bool // the next picture is to be a keyframe
	line      string
	limit     int // bit/s the far end takes; 0 is not told
	ssrc      uint32
	seq       uint16
	frames    int // sent
	octets    int
	askedOfUs int // keyframes the far end asked for
	refreshed int // of these by INFO
	screen    screen

	share *share // the shared screen; nil without
}

func newEye(c Config, bind string) (*Eye, error) {
	e := &Eye{cfg: c, stop: make(chan struct{}), started: time.Now(), ssrc: rand.Uint32(), key: true}
	var err error
	if c.Share != "" {
		if e.share, err = newShare(c, bind); err != nil {
			return nil, err
		}
	}
	if e.rtp, err = net.ListenUDP("udp", &net.UDPAddr{IP: net.ParseIP(bind)}); err != nil {
		return nil, err
	}
	if e.rtcp, err = net.ListenUDP("udp", &net.UDPAddr{IP: net.ParseIP(bind)}); err != nil {
		_ = e.rtp.Close()
		return nil, err
	}
	e.work.Go(e.watch)
	e.work.Go(e.listen)
	e.work.Go(e.film)
	return e, nil
}

// Close ends camera and screen, and waits for them.
func (e *Eye) Close() {
	e.once.Do(func() {
		close(e.stop)
		_ = e.rtp.Close()
		_ = e.rtcp.Close()
	})
	e.work.Wait()
	if e.share != nil {
		e.share.close()
	}
}

// Cover stops the camera, or lets it go on; the description stays as it is.
func (e *Eye) Cover(covered bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.covered, e.key = covered, true
}

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

// Describe implements [phone.Picture].
func (e *Eye) Describe(direction string) string {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.none {
		return ""
	}
	codecs := e.cfg.Video
	numbers := payloadTypes
	if e.codec != "" {
		codecs, numbers = []string{e.codec}, map[string]uint8{e.codec: e.pt}
	}
	port := e.rtp.LocalAddr().(*net.UDPAddr).Port
	if e.refused {
		port = 0
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
	if !e.cfg.NoFeedback {
		b.WriteString("a=rtcp-fb:* nack pli\r\na=rtcp-fb:* ccm fir\r\n")
	}
	fmt.Fprintf(&b, "a=rtcp:%d\r\na=%s\r\n", e.rtcp.LocalAddr().(*net.UDPAddr).Port, direction)
	if e.share != nil {
		b.WriteString("a=content:main\r\na=label:11\r\n" + e.share.describe())
	}
	return b.String()
}

// Take implements [phone.Picture].
func (e *Eye) Take(host netip.Addr, lines []string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.none = len(lines) == 0; e.none {
		e.sends = false
		return
	}
	lines, others := firstLine(lines)
	if e.share != nil {
		e.share.take(host, others)
	}
	m := parseLine(lines)
	i := slices.IndexFunc(m.codecs, func(c string) bool { return slices.Contains(e.cfg.Video, c) })
	if e.refused = m.port == 0 || i < 0; e.refused {
		e.sends = false
		return
	}
	if m.host.IsValid() {
		host = m.host
	}
	e.codec, e.pt = m.codecs[i], m.numbers[i]
	e.to, e.toCtl = netip.AddrPortFrom(host, m.port), netip.AddrPortFrom(host, m.rtcp)
	e.sends = (m.direction == "sendrecv" || m.direction == "recvonly") && host.IsValid() && !host.IsUnspecified()
	e.limit, e.line = m.limit, strings.Join(lines, "\n")
}

// line is what a room reads of an m-line.
type line struct {
	port, rtcp uint16
	host       netip.Addr
	codecs     []string // that have an rtpmap
	numbers    []uint8
	direction  string
	limit      int // bit/s
}

func parseLine(lines []string) line {
	m := line{direction: "sendrecv"}
	if f := strings.Fields(lines[0]); len(f) > 1 {
		n, _ := strconv.ParseUint(f[1], 10, 16)
		m.port, m.rtcp = uint16(n), uint16(n)+1
	}
	for _, l := range lines[1:] {
		key, v, _ := strings.Cut(l, "=")
		name, rest, _ := strings.Cut(v, ":")
		f := strings.Fields(rest)
		switch {
		case key == "c":
			if f := strings.Fields(v); len(f) == 3 {
				m.host, _ = netip.ParseAddr(f[2])
			}
		case key == "b" && name == "TIAS":
			m.limit, _ = strconv.Atoi(rest)
		case key != "a":
		case name == "rtpmap" && len(f) == 2:
			n, err := strconv.ParseUint(f[0], 10, 7)
			codec, _, _ := strings.Cut(strings.ToUpper(f[1]), "/")
			if err == nil {
				m.codecs, m.numbers = append(m.codecs, codec), append(m.numbers, uint8(n))
			}
		case name == "rtcp" && len(f) > 0:
			n, _ := strconv.ParseUint(f[0], 10, 16)
			m.rtcp = uint16(n)
		case v == "sendrecv" || v == "sendonly" || v == "recvonly" || v == "inactive":
			m.direction = v
		}
	}
	return m
}

// listen takes the far end's RTCP, and sends ours every half second.
func (e *Eye) listen() {
	buf := make([]byte, 2048)
	for {
		select {
		case <-e.stop:
			return
		default:
		}
		_ = e.rtcp.SetReadDeadline(time.Now().Add(500 * time.Millisecond))
		n, _, err := e.rtcp.ReadFromUDPAddrPort(buf)
		if err != nil {
			e.report()
			continue
		}
		packets, err := rtcp.Unmarshal(buf[:n])
		if err != nil {
			continue
		}
		e.mu.Lock()
		for _, p := range packets {
			switch p.(type) {
			case *rtcp.PictureLossIndication, *rtcp.FullIntraRequest:
				e.key = true
				e.askedOfUs++
			}
		}
		e.mu.Unlock()
	}
}

func (e *Eye) report() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.reportLocked()
}

func (e *Eye) reportLocked() {
	if e.codec == "" || !e.toCtl.IsValid() {
		return
	}
	list := []rtcp.Packet{&rtcp.ReceiverReport{SSRC: e.ssrc}}
	if e.screen.lost && e.screen.ssrc != 0 && !e.cfg.NoFeedback {
		e.screen.lost = false
		e.screen.asked++
		list = append(list, &rtcp.PictureLossIndication{SenderSSRC: e.ssrc, MediaSSRC: e.screen.ssrc})
	}
	if raw, err := rtcp.Marshal(list); err == nil {
		_, _ = e.rtcp.WriteToUDPAddrPort(raw, e.toCtl)
	}
}

// watch shows what comes.
func (e *Eye) watch() {
	defer e.closeScreen()
	buf := make([]byte, 2048)
	for {
		n, _, err := e.rtp.ReadFromUDPAddrPort(buf)
		if err != nil {
			select {
			case <-e.stop:
				return
			default:
				continue // an ICMP error of an earlier packet
			}
		}
		var p rtp.Packet
		if n < 12 || p.Unmarshal(slices.Clone(buf[:n])) != nil {
			continue
		}
		e.mu.Lock()
		if p.PayloadType == e.pt && e.codec != "" {
			e.screen.packet(time.Now(), e.codec, &p)
			if now := time.Now(); e.screen.lost && now.Sub(e.screen.askedAt) > 200*time.Millisecond {
				e.screen.askedAt = now
				e.reportLocked()
			}
		}
		e.mu.Unlock()
	}
}

func (e *Eye) closeScreen() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.screen.close()
}

// Still is the picture that was shown last: a copy; nil before the first.
func (e *Eye) Still() *image.YCbCr {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.screen.still()
}
