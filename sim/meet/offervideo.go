package meet

import (
	"slices"
	"strings"
)

func (d *description) checkVideo(maxVideos int) *refusal {
	last, down := roleNone, 0
	for _, s := range d.sections {
		if s.kind != "video" {
			continue
		}
		r, err := s.videoRole()
		if err != nil {
			return err
		}
		if r < last || r == last && r != roleVideoDown {
			return badOffer("MEET-S14", s.index, "the order is camera up, videos down, content up, content down; one of each but videos down")
		}
		last, s.role = r, r
		if r == roleVideoDown {
			down++
		}
		if err := s.checkVP8(); err != nil {
			return err
		}
	}
	if down > maxVideos {
		return badOffer("MEET-S20", -1, "there are %d video sections down, at most %d", down, maxVideos)
	}
	return nil
}

func (s *section) videoRole() (role, *refusal) {
	content, _ := s.attr("content")
	switch {
	case content != "" && content != "slides":
		return roleNone, badOffer("MEET-S14", s.index, "a=content:%s, want slides", content)
	case s.direction() == "sendonly" && content != "":
		return roleContentUp, nil
	case s.direction() == "recvonly" && content != "":
		return roleContentDown, nil
	case s.direction() == "recvonly":
		return roleVideoDown, nil
	case s.direction() == "sendonly":
		return roleCamera, s.checkSimulcast()
	}
	return roleNone, badOffer("MEET-S14", s.index, "the video section is %s, want sendonly or recvonly", s.direction())
}

func (s *section) checkVP8() *refusal {
	c, ok := s.codec(vp8Name)
	if !ok {
		return badOffer("MEET-S14", s.index, "the section does not list VP8/90000")
	}
	if _, ok := s.rtx(c.pt); !ok {
		return badOffer("MEET-S14", s.index, "VP8 has no rtx/90000 with apt=%d", c.pt)
	}
	for _, fb := range []string{"nack", "nack pli"} {
		if !slices.Contains(c.fb, fb) {
			return badOffer("MEET-S14", s.index, "VP8 has no a=rtcp-fb %s", fb)
		}
	}
	media, repair := s.ssrcs()
	if s.role == roleContentUp && (media == 0 || repair == 0) && s.extensions()[extMID] == 0 {
		return badOffer("MEET-S14", s.index, "content up has neither an a=ssrc-group:FID nor the sdes:mid extension")
	}
	return nil
}

// checkSimulcast: RFC 8853 with exactly three layers.
func (s *section) checkSimulcast() *refusal {
	rids, err := s.layers()
	if err != nil {
		return err
	}
	declared := s.all("rid")
	for _, rid := range rids {
		if !slices.ContainsFunc(declared, func(v string) bool { f := strings.Fields(v); return len(f) >= 2 && f[0] == rid && f[1] == "send" }) {
			return badOffer("MEET-S14", s.index, "a=simulcast names %q, but there is no a=rid:%s send", rid, rid)
		}
	}
	if len(declared) != 3 {
		return badOffer("MEET-S14", s.index, "the camera has %d rids, want 3", len(declared))
	}
	if s.extensions()[extRID] == 0 {
		return badOffer("MEET-S14", s.index, "the camera has no extension %s", extRID)
	}
	return nil
}

// layers is the rids of the simulcast, lowest first.
func (s *section) layers() ([]string, *refusal) {
	v, ok := s.attr("simulcast")
	if !ok {
		return nil, badOffer("MEET-S14", s.index, "the camera has no a=simulcast")
	}
	f := strings.Fields(v)
	if len(f) != 2 || f[0] != "send" || strings.ContainsAny(f[1], ",~") {
		return nil, badOffer("MEET-S14", s.index, "a=simulcast:%s, want send low;mid;high", v)
	}
	rids := strings.Split(f[1], ";")
	if len(rids) != 3 || slices.Contains(rids, "") || rids[0] == rids[1] || rids[1] == rids[2] || rids[0] == rids[2] {
		return nil, badOffer("MEET-S14", s.index, "a=simulcast has to name three layers, not %q", f[1])
	}
	return rids, nil
}
