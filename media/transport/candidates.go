package transport

import (
	"crypto/rand"
	"net/netip"
	"strconv"

	"tandem/media"
	"tandem/media/sdp"
)

// credentials are our side of ICE.
type credentials struct {
	ufrag, password string
	candidates      []sdp.Candidate
}

func readRandom(b []byte) { _, _ = rand.Read(b) } // never fails

// prepare makes what the first description needs of ICE and SDES.
func (s *stream) prepare(v4, v6 bool, far netip.Addr) {
	if s.caps.Security == sdp.SDES || s.caps.Security == sdp.Opportunistic {
		s.crypto = newCrypto()
	}
	if s.caps.ICE == sdp.ICENone {
		return
	}
	s.credits = credentials{ufrag: randomString(8), password: randomString(24)}
	s.queryPublic()
	s.addCandidates(v4, v6, far)
}

// Priorities of candidates (RFC 8445 §5.1.2.1). IPv4 comes before IPv6, because a
// broken IPv6 path is what users of Google Voice met with (GV-S47).
const (
	priorityPublic = 126<<24 | 65535<<8 | 255 // 2130706431, as GV-C20's example has it
	priorityIPv4   = 126<<24 | 65534<<8 | 255
	priorityIPv6   = 126<<24 | 65000<<8 | 255
	priorityMapped = 100<<24 | 65534<<8 | 255
)

// addCandidates lists the addresses we may be reached at.
func (s *stream) addCandidates(v4, v6 bool, far netip.Addr) {
	port, local := uint16(s.port), netip.Addr{}
	if v4 {
		local = s.engine.localIP(true, far)
		s.credits.add(sdp.Candidate{Type: "host", Address: local.String(), Port: port, Priority: priorityIPv4})
	}
	if v6 {
		s.credits.add(sdp.Candidate{Type: "host", Address: s.engine.localIP(false, far).String(), Port: port, Priority: priorityIPv6})
	}
	extra := s.opts.ExtraHost
	if !extra.IsValid() && !near(far) {
		extra = s.engine.Advertise
	}
	if extra.IsValid() && extra != local {
		s.credits.add(sdp.Candidate{Type: "host", Address: extra.String(), Port: port, Priority: priorityPublic})
	}
	if p := s.public; p.IsValid() && p.Addr() != local {
		s.credits.add(sdp.Candidate{
			Type: "srflx", Address: p.Addr().String(), Port: p.Port(), Priority: priorityMapped,
			RelAddress: local.String(), RelPort: port,
		})
	}
}

func (c *credentials) add(o sdp.Candidate) {
	o.Foundation, o.Component, o.Transport = strconv.Itoa(len(c.candidates)+1), 1, "UDP"
	c.candidates = append(c.candidates, o)
}

// creditsFor are the credentials of the streams for an answer: new ones where the
// offer restarts ICE (RFC 8839 §4.4.1.1), else those in force.
func (s *Session) creditsFor(offer *sdp.Description) map[media.Kind]credentials {
	list := map[media.Kind]credentials{}
	for _, t := range s.opened() {
		c := t.credits
		if t.iceAgent != nil {
			if ufrag := offeredUfrag(offer, t.kind); ufrag != "" && ufrag != t.iceAgent.remote.Ufrag {
				c.ufrag, c.password = randomString(8), randomString(24)
			}
		}
		list[t.kind] = c
	}
	return list
}

func offeredUfrag(d *sdp.Description, k media.Kind) string {
	for i := range d.Media {
		if d.Media[i].Port == 0 || !d.Carries(i, k) {
			continue
		}
		if v, ok := d.Media[i].Attribute("ice-ufrag"); ok {
			return v
		}
	}
	v, _ := d.Attribute("ice-ufrag")
	return v
}
