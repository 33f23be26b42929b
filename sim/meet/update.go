package meet

import (
	"crypto/rand"
	"net/http"
	"slices"
	"strings"
)

// update is section 2.4: a telephone becomes a room, by video sections behind those that
// it has. Everything else of the session goes on.
func (s *Server) update(r *http.Request, d *device) (any, *refusal) {
	var in joinRequest
	if no := readBody(r, &in); no != nil {
		return nil, no
	}
	in.DisplayName = or(strings.TrimSpace(in.DisplayName), d.displayName)
	if no := in.check(); no != nil {
		return nil, no
	}
	offer, no := parseSDP(in.Offer)
	if no == nil {
		no = offer.check(d.profile, s.cfg.Options.MaxVideos)
	}
	if no != nil {
		return nil, no
	}
	d.meeting.mu.Lock()
	defer d.meeting.mu.Unlock()
	d.session.mu.Lock()
	old := d.session.offer
	d.session.mu.Unlock()
	switch no := offer.extends(old); {
	case offer.hasRole(roleCamera) && offer.repeats(old):
		return joinAnswer{Answer: d.answer(), TraceID: rand.Text()[:16]}, nil
	case no != nil:
		return nil, no
	case d.state == stateEnded:
		return nil, refused(DeviceNotFound, "")
	case d.meeting.conf.VideoLocked && offer.hasRole(roleCamera):
		return nil, refused(VideoLocked, "")
	case in.Kind == "PHONE":
		return nil, refused(InvalidRequest, "a telephone has no video sections")
	}
	d.extendLocked(offer, len(old.sections))
	d.kind, d.displayName = in.Kind, strings.TrimSpace(in.DisplayName)
	if d.member != nil {
		d.member.kind, d.member.name = Anonymous, d.displayName
		d.meeting.tellMemberLocked(d.member)
		d.mutedLocked()
	}
	return joinAnswer{Answer: d.answer(), TraceID: rand.Text()[:16]}, nil
}

func (d *description) hasRole(r role) bool {
	return slices.ContainsFunc(d.sections, func(s *section) bool { return s.role == r })
}

// extends reports whether an offer is another with video sections added behind its own.
func (d *description) extends(o *description) *refusal {
	n := len(o.sections)
	if len(d.sections) <= n {
		return badOffer("MEET-S14", -1, "an update adds video sections: the offer has %d sections, the device %d", len(d.sections), n)
	}
	if o.hasRole(roleCamera) || o.hasRole(roleVideoDown) {
		return badOffer("MEET-S14", -1, "the device has video sections already; what is there stays")
	}
	for _, s := range d.sections[n:] {
		if s.kind != "video" {
			return badOffer("MEET-S14", s.index, "an update adds video sections, not m=%s", s.kind)
		}
	}
	before := *d
	before.sections = d.sections[:n]
	if no := before.sameSections(o, "an update"); no != nil {
		return no
	}
	if !d.sameICE(o) {
		return badOffer("MEET-S7", -1, "an update keeps ice-ufrag and ice-pwd")
	}
	return nil
}

// repeats reports whether an offer is another once more: its answer was lost.
func (d *description) repeats(o *description) bool {
	return d.sameSections(o, "") == nil && d.sameICE(o)
}

func (d *description) sameICE(o *description) bool {
	first, old := d.sections[0], o.sections[0]
	return d.get(first, "ice-ufrag") == o.get(old, "ice-ufrag") && d.get(first, "ice-pwd") == o.get(old, "ice-pwd")
}

// extendLocked makes the streams of the sections from the n-th on.
func (d *device) extendLocked(offer *description, n int) {
	s := d.session
	s.in.mu.Lock()
	defer s.in.mu.Unlock()
	s.mu.Lock()
	defer s.mu.Unlock()
	plan := d.streams(offer, n, s.in.plan)
	s.in.extend(plan)
	s.offer = offer
	s.version++
}
