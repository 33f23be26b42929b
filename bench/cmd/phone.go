//go:build linux

package main

import (
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"regexp"
	"strings"
)

// kind is a kind of call: the calling phone always speaks plain PCMU, the called
// one what is said here.
type kind struct {
	name       string
	protection string // plain, srtp, gcm
	opus       bool
}

var (
	plainCall = kind{"plain", "plain", false}
	srtpCall  = kind{"srtp", "srtp", false}
	gcmCall   = kind{"gcm", "gcm", false}
	opusCall  = kind{"opus", "plain", true}
)

// phoneKey is the called phones' SRTP master key and salt.
var phoneKey = []byte("0123456789abcdefghijklmnopqrst")

// suite is the protection's name in SDP and how much of phoneKey it takes.
func (k kind) suite() (name string, key []byte) {
	if k.protection == "gcm" {
		return "AEAD_AES_128_GCM", phoneKey[:28]
	}
	return "AES_CM_128_HMAC_SHA1_80", phoneKey
}

// flow is one direction of a call as the load generator sends it.
type flow struct {
	local, remote int // ports
	payloadType   int
	protection    string
	codec         string
	key           []byte
}

func (f flow) String() string {
	key := "-"
	if len(f.key) > 0 {
		key = hex.EncodeToString(f.key)
	}
	return fmt.Sprintf("%d %d %d %s %s %s", f.local, f.remote, f.payloadType, f.protection, f.codec, key)
}

// signalling is what offer/answer takes from a relay.
type signalling interface {
	offer(call, sdp string) (string, error)  // of the calling phone; returns the relay's to the called one
	answer(call, sdp string) (string, error) // of the called phone; returns the relay's to the calling one
}

// connect sets up calls through a relay. The phones use ports from first on, four
// for each call.
func connect(r signalling, k kind, calls, first int) ([]flow, error) {
	var flows []flow
	for i := range calls {
		a, b := first+4*i, first+4*i+2
		f, err := connectOne(r, k, fmt.Sprintf("%s-%d-%d", k.name, first, i), a, b)
		if err != nil {
			return nil, fmt.Errorf("call %d of %d: %w", i+1, calls, err)
		}
		flows = append(flows, f...)
	}
	return flows, nil
}

func connectOne(r signalling, k kind, name string, a, b int) ([]flow, error) {
	toB, err := r.offer(name, description(a, "RTP/AVP", "0", "a=rtpmap:0 PCMU/8000"))
	if err != nil {
		return nil, err
	}
	answer, format, err := k.answer(toB, b)
	if err != nil {
		return nil, err
	}
	toA, err := r.answer(name, answer)
	if err != nil {
		return nil, err
	}
	portB, _, err := audioLine(toB)
	if err != nil {
		return nil, err
	}
	portA, _, err := audioLine(toA)
	if err != nil {
		return nil, err
	}
	called := flow{local: b, remote: portB, payloadType: format, protection: k.protection, codec: "pcmu"}
	if k.opus {
		called.codec = "opus"
	}
	if k.protection != "plain" {
		_, called.key = k.suite()
	}
	return []flow{{local: a, remote: portA, protection: "plain", codec: "pcmu"}, called}, nil
}

var (
	audioPattern = regexp.MustCompile(`(?m)^m=audio (\d+) (\S+) `)
	opusPattern  = regexp.MustCompile(`(?mi)^a=rtpmap:(\d+) opus/48000/2`)
)

// audioLine reads the port and the profile of a description.
func audioLine(sdp string) (port int, profile string, err error) {
	m := audioPattern.FindStringSubmatch(sdp)
	if m == nil {
		return 0, "", fmt.Errorf("no audio in the relay's description:\n%s", sdp)
	}
	_, err = fmt.Sscan(m[1], &port)
	return port, m[2], err
}

// answer is the called phone's: the offer's profile, one codec, one crypto suite.
func (k kind) answer(offer string, port int) (sdp string, format int, err error) {
	_, profile, err := audioLine(offer)
	if err != nil {
		return "", 0, err
	}
	lines := []string{"a=rtpmap:0 PCMU/8000"}
	if k.opus {
		m := opusPattern.FindStringSubmatch(offer)
		if m == nil {
			return "", 0, fmt.Errorf("no Opus in the relay's offer:\n%s", offer)
		}
		_, _ = fmt.Sscan(m[1], &format)
		lines = []string{"a=rtpmap:" + m[1] + " opus/48000/2", "a=fmtp:" + m[1] + " useinbandfec=1"}
	}
	if k.protection != "plain" {
		name, key := k.suite()
		m := regexp.MustCompile(`(?m)^a=crypto:(\d+) ` + name + ` `).FindStringSubmatch(offer)
		if m == nil {
			return "", 0, fmt.Errorf("no %s in the relay's offer:\n%s", name, offer)
		}
		lines = append(lines, fmt.Sprintf("a=crypto:%s %s inline:%s", m[1], name, base64.StdEncoding.EncodeToString(key)))
	}
	return description(port, profile, fmt.Sprint(format), lines...), format, nil
}

func description(port int, profile, format string, attributes ...string) string {
	return fmt.Sprintf("v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio %d %s %s\r\n%s\r\na=sendrecv\r\n",
		port, profile, format, strings.Join(attributes, "\r\n"))
}
