package sdp

import (
	"slices"
	"strconv"
	"strings"
)

// messages are what we understand ourselves. Nobody but a browser needs REMB.
func (caps Capabilities) messages(sec Security) Messages {
	return Messages{NACK: true, PLI: true, FIR: true, TMMBR: !caps.WebRTC, REMB: caps.WebRTC || sec == DTLS && caps.ICE != ICENone}
}

func (m Messages) and(o Messages) Messages {
	return Messages{m.NACK && o.NACK, m.PLI && o.PLI, m.FIR && o.FIR, m.TMMBR && o.TMMBR, m.REMB && o.REMB}
}

// messages are those a description lists for a payload type. Rooms list them beside
// RTP/AVP, too, and use them.
func (s section) messages(pt uint8) (m Messages) {
	for _, v := range s.values("rtcp-fb") {
		f := strings.Fields(strings.ToLower(v))
		if len(f) < 2 || f[0] != "*" && f[0] != strconv.Itoa(int(pt)) {
			continue
		}
		switch f[1] {
		case "nack":
			m.NACK = m.NACK || len(f) == 2
			m.PLI = m.PLI || slices.Contains(f[2:], "pli")
		case "ccm": // some list all in one line
			m.FIR = m.FIR || slices.Contains(f[2:], "fir")
			m.TMMBR = m.TMMBR || slices.Contains(f[2:], "tmmbr")
		case "goog-remb":
			m.REMB = true
		}
	}
	return m
}

func (m *Media) addMessages(pt uint8, list Messages) {
	for _, o := range []struct {
		on   bool
		text string
	}{{list.NACK, "nack"}, {list.PLI, "nack pli"}, {list.FIR, "ccm fir"}, {list.TMMBR, "ccm tmmbr"}, {list.REMB, "goog-remb"}} {
		if o.on {
			m.add("rtcp-fb", strconv.Itoa(int(pt))+" "+o.text)
		}
	}
}

// retransmission is the payload type that carries lost packets of pt again; 0 without.
func retransmission(list []format, pt uint8) uint8 {
	for _, f := range list {
		if f.Name == "RTX" && f.Clock == videoClock && fmtpValue(f.FMTP, "apt") == strconv.Itoa(int(pt)) {
			return f.PayloadType
		}
	}
	return 0
}
