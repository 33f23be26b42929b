package gvoice

import (
	"crypto/rand"
	"encoding/binary"
	"net/netip"
	"strings"
	"sync"
	"time"

	"github.com/pion/rtp"
	"github.com/pion/stun/v4"

	"tandem/sim/audio"
)

// session is the media of one leg.
type session struct {
	relay   *relay
	user    string
	refuse  func(rule, reason string)
	origin  uint32
	version int64

	mu        sync.Mutex // guards everything below
	ufrag     string     // ours; a new one after an ICE restart
	pwd       string
	peerUfrag string // "" until the client's description came
	pair      netip.AddrPort
	nominated bool
	codec     sdpCodec
	event     sdpCodec
	direction string // the client's
	out       audio.Sender
	in        audio.Receiver
	talking   bool // we send
	echo      bool
	echoes    [][]byte
	answered  bool
	secure    *secureMedia // nil: plain RTP
	report    MediaReport
	closed    bool
}

// maxEchoes is one second of audio.
const maxEchoes = 50

func (r *relay) newSession(user string, refuse func(rule, reason string)) *session {
	s := &session{relay: r, user: user, refuse: refuse, direction: "sendrecv", version: time.Now().UnixMilli()}
	var b [4]byte
	_, _ = rand.Read(b[:])
	s.origin = binary.BigEndian.Uint32(b[:])
	s.credentials()
	s.codec, s.event = sdpCodec{0, "PCMU", 8000}, sdpCodec{101, "TELEPHONE-EVENT", 8000}
	s.report.Local = []string{r.addr4.String(), r.addr6.String()}
	s.report.Security = "none"
	r.add(s)
	return s
}

func (s *session) credentials() {
	s.ufrag, s.pwd = rand.Text()[:12], rand.Text()[:24]
}

// offer is the description of an incoming call.
func (s *session) offer(opus bool) string {
	codecs := []sdpCodec{{0, "PCMU", 8000}, {101, "TELEPHONE-EVENT", 8000}}
	if opus {
		codecs = []sdpCodec{{111, "OPUS", 48000}, {0, "PCMU", 8000}, {101, "TELEPHONE-EVENT", 8000}}
	}
	d := s.describe("RTP/AVP", codecs)
	d.bundle, d.fingerprint, d.setup = "audio", s.relay.fingerprint, "actpass"
	return d.String()
}

func (s *session) describe(proto string, codecs []sdpCodec) serverSDP {
	s.mu.Lock()
	defer s.mu.Unlock()
	return serverSDP{
		origin: s.origin, version: s.version, addr4: s.relay.addr4, addr6: s.relay.addr6, ufrag: s.ufrag, pwd: s.pwd,
		proto: proto, direction: mirrored[s.direction], codecs: codecs,
	}
}

// answer takes the client's offer and is our description; the second time it
// is that of a re-INVITE.
func (s *session) answer(d *clientSDP, preferOpus bool) (string, bool) {
	if !s.adopt(d, preferOpus) {
		return "", false
	}
	codecs := []sdpCodec{s.codec}
	if s.event.pt != 0 {
		codecs = append(codecs, s.event)
	}
	out := s.describe(d.proto, codecs)
	out.mid = d.mid
	if d.bundle {
		out.bundle = or(d.mid, "audio")
	}
	if d.fingerprint != "" {
		out.fingerprint, out.setup = s.relay.fingerprint, "passive"
		if d.setup == "passive" {
			out.setup = "active"
		}
	}
	return out.String(), true
}

// adopt makes the client's description ours; false means no common codec.
func (s *session) adopt(d *clientSDP, preferOpus bool) bool {
	codec, event, ok := d.choose(preferOpus)
	if !ok {
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.peerUfrag != "" && s.peerUfrag != d.ufrag { // ICE restart, RFC 8445 section 9
		s.credentials()
		s.relay.add(s)
	}
	s.peerUfrag, s.direction = d.ufrag, d.direction
	s.codec, s.event = codec, event
	s.report.Codec = codec.name
	s.in.Audio, s.in.Event, s.in.Clock, s.in.Mute = codec.pt, event.pt, codec.clock, codec.name != "PCMU"
	s.out.Audio, s.out.Event = codec.pt, event.pt
	if codec.name == "OPUS" {
		s.out.Step, s.out.Fixed = 960, opusSilence[:]
	}
	if d.fingerprint != "" && s.secure == nil {
		s.report.Security = "dtls-srtp"
		s.secure = startDTLS(s, d.fingerprint, d.setup == "passive")
	}
	return true
}

// opusSilence is 20 ms of silence, stereo, CELT at full band (RFC 6716).
var opusSilence = [3]byte{0xfc, 0xff, 0xfe}

// verify checks the credentials of a check; "" means they are right.
func (s *session) verify(m *stun.Message, theirs string) string {
	s.mu.Lock()
	pwd, peer := s.pwd, s.peerUfrag
	s.mu.Unlock()
	if err := stun.NewShortTermIntegrity(pwd).Check(m); err != nil {
		return "check with a wrong password"
	}
	if peer != "" && theirs != peer {
		return "check with user fragment " + theirs + " instead of " + peer
	}
	return ""
}

func (s *session) password() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.pwd
}

func (s *session) badCheck(why string, from netip.AddrPort) {
	s.mu.Lock()
	s.report.BadChecks++
	first := s.report.BadChecks == 1
	s.mu.Unlock()
	if first {
		s.refuse("GV-S33", why+" from "+from.String())
	}
}

// checked learns the peer. Media needs no nomination: Asterisk as answerer never
// nominates (reference, section 20).
func (s *session) checked(from netip.AddrPort, nominates bool, now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.report.Checks++
	if s.report.FirstCheck.IsZero() {
		s.report.FirstCheck = now
	}
	if nominates || !s.pair.IsValid() {
		s.pair = from
		s.report.Pair = from.String()
	}
	s.nominated = s.nominated || nominates
	s.report.Nominated = s.nominated
}

func (s *session) countUnverified() {
	s.mu.Lock()
	s.report.Unverified++
	first := s.report.Unverified == 1
	s.mu.Unlock()
	if first {
		s.refuse("GV-S33", "media from an address that has passed no check")
	}
}

// packet takes media from a verified address.
func (s *session) packet(b []byte, from netip.AddrPort, now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.secure != nil {
		if b[0] >= 20 && b[0] <= 63 {
			s.secure.feed(b, from)
			return
		}
		var ok bool
		if b, ok = s.secure.open(b); !ok {
			return
		}
	}
	if len(b) < 2 || b[0]>>6 != 2 {
		return
	}
	if b[1] >= 192 && b[1] <= 223 { // RFC 5761 section 4
		s.report.RTCP++
		return
	}
	var p rtp.Packet
	if err := p.Unmarshal(b); err != nil {
		return
	}
	s.rtpLocked(&p, from, now)
}

func (s *session) rtpLocked(p *rtp.Packet, from netip.AddrPort, now time.Time) {
	if s.report.FirstRTP.IsZero() {
		s.report.FirstRTP = now
	}
	s.report.LastRTP = now
	if !s.answered {
		s.report.RTPBeforeAnswer++
	}
	if !s.nominated { // reply where it comes from, as Google does
		s.pair = from
		s.report.Pair = from.String()
	}
	s.in.Packet(now, p)
	if s.echo && p.PayloadType == s.codec.pt && len(s.echoes) < maxEchoes {
		s.echoes = append(s.echoes, append([]byte(nil), p.Payload...))
	}
}

// tick sends the packet of this 20 ms, if there is somewhere to send it.
func (s *session) tick() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.talking || !s.pair.IsValid() || s.closed || s.direction == "sendonly" || s.direction == "inactive" {
		return
	}
	var echo []byte
	if s.echo && len(s.echoes) > 0 {
		echo, s.echoes = s.echoes[0], s.echoes[1:]
	}
	var p rtp.Packet
	s.out.Next(&p, echo)
	raw, err := p.Marshal()
	if err != nil {
		return
	}
	if s.secure != nil {
		var ok bool
		if raw, ok = s.secure.seal(raw); !ok {
			return
		}
	}
	if s.relay.blocked(s, s.pair.Addr().Is6()) {
		return
	}
	s.relay.send(raw, s.pair)
	s.report.Sent++
}

// talk sets what is sent from now on; frequency 0 is silence.
func (s *session) talk(frequency float64, echo bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.talking, s.echo, s.echoes = true, echo, nil
	s.out.Tone.Frequency = frequency
}

func (s *session) hush() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.talking = false
}

func (s *session) dial(digits string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.out.Dial(digits)
}

func (s *session) setAnswered() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.answered = true
}

// lastRTP is when media last came, or zero.
func (s *session) lastRTP() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.report.LastRTP
}

func (s *session) measured() MediaReport {
	s.mu.Lock()
	defer s.mu.Unlock()
	r := s.report
	r.Received = s.in.Report()
	return r
}

func (s *session) close() {
	s.relay.remove(s)
	s.mu.Lock()
	s.closed = true
	secure := s.secure
	s.mu.Unlock()
	if secure != nil {
		secure.close()
	}
}

// sameFingerprint compares without case, as RFC 8122 section 5 asks.
func sameFingerprint(a, b string) bool {
	return strings.EqualFold(strings.TrimSpace(a), strings.TrimSpace(b))
}
