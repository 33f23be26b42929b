package transport

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/pion/dtls/v3"
	"github.com/pion/dtls/v3/pkg/crypto/elliptic"
	"github.com/pion/srtp/v3"

	"tandem/internal/pipe"
	"tandem/media/sdp"
)

const (
	attemptTimeout = 5 * time.Second // of one handshake while others may claim to be the far end
	maxAttempts    = 8
)

// association is the DTLS association of a session (RFC 5763): it brings the SRTP
// keys. Its one goroutine lives from start to stop.
type association struct {
	session *stream
	role    sdp.Role
	want    []sdp.Fingerprint
	cancel  context.CancelFunc
	done    chan struct{}

	mu       sync.Mutex // guards what follows; in.mu may be held around it
	pipe     *pipe.Conn // of the running attempt
	peer     netip.AddrPort
	refused  []netip.AddrPort // sources whose handshake failed
	complete bool
}

// hellos are the records of far ends that shake hands before their answer has come
// (RFC 5763 §6.2): the description and the media take different ways.
type hellos struct {
	wanted bool // our fingerprint is on its way
	list   []hello
}

type hello struct {
	record []byte
	from   netip.AddrPort
}

const (
	maxHellos = 8    // a ClientHello in pieces, twice
	maxHello  = 2048 // octets
)

// keep keeps a record for later, the first ones of all.
func (h *hellos) keep(b []byte, from netip.AddrPort) bool {
	if !h.wanted || len(h.list) == maxHellos || len(b) > maxHello || b[0] != recordHandshake {
		return false
	}
	h.list = append(h.list, hello{slices.Clone(b), from})
	return true
}

// runDTLS begins the association, or keeps the one that stands when the far end's
// certificate and our role are the same (RFC 8842 §5.5).
func (s *stream) runDTLS(st *sdp.Stream) {
	if a := s.assoc; a != nil && a.role == st.DTLS.Role && slices.Equal(a.want, st.DTLS.Fingerprints) {
		return
	}
	s.stopDTLS()
	ctx, cancel := context.WithCancel(context.Background())
	a := &association{session: s, role: st.DTLS.Role, want: st.DTLS.Fingerprints, cancel: cancel, done: make(chan struct{})}
	a.renewLocked() // nobody else knows it yet
	if a.role == sdp.RoleClient && s.iceAgent == nil {
		a.peer = st.Remote // a server behind a NAT cannot be reached without ICE
	}
	var up chan struct{}
	s.assoc = a
	s.in.mu.Lock()
	s.in.keys = nil
	s.dtlsInput = a
	s.connectBy = time.Now().Add(s.connectTimeout())
	if s.iceAgent != nil {
		up = s.iceAgent.up
	}
	for _, h := range s.hellos.list {
		s.dtlsRecord(h.record, h.from)
	}
	s.hellos = hellos{}
	s.in.mu.Unlock()
	s.sink.mu.Lock()
	s.sink.keys = nil
	s.sink.mu.Unlock()
	go a.run(ctx, up)
}

// stopDTLS ends the association and waits for it. ctl is held, no other lock.
func (s *stream) stopDTLS() {
	a := s.assoc
	if a == nil {
		return
	}
	a.cancel()
	<-a.done
	s.in.mu.Lock()
	s.dtlsInput = nil
	s.in.mu.Unlock()
	s.assoc = nil
}

// stopSecurity ends DTLS while its records can still travel, then ICE.
func (s *stream) stopSecurity() {
	s.stopDTLS()
	s.stopICE()
}

// dtlsRecord hands a DTLS record on. in.mu is held. With ICE only confirmed
// addresses count. Without it the SDP's address is preferred, and another one may
// try; its certificate decides.
func (s *stream) dtlsRecord(b []byte, from netip.AddrPort) {
	a := s.dtlsInput
	if a == nil && s.hellos.keep(b, from) {
		return
	}
	if a == nil || s.in.useICE && !s.in.isValid(from) || !a.put(b, from, s.in.useICE, s.in.latch.sdp) {
		s.in.strayed()
	}
}

// put takes a record for the running attempt. Without ICE the first one to speak
// is heard by a server, and gives way when the SDP's address speaks up.
func (a *association) put(b []byte, from netip.AddrPort, confirmed bool, home netip.AddrPort) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	switch {
	case confirmed || from == a.peer:
	case a.complete || from != home && a.isRefused(from):
		return false
	case !a.peer.IsValid() && a.role == sdp.RoleServer:
		a.peer = from
	case from == home && b[0] == recordHandshake:
		a.refused = append(a.refused, a.peer)
		a.peer = from
		a.renewLocked()
	default:
		return false
	}
	return a.pipe.Put(b, from)
}

// recordHandshake is the content type of handshake records (RFC 6347 §4.1).
const recordHandshake = 22

func (a *association) isRefused(from netip.AddrPort) bool {
	return len(a.refused) >= maxAttempts || slices.Contains(a.refused, from)
}

// renewLocked ends the running attempt, without a word to its peer, and makes room
// for the next.
func (a *association) renewLocked() {
	if a.pipe != nil {
		_ = a.pipe.Close()
	}
	a.pipe = pipe.New(&net.UDPAddr{IP: net.IPv4zero}, func(b []byte, _ netip.AddrPort) { _ = a.send(b) })
}

// send sends a record to where the far end is now.
func (a *association) send(b []byte) error {
	s := a.session
	s.in.mu.Lock()
	defer s.in.mu.Unlock()
	to := s.in.latch.remote
	if s.in.useICE {
		s.sink.mu.Lock()
		to = s.sink.to.ap
		s.sink.mu.Unlock()
	} else if peer := a.address(); peer.IsValid() {
		to = peer
	}
	p := s.ports.rtp(to.Addr())
	if p == nil {
		return net.ErrClosed
	}
	return s.sendFrom(p, b, to)
}

func (a *association) address() netip.AddrPort {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.peer
}

// run waits for the path, shakes hands, and keeps the connection for alerts.
func (a *association) run(ctx context.Context, up <-chan struct{}) {
	defer close(a.done)
	if up != nil {
		select {
		case <-up:
		case <-ctx.Done():
			return
		}
	}
	for range maxAttempts {
		conn, err := a.attempt(ctx, up != nil)
		if err == nil {
			a.hold(ctx, conn)
			return
		}
		if ctx.Err() != nil {
			return
		}
		if up != nil || a.role == sdp.RoleClient && !errors.Is(err, errSuperseded) {
			a.fail(err)
			return
		}
		a.session.log.Warn("DTLS handshake failed", "err", err)
	}
	a.fail(errors.New("too many attempts"))
}

func (a *association) fail(err error) {
	s := a.session
	s.in.mu.Lock()
	defer s.in.mu.Unlock()
	s.giveUp(fmt.Errorf("DTLS failed: %w", err))
}

var errSuperseded = errors.New("the handshake was begun again with the address of the SDP")

// attempt shakes hands once and puts the keys in force.
func (a *association) attempt(ctx context.Context, confirmed bool) (*dtls.Conn, error) {
	a.mu.Lock()
	p := a.pipe
	a.mu.Unlock()
	if a.role == sdp.RoleServer {
		if err := p.Await(ctx); err != nil {
			return nil, a.failed(p, confirmed, err)
		}
	}
	limit := attemptTimeout
	if confirmed || a.role == sdp.RoleClient {
		limit = a.session.connectTimeout()
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	conn, err := a.handshake(ctx, p)
	if err == nil {
		err = a.install(conn, p)
	}
	if err == nil {
		return conn, nil
	}
	err = a.failed(p, confirmed, err)
	if conn != nil {
		_ = conn.Close()
	}
	return nil, err
}

// failed notes who failed, and makes room for the next attempt.
func (a *association) failed(p *pipe.Conn, confirmed bool, err error) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.pipe != p {
		return errSuperseded
	}
	if !confirmed {
		a.refused = append(a.refused, a.peer)
		a.peer = netip.AddrPort{}
	}
	a.renewLocked()
	return err
}

func (a *association) handshake(ctx context.Context, p *pipe.Conn) (*dtls.Conn, error) {
	e := a.session.engine
	check := func(chain [][]byte, _ [][]*x509.Certificate) error { return verify(a.want, chain) }
	shared := []dtls.Option{
		dtls.WithCertificates(e.identity.certificate), dtls.WithLoggerFactory(pipe.Quiet()),
		dtls.WithInsecureSkipVerify(true), // the fingerprint says more than any authority
		dtls.WithVerifyPeerCertificate(check), dtls.WithExtendedMasterSecret(dtls.RequestExtendedMasterSecret),
		dtls.WithCipherSuites(cipherSuites[:]...), dtls.WithSRTPProtectionProfiles(srtpProfiles[:]...),
		dtls.WithEllipticCurves(curves[:]...),
		dtls.WithFlightInterval(200 * time.Millisecond),
	}
	conn, err := newDTLS(p, a.role, shared)
	if err != nil {
		return nil, err
	}
	return conn, conn.HandshakeContext(ctx)
}

// newDTLS makes one side of an association over a pipe.
func newDTLS(p *pipe.Conn, role sdp.Role, shared []dtls.Option) (*dtls.Conn, error) {
	remote := &net.UDPAddr{IP: net.IPv4zero} // the pipe knows where to
	if role == sdp.RoleClient {
		options := make([]dtls.ClientOption, 0, len(shared))
		for _, o := range shared {
			options = append(options, o)
		}
		return dtls.ClientWithOptions(p, remote, options...)
	}
	options := []dtls.ServerOption{dtls.WithClientAuth(dtls.RequireAnyClientCert)}
	for _, o := range shared {
		options = append(options, o)
	}
	return dtls.ServerWithOptions(p, remote, options...)
}

// cipherSuites serve RSA and ECDSA certificates; Google Voice takes nothing but
// ECDHE_RSA with AES_128_GCM (GV-C21, GV-S36).
var cipherSuites = [...]dtls.CipherSuiteID{
	dtls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, dtls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
	dtls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, dtls.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
	dtls.TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA, dtls.TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA,
}

// curves begin with the one that is fastest here; every WebRTC peer has it (RFC 8827 §6.5).
var curves = [...]elliptic.Curve{elliptic.P256, elliptic.X25519, elliptic.P384}

// srtpProfiles prefer GCM: a third of the work of CM with SHA-1 for a voice packet.
var srtpProfiles = [...]dtls.SRTPProtectionProfile{
	dtls.SRTP_AEAD_AES_128_GCM, dtls.SRTP_AEAD_AES_256_GCM,
	dtls.SRTP_AES128_CM_HMAC_SHA1_80, dtls.SRTP_AES128_CM_HMAC_SHA1_32,
}

// install derives the SRTP keys (RFC 5764 §4.2) and puts them in force.
func (a *association) install(conn *dtls.Conn, p *pipe.Conn) error {
	chosen, ok := conn.SelectedSRTPProtectionProfile()
	state, ok2 := conn.ConnectionState()
	if !ok || !ok2 {
		return errors.New("the far end agreed to no SRTP profile")
	}
	// The numbers are the same registry's (RFC 5764 §4.1.2).
	c := srtp.Config{Profile: srtp.ProtectionProfile(chosen)}
	if err := c.ExtractSessionKeysFromDTLS(&state, a.role == sdp.RoleClient); err != nil {
		return err
	}
	remote, err := newContext(c.Profile, c.Keys.RemoteMasterKey, c.Keys.RemoteMasterSalt)
	if err != nil {
		return err
	}
	local, err := newContext(c.Profile, c.Keys.LocalMasterKey, c.Keys.LocalMasterSalt)
	if err != nil {
		return err
	}
	return a.session.unlock(a, p, local, remote)
}

// unlock lets media pass with the keys of the handshake that ran over p.
func (s *stream) unlock(a *association, p *pipe.Conn, local, remote *srtp.Context) error {
	s.in.mu.Lock()
	defer s.in.mu.Unlock()
	a.mu.Lock()
	peer, superseded := a.peer, a.pipe != p
	a.complete = !superseded
	a.mu.Unlock()
	if superseded {
		return errSuperseded
	}
	s.in.keys = remote
	if !s.in.useICE && peer.IsValid() && peer != s.in.latch.remote {
		s.follow(peer, "DTLS handshake")
	}
	s.sink.mu.Lock()
	s.sink.keys = local
	s.sink.mu.Unlock()
	s.connectBy = time.Time{}
	s.emit(Event{Kind: Connected})
	return nil
}

// hold reads alerts and repeated flights until the association is stopped.
func (a *association) hold(ctx context.Context, conn *dtls.Conn) {
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		var b [2048]byte
		for {
			if _, err := conn.Read(b[:]); err != nil {
				return
			}
		}
	}()
	<-ctx.Done()
	_ = conn.Close()
	a.mu.Lock()
	p := a.pipe
	a.mu.Unlock()
	_ = p.Close()
	<-stopped
}
