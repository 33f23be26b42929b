package sipua

import (
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
	switch {
	case d != nil:
		o.Info.Via, encrypt, codecs = d.Name, d.Encrypt, d.Codecs
		o.DigitType = digitType(d.Digits)
		o.Forward = !d.NoForward
	case t != nil:
		o.Info.Via, encrypt, codecs = t.Name, t.Encrypt, t.Codecs
	}
	if o.Info.Via != "" {
		o.Alias = aliasOn(c, f)
	}
	o.Media = transport.Options{
		Capabilities: capabilities(encrypt, codecs, browser(f), out), Remote: remoteAddr(f),
		Timeout: orElse(b.conf.Media, time.Minute), Latch: transport.LatchAuto,
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

func digitType(s string) string {
	switch s {
	case "plain":
		return dtmf.TypePlain
	case "none":
		return ""
	}
	return dtmf.TypeRelay
}
