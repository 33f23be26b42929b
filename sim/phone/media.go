package phone

import (
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/pion/rtp"

	"tandem/sim/audio"
)

// sound is the media of one call: plain RTP on a port of its own.
type sound struct {
	conn    *net.UDPConn
	picture Picture // nil without
	stop    chan struct{}
	once    sync.Once

	mu        sync.Mutex // guards everything below
	to        netip.AddrPort
	direction string // ours
	later     bool   // the picture is not shown yet
	video     string // the far end's m-line of it; "" without
	codec     string
	in        audio.Receiver
	out       audio.Sender
	sent      int
	first     time.Time
	version   int
}

var payloadTypes = map[string]uint8{"PCMU": 0, "PCMA": 8}

func (p *Phone) newSound() (*sound, error) {
	conn, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.ParseIP(p.cfg.Bind)})
	if err != nil {
		return nil, fmt.Errorf("phone %s: media: %w", p.cfg.User, err)
	}
	s := &sound{conn: conn, stop: make(chan struct{}), direction: "sendrecv", later: p.cfg.PictureLater}
	s.out.Tone.Frequency = p.cfg.Tone
	if p.cfg.Picture != nil {
		if s.picture, err = p.cfg.Picture(p.cfg.Bind); err != nil {
			_ = conn.Close()
			return nil, fmt.Errorf("phone %s: picture: %w", p.cfg.User, err)
		}
	}
	p.work.Go(s.read)
	p.work.Go(s.pace)
	p.work.Go(func() {
		select {
		case <-p.ctx.Done():
			s.close()
		case <-s.stop:
		}
	})
	return s, nil
}

func (s *sound) close() {
	s.once.Do(func() {
		close(s.stop)
		_ = s.conn.Close()
		if s.picture != nil {
			s.picture.Close()
		}
	})
}

func (s *sound) read() {
	buf := make([]byte, 2048)
	for {
		n, from, err := s.conn.ReadFromUDPAddrPort(buf)
		if err != nil {
			select {
			case <-s.stop:
				return
			default:
				continue // an ICMP error of an earlier packet
			}
		}
		var p rtp.Packet
		if n < 12 || buf[1] >= 192 && buf[1] <= 223 || p.Unmarshal(buf[:n]) != nil {
			continue
		}
		s.mu.Lock()
		now := time.Now()
		if s.first.IsZero() {
			s.first = now
		}
		s.to = netip.AddrPortFrom(from.Addr().Unmap(), from.Port()) // symmetric RTP, RFC 4961
		s.in.Packet(now, &p)
		s.mu.Unlock()
	}
}

// pace sends every 20 ms.
func (s *sound) pace() {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-s.stop:
			return
		case <-tick.C:
		}
		s.mu.Lock()
		if s.to.IsValid() && (s.direction == "sendrecv" || s.direction == "sendonly") {
			var p rtp.Packet
			s.out.Next(&p, nil)
			if raw, err := p.Marshal(); err == nil {
				_, _ = s.conn.WriteToUDPAddrPort(raw, s.to)
				s.sent++
			}
		}
		s.mu.Unlock()
	}
}

// describe is our description with the given codecs and direction.
func (s *sound) describe(codecs []string, event uint8, direction string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.version++
	s.direction = direction
	addr := s.conn.LocalAddr().(*net.UDPAddr)
	family := "IP4"
	if addr.IP.To4() == nil {
		family = "IP6"
	}
	var b strings.Builder
	fmt.Fprintf(&b, "v=0\r\no=phone %d %d IN %s %s\r\ns=-\r\nc=IN %s %s\r\nt=0 0\r\nm=audio %d RTP/AVP", addr.Port, s.version, family, addr.IP, family, addr.IP, addr.Port)
	for _, c := range codecs {
		fmt.Fprintf(&b, " %d", payloadTypes[c])
	}
	if event != 0 {
		fmt.Fprintf(&b, " %d", event)
	}
	b.WriteString("\r\n")
	for _, c := range codecs {
		fmt.Fprintf(&b, "a=rtpmap:%d %s/8000\r\n", payloadTypes[c], c)
	}
	if event != 0 {
		fmt.Fprintf(&b, "a=rtpmap:%d telephone-event/8000\r\na=fmtp:%d 0-15\r\n", event, event)
	}
	fmt.Fprintf(&b, "a=ptime:20\r\na=%s\r\n", direction)
	switch f := strings.Fields(s.video); {
	case s.picture != nil && !s.later:
		b.WriteString(s.picture.Describe(direction))
	case len(f) > 3: // an answer has as many lines as the offer (RFC 3264 section 6)
		fmt.Fprintf(&b, "%s 0 %s\r\n", f[0], strings.Join(f[2:], " "))
	}
	return b.String()
}

// remote is what the phone reads of the far end's description.
type remote struct {
	to        netip.AddrPort
	codecs    []string // of those the phone knows, in the far end's order
	event     uint8
	direction string
	video     []string // lines from the first m=video on
	host      netip.Addr
}

func parseSDP(body []byte) (remote, error) {
	r := remote{direction: "sendrecv"}
	var ip netip.Addr
	audioSeen, inAudio, inVideo := false, true, false
	for line := range strings.SplitSeq(strings.ReplaceAll(string(body), "\r", ""), "\n") {
		key, v, _ := strings.Cut(line, "=")
		f := strings.Fields(v)
		switch {
		case key == "m":
			if inVideo = r.video != nil && !strings.HasPrefix(v, "audio") || len(f) >= 4 && f[0] == "video"; inVideo {
				r.video = append(r.video, line)
			}
			inAudio = len(f) >= 4 && f[0] == "audio" && !audioSeen
			if inAudio {
				audioSeen = true
				port, _ := strconv.Atoi(f[1])
				r.to = netip.AddrPortFrom(ip, uint16(port))
				for _, pt := range f[3:] {
					switch pt {
					case "0":
						r.codecs = append(r.codecs, "PCMU")
					case "8":
						r.codecs = append(r.codecs, "PCMA")
					}
				}
			}
		case inVideo:
			r.video = append(r.video, line)
		case !inAudio:
		case key == "c" && len(f) == 3:
			ip, _ = netip.ParseAddr(f[2])
			r.to = netip.AddrPortFrom(ip, r.to.Port())
		case key == "a":
			r.attribute(v)
		}
	}
	r.host = r.to.Addr()
	if !audioSeen {
		return r, fmt.Errorf("no audio in the session description")
	}
	return r, nil
}

func (r *remote) attribute(v string) {
	switch v {
	case "sendrecv", "sendonly", "recvonly", "inactive":
		r.direction = v
		return
	}
	if rest, ok := strings.CutPrefix(v, "rtpmap:"); ok && strings.HasSuffix(strings.ToLower(rest), "telephone-event/8000") {
		pt, _, _ := strings.Cut(rest, " ")
		n, err := strconv.ParseUint(pt, 10, 7)
		if err == nil {
			r.event = uint8(n)
		}
	}
}

// adopt sends to the far end from now on; codec is the one agreed on.
func (s *sound) adopt(r remote, codec string, events bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	law := audio.ULaw
	if codec == "PCMA" {
		law = audio.ALaw
	}
	s.codec = codec
	s.in.Law, s.out.Law = law, law
	s.in.Audio, s.out.Audio = payloadTypes[codec], payloadTypes[codec]
	if s.video = ""; len(r.video) > 0 {
		s.video = r.video[0]
	}
	if s.picture != nil && !s.later {
		s.picture.Take(r.host, r.video)
	}
	if events {
		s.in.Event, s.out.Event = r.event, r.event
	}
	if r.to.Port() != 0 && r.to.Addr().IsValid() && !r.to.Addr().IsUnspecified() {
		s.to = r.to
	}
}

var mirrored = map[string]string{"sendrecv": "sendrecv", "sendonly": "recvonly", "recvonly": "sendonly", "inactive": "inactive"}

// SendTone sounds a tone from now on; 0 is silence.
func (c *Call) SendTone(frequency float64) {
	c.sound.mu.Lock()
	defer c.sound.mu.Unlock()
	c.sound.out.Tone.Frequency = frequency
}

// SendDTMF presses keys by RFC 4733; it returns before they are sent.
func (c *Call) SendDTMF(keys string) {
	c.sound.mu.Lock()
	defer c.sound.mu.Unlock()
	c.sound.out.Dial(keys)
}

// Dialling reports whether keys of SendDTMF are still to be sent, or on their way out.
func (c *Call) Dialling() bool {
	c.sound.mu.Lock()
	defer c.sound.mu.Unlock()
	return c.sound.out.Dialling()
}

// Heard is what was received so far.
func (c *Call) Heard() audio.Report {
	c.sound.mu.Lock()
	defer c.sound.mu.Unlock()
	return c.sound.in.Report()
}

// Picture is the call's video; nil without.
func (c *Call) Picture() Picture { return c.sound.picture }
