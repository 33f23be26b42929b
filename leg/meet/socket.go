package meet

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"time"

	"github.com/pion/srtp/v3"

	"tandem/media/rtp"
)

const (
	maxDatagram  = 2048
	socketBuffer = 1 << 20 // octets: a keyframe of every picture at once
	portTries    = 100
	replayWindow = 1024 // packets
)

// errPorts says that no local port is free.
var errPorts = errors.New("no UDP port is free for the meeting; raise meet.port_max")

// listen opens a socket of one family on a free port of the range.
func listen(network string, bind netip.Addr, portMin, portMax int) (*net.UDPConn, error) {
	n := portMax - portMin + 1
	start := rand.N(n)
	for i := range min(n, portTries) {
		port := portMin + (start+i)%n
		c, err := net.ListenUDP(network, net.UDPAddrFromAddrPort(netip.AddrPortFrom(bind, uint16(port))))
		if err == nil {
			_ = c.SetReadBuffer(socketBuffer)
			_ = c.SetWriteBuffer(socketBuffer)
			return c, nil
		}
		if op := (*net.OpError)(nil); errors.As(err, &op) && !isBusy(err) {
			return nil, fmt.Errorf("open a UDP port for the meeting: %w", err)
		}
	}
	return nil, errPorts
}

// localIP is the address by which a socket that is bound to all reaches a far end.
func localIP(bind netip.Addr, toward netip.AddrPort) netip.Addr {
	if !bind.IsUnspecified() {
		return bind
	}
	// Connecting a UDP socket asks the routing table and sends nothing.
	c, err := net.Dial("udp", toward.String())
	if err != nil {
		return bind
	}
	defer c.Close()
	return c.LocalAddr().(*net.UDPAddr).AddrPort().Addr().Unmap().WithZone("")
}

// read serves one socket until it is closed: it sorts datagrams by their first
// octet (RFC 7983 §7) and takes the encryption off media.
func (l *link) read(p *path) {
	buf := make([]byte, maxDatagram)
	for failures := 0; failures < 100; {
		n, from, err := p.conn.ReadFromUDPAddrPort(buf)
		if err != nil {
			if errors.Is(err, net.ErrClosed) {
				return
			}
			failures++ // what an earlier packet met with
			continue
		}
		failures = 0
		if n == 0 {
			continue
		}
		from = netip.AddrPortFrom(from.Addr().Unmap(), from.Port())
		switch c := buf[0]; {
		case c < 4:
			if stun := p.stun.Load(); stun != nil {
				stun.Put(buf[:n], from)
			}
		case !l.confirmed(from): // only checks make an address ours
			l.strangers.Add(1)
		case c >= 20 && c < 64:
			l.records.Put(buf[:n], from)
		case c >= 128 && c < 192:
			l.media(buf[:n], time.Now())
		}
	}
}

// media decrypts an RTP or RTCP packet and hands it on.
func (l *link) media(b []byte, now time.Time) {
	l.in.Lock()
	defer l.in.Unlock()
	if l.keysIn == nil {
		return
	}
	if rtp.IsRTCP(b) {
		plain, err := l.keysIn.DecryptRTCP(nil, b, nil)
		if err != nil {
			l.forged.Add(1)
			return
		}
		l.user.control(plain, now)
		return
	}
	plain, err := l.keysIn.DecryptRTP(b, b, &l.headerIn)
	if err != nil {
		l.forged.Add(1)
		return
	}
	l.user.receive(plain, now)
}

// sendRTP encrypts a packet in place and sends it. The caller lets no two of these
// calls run at once, and leaves room for the authentication tag behind b.
func (l *link) sendRTP(b []byte) bool {
	keys := l.keysOut.Load()
	if keys == nil {
		return false
	}
	b, err := keys.EncryptRTP(b, b, &l.headerOut)
	return err == nil && l.transmit(b)
}

// sendRTCP is sendRTP for compound RTCP packets.
func (l *link) sendRTCP(b []byte) bool {
	keys := l.keysOut.Load()
	if keys == nil {
		return false
	}
	b, err := keys.EncryptRTCP(nil, b, nil)
	return err == nil && l.transmit(b)
}

// transmit sends to the selected address.
func (l *link) transmit(b []byte) bool {
	to := l.remote.Load()
	if to == nil {
		return false
	}
	return l.sendTo(b, *to)
}

func (l *link) sendTo(b []byte, to netip.AddrPort) bool {
	p := l.v6
	if to.Addr().Is4() {
		p = l.v4
	}
	if p == nil || !to.IsValid() {
		return false
	}
	_, err := p.conn.WriteToUDPAddrPort(b, to)
	return err == nil
}

func newContext(profile srtp.ProtectionProfile, key, salt []byte) (*srtp.Context, error) {
	return srtp.CreateContext(key, salt, profile, srtp.SRTPReplayProtection(replayWindow), srtp.SRTCPReplayProtection(replayWindow))
}
