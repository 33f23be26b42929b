package room

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"sync"
	"time"

	"github.com/pion/dtls/v3"

	"tandem/sim/ca"
)

// floor is floor control as a participant (RFC 8855): over UDP, over TCP, or over DTLS
// (RFC 8856). Over UDP it asks in fragments, as a room with a small MTU does.
type floor struct {
	kind    string       // "udp", "tcp", "dtls"
	udp     *net.UDPConn // nil over TCP
	cert    tls.Certificate
	granted func(bool)
	ctx     context.Context
	stop    context.CancelFunc
	work    sync.WaitGroup

	mu        sync.Mutex // guards everything below; granted is called under it
	conn      net.Conn   // over TCP and DTLS
	dialled   bool
	to        netip.AddrPort
	print     string // the far end's fingerprint
	conf      uint32
	user, id  uint16
	agreed    bool
	request   uint16 // that was granted; 0: none
	pending   []byte // our request that has no answer yet
	next      uint16 // transaction
	revoked   int
	presenter string
}

var floorProfiles = map[string]string{"udp": "UDP/BFCP", "tcp": "TCP/BFCP", "dtls": "UDP/TLS/BFCP"}

func newFloor(kind, bind string, granted func(bool)) (*floor, error) {
	f := &floor{kind: kind, granted: granted}
	f.ctx, f.stop = context.WithCancel(context.Background())
	var err error
	switch kind {
	case "tcp":
		return f, nil
	case "dtls":
		if f.cert, err = floorCertificate(); err != nil {
			return nil, err
		}
	}
	if f.udp, err = net.ListenUDP("udp", &net.UDPAddr{IP: net.ParseIP(bind)}); err != nil {
		return nil, err
	}
	f.work.Go(f.repeat)
	if kind == "udp" {
		f.work.Go(f.listen)
	}
	return f, nil
}

func floorCertificate() (tls.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return tls.Certificate{}, err
	}
	t := ca.Template("simulated room")
	der, err := x509.CreateCertificate(rand.Reader, t, t, key.Public(), key)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, err
}

func fingerprint(der []byte) string {
	sum := sha256.Sum256(der)
	return "sha-256 " + strings.ReplaceAll(fmt.Sprintf("% X", sum[:]), " ", ":")
}

func (f *floor) close() {
	f.stop()
	if f.udp != nil {
		_ = f.udp.Close()
	}
	f.mu.Lock()
	if f.conn != nil {
		_ = f.conn.Close()
	}
	f.mu.Unlock()
	f.work.Wait()
}

// over reports whether an m-line is of floor control that we speak.
func (f *floor) over(m line) bool {
	return strings.HasPrefix(m.first, "m=application ") && strings.Contains(m.first, " "+floorProfiles[f.kind]+" ")
}

func (f *floor) describe() string {
	switch f.kind {
	case "tcp":
		return "m=application 9 TCP/BFCP *\r\na=setup:active\r\na=connection:new\r\na=floorctrl:c-only\r\n"
	case "dtls":
		return fmt.Sprintf("m=application %d UDP/TLS/BFCP *\r\na=floorctrl:c-only\r\na=bfcpver:2\r\na=setup:active\r\na=fingerprint:%s\r\n",
			portOf(f.udp), fingerprint(f.cert.Certificate[0]))
	}
	return fmt.Sprintf("m=application %d UDP/BFCP *\r\na=floorctrl:c-only\r\na=bfcpver:2\r\n", portOf(f.udp))
}

// take adopts the far end's line.
func (f *floor) take(at netip.AddrPort, m line) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.to, f.agreed, f.print = at, true, m.attributes["fingerprint"]
	f.conf, f.user, f.id = uint32(m.number("confid")), uint16(m.number("userid")), uint16(m.number("floorid"))
	if f.kind != "udp" && !f.dialled {
		f.dialled = true
		f.work.Go(f.connect)
	}
}

func (f *floor) report() ShareReport {
	f.mu.Lock()
	defer f.mu.Unlock()
	return ShareReport{Floor: f.agreed, Granted: f.request != 0, Revoked: f.revoked, Presenter: f.presenter}
}

// ask asks for the floor, or gives it back.
func (f *floor) ask(on bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	switch {
	case on:
		f.send(floorRequest, 2, f.id) // with a FLOOR-ID
	case f.request != 0:
		f.send(floorRelease, 3, f.request) // with a FLOOR-REQUEST-ID
	}
}

// Primitives of RFC 8855.
const (
	floorRequest       = 1
	floorRelease       = 2
	floorRequestStatus = 4
	floorStatus        = 8
	requestStatusAck   = 14
	floorStatusAck     = 15
)

// send sends a request with one attribute. f.mu is held.
func (f *floor) send(primitive, attribute byte, value uint16) {
	f.next++
	f.pending = f.message(primitive, f.next, false, attribute, value)
	f.write(f.pending)
}

func (f *floor) message(primitive byte, transaction uint16, response bool, attribute byte, value uint16) []byte {
	version := byte(2 << 5)
	if f.kind == "tcp" {
		version = 1 << 5
	}
	if response {
		version |= 0x10
	}
	b := []byte{version, primitive, 0, 0}
	b = binary.BigEndian.AppendUint32(b, f.conf)
	b = binary.BigEndian.AppendUint16(b, transaction)
	b = binary.BigEndian.AppendUint16(b, f.user)
	if attribute != 0 {
		b = append(b, attribute<<1|1, 4, byte(value>>8), byte(value))
		b = append(b, 8<<1, 7, 's', 'l', 'i', 'd', 'e', 0) // PARTICIPANT-PROVIDED-INFO
		b[3] = 3
	}
	return b
}

// write sends a message. f.mu is held.
func (f *floor) write(b []byte) {
	switch {
	case f.conn != nil:
		_, _ = f.conn.Write(b)
	case f.kind != "udp" || !f.to.IsValid():
	case len(b) == 12:
		_, _ = f.udp.WriteToUDPAddrPort(b, f.to)
	default:
		for _, part := range cut(b) {
			_, _ = f.udp.WriteToUDPAddrPort(part, f.to)
		}
	}
}

// cut makes two fragments of a message (RFC 8855 §6.2.4).
func cut(b []byte) (parts [][]byte) {
	units := (len(b) - 12) / 4
	for _, p := range [][2]int{{0, units / 2}, {units / 2, units - units/2}} {
		part := append([]byte{b[0] | 0x08}, b[1:12]...)
		part = binary.BigEndian.AppendUint16(part, uint16(p[0]))
		part = binary.BigEndian.AppendUint16(part, uint16(p[1]))
		parts = append(parts, append(part, b[12+4*p[0]:12+4*(p[0]+p[1])]...))
	}
	return parts
}

// repeat asks again what is not answered, over UDP and DTLS.
func (f *floor) repeat() {
	tick := time.NewTicker(500 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-f.ctx.Done():
			return
		case <-tick.C:
		}
		f.mu.Lock()
		if f.pending != nil {
			f.write(f.pending)
		}
		f.mu.Unlock()
	}
}

// listen takes floor control over UDP.
func (f *floor) listen() {
	buf := make([]byte, 2048)
	for f.ctx.Err() == nil {
		if n, _, err := f.udp.ReadFromUDPAddrPort(buf); err == nil {
			f.mu.Lock()
			f.heard(buf[:n])
			f.mu.Unlock()
		}
	}
}

// connect has floor control over TCP or DTLS.
func (f *floor) connect() {
	dial := f.dialTCP
	if f.kind == "dtls" {
		dial = f.dialDTLS
	}
	c, err := dial()
	if err != nil {
		return
	}
	f.mu.Lock()
	if f.conn = c; f.ctx.Err() != nil {
		_ = c.Close()
	}
	if f.pending != nil {
		f.write(f.pending)
	}
	f.mu.Unlock()
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
			f.mu.Lock()
			f.heard(buf[:size])
			f.mu.Unlock()
			buf = append(buf[:0], buf[size:]...)
		}
	}
}

func (f *floor) target() (netip.AddrPort, string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.to, f.print
}

func (f *floor) dialTCP() (net.Conn, error) {
	to, _ := f.target()
	return (&net.Dialer{Timeout: 2 * time.Second}).DialContext(f.ctx, "tcp", to.String())
}

func (f *floor) dialDTLS() (net.Conn, error) {
	to, want := f.target()
	c, err := dtls.Client(f.udp, net.UDPAddrFromAddrPort(to), &dtls.Config{
		Certificates: []tls.Certificate{f.cert}, InsecureSkipVerify: true, // the fingerprint is what counts
		VerifyPeerCertificate: func(raw [][]byte, _ [][]*x509.Certificate) error {
			if len(raw) == 0 || !strings.EqualFold(fingerprint(raw[0]), want) {
				return errors.New("the certificate does not match the fingerprint of the description")
			}
			return nil
		},
	})
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(f.ctx, 10*time.Second)
	defer cancel()
	if err := c.HandshakeContext(ctx); err != nil {
		return nil, errors.Join(err, c.Close())
	}
	return c, nil
}

// heard takes one message of the floor control server. f.mu is held.
func (f *floor) heard(b []byte) {
	if len(b) < 12 || b[0]&0x08 != 0 {
		return
	}
	primitive, transaction, response := b[1], binary.BigEndian.Uint16(b[8:]), b[0]&0x10 != 0
	st := status{}
	st.read(b[12:], 0)
	if f.pending != nil && transaction == binary.BigEndian.Uint16(f.pending[8:]) {
		f.pending = nil
	}
	switch primitive {
	case floorRequestStatus:
		f.requestIs(st)
	case floorStatus:
		f.presenter = st.name
	}
	if !response && f.kind != "tcp" && (primitive == floorRequestStatus || primitive == floorStatus) {
		ack := byte(requestStatusAck)
		if primitive == floorStatus {
			ack = floorStatusAck
		}
		f.write(f.message(ack, transaction, true, 0, 0))
	}
}

func (f *floor) requestIs(st status) {
	switch st.status {
	case 3: // granted
		f.request = st.request
	case 4, 5, 6, 7: // denied, cancelled, released, revoked
		if f.request == st.request {
			f.request = 0
		}
		if st.status == 7 {
			f.revoked++
		}
	}
	f.granted(f.request != 0)
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
