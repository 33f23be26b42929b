package meet

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
)

// The fixed sources of the answers (reference 3.5; the content's is ours).
const (
	firstAudioSSRC   = 6666
	firstVideoSSRC   = 7777 // every second; the next one is its retransmission
	contentSSRC      = 8777
	tcpPriority      = 2113932030
	udpPriority      = 2113932031
	ssltcpPriority   = 2113932029
	ssltcpPort       = 19313
	legacySCTPPort   = 5000
	legacySCTPStream = 1024
)

// answer is everything an answer is made of.
type answer struct {
	offer       *description
	addr        netip.AddrPort
	ufrag, pwd  string
	fingerprint string
	version     int
	uplink      int // bit/s
	shape       AnswerShape
	noVideo     bool // video sections are inactive: the token's scope is audio only
}

// bundleLines stand in every section.
func (a *answer) bundleLines() []string {
	return []string{"a=ice-ufrag:" + a.ufrag, "a=ice-pwd:" + a.pwd, "a=fingerprint:" + a.fingerprint, "a=setup:passive"}
}

// String is the answer in the shape of the reference, 3.5.
func (a *answer) String() string {
	mids, streams := "", ""
	audio, video := 0, 0
	var body []string
	for _, s := range a.offer.sections {
		mids += " " + s.mid()
		body = append(body, a.head(s)...)
		switch s.role {
		case roleChannels:
			body = append(body, a.channels(s)...)
		case roleAudioDown:
			ssrc := uint32(firstAudioSSRC + audio)
			streams += fmt.Sprintf(" virtual-%d", ssrc)
			body = append(body, a.audioDown(s, ssrc)...)
			audio++
		case roleVideoDown:
			ssrc := uint32(firstVideoSSRC + 2*video)
			if !a.noVideo {
				streams += fmt.Sprintf(" virtual-video-%d/%d", ssrc, ssrc)
			}
			body = append(body, a.videoDown(s, ssrc)...)
			video++
		case roleContentDown:
			streams += fmt.Sprintf(" virtual-video-%d/%d", contentSSRC, contentSSRC)
			body = append(body, a.videoDown(s, contentSSRC)...)
		default:
			body = append(body, a.up(s)...)
		}
	}
	head := []string{
		"v=0", fmt.Sprintf("o=- 0 %d IN IP4 127.0.0.1", a.version), "s=-", "t=0 0",
		"a=group:BUNDLE" + mids, "a=msid-semantic: WMS" + streams, "a=ice-lite",
	}
	return strings.Join(append(head, body...), "\r\n") + "\r\n"
}

// head is the beginning of a section: only the first has the real address.
func (a *answer) head(s *section) []string {
	port, addr := "9", "0.0.0.0"
	if s.index == 0 {
		port, addr = fmt.Sprint(a.addr.Port()), a.addr.Addr().String()
	}
	proto, fmts := s.proto, strings.Join(a.formats(s), " ")
	if s.role == roleChannels {
		proto, fmts = "DTLS/SCTP", fmt.Sprint(legacySCTPPort)
		if a.shape == PlainRFC {
			proto, fmts = "UDP/DTLS/SCTP", "webrtc-datachannel"
		}
	}
	out := []string{fmt.Sprintf("m=%s %s %s %s", s.kind, port, proto, fmts), "c=IN IP4 " + addr}
	if s.role == roleCamera {
		out = append(out, fmt.Sprintf("b=TIAS:%d", a.uplink))
	}
	if s.role != roleChannels {
		out = append(out, "a=rtcp:9 IN IP4 0.0.0.0")
	}
	if s.index == 0 {
		out = append(out, a.candidates()...)
	}
	out = append(out, a.bundleLines()...)
	return append(out, "a=mid:"+s.mid())
}

func (a *answer) candidates() []string {
	ip, port := a.addr.Addr(), a.addr.Port()
	if a.shape == PlainRFC {
		return []string{fmt.Sprintf("a=candidate:1 1 udp %d %s %d typ host", udpPriority, ip, port), "a=end-of-candidates"}
	}
	return []string{
		fmt.Sprintf("a=candidate: 1 udp %d %s %d typ host generation 0", udpPriority, ip, port),
		fmt.Sprintf("a=candidate: 1 tcp %d %s %d typ host tcptype passive generation 0", tcpPriority, ip, port),
		fmt.Sprintf("a=candidate: 1 ssltcp %d %s %d typ host generation 0", ssltcpPriority, ip, ssltcpPort),
	}
}

// formats is the payload types that stay.
func (a *answer) formats(s *section) []string {
	if s.kind == "audio" {
		c, _ := s.codec(opusName)
		return []string{fmt.Sprint(c.pt)}
	}
	c, _ := s.codec(vp8Name)
	out := []string{fmt.Sprint(c.pt)}
	if rtx, ok := s.rtx(c.pt); ok {
		out = append(out, fmt.Sprint(rtx.pt))
	}
	return out
}

func (a *answer) channels(*section) []string {
	if a.shape == PlainRFC {
		return []string{fmt.Sprintf("a=sctp-port:%d", legacySCTPPort), "a=max-message-size:65536"}
	}
	return []string{fmt.Sprintf("a=sctpmap:%d webrtc-datachannel %d", legacySCTPPort, legacySCTPStream)}
}

// extensions keeps those of the section that are asked for, by id.
func extensionLines(s *section, uris ...string) []string {
	var out []string
	ext := s.extensions()
	for _, uri := range uris {
		if id, ok := ext[uri]; ok {
			out = append(out, fmt.Sprintf("a=extmap:%d %s", id, uri))
		}
	}
	return out
}

func (a *answer) audioDown(s *section, ssrc uint32) []string {
	c, _ := s.codec(opusName)
	out := extensionLines(s, extLevel, extSendTime, extTWCC)
	return append(out,
		"a=sendonly", fmt.Sprintf("a=msid:virtual-%d virtual-%d", ssrc, ssrc), "a=rtcp-mux",
		fmt.Sprintf("a=rtpmap:%d %s", c.pt, opusName), fmt.Sprintf("a=fmtp:%d minptime=10;useinbandfec=1", c.pt),
		fmt.Sprintf("a=ssrc:%d cname:%d", ssrc, ssrc))
}

func (a *answer) videoDown(s *section, ssrc uint32) []string {
	direction := "a=sendonly"
	if a.noVideo {
		direction = "a=recvonly" // a refused stream (reference 3.4, rule 10)
	}
	out := append(extensionLines(s, extSendTime, extRotation, extTWCC), direction)
	if !a.noVideo {
		out = append(out, fmt.Sprintf("a=msid:virtual-video-%d/%d virtual-video-%d/%d", ssrc, ssrc, ssrc, ssrc))
	}
	out = append(append(out, "a=rtcp-mux"), a.vp8(s, false)...)
	if a.noVideo {
		return out
	}
	return append(out, fmt.Sprintf("a=ssrc-group:FID %d %d", ssrc, ssrc+1),
		fmt.Sprintf("a=ssrc:%d cname:%d", ssrc, ssrc), fmt.Sprintf("a=ssrc:%d cname:%d", ssrc+1, ssrc))
}

func (a *answer) vp8(s *section, up bool) []string {
	c, _ := s.codec(vp8Name)
	out := []string{fmt.Sprintf("a=rtpmap:%d %s", c.pt, vp8Name)}
	for _, fb := range []string{"ccm fir", "nack", "nack pli", "goog-remb", "transport-cc"} {
		if fb != "transport-cc" || up && slices.Contains(c.fb, fb) {
			out = append(out, fmt.Sprintf("a=rtcp-fb:%d %s", c.pt, fb))
		}
	}
	if rtx, ok := s.rtx(c.pt); ok {
		out = append(out, fmt.Sprintf("a=rtpmap:%d rtx/90000", rtx.pt), fmt.Sprintf("a=fmtp:%d apt=%d", rtx.pt, c.pt))
	}
	return out
}

func (a *answer) up(s *section) []string {
	if s.kind == "audio" {
		c, _ := s.codec(opusName)
		out := append(extensionLines(s, extLevel, extSendTime, extTWCC, extMID), "a=recvonly", "a=rtcp-mux")
		return append(out, fmt.Sprintf("a=rtpmap:%d %s", c.pt, opusName), fmt.Sprintf("a=fmtp:%d minptime=10;useinbandfec=1", c.pt))
	}
	out := append(extensionLines(s, extSendTime, extRotation, extTWCC, extMID, extRID, extRepairRID), "a=recvonly", "a=rtcp-mux")
	out = append(out, a.vp8(s, true)...)
	if s.role == roleContentUp {
		return append(out, "a=content:slides")
	}
	rids, _ := s.layers()
	for _, rid := range rids {
		out = append(out, "a=rid:"+rid+" recv")
	}
	return append(out, "a=simulcast:recv "+strings.Join(rids, ";"))
}
