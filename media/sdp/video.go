package sdp

import (
	"slices"
	"strconv"
	"strings"

	"tandem/media"
)

// videoClock is the RTP clock of every video codec here, in Hz.
const videoClock = 90000

// kinds says what each m-line carries. A video line is a shared screen when it says so
// (RFC 4796), or when it is the second one of its profile: a second one of another
// profile offers the same camera with other protection.
func (d *Description) kinds() []lineKind {
	list := make([]lineKind, len(d.Media))
	camera := -1
	for i := range d.Media {
		m := &d.Media[i]
		switch {
		case m.Kind == "audio":
			list[i] = lineKind{media.Audio, true}
		case m.Kind != "video":
		case m.content():
			list[i] = lineKind{media.Content, true}
		case camera >= 0 && strings.EqualFold(d.Media[camera].Profile, m.Profile) && !m.camera():
			list[i] = lineKind{media.Content, true}
		default:
			list[i] = lineKind{media.Video, true}
			if camera < 0 {
				camera = i
			}
		}
	}
	return list
}

type lineKind struct {
	kind media.Kind
	ok   bool // false: neither audio nor video
}

// content reports that the line says of itself that it shows slides.
func (m *Media) content() bool {
	v, _ := m.Attribute("content")
	return hasToken(v, "slides") || hasToken(v, "alt")
}

func (m *Media) camera() bool {
	v, _ := m.Attribute("content")
	return hasToken(v, "main") || hasToken(v, "speaker")
}

func hasToken(list, token string) bool {
	return slices.Contains(strings.Split(strings.ToLower(list), ","), token)
}

// codecs are our formats for a kind.
func (caps Capabilities) codecs(k media.Kind) []Codec {
	list := caps.Audio
	switch k {
	case media.Video:
		list = caps.Video
	case media.Content:
		return caps.Content
	}
	if k != media.Video || caps.VideoLimits == (media.Limits{}) {
		return list
	}
	bounded := slices.Clone(list)
	for i := range bounded {
		bounded[i] = bounded[i].within(caps.VideoLimits)
	}
	return bounded
}

// bitrate is what we take of a kind of video.
func (caps Capabilities) bitrate(k media.Kind) int {
	if k != media.Video {
		return caps.Bitrate
	}
	return least(caps.Bitrate, caps.VideoLimits.Bitrate)
}

// chooseVideo takes the best m-line of a kind beside the accepted audio; nil when none
// is acceptable: the call then goes on without.
func (caps Capabilities) chooseVideo(tr Transport, offer *Description, audio *accepted, kinds []lineKind, k media.Kind) *accepted {
	if len(caps.codecs(k)) == 0 {
		return nil
	}
	var best *accepted
	for i := range offer.Media {
		s := section{offer, &offer.Media[i]}
		if kinds[i] != (lineKind{k, true}) || !s.inUse() {
			continue
		}
		a := caps.considerVideo(tr, s, i, k, audio)
		if a != nil && (best == nil || caps.rank(a) > caps.rank(best)) {
			best = a
		}
	}
	return best
}

// inUse is false for a stream that ended or was refused. Port 0 with bundle-only says
// that the stream exists only together with another one (RFC 9143 §6).
func (s section) inUse() bool {
	if s.m.Port != 0 {
		return true
	}
	_, only := s.m.Attribute("bundle-only")
	return only && s.bundled(s.mid())
}

func (caps Capabilities) considerVideo(tr Transport, s section, index int, k media.Kind, audio *accepted) *accepted {
	p, ok := parseProfile(s.m.Profile)
	if !ok {
		return nil
	}
	a := &accepted{Stream: Stream{Kind: k, Index: index, MID: s.mid(), Feedback: p.feedback}, bitrate: caps.bitrate(k)}
	own := &tr
	if a.Shared = audio.Bundled && audio.Mux && s.bundled(a.MID); !a.Shared {
		if own = tr.of(k); own == nil || s.m.Port == 0 {
			return nil
		}
	}
	a.transport = *own
	if caps.considerPath(s, p, a, *own) != nil || a.Shared && (!a.Mux || a.Security != audio.Security) {
		return nil
	}
	if !caps.answerVideoCodec(s, a) {
		return nil
	}
	a.limit(s, a.bitrate)
	return a
}

func (caps Capabilities) answerVideoCodec(s section, a *accepted) bool {
	offered := s.m.formats()
	list := common(caps.codecs(a.Kind), offered)
	if len(list) == 0 {
		return false
	}
	if i := slices.IndexFunc(list, func(m match) bool { return m.ours.Format() == caps.PreferVideo }); i > 0 {
		list[0], list[i] = list[i], list[0]
	} else if i < 0 {
		name, _, _ := strings.Cut(caps.PreferVideo, "/")
		put(list, name)
	}
	if v, ok := s.m.Attribute("simulcast"); ok && a.Kind == media.Video && caps.Layers > 1 && len(simulcastSend(v)) > 1 {
		put(list, "VP8") // which a meeting takes as it is
	}
	for _, m := range list {
		a.Codecs = append(a.Codecs, m.theirs.Codec)
	}
	a.Codecs = a.Codecs[:1] // formats differ in more than their names: one is agreed on
	a.Send, a.Recv = a.Codecs[0], a.Codecs[0]
	a.Recv.FMTP = answerFMTP(list[0].ours, list[0].theirs.Codec)
	a.encoding = list[0].theirs.encoding
	a.Messages = s.messages(a.Send.PayloadType).and(caps.messages(a.Security))
	if a.Messages.NACK {
		a.SendRTX = retransmission(offered, a.Send.PayloadType)
		a.RecvRTX = a.SendRTX
	}
	if a.Kind == media.Video {
		caps.layered(s, a)
	}
	return true
}

// answerVideo writes what only video has.
func (a *accepted) answerVideo(s section, m *Media) {
	if a.RecvRTX != 0 {
		m.addFormat(a.RecvRTX, "rtx/90000", "apt="+strconv.Itoa(int(a.Recv.PayloadType)))
	}
	m.addBitrate(a.bitrate)
	m.addMessages(a.Recv.PayloadType, a.Messages)
	if v, ok := s.m.Attribute("content"); ok {
		m.add("content", v)
	}
	if v, ok := s.m.Attribute("label"); ok && !strings.ContainsAny(v, " \t") {
		m.add("label", v)
	}
	a.Simulcast.answer(m)
}

// sameH264 reports whether two descriptions of H.264 are one format.
func sameH264(a, b string) bool {
	x, err1 := ParseH264(a)
	y, err2 := ParseH264(b)
	return err1 == nil && err2 == nil && x.Matches(y)
}

// answerFMTP are our parameters in an answer.
func answerFMTP(ours, offer Codec) string {
	if !strings.EqualFold(ours.Name, "H264") {
		return ours.FMTP
	}
	o, err1 := ParseH264(ours.FMTP)
	t, err2 := ParseH264(offer.FMTP)
	if err1 != nil || err2 != nil {
		return ours.FMTP
	}
	a := o.Answer(t)
	if a.Level < o.Level {
		// Rooms offer a low level and say by max-fs what they can do beyond it; an
		// answer without would let them send the low level's small pictures only.
		a.MaxFrameSize, a.MaxRate, a.MaxBitrate = o.Limits()
	}
	return a.FMTP()
}

// writeVideo writes what only video has. RTX is offered where everything shares one
// transport; rooms do not know it.
func (o offered) writeVideo(m *Media) {
	m.addBitrate(o.caps.bitrate(o.kind))
	list := o.caps.messages(o.security())
	for _, c := range o.codecs {
		m.addMessages(c.PayloadType, list)
	}
	switch {
	case o.kind == media.Content:
		m.add("content", "slides")
	case len(o.caps.Content) > 0:
		m.add("content", "main")
	}
}

func (o offered) security() Security {
	if o.dtls {
		return DTLS
	}
	return Plain
}

// Has reports whether a description has a stream of a kind in use.
func (d *Description) Has(k media.Kind) bool {
	for i, l := range d.kinds() {
		if l == (lineKind{k, true}) && d.Media[i].Port != 0 {
			return true
		}
	}
	return false
}

// Carries reports whether an m-line is of a kind.
func (d *Description) Carries(index int, k media.Kind) bool {
	return d.kinds()[index] == lineKind{k, true}
}

// Offers reports whether the next [Offer] has a stream of a kind, given its ports.
func (caps Capabilities) Offers(k media.Kind) bool {
	if len(caps.codecs(k)) == 0 {
		return false
	}
	return caps.Last == nil || caps.Full || caps.inForce(k)
}

// inForce reports whether our last description has a stream of a kind which the far end
// has not refused.
func (caps Capabilities) inForce(k media.Kind) bool {
	for i, l := range caps.Last.kinds() {
		if l != (lineKind{k, true}) || caps.Last.Media[i].Port == 0 {
			continue
		}
		if r := caps.Remote; r == nil || i < len(r.Media) && r.Media[i].Port != 0 {
			return true
		}
	}
	return false
}

// Format names a format so that two legs can compare theirs: "VP8", and for H.264 with
// the family of its profile and the packetization mode, "H264/baseline/1".
func (c Codec) Format() string {
	name := strings.ToUpper(c.Name)
	if name != "H264" {
		return name
	}
	h, err := ParseH264(c.FMTP)
	if err != nil {
		return name
	}
	profile := strings.TrimPrefix(family(h.Profile).String(), "constrained ")
	return name + "/" + profile + "/" + strconv.Itoa(h.Mode)
}

// Videos are the formats that our camera stream and an offer's have in common, in the
// offer's order, and the limits of the pictures that the far end takes; none without.
func Videos(offer *Description, ours []Codec) (names []string, l media.Limits) {
	for i, k := range offer.kinds() {
		s := section{offer, &offer.Media[i]}
		if k != (lineKind{media.Video, true}) || !s.inUse() {
			continue
		}
		for _, f := range s.m.formats() {
			if !slices.ContainsFunc(ours, func(c Codec) bool { return same(c, f.Codec) }) || slices.Contains(names, f.Format()) {
				continue
			}
			st := Stream{Send: f.Codec}
			if st.limit(s, 0); len(names) == 0 {
				l = st.SendLimits
			}
			names = append(names, f.Format())
		}
		if len(names) > 0 {
			return names, l
		}
	}
	return nil, media.Limits{}
}
