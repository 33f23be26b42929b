package sipua

import (
	"cmp"
	"strings"
	"time"

	"tandem/call"
	"tandem/leg/invite"
	"tandem/media"
	"tandem/media/dtmf"
	"tandem/media/sdp"
	"tandem/media/transport"
	"tandem/sip/flow"
)

// options is how a leg with a device, a trunk or, with neither, a guest behaves.
func (c *Connector) options(d *device, t *trunk, f *flow.Flow, out bool) invite.Options {
	b := c.book.Load()
	o := invite.Options{Info: call.Info{ID: call.NewID(), Connector: Name}, DigitType: dtmf.TypeRelay}
	var encrypt Encryption
	var codecs []string
	var pictures *bool
	var kbits int
	switch {
	case d != nil:
		o.Info.Via, encrypt, codecs = d.Name, d.Encrypt, d.Codecs
		o.DigitType = digitType(d.Digits)
		o.Forward = !d.NoForward
		pictures, kbits = d.Video, d.Bitrate
	case t != nil:
		o.Info.Via, encrypt, codecs = t.Name, t.Encrypt, t.Codecs
		pictures, kbits = t.Video, t.Bitrate
	}
	if o.Info.Via != "" {
		o.Alias = aliasOn(c, f)
	}
	o.Media = transport.Options{
		Capabilities: capabilities(encrypt, codecs, browser(f), out), Remote: remoteAddr(f),
		Timeout: orElse(b.conf.Media, time.Minute), Latch: transport.LatchAuto,
	}
	if pictures == nil || *pictures {
		caps := &o.Media.Capabilities
		caps.Video, caps.Bitrate, caps.WebRTC = video(), 1000*cmp.Or(kbits, defaultBitrate), browser(f)
		if !browser(f) {
			caps.Content = video()
		}
	}
	return o
}

// browser reports whether the far end speaks SIP over a WebSocket: then its media
// is WebRTC.
func browser(f *flow.Flow) bool {
	return f != nil && (f.Network() == "ws" || f.Network() == "wss")
}

// capabilities is what we offer and take. Telephones are asked for RTP and RTCP
// on one port only together with DTLS; a browser wants that, ICE and DTLS.
func capabilities(e Encryption, codecs []string, browser, out bool) sdp.Capabilities {
	caps := sdp.Capabilities{
		Audio: audio(codecs), Events: []media.Event{{PayloadType: 101, Clock: 8000}, {PayloadType: 110, Clock: 48000}},
		Mux: sdp.MuxOffer,
	}
	switch e {
	case Off:
		caps.Security = sdp.Plain
	case SDES:
		caps.Security = sdp.SDES
	case DTLS:
		caps.Security = sdp.DTLS
	case dtlsAVP:
		caps.Security, caps.NoFeedback = sdp.DTLS, true
	default:
		caps.Security = sdp.Opportunistic
	}
	if browser {
		caps.Security, caps.ICE = sdp.DTLS, sdp.ICEFull
	}
	if out && caps.Security != sdp.DTLS {
		caps.Mux = sdp.MuxOff
	}
	return caps
}

// audio is the codecs by their names in the configuration; none named is all.
func audio(names []string) []sdp.Codec {
	all := []sdp.Codec{
		{Name: "OPUS", Clock: 48000, Channels: 2, PayloadType: 107, FMTP: "useinbandfec=1"},
		{Name: "G722", Clock: 8000, PayloadType: 9},
		{Name: "PCMU", Clock: 8000, PayloadType: 0},
		{Name: "PCMA", Clock: 8000, PayloadType: 8},
	}
	if len(names) == 0 {
		return all
	}
	var out []sdp.Codec
	for _, name := range names {
		for _, c := range all {
			if strings.EqualFold(c.Name, name) {
				out = append(out, c)
			}
		}
	}
	return out
}

// defaultBitrate is enough for 1080p at 30 pictures a second, in kbit/s.
const defaultBitrate = 4000

// video is what rooms speak, the best first: H.264 high and constrained baseline up to
// 1080p (level 4.0), with and without fragments (packetization mode 1 and 0), and VP8.
func video() []sdp.Codec {
	h264 := func(pt uint8, fmtp string) sdp.Codec {
		return sdp.Codec{Name: "H264", Clock: 90000, PayloadType: pt, FMTP: fmtp}
	}
	return []sdp.Codec{
		h264(97, "profile-level-id=640028;packetization-mode=1;level-asymmetry-allowed=1"),
		h264(98, "profile-level-id=42e028;packetization-mode=1;level-asymmetry-allowed=1"),
		h264(99, "profile-level-id=42e028;packetization-mode=0;level-asymmetry-allowed=1"),
		{Name: "VP8", Clock: 90000, PayloadType: 100, FMTP: "max-fr=30;max-fs=8160"},
	}
}

func digitType(s string) string {
	switch s {
	case "plain":
		return dtmf.TypePlain
	case "none":
		return ""
	}
	return dtmf.TypeRelay
}
