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
	Reliable   bool
	Remote     netip.AddrPort // of the far end; over TCP the port says nothing
	Conference uint32
	User       uint16
	Floor      uint16
}

// What we call a call's one conference, participant and floor. A call's messages have a
// port of their own, so these need not differ between calls.
const (
	floorConference = 1
	floorUser       = 2
	floorID         = 1
	floorLabel      = "12" // of the shared screen, where the far end gives it none
)

// floorControl reads an m-line of floor control over a transport that we have; reliable is
// TCP. Ok is false for any other line.
func (m *Media) floorControl() (reliable, ok bool) {
	switch {
	case m.Kind != "application" || m.Port == 0:
		return false, false
	case strings.EqualFold(m.Profile, "UDP/BFCP"):
		return false, true
	case strings.EqualFold(m.Profile, "TCP/BFCP"):
		return true, true
	}
	return false, false
}

// FloorControl is the first m-line of floor control that this description offers, or
// has in use. Over TCP the far end connects to us.
func (d *Description) FloorControl() (index int, reliable, ok bool) {
	for i := range d.Media {
		m := &d.Media[i]
		control, _ := m.Attribute("floorctrl")
		setup, _ := m.Attribute("setup")
		reliable, ok := m.floorControl()
		if ok && !strings.EqualFold(strings.TrimSpace(control), "s-only") && !(reliable && strings.EqualFold(setup, "passive")) {
			return i, reliable, true
		}
	}
	return 0, false, false
}

// answerFloor completes an answer, in which the shared screen stands already, with the
// line of floor control; nil: there is none.
func (caps Capabilities) answerFloor(tr Transport, offer, answer *Description, agreed *Agreed) *FloorControl {
	index, reliable, ok := offer.FloorControl()
	port := tr.FloorUDP
	if reliable {
		port = tr.FloorTCP
	}
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
	m := Media{Kind: s.m.Kind, Port: port, Profile: s.m.Profile, Formats: []string{"*"}}
	m.add("floorctrl", "s-only")
	m.add("confid", strconv.Itoa(floorConference))
	m.add("userid", strconv.Itoa(floorUser))
	m.add("floorid", strconv.Itoa(floorID)+" mstrm:"+label)
	m.add("bfcpver", map[bool]string{true: "1", false: "2"}[reliable])
	if reliable {
		m.add("setup", "passive")
		m.add("connection", or(s.connectionAgain(), "new"))
	}
	if mid := s.mid(); mid != "" {
		m.add("mid", mid)
	}
	answer.Media[index] = m
	return s.floor(index, reliable)
}

// connectionAgain is "existing" when the far end keeps its connection (RFC 4145 §5).
func (s section) connectionAgain() string {
	if v, _ := s.m.Attribute("connection"); strings.EqualFold(v, "existing") {
		return "existing"
	}
	return ""
}

func (s section) floor(index int, reliable bool) *FloorControl {
	return &FloorControl{
		Index: index, Reliable: reliable, Remote: netip.AddrPortFrom(s.connection().IP(), s.m.Port),
		Conference: floorConference, User: floorUser, Floor: floorID,
	}
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
