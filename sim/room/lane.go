package room

import (
	"image"
	"math/rand/v2"
	"net"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/rtp"

	"tandem/sim/picture"
)

// lane is one stream of video in both directions: plain RTP and RTCP on two ports, a film
// that is sent and a screen that shows what comes.
type lane struct {
	film      Config                                      // its size, pictures a second, bit rate
	draw      func(img *image.YCbCr, since time.Duration) // the next picture
	rtp, rtcp *net.UDPConn
	stop      chan struct{}
	once      sync.Once
	work      sync.WaitGroup
	started   time.Time

	mu        sync.Mutex // guards everything below
	to, toCtl netip.AddrPort
	codec     string // agreed; "" before
	pt        uint8
	rolls     bool // the film is to be sent
	key       bool // the next picture is to be a keyframe
	limit     int  // bit/s the far end takes; 0 is not told
	ssrc      uint32
	seq       uint16
	frames    int // sent
	octets    int
	askedOfUs int // keyframes the far end asked for
	screen    screen
}

func (l *lane) open(bind string) error {
	l.stop, l.started, l.ssrc, l.key = make(chan struct{}), time.Now(), rand.Uint32(), true
	l.screen.counts = l.film.NoDecode
	for _, c := range []**net.UDPConn{&l.rtp, &l.rtcp} {
		var err error
		if *c, err = net.ListenUDP("udp", &net.UDPAddr{IP: net.ParseIP(bind)}); err != nil {
			if l.rtp != nil {
				_ = l.rtp.Close()
			}
			return err
		}
	}
	l.work.Go(l.watch)
	l.work.Go(l.listen)
	l.work.Go(l.roll)
	return nil
}

// close ends film and screen, and waits for them.
func (l *lane) close() {
	l.once.Do(func() {
		close(l.stop)
		_ = l.rtp.Close()
		_ = l.rtcp.Close()
	})
	l.work.Wait()
}

func (l *lane) ended() bool {
	select {
	case <-l.stop:
		return true
	default:
		return false
	}
}

func portOf(c *net.UDPConn) int { return c.LocalAddr().(*net.UDPAddr).Port }

// listen takes the far end's RTCP, and sends ours every half second.
func (l *lane) listen() {
	buf := make([]byte, 2048)
	for !l.ended() {
		_ = l.rtcp.SetReadDeadline(time.Now().Add(500 * time.Millisecond))
		n, _, err := l.rtcp.ReadFromUDPAddrPort(buf)
		l.mu.Lock()
		if err != nil {
			l.reportLocked()
			l.mu.Unlock()
			continue
		}
		packets, _ := rtcp.Unmarshal(buf[:n])
		for _, p := range packets {
			switch p.(type) {
			case *rtcp.PictureLossIndication, *rtcp.FullIntraRequest:
				l.key = true
				l.askedOfUs++
			}
		}
		l.mu.Unlock()
	}
}

func (l *lane) reportLocked() {
	if l.codec == "" || !l.toCtl.IsValid() {
		return
	}
	list := []rtcp.Packet{&rtcp.ReceiverReport{SSRC: l.ssrc}}
	if l.screen.lost && l.screen.ssrc != 0 && !l.film.NoFeedback {
		l.screen.lost = false
		l.screen.asked++
		list = append(list, &rtcp.PictureLossIndication{SenderSSRC: l.ssrc, MediaSSRC: l.screen.ssrc})
	}
	if raw, err := rtcp.Marshal(list); err == nil {
		_, _ = l.rtcp.WriteToUDPAddrPort(raw, l.toCtl)
	}
}

// watch shows what comes.
func (l *lane) watch() {
	defer func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.screen.close()
	}()
	buf := make([]byte, 2048)
	for !l.ended() {
		n, _, err := l.rtp.ReadFromUDPAddrPort(buf)
		var p rtp.Packet
		if err != nil || n < 12 || p.Unmarshal(slices.Clone(buf[:n])) != nil {
			continue // an ICMP error of an earlier packet, or no RTP
		}
		l.mu.Lock()
		if p.PayloadType == l.pt && l.codec != "" {
			now := time.Now()
			l.screen.packet(now, l.codec, &p)
			if l.screen.lost && now.Sub(l.screen.askedAt) > 200*time.Millisecond {
				l.screen.askedAt = now
				l.reportLocked()
			}
		}
		l.mu.Unlock()
	}
}

// roll sends the film as long as somebody wants it.
func (l *lane) roll() {
	tick := time.NewTicker(time.Second / time.Duration(l.film.FPS))
	defer tick.Stop()
	img := picture.New(l.film.Width, l.film.Height)
	var reel reel
	var enc encoder
	var codec string
	defer func() {
		if enc != nil {
			enc.Close()
		}
	}()
	for {
		select {
		case <-l.stop:
			return
		case <-tick.C:
		}
		want, key, kbps := l.wanted()
		if want == "" {
			continue
		}
		if want != codec {
			if enc != nil {
				enc.Close()
			}
			var err error
			if enc, err = newEncoder(want, l.film, kbps); err != nil {
				enc, codec = nil, ""
				continue
			}
			codec, key, reel.frames = want, true, nil
		}
		since := time.Since(l.started)
		if l.film.Film != nil {
			l.send(reel.next(l.film, img, enc, key), since)
			continue
		}
		l.draw(img, since)
		if payloads, err := enc.encode(img, key); err == nil {
			l.send(payloads, since)
		}
	}
}

// wanted is the codec to send in; "" while nothing is to be sent.
func (l *lane) wanted() (codec string, key bool, kbps int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.rolls || l.codec == "" {
		return "", false, 0
	}
	key, l.key = l.key, false
	kbps = l.film.Kbps
	if l.limit > 0 {
		kbps = min(kbps, l.limit/1000)
	}
	return l.codec, key, max(kbps, 32)
}

func (l *lane) send(payloads [][]byte, since time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for i, b := range payloads {
		l.seq++
		p := rtp.Packet{Header: rtp.Header{
			Version: 2, PayloadType: l.pt, SequenceNumber: l.seq, SSRC: l.ssrc, Marker: i == len(payloads)-1,
			Timestamp: uint32(since.Milliseconds() * 90),
		}, Payload: b}
		if raw, err := p.Marshal(); err == nil {
			_, _ = l.rtp.WriteToUDPAddrPort(raw, l.to)
			l.octets += len(b)
		}
	}
	if len(payloads) > 0 {
		l.frames++
	}
}

// take adopts what the far end's m-line says of the stream; i is the format agreed on.
func (l *lane) take(host netip.Addr, m line, i int) {
	if m.host.IsValid() {
		host = m.host
	}
	l.codec, l.pt, l.limit = m.codecs[i], m.numbers[i], m.limit
	l.to, l.toCtl = netip.AddrPortFrom(host, m.port), netip.AddrPortFrom(host, m.rtcp)
}

// still is a copy of the picture that was shown last; nil before the first.
func (l *lane) still() *image.YCbCr {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.screen.still()
}
