package meet

import (
	"fmt"
	"strings"
)

// Payload types of our offers; the service answers with the same.
const (
	ptOpus = 111
	ptVP8  = 96
	ptRTX  = 97
)

// Header extensions of our offers (RFC 8285); one number means one thing in the
// whole BUNDLE.
const (
	extLevel    = 1
	extSendTime = 2
	extTWCC     = 3
	extMID      = 4
	extRID      = 10
	extRepaired = 11
)

var extensions = [...]struct {
	id  uint8
	uri string
}{
	{extLevel, "urn:ietf:params:rtp-hdrext:ssrc-audio-level"},
	{extSendTime, "http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time"},
	{extTWCC, "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01"},
	{extMID, "urn:ietf:params:rtp-hdrext:sdes:mid"},
	{extRID, "urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id"},
	{extRepaired, "urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id"},
}

// rids name the simulcast layers, the smallest first (RFC 8853).
var rids = [...]string{"l", "m", "h"}

// A role is what a section of the offer is for.
type role uint8

const (
	audioUp role = iota
	audioDown
	dataRole
	cameraUp
	videoDown
	contentUp
	contentDown
)

// plan is which sections an offer has; their index is their mid.
type plan []role

// newPlan lays out an offer: audio, data, video, in the order the contract asks
// for (3, rules 3 to 6). Without video it is a telephone's.
func newPlan(audios, videos int, video bool) plan {
	p := plan{audioUp}
	for range audios {
		p = append(p, audioDown)
	}
	p = append(p, dataRole)
	if !video {
		return p
	}
	p = append(p, cameraUp)
	for range videos {
		p = append(p, videoDown)
	}
	return append(p, contentUp, contentDown)
}

// offer is what one offer says besides its plan. An ICE restart changes version,
// ufrag and password, and nothing else.
type offer struct {
	plan            plan
	session         uint64
	version         int
	ufrag, password string
	fingerprint     string // SHA-256, in SDP's form
	audio           uint32 // SSRC
	content, rtx    uint32 // SSRCs
}

// String is the offer as SDP (contract, 3). It has no candidates: the service
// learns our address from the checks.
func (o *offer) String() string {
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\r\n", args...) }
	line("v=0\r\no=- %d %d IN IP4 127.0.0.1\r\ns=-\r\nt=0 0", o.session, o.version)
	b.WriteString("a=group:BUNDLE")
	for i := range o.plan {
		fmt.Fprintf(&b, " %d", i)
	}
	line("\r\na=fingerprint:sha-256 %s", o.fingerprint)
	line("a=ice-ufrag:%s\r\na=ice-pwd:%s\r\na=setup:actpass", o.ufrag, o.password)
	for i, r := range o.plan {
		o.section(line, i, r)
	}
	return b.String()
}

func (o *offer) section(line func(string, ...any), mid int, r role) {
	switch r {
	case dataRole:
		line("m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\nc=IN IP4 0.0.0.0\r\na=mid:%d", mid)
		line("a=sctp-port:5000\r\na=max-message-size:%d", maxMessage)
		return
	case audioUp, audioDown:
		line("m=audio 9 UDP/TLS/RTP/SAVPF %d", ptOpus)
	default:
		line("m=video 9 UDP/TLS/RTP/SAVPF %d %d", ptVP8, ptRTX)
	}
	direction := "recvonly"
	if r == audioUp || r == cameraUp || r == contentUp {
		direction = "sendonly"
	}
	line("c=IN IP4 0.0.0.0\r\na=mid:%d\r\na=%s\r\na=rtcp-mux", mid, direction)
	for _, x := range extensions {
		if r.uses(x.id) {
			line("a=extmap:%d %s", x.id, x.uri)
		}
	}
	if r == audioUp || r == audioDown {
		line("a=rtpmap:%d opus/48000/2\r\na=fmtp:%d minptime=10;useinbandfec=1", ptOpus, ptOpus)
	} else {
		line("a=rtpmap:%d VP8/90000", ptVP8)
		for _, fb := range [...]string{"ccm fir", "nack", "nack pli", "goog-remb", "transport-cc"} {
			line("a=rtcp-fb:%d %s", ptVP8, fb)
		}
		line("a=rtpmap:%d rtx/90000\r\na=fmtp:%d apt=%d", ptRTX, ptRTX, ptVP8)
	}
	o.streams(line, r)
}

// uses says which header extensions a section of the role has.
func (r role) uses(ext uint8) bool {
	switch ext {
	case extLevel:
		return r == audioUp || r == audioDown
	case extMID:
		return r == cameraUp || r == contentUp
	case extRID, extRepaired:
		return r == cameraUp
	}
	return true
}

// streams writes what names the streams of a section.
func (o *offer) streams(line func(string, ...any), r role) {
	switch r {
	case audioUp:
		line("a=ssrc:%d cname:%s", o.audio, cname)
	case cameraUp:
		for _, rid := range rids {
			line("a=rid:%s send", rid)
		}
		line("a=simulcast:send %s", strings.Join(rids[:], ";"))
	case contentUp:
		line("a=content:slides\r\na=ssrc-group:FID %d %d", o.content, o.rtx)
		line("a=ssrc:%d cname:%s\r\na=ssrc:%d cname:%s", o.content, cname, o.rtx, cname)
	case contentDown:
		line("a=content:slides")
	}
}

// cname is the same for all streams, so that they share a clock (RFC 3550 §6.5.1),
// and says nothing about the machine.
const cname = "room"
