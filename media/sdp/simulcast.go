package sdp

import (
	"slices"
	"strconv"
	"strings"
)

// Names of header extensions (RFC 8852) that tell which layer a packet is of.
const (
	extMID      = "urn:ietf:params:rtp-hdrext:sdes:mid"
	extRID      = "urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id"
	extRepaired = "urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id"
)

const (
	maxLayers = 3
	maxRID    = 16 // octets; a one-byte header extension has room for no more
)

// Simulcast is a camera that the far end sends in several sizes at once (RFC 8853).
type Simulcast struct {
	RIDs []string // of its layers, as offered; none without simulcast
	// Local identifiers of the header extensions that name the layer of a packet, and of a
	// retransmission; 0 without.
	ID, RepairedID uint8
	mid            uint8
}

// layered says what of an offered simulcast we take: VP8, bundled, with two or three
// layers that any header names. Else the far end sends one picture, as ever.
func (caps Capabilities) layered(s section, a *accepted) {
	if caps.Layers < 2 || !a.Shared || !strings.EqualFold(a.Recv.Name, "VP8") || !a.Direction.Receives() {
		return
	}
	v, _ := s.m.Attribute("simulcast")
	layers := simulcastSend(v)
	if len(layers) < 2 || len(layers) > min(caps.Layers, maxLayers) {
		return
	}
	sc := Simulcast{RIDs: layers, ID: s.extension(extRID), RepairedID: s.extension(extRepaired), mid: s.extension(extMID)}
	if sc.ID == 0 {
		return
	}
	for i, rid := range layers {
		if slices.Contains(layers[:i], rid) || !s.sendsRID(rid, a.Recv.PayloadType) {
			return
		}
	}
	a.Simulcast = sc
}

// simulcastSend are the layers of "send h;m,m2;~l": of alternatives the first, and those
// that begin paused like the others.
func simulcastSend(v string) []string {
	f := strings.Fields(v)
	at := slices.Index(f, "send")
	if at < 0 || at+1 >= len(f) {
		return nil
	}
	var layers []string
	for layer := range strings.SplitSeq(f[at+1], ";") {
		first, _, _ := strings.Cut(layer, ",")
		layers = append(layers, strings.TrimPrefix(first, "~"))
	}
	return layers
}

// sendsRID reports whether the offer declares a layer, and may send it with a payload type.
func (s section) sendsRID(rid string, pt uint8) bool {
	if rid == "" || len(rid) > maxRID {
		return false
	}
	for _, v := range s.values("rid") {
		f := strings.Fields(v)
		if len(f) < 2 || f[0] != rid || f[1] != "send" {
			continue
		}
		if len(f) == 2 {
			return true
		}
		for param := range strings.SplitSeq(f[2], ";") {
			if list, ok := strings.CutPrefix(param, "pt="); ok {
				return slices.Contains(strings.Split(list, ","), strconv.Itoa(int(pt)))
			}
		}
		return true
	}
	return false
}

// extension is the local identifier that an offer gives a header extension which we
// receive; 0 without, or one that only a two-byte header can carry.
func (s section) extension(uri string) uint8 {
	for _, v := range s.values("extmap") {
		f := strings.Fields(v)
		if len(f) < 2 || !strings.EqualFold(f[1], uri) {
			continue
		}
		number, way, _ := strings.Cut(f[0], "/")
		n, err := strconv.ParseUint(number, 10, 8)
		if err == nil && n >= 1 && n <= 14 && way != "recvonly" && way != "inactive" {
			return uint8(n)
		}
	}
	return 0
}

// answer writes what we take of a simulcast.
func (sc *Simulcast) answer(m *Media) {
	if len(sc.RIDs) == 0 {
		return
	}
	for _, e := range []struct {
		id  uint8
		uri string
	}{{sc.mid, extMID}, {sc.ID, extRID}, {sc.RepairedID, extRepaired}} {
		if e.id != 0 {
			m.add("extmap", strconv.Itoa(int(e.id))+" "+e.uri)
		}
	}
	for _, rid := range sc.RIDs {
		m.add("rid", rid+" recv")
	}
	m.add("simulcast", "recv "+strings.Join(sc.RIDs, ";"))
}
