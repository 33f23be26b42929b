package meet

import (
	"slices"
	"strings"
)

// role is what a section is for, from the client's side: up is client to edge.
type role uint8

const (
	roleNone role = iota
	roleAudioUp
	roleAudioDown
	roleChannels
	roleCamera
	roleVideoDown
	roleContentUp
	roleContentDown
)

func (r role) up() bool { return r == roleAudioUp || r == roleCamera || r == roleContentUp }

// The header extensions this edge knows.
const (
	extLevel     = "urn:ietf:params:rtp-hdrext:ssrc-audio-level"
	extSendTime  = "http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time"
	extTWCC      = "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01"
	extRotation  = "urn:3gpp:video-orientation"
	extMID       = "urn:ietf:params:rtp-hdrext:sdes:mid"
	extRID       = "urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id"
	extRepairRID = "urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id"
)

const (
	opusName = "opus/48000/2"
	vp8Name  = "VP8/90000"
)

// profile is which contract a client joined by.
type profile uint8

const (
	interop profile = iota
	mediaAPI
)

const maxAudioDown = 32

// check applies the offer rules of the contract and gives each section its role.
func (d *description) check(p profile, maxVideos int) *refusal {
	steps := []func() *refusal{d.checkBundle, d.checkOrder, d.checkTransport, d.checkNumbers}
	if p == mediaAPI {
		steps = append(steps, d.checkReceiveOnly)
	} else {
		steps = append(steps, d.checkAudio, func() *refusal { return d.checkVideo(maxVideos) }, d.checkExtensions)
	}
	for _, step := range steps {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

func (d *description) checkBundle() *refusal {
	if len(d.sections) == 0 {
		return badOffer("MEET-S5", -1, "there is no m-section")
	}
	var group []string
	for _, a := range d.attrs {
		switch {
		case a.name == "ice-lite":
			return badOffer("MEET-S7", -1, "the client must be a full ICE agent, not a=ice-lite")
		case a.name == "group" && strings.HasPrefix(a.value, "BUNDLE "):
			group = strings.Fields(a.value)[1:]
		}
	}
	seen := map[string]bool{}
	for _, s := range d.sections {
		mid := s.mid()
		switch {
		case mid == "":
			return badOffer("MEET-S5", s.index, "the section has no a=mid")
		case seen[mid]:
			return badOffer("MEET-S5", s.index, "two sections have a=mid:%s", mid)
		case !slices.Contains(group, mid):
			return badOffer("MEET-S5", s.index, "a=mid:%s is not in the BUNDLE group", mid)
		}
		seen[mid] = true
	}
	if len(group) != len(d.sections) {
		return badOffer("MEET-S5", -1, "the BUNDLE group names %d sections, there are %d", len(group), len(d.sections))
	}
	return nil
}

func (d *description) checkTransport() *refusal {
	first := d.sections[0]
	for _, s := range d.sections {
		for _, name := range []string{"ice-ufrag", "ice-pwd", "fingerprint"} {
			v := d.get(s, name)
			if v == "" {
				return badOffer("MEET-S5", s.index, "there is no a=%s for the section", name)
			}
			if v != d.get(first, name) {
				return badOffer("MEET-S5", s.index, "a=%s differs from the first section's", name)
			}
		}
		if setup := d.get(s, "setup"); setup != "actpass" && setup != "active" {
			return badOffer("MEET-S5", s.index, "All DTLS roles must be one of [ACTIVE, ACTPASS].")
		}
		if s.kind != "application" {
			if s.proto != "UDP/TLS/RTP/SAVPF" {
				return badOffer("MEET-S5", s.index, "the protocol is %s, want UDP/TLS/RTP/SAVPF", s.proto)
			}
			if !s.has("rtcp-mux") {
				return badOffer("MEET-S5", s.index, "a=rtcp-mux is missing")
			}
		}
	}
	if len(d.get(first, "ice-ufrag")) < 4 || len(d.get(first, "ice-pwd")) < 22 {
		return badOffer("MEET-S5", -1, "ice-ufrag has at least 4 characters, ice-pwd at least 22 (RFC 8839 section 5.4)")
	}
	if print := d.get(first, "fingerprint"); !strings.HasPrefix(strings.ToLower(print), "sha-256 ") || len(print) != len("sha-256 ")+95 {
		return badOffer("MEET-S5", -1, "the fingerprint is not sha-256")
	}
	return nil
}

// checkOrder wants audio, application, video or audio, video, application.
func (d *description) checkOrder() *refusal {
	var kinds []string
	for _, s := range d.sections {
		if n := len(kinds); n > 0 && kinds[n-1] == s.kind {
			if s.kind == "application" {
				return badOffer("MEET-S5", s.index, "there is more than one m=application")
			}
			continue
		}
		switch {
		case !slices.Contains([]string{"audio", "video", "application"}, s.kind):
			return badOffer("MEET-S5", s.index, "m=%s is not supported", s.kind)
		case slices.Contains(kinds, s.kind):
			return badOffer("MEET-S5", s.index, "sections of a kind must stand together, interleaving is not supported")
		case s.kind == "audio" && len(kinds) > 0:
			return badOffer("MEET-S5", s.index, "audio comes first")
		}
		kinds = append(kinds, s.kind)
	}
	if !slices.Contains(kinds, "application") {
		return badOffer("MEET-S5", -1, "there must be exactly one m=application")
	}
	for _, s := range d.sections {
		if s.kind == "application" {
			s.role = roleChannels
			if s.proto != "UDP/DTLS/SCTP" && s.proto != "DTLS/SCTP" {
				return badOffer("MEET-S5", s.index, "m=application %s, want UDP/DTLS/SCTP webrtc-datachannel", s.proto)
			}
		}
	}
	return nil
}

// checkNumbers: one BUNDLE has one space of payload types and extension ids.
func (d *description) checkNumbers() *refusal {
	types, ids := map[uint8]string{}, map[uint8]string{}
	for _, s := range d.sections {
		for _, c := range s.codecs {
			key := strings.ToLower(c.name) + " " + c.fmtp
			if old, ok := types[c.pt]; ok && old != key {
				return badOffer("MEET-S5", s.index, "payload type %d means two things in one BUNDLE", c.pt)
			}
			types[c.pt] = key
		}
		for uri, id := range s.extensions() {
			if old, ok := ids[id]; ok && old != uri {
				return badOffer("MEET-S5", s.index, "header extension %d means two things in one BUNDLE", id)
			}
			ids[id] = uri
		}
	}
	return nil
}

func (d *description) checkAudio() *refusal {
	n := 0
	for _, s := range d.sections {
		if s.kind != "audio" {
			continue
		}
		want, r := "recvonly", roleAudioDown
		if n == 0 {
			want, r = "sendonly", roleAudioUp
		}
		if s.direction() != want {
			return badOffer("MEET-S14", s.index, "audio section %d is %s, want %s: one up, then those down", n, s.direction(), want)
		}
		if _, ok := s.codec(opusName); !ok {
			return badOffer("MEET-S14", s.index, "the section does not list opus/48000/2")
		}
		if media, _ := s.ssrcs(); r == roleAudioUp && media == 0 && s.extensions()[extMID] == 0 {
			return badOffer("MEET-S14", s.index, "audio up has neither a=ssrc nor the sdes:mid extension")
		}
		s.role = r
		n++
	}
	if n < 2 || n > 1+maxAudioDown {
		return badOffer("MEET-S14", -1, "there are %d audio sections, want one up and 1 to %d down", n, maxAudioDown)
	}
	return nil
}

func (d *description) checkExtensions() *refusal {
	for _, s := range d.sections {
		if s.role == roleChannels {
			continue
		}
		ext := s.extensions()
		if ext[extTWCC] == 0 {
			return badOffer("MEET-S14", s.index, "the section has no extension %s", extTWCC)
		}
		if s.kind == "audio" && ext[extLevel] == 0 {
			return badOffer("MEET-S14", s.index, "the section has no extension %s", extLevel)
		}
	}
	return nil
}

// checkReceiveOnly is the Media API's rules (reference 3.4).
func (d *description) checkReceiveOnly() *refusal {
	count := map[string]int{}
	for _, s := range d.sections {
		if s.role == roleChannels {
			continue
		}
		count[s.kind]++
		if s.direction() != "recvonly" {
			return badOffer("MEET-S5", s.index, "the section is %s, the Media API sends only", s.direction())
		}
		s.role = roleAudioDown
		names := []string{opusName}
		if s.kind == "video" {
			s.role = roleVideoDown
			names = []string{vp8Name, "VP9/90000", "AV1/90000"}
		}
		for _, name := range names {
			if _, ok := s.codec(name); !ok {
				return badOffer("MEET-S5", s.index, "the section does not list %s", name)
			}
		}
	}
	if n := count["audio"]; n != 0 && n != 3 {
		return badOffer("MEET-S5", -1, "there are %d audio sections, want none or 3", n)
	}
	if n := count["video"]; n > 3 {
		return badOffer("MEET-S5", -1, "there are %d video sections, at most 3", n)
	}
	return nil
}

// sameButICE reports whether an offer of an ICE restart changes nothing else.
func (d *description) sameButICE(o *description) *refusal {
	if no := d.sameSections(o, "an ICE restart"); no != nil {
		return no
	}
	first, old := d.sections[0], o.sections[0]
	if d.get(first, "ice-ufrag") == o.get(old, "ice-ufrag") || d.get(first, "ice-pwd") == o.get(old, "ice-pwd") {
		return badOffer("MEET-S7", -1, "an ICE restart has a new ice-ufrag and ice-pwd (RFC 8445 section 9)")
	}
	return nil
}

// sameSections reports whether a later offer repeats the sections of another; what names it.
func (d *description) sameSections(o *description, what string) *refusal {
	if len(d.sections) != len(o.sections) {
		return badOffer("MEET-S7", -1, "%s has the same sections", what)
	}
	for i, s := range d.sections {
		t := o.sections[i]
		oldSSRC, _ := t.ssrcs()
		newSSRC, _ := s.ssrcs()
		switch {
		case s.kind != t.kind || s.mid() != t.mid() || s.role != t.role:
			return badOffer("MEET-S7", i, "%s has the same sections", what)
		case !slices.EqualFunc(s.codecs, t.codecs, func(a, b codec) bool { return a.pt == b.pt && strings.EqualFold(a.name, b.name) }):
			return badOffer("MEET-S7", i, "%s has the same payload types", what)
		case oldSSRC != newSSRC:
			return badOffer("MEET-S7", i, "%s has the same SSRCs", what)
		}
	}
	first, old := d.sections[0], o.sections[0]
	if d.get(first, "fingerprint") != o.get(old, "fingerprint") {
		return badOffer("MEET-S7", -1, "%s has the same fingerprint", what)
	}
	return nil
}
