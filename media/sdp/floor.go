package sdp

import (
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"tandem/media"
)

// FloorControl is the stream on which a room asks for the floor to share its screen (RFC
// 8856). We are the floor control server.
type FloorControl struct {
	Index      int // of the m-line, from 0
	Over       FloorTransport
	Remote     netip.AddrPort // of the far end; over TCP the port says nothing
	DTLS       DTLSParams     // set over DTLS
	Conference uint32
	User       uint16
	Floor      uint16
}

// FloorTransport is what floor control goes over.
type FloorTransport uint8

// The transports of floor control.
const (
	FloorOverUDP  FloorTransport = iota // UDP/BFCP
	FloorOverTCP                        // TCP/BFCP
	FloorOverDTLS                       // UDP/TLS/BFCP
)

func (t FloorTransport) String() string {
	return [...]string{"UDP/BFCP", "TCP/BFCP", "UDP/TLS/BFCP"}[t]
}

// version is that of the protocol (RFC 8855 §5.1).
func (t FloorTransport) version() string {
	if t == FloorOverTCP {
		return "1"
	}
	return "2"
}

// What we call a call's one conference, participant and floor. A call's messages have a
// port of their own, so these need not differ between calls.
const (
	floorConference = 1
	floorUser       = 2
	floorID         = 1
	floorLabel      = "12" // of the shared screen, where the far end gives it none
)

// floorControl reads an m-line of floor control over a transport that we have. Ok is false
// for any other line.
func (m *Media) floorControl() (over FloorTransport, ok bool) {
	if m.Kind != "application" || m.Port == 0 {
		return 0, false
	}
	for over = FloorOverUDP; over <= FloorOverDTLS; over++ {
		if strings.EqualFold(m.Profile, over.String()) {
			return over, true
		}
	}
	return 0, false
}

// FloorControl is the first m-line of floor control that this description offers, or
// has in use. Over TCP the far end connects to us.
func (d *Description) FloorControl() (index int, over FloorTransport, ok bool) {
	for i := range d.Media {
		s := section{d, &d.Media[i]}
		over, ok := s.m.floorControl()
		control, _ := s.m.Attribute("floorctrl")
		setup, _ := s.value("setup")
		switch {
		case !ok, strings.EqualFold(strings.TrimSpace(control), "s-only"):
		case over == FloorOverTCP && strings.EqualFold(setup, "passive"):
		case over == FloorOverDTLS && (len(s.fingerprints()) == 0 || floorRole(setup) == RoleNone):
		default:
			return i, over, true
		}
	}
	return 0, 0, false
}

// floorRole is our part in DTLS for an offered a=setup: we wait where we may, since the
// far end's first datagram shows where it is.
func floorRole(setup string) Role {
	if strings.EqualFold(setup, "actpass") {
		return RoleServer
	}
	return answerRole(strings.ToLower(setup), RoleNone)
}

// floorPort is ours for a transport; 0: none.
func (tr Transport) floorPort(over FloorTransport) uint16 {
	return [...]uint16{tr.FloorUDP, tr.FloorTCP, tr.FloorDTLS}[over]
}

// answerFloor completes an answer, in which the shared screen stands already, with the
// line of floor control; nil: there is none.
func (caps Capabilities) answerFloor(tr Transport, offer, answer *Description, agreed *Agreed) *FloorControl {
	index, over, ok := offer.FloorControl()
	port := tr.floorPort(over)
	screen := agreed.Of(media.Content)
	if !ok || port == 0 || screen == nil {
		return nil
	}
	slides := &answer.Media[screen.Index]
	label, ok := slides.Attribute("label")
	if !ok {
		label = floorLabel
		slides.add("label", label)
	}
	s := section{offer, &offer.Media[index]}
	m := floorLine(over, port, label)
	floor := s.floor(index, over)
	switch over {
	case FloorOverTCP:
		m.add("setup", "passive")
		m.add("connection", or(s.connectionAgain(), "new"))
	case FloorOverDTLS:
		setup, _ := s.value("setup")
		floor.DTLS.Role = floorRole(setup)
		m.addDTLS(Transport{Fingerprints: tr.FloorFingerprints}, floor.DTLS.Role)
	case FloorOverUDP:
	}
	if mid := s.mid(); mid != "" {
		m.add("mid", mid)
	}
	answer.Media[index] = m
	return floor
}

// floorLine is our m-line as the floor control server.
func floorLine(over FloorTransport, port uint16, label string) Media {
	m := Media{Kind: "application", Port: port, Profile: over.String(), Formats: []string{"*"}}
	m.add("floorctrl", "s-only")
	m.add("confid", strconv.Itoa(floorConference))
	m.add("userid", strconv.Itoa(floorUser))
	m.add("floorid", strconv.Itoa(floorID)+" mstrm:"+label)
	m.add("bfcpver", over.version())
	return m
}

// offerFloor adds floor control to a first offer with a shared screen: over DTLS when the
// pictures are protected, else over UDP, which rooms speak.
func (d *Description) offerFloor(tr Transport, kinds []media.Kind) {
	if !slices.Contains(kinds, media.Content) {
		return
	}
	switch {
	case tr.FloorDTLS != 0:
		m := floorLine(FloorOverDTLS, tr.FloorDTLS, floorLabel)
		m.addDTLS(Transport{Fingerprints: tr.FloorFingerprints}, roleActpass)
		d.Media = append(d.Media, m)
	case tr.FloorUDP != 0:
		d.Media = append(d.Media, floorLine(FloorOverUDP, tr.FloorUDP, floorLabel))
	}
}

// labelScreen names the shared screen as floor control does, in an offer of ours.
func (d *Description) labelScreen() {
	label := ""
	for i := range d.Media {
		if _, ok := d.Media[i].floorControl(); ok {
			v, _ := d.Media[i].Attribute("floorid")
			_, label, _ = strings.Cut(v, "mstrm:")
		}
	}
	for i, k := range d.kinds() {
		if _, labelled := d.Media[i].Attribute("label"); k == (lineKind{media.Content, true}) && label != "" && !labelled {
			d.Media[i].add("label", label)
		}
	}
}

// connectionAgain is "existing" when the far end keeps its connection (RFC 4145 §5).
func (s section) connectionAgain() string {
	if v, _ := s.m.Attribute("connection"); strings.EqualFold(v, "existing") {
		return "existing"
	}
	return ""
}

func (s section) floor(index int, over FloorTransport) *FloorControl {
	f := &FloorControl{
		Index: index, Over: over, Remote: netip.AddrPortFrom(s.connection().IP(), s.m.Port),
		Conference: floorConference, User: floorUser, Floor: floorID,
	}
	if over == FloorOverDTLS {
		setup, _ := s.value("setup")
		f.DTLS = DTLSParams{Role: acceptRole(strings.ToLower(setup)), Fingerprints: s.fingerprints()}
	}
	return f
}

// acceptFloor reads the far end's answer to our floor control; nil: it does without.
func acceptFloor(answer *Description, index int, over FloorTransport) *FloorControl {
	f := section{answer, &answer.Media[index]}.floor(index, over)
	if _, ok := answer.Media[index].floorControl(); !ok || over == FloorOverDTLS && len(f.DTLS.Fingerprints) == 0 {
		return nil
	}
	return f
}

// againFloor repeats our line of floor control in a later offer of ours.
func (m *Media) againFloor() Media {
	again := *m
	again.Attributes = slices.Clone(m.Attributes)
	for i, a := range again.Attributes {
		if a.Name == "connection" {
			again.Attributes[i].Value = "existing"
		}
	}
	return again
}
