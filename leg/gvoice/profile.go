package gvoice

import (
	"strings"
	"time"

	"tandem/media"
	"tandem/media/sdp"
)

// A Profile is what differs between the ways to reach Google Voice. Everything
// that Google has changed in the past is data here (reference, section 18).
type Profile struct {
	Name      string
	Registrar string   // SIP domain: Request-URI, realm, host of the AOR; it need not resolve
	Proxies   []string // host:port in the order they are tried; "alt#" names follow the first
	KeepAlive time.Duration
	Expires   time.Duration
	Dial      DialFormat
	// TokenFirst writes the token before the other Bearer parameters, as Asterisk
	// does; gvsip.info's trace has it last. Google takes both.
	TokenFirst bool
}

// DialFormat is how a profile wants numbers (reference, section 11).
type DialFormat uint8

const (
	DialPlus DialFormat = iota // +12025550147
	DialNANP                   // 12025550147, 01144…
)

// Profiles returns the built-in profiles of the telephony edge by name
// (reference, section 4.1). The caller owns the map.
func Profiles() map[string]Profile {
	telephony := Profile{KeepAlive: 90 * time.Second, Expires: time.Hour} // GV-C9; gvsip.info
	voice, obihai := telephony, telephony
	voice.Name, voice.Registrar, voice.Dial = "voice", "voice.sip.google.com", DialPlus
	voice.Proxies = withAlternates("voice.telephony.goog", 2)
	obihai.Name, obihai.Registrar, obihai.Dial = "obihai", "obihai.sip.google.com", DialNANP
	obihai.Proxies = withAlternates("obihai.telephony.goog", 2)
	return map[string]Profile{"voice": voice, "obihai": obihai}
}

// withAlternates lists host and its alt# names. How many exist is not known
// (section 17, telephony.alt_hosts); one that does not resolve costs a look-up.
func withAlternates(host string, alternates int) []string {
	all := []string{host + ":5061"}
	for i := range alternates {
		all = append(all, "alt"+string(rune('1'+i))+"."+host+":5061")
	}
	return all
}

// Render writes an E.164 number the way the profile's edge dials it; what is no
// such number is passed as it is.
func (f DialFormat) Render(number string) string {
	digits, ok := strings.CutPrefix(number, "+")
	switch {
	case !ok, f == DialPlus:
		return number
	case strings.HasPrefix(digits, "1"):
		return digits
	}
	return "011" + digits
}

// capabilities is what we offer and take: PCMU and Opus, telephone-event at both
// clocks (GV-C22), RTP and RTCP on one port, full ICE (GV-C20).
func capabilities(a *Account) sdp.Capabilities {
	security := sdp.Plain // the configuration that is known to work (GV-C21)
	if a.Encrypt {
		security = sdp.Opportunistic
	}
	return sdp.Capabilities{
		Audio: []sdp.Codec{
			{Name: "PCMU", Clock: 8000, PayloadType: 0},
			{Name: "OPUS", Clock: 48000, Channels: 2, PayloadType: 107, FMTP: "useinbandfec=1"},
		},
		Events:   []media.Event{{PayloadType: 101, Clock: 8000}, {PayloadType: 110, Clock: 48000}},
		Security: security,
		Mux:      sdp.MuxOffer,
		ICE:      sdp.ICEFull,
	}
}
