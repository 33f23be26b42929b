package meet

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pion/srtp/v3"
	"github.com/pion/stun/v4"

	"tandem/sim/pipe"
)

// session is the transport of one device: ICE, DTLS, SRTP and what is sent and
// received on it. The device decides what that is.
type session struct {
	mux    *mux
	dev    *device // set before the session is started
	ctx    context.Context
	cancel context.CancelFunc
	pipe   *pipe.Pipe
	silent atomic.Bool // nothing of DTLS leaves any more
	inbox  chan inPacket
	upWay  way
	dnWay  way
	in     *uplink

	mu        sync.Mutex // guards everything below
	offer     *description
	ufrag     string // ours; a new one after an ICE restart
	pwd       string
	oldUfrag  string // still good until a check with the new one comes
	oldPwd    string
	peerUfrag string
	oldPeer   string
	version   int // of the answer
	pair      netip.AddrPort
	created   time.Time
	nominated time.Time
	checkedAt time.Time
	secured   time.Time // DTLS is done
	out       *srtp.Context
	sender    sender
	checks    int
	badChecks int
	restarts  int
	closed    bool
	dtlsError string
	profile   string // of SRTP
}

// inPacket is an RTP or RTCP packet, still encrypted.
type inPacket struct {
	b  []byte
	at time.Time
}

// maxInbox is about half a second of everything a client may send.
const maxInbox = 1024

func (m *mux) newSession(offer *description) *session {
	s := &session{mux: m, offer: offer, inbox: make(chan inPacket, maxInbox), created: time.Now(), version: 2}
	s.ctx, s.cancel = context.WithCancel(m.srv.ctx)
	s.pipe = newPacketPipe(s)
	s.credentials()
	s.peerUfrag = offer.get(offer.sections[0], "ice-ufrag")
	return s
}

// credentials has the shape of Google's: 32 characters, and 28 that end in "=".
func (s *session) credentials() {
	var b [20]byte
	_, _ = rand.Read(b[:])
	s.ufrag = (rand.Text() + rand.Text())[:32]
	s.pwd = base64.StdEncoding.EncodeToString(b[:])
}

// start makes the session reachable. Its goroutines end when ctx does.
func (s *session) start() {
	s.mux.add(s.ufrag, s)
	s.mux.srv.spawn(s.receive)
	s.mux.srv.spawn(s.secure)
}

// restart takes new credentials of the client and makes new ones (RFC 8445
// section 9). The old ones go on until a check with the new ones comes.
func (s *session) restart(offer *description) {
	s.mu.Lock()
	s.oldUfrag, s.oldPwd, s.oldPeer = s.ufrag, s.pwd, s.peerUfrag
	s.credentials()
	s.peerUfrag = offer.get(offer.sections[0], "ice-ufrag")
	s.offer = offer
	s.version++
	s.restarts++
	ufrag := s.ufrag
	s.mu.Unlock()
	s.mux.add(ufrag, s)
}

// packet is the demultiplexing of RFC 7983.
func (s *session) packet(b []byte, from netip.AddrPort) {
	switch {
	case stun.IsMessage(b):
		s.check(b, from)
	case b[0] >= 20 && b[0] <= 63:
		if _, silent := s.mux.srv.fault(DTLSSilent, s.dev); !silent {
			s.pipe.Feed(b, from)
		}
	case b[0] >= 128 && b[0] <= 191:
		select {
		case s.inbox <- inPacket{b, time.Now()}:
		default:
			s.in.count(func(r *UplinkReport) { r.Overrun++ })
		}
	}
}

// check answers a connectivity check (RFC 8445 section 7.3, ice-lite).
func (s *session) check(b []byte, from netip.AddrPort) {
	m := &stun.Message{Raw: b}
	if m.Decode() != nil || m.Type != stun.BindingRequest {
		return
	}
	if _, dead := s.mux.srv.fault(ICEDead, s.dev); dead {
		return
	}
	var name stun.Username
	_ = name.GetFrom(m)
	pwd, why := s.verify(m, name.String())
	if why != "" {
		s.refuseCheck(m, from, stun.CodeUnauthorized, why)
		return
	}
	if m.Contains(stun.AttrICEControlled) {
		s.refuseCheck(m, from, stun.CodeRoleConflict, "the client must be controlling: the edge is ice-lite")
		return
	}
	s.mux.verified(from, s)
	answer, err := stun.Build(m, stun.BindingSuccess, &stun.XORMappedAddress{IP: from.Addr().AsSlice(), Port: int(from.Port())},
		stun.NewShortTermIntegrity(pwd), stun.Fingerprint)
	if err == nil {
		s.send(answer.Raw, from)
	}
	s.checked(m.Contains(stun.AttrUseCandidate), from, time.Now())
}

// verify checks the credentials and returns the password they belong to.
func (s *session) verify(m *stun.Message, name string) (pwd, why string) {
	ours, theirs, _ := strings.Cut(name, ":")
	s.mu.Lock()
	defer s.mu.Unlock()
	peer := s.peerUfrag
	pwd = s.pwd
	if ours == s.oldUfrag && ours != "" {
		pwd, peer = s.oldPwd, s.oldPeer
	} else if s.oldUfrag != "" && theirs == peer {
		s.mux.forget(s.oldUfrag)
		s.oldUfrag, s.oldPwd, s.oldPeer = "", "", ""
	}
	switch {
	case stun.NewShortTermIntegrity(pwd).Check(m) != nil:
		return "", "a check with a wrong password"
	case theirs != peer:
		return "", "a check with user fragment " + theirs + " instead of " + peer
	case !m.Contains(stun.AttrFingerprint):
		return "", "a check without FINGERPRINT"
	case !m.Contains(stun.AttrPriority):
		return "", "a check without PRIORITY"
	}
	return pwd, ""
}

func (s *session) refuseCheck(m *stun.Message, from netip.AddrPort, code stun.ErrorCode, why string) {
	s.mu.Lock()
	s.badChecks++
	first := s.badChecks == 1
	s.mu.Unlock()
	if first {
		s.dev.violation("MEET-S7", "refused", "STUN check", why+", from "+from.String())
	}
	if answer, err := stun.Build(m, stun.BindingError, code, stun.Fingerprint); err == nil {
		s.send(answer.Raw, from)
	}
}

func (s *session) checked(nominates bool, from netip.AddrPort, now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.checks++
	s.checkedAt = now
	if !nominates {
		return
	}
	s.pair = from
	if s.nominated.IsZero() {
		s.nominated = now
	}
}

// send goes down with the network's faults.
func (s *session) send(b []byte, to netip.AddrPort) {
	s.mux.line.pass(s.mux.srv.impairment(s, down), &s.dnWay, len(b), func() { s.mux.write(b, to) })
}

// mediaWayLocked is where media goes: nowhere without a nominated pair and fresh consent.
func (s *session) mediaWayLocked(now time.Time) (netip.AddrPort, bool) {
	ok := s.out != nil && s.pair.IsValid() && !s.closed && now.Sub(s.checkedAt) < s.mux.srv.cfg.Timing.Consent/2
	return s.pair, ok
}

// close ends the session; its goroutines end soon after.
func (s *session) close() {
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
	s.mux.remove(s)
	s.cancel()
}

// forgetSilently ends the session without a word to the client: no close_notify
// leaves, and checks are for nobody.
func (s *session) forgetSilently() {
	s.silent.Store(true)
	s.close()
}
