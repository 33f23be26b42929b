package gvoice

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"
)

// clientSDP is what the edge reads of a client's session description: its first
// audio stream, with session-level attributes as defaults.
type clientSDP struct {
	proto       string
	mid         string
	ufrag, pwd  string
	fingerprint string // "sha-256 AA:…"
	setup       string
	direction   string
	bundle      bool
	rtcpMux     bool
	codecs      []sdpCodec // in the order of the m-line
	candidates  int
	port        int
}

type sdpCodec struct {
	pt    uint8
	name  string // upper case
	clock int
}

// maxSDPLines bounds what is read.
const maxSDPLines = 500

func parseSDP(body []byte) (*clientSDP, error) {
	d := &clientSDP{direction: "sendrecv"}
	maps, section, found := map[uint8]sdpCodec{0: {0, "PCMU", 8000}, 8: {8, "PCMA", 8000}}, "session", false
	lines := strings.Split(strings.ReplaceAll(string(body), "\r\n", "\n"), "\n")
	if len(lines) < 3 || lines[0] != "v=0" {
		return nil, fmt.Errorf("the body is not a session description")
	}
	var formats []string
	for _, line := range lines[:min(len(lines), maxSDPLines)] {
		key, value, ok := strings.Cut(line, "=")
		switch {
		case !ok:
		case key == "m":
			section = "other"
			f := strings.Fields(value)
			if !found && len(f) >= 4 && f[0] == "audio" {
				section, found = "audio", true
				d.port, _ = strconv.Atoi(f[1])
				d.proto, formats = f[2], f[3:]
			}
		case key == "a" && section != "other":
			d.attribute(value, maps)
		}
	}
	if !found {
		return nil, fmt.Errorf("no audio stream in the session description")
	}
	for _, f := range formats {
		n, err := strconv.ParseUint(f, 10, 7)
		if c, ok := maps[uint8(n)]; err == nil && ok {
			d.codecs = append(d.codecs, c)
		}
	}
	return d, nil
}

func (d *clientSDP) attribute(value string, maps map[uint8]sdpCodec) {
	name, v, _ := strings.Cut(value, ":")
	switch name {
	case "ice-ufrag":
		d.ufrag = v
	case "ice-pwd":
		d.pwd = v
	case "fingerprint":
		d.fingerprint = v
	case "setup":
		d.setup = v
	case "mid":
		d.mid = v
	case "rtcp-mux":
		d.rtcpMux = true
	case "group":
		d.bundle = strings.HasPrefix(v, "BUNDLE")
	case "candidate":
		d.candidates++
	case "sendrecv", "sendonly", "recvonly", "inactive":
		d.direction = name
	case "rtpmap":
		pt, rest, _ := strings.Cut(v, " ")
		n, err := strconv.ParseUint(pt, 10, 7)
		parts := strings.Split(rest, "/")
		if err != nil || len(parts) < 2 {
			return
		}
		clock, _ := strconv.Atoi(parts[1])
		maps[uint8(n)] = sdpCodec{uint8(n), strings.ToUpper(parts[0]), clock}
	}
}

// check says what makes a description unacceptable and by which rule.
func (d *clientSDP) check() (rule string, err error) {
	switch {
	case d.ufrag == "" || d.pwd == "":
		return "GV-S33", fmt.Errorf("no ice-ufrag and ice-pwd: the client must do full ICE")
	case len(d.ufrag) < 4 || len(d.pwd) < 22:
		return "GV-S33", fmt.Errorf("ice-ufrag or ice-pwd is too short (RFC 8839 section 5.4)")
	case !d.rtcpMux:
		return "GV-S34", fmt.Errorf("no rtcp-mux")
	}
	return "", nil
}

// choose picks the codec and the telephone-event type that goes with it
// (GV-S37). The payload types are the client's.
func (d *clientSDP) choose(preferOpus bool) (audio, event sdpCodec, ok bool) {
	for _, name := range [2]string{"PCMU", "OPUS"} {
		for _, c := range d.codecs {
			if c.name == name && (!ok || name == "OPUS" && preferOpus) {
				audio, ok = c, true
				break
			}
		}
	}
	for _, c := range d.codecs {
		if c.name == "TELEPHONE-EVENT" && (event.pt == 0 || c.clock == audio.clock) {
			event = c
		}
	}
	return audio, event, ok
}

var mirrored = map[string]string{"sendrecv": "sendrecv", "sendonly": "recvonly", "recvonly": "sendonly", "inactive": "inactive"}

// serverSDP is what the edge writes of itself, in the shape of section 8.1.
type serverSDP struct {
	origin      uint32
	version     int64
	addr4       netip.AddrPort
	addr6       netip.AddrPort
	ufrag, pwd  string
	fingerprint string // with setup; both or none
	setup       string
	bundle, mid string
	proto       string
	direction   string
	codecs      []sdpCodec
}

func (d serverSDP) String() string {
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\r\n", args...) }
	ip := d.addr4.Addr()
	line("v=0")
	line("o=- %d %d IN IP4 %s", d.origin, d.version, ip)
	line("s=SIP Call")
	line("c=IN IP4 %s", ip)
	line("t=0 0")
	line("a=ice-lite")
	line("a=ice-pwd:%s", d.pwd)
	line("a=ice-ufrag:%s", d.ufrag)
	if d.bundle != "" {
		line("a=group:BUNDLE %s", d.bundle)
	}
	if d.fingerprint != "" {
		line("a=fingerprint:%s", d.fingerprint)
		line("a=setup:%s", d.setup)
	}
	b.WriteString("m=audio " + strconv.Itoa(int(d.addr4.Port())) + " " + d.proto)
	for _, c := range d.codecs {
		fmt.Fprintf(&b, " %d", c.pt)
	}
	b.WriteString("\r\n")
	for _, c := range d.codecs {
		line("a=rtpmap:%d %s", c.pt, sdpName(c))
	}
	line("a=rtcp-mux")
	line("a=candidate:1 1 UDP 1 %s %d typ host", ip, d.addr4.Port())
	line("a=candidate:2 1 UDP 2 %s %d typ host", d.addr6.Addr(), d.addr6.Port())
	if d.mid != "" {
		line("a=mid:%s", d.mid)
	}
	line("a=%s", d.direction)
	return b.String()
}

func sdpName(c sdpCodec) string {
	switch c.name {
	case "OPUS":
		return "opus/48000/2"
	case "TELEPHONE-EVENT":
		return fmt.Sprintf("telephone-event/%d", c.clock)
	}
	return fmt.Sprintf("%s/%d", c.name, c.clock)
}
